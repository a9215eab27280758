"""The base class of all panels, and the controls that panels are made of.

Setting a trait from Python moves the control and redraws the picture; moving the control sets
the trait. Where there is no live page (GitHub, nbconvert, nbval) a panel is a PNG and a line.
"""

from __future__ import annotations

import base64
import contextlib
import html
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anywidget
import ipywidgets
import pandas as pd
import traitlets

from vtlab.plots import export, style
from vtlab.results import labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRONT = Path(__file__).with_name("front")  # what the browser runs
MAX_CACHED_PICTURES = 32  # for a person who comes back to them
MIN_REDRAW_SECONDS = 0.25  # from one picture of a training to the next
MAX_REDRAW_SHARE = 0.2  # of the time of a training


class PanelTraitError(traitlets.TraitError, ValueError):
    """A value that a trait of a panel cannot have."""


class PanelFrame(anywidget.AnyWidget):
    """Nothing to see: it keeps a panel's keys from the commands of the notebook around it."""

    _esm = FRONT / "frame.js"


class Panel(traitlets.HasTraits):
    """A base class: subclasses declare traits, and write `build_controls`, `figure` and `describe`.

    Attributes:
        controls: The control of each trait that a person may change; its `value` is the trait.
        widget: Everything that is shown on a live page.
        photographs: Whether the picture is mostly images, which a live page then gets as JPEG.
    """

    photographs = False

    def __init__(self, **traits: object) -> None:
        """Set the traits, build the controls, draw.

        Raises:
            TypeError: If there is no trait of that name.
        """
        if unknown := sorted(set(traits) - set(self.trait_names())):
            raise TypeError(f"{type(self).__name__} has no trait {unknown[0]!r}")
        # JupyterLab may call back from another thread; the last one must draw the last state.
        self._drawing = threading.RLock()
        self._cache: OrderedDict[tuple, str] = OrderedDict()
        super().__init__(**traits)
        self.controls = self.build_controls()
        self._links = [
            traitlets.link((self, name), (control, "value"))
            for name, control in self.controls.items()
        ]
        self._picture = self.build_picture()
        # A block each: a wide control must not push the others off a narrow page.
        blocks = [*self.arrange_controls(), PanelFrame(), self._picture]
        self.widget = ipywidgets.VBox(blocks, layout={"width": "100%"})
        self.widget.add_class("vtlab-panel")
        if self.picture_traits:
            self.observe(self._redraw, names=list(self.picture_traits))
        self._redraw()

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """A new control, with a visible name, for each trait that a person may change."""
        raise NotImplementedError

    def build_picture(self) -> ipywidgets.DOMWidget:
        """What shows the picture on a live page; a subclass that lets the browser draw has its own."""
        return ipywidgets.HTML()

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """What stands above the picture, in the order in which the Tab key visits it."""
        return [*self.controls.values()]

    def figure(self) -> Figure:
        """The picture that the traits describe; drawing it changes nothing.

        Raises:
            ValueError: If there is nothing to draw; the panel then shows the message.
        """
        raise NotImplementedError

    def describe(self) -> str:
        """The picture in words and numbers, for those who cannot see it."""
        raise NotImplementedError

    def caption(self) -> str:
        """A line above the picture, which changes with it; none where there is nothing to say."""
        return ""

    def footer(self) -> str:
        """Markup under the picture, which changes with it; none where there is nothing to add."""
        return ""

    def close(self) -> None:
        """Remove the panel from the page and all its models from the kernel.

        The traits, `figure()` and the static picture go on working.
        """
        while self._links:
            self._links.pop().unlink()
        # ipywidgets closes neither what is inside a box nor the models for layout and style.
        for model in list(_iterate_models(self.widget)):
            model.close()

    def refresh(self) -> None:
        """Draw again, since something else than a trait has changed."""
        with self._drawing:
            self._cache.clear()
            self._redraw()

    @staticmethod
    def select_known(values: Iterable, known: Sequence, complaint: str, offer: str) -> tuple:
        """The values in the order of the known ones, for a trait that holds some of those.

        Args:
            values: What the trait shall hold.
            known: What it can hold.
            complaint: The error's words before a value that is not known.
            offer: Its words before the known ones.

        Raises:
            PanelTraitError: If a value is not known.
        """
        if unknown := [value for value in values if value not in known]:
            listed = ", ".join(map(str, known))
            raise PanelTraitError(f"{complaint} {unknown[0]!r}{offer} {listed}")
        return tuple(value for value in known if value in values)

    @property
    def picture_traits(self) -> tuple[str, ...]:
        """The traits that the picture depends on."""
        return tuple(self.controls)

    def _redraw(self, change: object = None) -> None:
        with self._drawing:
            key = tuple((name, getattr(self, name)) for name in self.picture_traits)
            if key not in self._cache:
                self._cache[key] = self._to_html()
                while len(self._cache) > MAX_CACHED_PICTURES:
                    self._cache.popitem(last=False)
            self._cache.move_to_end(key)
            self._picture.value = self._cache[key]

    def _to_html(self) -> str:
        """Caption, picture and footer for a live page."""
        try:
            figure, words = self.figure(), self.describe()
        except ValueError as nothing:
            return f'<p role="status">{html.escape(str(nothing))}</p>'
        source = export.data_uri(figure, photographs=self.photographs, quick=True)
        width = _page_width(figure)
        export.clear_exported_figure(figure)
        caption = f"<p>{html.escape(line)}</p>" if (line := self.caption()) else ""
        return (
            f'{caption}<img alt="{html.escape(words)}" style="width:{width}px;max-width:100%" '
            f'src="{source}">{self.footer()}'
        )

    def __repr__(self) -> str:
        """One stable line: the class and the traits."""
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.controls)
        return f"{type(self).__name__}({values})"

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, object], dict[str, object]]:
        """The live view, and a picture with its words and a line for where there is none."""
        data: dict[str, object] = self.widget._repr_mimebundle_() if self.widget.comm else {}
        metadata: dict[str, object] = {}
        data["text/plain"] = repr(self)
        with self._drawing, contextlib.suppress(ValueError):  # nothing to draw
            figure, words = self.figure(), self.describe()
            data["image/png"] = base64.b64encode(export.to_png(figure)).decode("ascii")
            metadata["image/png"] = {"width": _page_width(figure), "alt": words}
            export.clear_exported_figure(figure)
        return data, metadata


