"""What every panel is: traits, a pure `figure()`, and controls linked to the traits.

Setting a trait from Python moves the control and redraws the picture; moving the control sets
the trait. Where there is no live page (GitHub, nbconvert, nbval) a panel is a PNG and a line.
"""

from __future__ import annotations

import base64
import contextlib
import html
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import ipywidgets
import traitlets

from vtlab.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEPT = 32  # pictures that need not be drawn again when a person comes back to them


class Panel(traitlets.HasTraits):
    """A base class: subclasses declare traits and write `build`, `figure` and `describe`.

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
        if odd := sorted(set(traits) - set(self.trait_names())):
            raise TypeError(f"{type(self).__name__} has no trait {odd[0]!r}")
        # JupyterLab may call back from another thread; the last one must draw the last state.
        self._drawing = threading.RLock()
        self._drawn: OrderedDict[tuple, str] = OrderedDict()
        super().__init__(**traits)
        self.controls = self.build()
        self._links = [
            traitlets.link((self, name), (control, "value"))
            for name, control in self.controls.items()
        ]
        self._picture = ipywidgets.HTML()
        # A block each: a wide control must not push the others off a narrow page.
        self.widget = ipywidgets.VBox([*self.arrange(), self._picture], layout={"width": "100%"})
        if self.shows:
            self.observe(self._redraw, names=list(self.shows))
        self._redraw()

    def build(self) -> dict[str, ipywidgets.Widget]:
        """A new control, with a visible name, for each trait that a person may change."""
        raise NotImplementedError

    def arrange(self) -> Sequence[ipywidgets.Widget]:
        """What stands above the picture, in the order in which the Tab key visits it."""
        return [*self.controls.values()]

    def figure(self) -> Figure:
        """The picture that the traits describe; pure.

        Raises:
            ValueError: If there is nothing to draw; the panel then shows the message.
        """
        raise NotImplementedError

    def describe(self) -> str:
        """The picture in words and numbers, for who cannot see it."""
        raise NotImplementedError

    def caption(self) -> str:
        """A line above the picture, which changes with it; none where there is nothing to say."""
        return ""

    def below(self) -> str:
        """Markup under the picture, which changes with it; none where there is nothing to add."""
        return ""

    def close(self) -> None:
        """Remove the panel from the page and all its models from the kernel.

        The traits, `figure()` and the static picture go on working.
        """
        while self._links:
            self._links.pop().unlink()
        # ipywidgets closes neither what is inside a box nor the models for layout and style.
        for part in list(_parts(self.widget)):
            part.close()

    def refresh(self) -> None:
        """Draw again, since something else than a trait has changed."""
        with self._drawing:
            self._drawn.clear()
            self._redraw()

    @property
    def shows(self) -> tuple[str, ...]:
        """The traits that the picture depends on."""
        return tuple(self.controls)

    def _redraw(self, change: object = None) -> None:
        with self._drawing:
            key = tuple((name, getattr(self, name)) for name in self.shows)
            if key not in self._drawn:
                self._drawn[key] = self._draw()
                while len(self._drawn) > KEPT:
                    self._drawn.popitem(last=False)
            self._drawn.move_to_end(key)
            self._picture.value = self._drawn[key]

    def _draw(self) -> str:
        """The picture as HTML for a live page."""
        try:
            figure, words = self.figure(), self.describe()
        except ValueError as nothing:
            return f'<p role="status">{html.escape(str(nothing))}</p>'
        source, width = (
            style.data_uri(figure, photographs=self.photographs, quick=True),
            _width(figure),
        )
        style.let_go(figure)
        line = f"<p>{html.escape(above)}</p>" if (above := self.caption()) else ""
        return (
            f'{line}<img alt="{html.escape(words)}" style="width:{width}px;max-width:100%" '
            f'src="{source}">{self.below()}'
        )

    def __repr__(self) -> str:
        """One stable line: the class and the traits."""
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.controls)
        return f"{type(self).__name__}({values})"

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, object], dict[str, object]]:
        """The live view, and a picture with its words and a line for where there is none."""
        live = self.widget._repr_mimebundle_() if self.widget.comm else {}
        still, about = {}, {}
        with self._drawing, contextlib.suppress(ValueError):  # nothing to draw
            figure, words = self.figure(), self.describe()
            still["image/png"] = base64.b64encode(style.to_png(figure)).decode("ascii")
            about["image/png"] = {"width": _width(figure), "alt": words}
            style.let_go(figure)
        return live | {"text/plain": repr(self)} | still, about


def _width(figure: Figure) -> int:
    """Pixels on the page."""
    return round(figure.get_figwidth() * style.DPI)


def _parts(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """A widget, all that is inside it, and their layouts and styles."""
    for child in getattr(widget, "children", ()):
        yield from _parts(child)
    for name in ("layout", "style"):
        if isinstance(model := getattr(widget, name, None), ipywidgets.Widget):
            yield model
    yield widget


_NARROW = {"description_width": "initial"}


def number(
    words: str, low: float, high: float, step: float = 1
) -> ipywidgets.BoundedIntText | ipywidgets.BoundedFloatText:
    """A box for a number within limits; whole where the step is."""
    whole = isinstance(step, int)
    kind = ipywidgets.BoundedIntText if whole else ipywidgets.BoundedFloatText
    width = f"{0.58 * len(words) + (5.2 if high < 1000 else 6.5):.1f}em"
    return kind(
        value=low,
        min=low,
        max=high,
        step=step,
        description=words,
        style=_NARROW,
        layout={"width": width},
    )


def choice(words: str, options: Iterable) -> ipywidgets.Dropdown:
    """A list of which one is chosen: values, or pairs of words and value."""
    return ipywidgets.Dropdown(
        options=list(options), description=words, style=_NARROW, layout={"width": "max-content"}
    )


def tick(words: str) -> ipywidgets.Checkbox:
    """A box to tick."""
    return ipywidgets.Checkbox(description=words, indent=False, layout={"width": "max-content"})


def button(words: str, action: Callable[[], object], *, main: bool = False) -> ipywidgets.Button:
    """A button with words on it, that does something."""
    made = ipywidgets.Button(
        description=words,
        button_style="primary" if main else "",
        layout={"width": "max-content", "min_width": "6em"},
    )
    made.on_click(lambda clicked: action())
    return made


def row(*widgets: ipywidgets.Widget) -> ipywidgets.HBox:
    """Side by side, and below one another where the page is narrow."""
    layout = {"flex_flow": "row wrap", "grid_gap": "2px 14px", "align_items": "center"}
    return ipywidgets.HBox(widgets, layout=layout)


class Checks(ipywidgets.VBox):
    """Several checkboxes with one value: what is ticked, in the order of the boxes.

    Unlike a list for several choices, it needs no Ctrl key, and every box has a name that a
    screen reader says.

    Attributes:
        value: The names that are ticked.
        boxes: The checkbox of each name.
    """

    value = traitlets.Tuple()

    def __init__(self, names: Mapping[str, str], description: str) -> None:
        """A box for each name, with the words to show beside it, under a description."""
        self.description = description
        self.boxes = {name: tick(words) for name, words in names.items()}
        self._spreading = False
        heading = ipywidgets.HTML(f"<b>{html.escape(description)}</b>")
        super().__init__([heading, row(*self.boxes.values())])
        for box in self.boxes.values():
            box.observe(self._gather, "value")

    def _gather(self, change: object) -> None:
        if not self._spreading:
            self.value = tuple(name for name, box in self.boxes.items() if box.value)

    @traitlets.observe("value")
    def _spread(self, change: object) -> None:
        # Half of the boxes moved is a state that nobody asked for: it must not come back.
        self._spreading = True
        try:
            for name, box in self.boxes.items():
                box.value = name in self.value
        finally:
            self._spreading = False


class Status(ipywidgets.HTML):
    """A line that a screen reader says whenever it changes."""

    def __init__(self, words: str = "") -> None:
        """The line, with words in it from the start or none."""
        super().__init__()
        self.say(words)

    def say(self, words: str) -> None:
        """Show these words."""
        self.words = words
        self.value = f'<div role="status" aria-live="polite">{html.escape(words)}</div>'