def _page_width(figure: Figure) -> int:
    """How wide a figure is on the page, in pixels."""
    return round(figure.get_figwidth() * style.DPI)


def _iterate_models(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """A widget, all that is inside it, and their layouts and styles."""
    for child in getattr(widget, "children", ()):
        yield from _iterate_models(child)
    for name in ("layout", "style"):
        if isinstance(model := getattr(widget, name, None), ipywidgets.Widget):
            yield model
    yield widget


def render_panel_table(columns: Mapping[str, Iterable]) -> str:
    """A table as markup, its text escaped; nothing where there is no row."""
    cells, padding = pd.DataFrame(columns), 'style="padding:2px 10px"'
    if cells.empty:
        return ""
    markup = cells.to_html(index=False, border=0, justify="left")
    return markup.replace("<th>", f'<th scope="col" {padding}>').replace("<td>", f"<td {padding}>")


class PanelRedrawTimer:
    """Says when it is time to redraw: four times a second, or less often if drawing is slow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """A timer by this clock, in seconds; the first picture is due at once."""
        self._clock, self._next = clock, float("-inf")

    def is_due(self) -> bool:
        """Whether the next picture may be drawn now."""
        return self._clock() >= self._next

    def restart(self, started: float) -> None:
        """Wait anew: a picture that was begun at `started`, by the same clock, is drawn."""
        now = self._clock()
        pause = (now - started) * (1 / MAX_REDRAW_SHARE - 1)
        self._next = max(started + MIN_REDRAW_SECONDS, now + pause)


DESCRIPTION_STYLE = {"description_width": "initial"}  # or ipywidgets would cut long words
CONTENT_WIDTH = {"width": "max-content"}


def number_box(
    words: str, low: float, high: float, step: float = 1
) -> ipywidgets.BoundedIntText | ipywidgets.BoundedFloatText:
    """A box for a number within limits; the number is whole where the step is."""
    kind = ipywidgets.BoundedIntText if isinstance(step, int) else ipywidgets.BoundedFloatText
    width = f"{0.58 * len(words) + (5.2 if high < 1000 else 6.5):.1f}em"
    limits = {"value": low, "min": low, "max": high, "step": step}
    return kind(description=words, style=DESCRIPTION_STYLE, layout={"width": width}, **limits)


def dropdown(words: str, options: Iterable) -> ipywidgets.Dropdown:
    """A list of which one option is chosen; options are values, or pairs of words and value."""
    looks = {"style": DESCRIPTION_STYLE, "layout": CONTENT_WIDTH}
    return ipywidgets.Dropdown(options=list(options), description=words, **looks)


def checkbox(words: str) -> ipywidgets.Checkbox:
    """A box to tick."""
    return ipywidgets.Checkbox(description=words, indent=False, layout=CONTENT_WIDTH)


def button(words: str, action: Callable[[], object], *, main: bool = False) -> ipywidgets.Button:
    """A button with words on it, that does something."""
    style, layout = "primary" if main else "", CONTENT_WIDTH | {"min_width": "6em"}
    made = ipywidgets.Button(description=words, button_style=style, layout=layout)
    made.on_click(lambda clicked: action())
    return made


def control_row(*widgets: ipywidgets.Widget) -> ipywidgets.HBox:
    """Controls side by side, and below one another where the page is narrow."""
    layout = {"flex_flow": "row wrap", "grid_gap": "2px 14px", "align_items": "center"}
    return ipywidgets.HBox(widgets, layout=layout)


class CheckboxGroup(ipywidgets.VBox):
    """Several checkboxes with one value: what is ticked, in the order of the boxes.

    Unlike a list for several choices, it needs no Ctrl key, and every box has a name that a
    screen reader says.

    Attributes:
        value: The names that are ticked.
        boxes: The checkbox of each name.
    """

    value = traitlets.Tuple()

    def __init__(self, names: Mapping[Hashable, str], description: str) -> None:
        """A box for each name, with the words to show beside it, under a description."""
        self.description = description
        self.boxes = {name: checkbox(words) for name, words in names.items()}
        self._ticking = False
        heading = ipywidgets.HTML(f"<b>{html.escape(description)}</b>")
        super().__init__([heading, control_row(*self.boxes.values())])
        for box in self.boxes.values():
            box.observe(self._collect_ticks, "value")

    def _collect_ticks(self, change: object) -> None:
        if not self._ticking:
            self.value = tuple(name for name, box in self.boxes.items() if box.value)

    @traitlets.observe("value")
    def _tick_boxes(self, change: object) -> None:
        # Half of the boxes moved is a state that nobody asked for: it must not come back.
        self._ticking = True
        try:
            for name, box in self.boxes.items():
                box.value = name in self.value
        finally:
            self._ticking = False


def panel_strategy_boxes(names: Iterable[str]) -> CheckboxGroup:
    """A checkbox for each of these strategies."""
    return CheckboxGroup({name: labels.get_label(name).text for name in names}, "Strategies")


def panel_stage_boxes(names: Iterable[str]) -> CheckboxGroup:
    """A checkbox for each of these stages, to say which learn."""
    return CheckboxGroup({name: name for name in names}, "Stages that learn, beside the head")


class PanelStatusLine(ipywidgets.HTML):
    """A line that a screen reader says whenever it changes."""

    def __init__(self, words: str = "") -> None:
        """The line, with words in it from the start or none."""
        super().__init__()
        self.say(words)

    def say(self, words: str) -> None:
        """Show these words."""
        self.words = words
        self.value = f'<div role="status" aria-live="polite">{html.escape(words)}</div>'
