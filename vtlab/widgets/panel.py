"""What every panel is: traits, a pure `figure()`, and controls linked to the traits.

Setting a trait from Python moves the control and redraws the picture; moving the control sets
the trait. Where there is no live page (GitHub, nbconvert, nbval) a panel is a PNG and a line.
"""

from __future__ import annotations

import base64
import html
import threading
from collections.abc import Iterator, Mapping

import ipywidgets
import traitlets
from matplotlib.figure import Figure

from vtlab import style


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
        self.boxes = {
            name: ipywidgets.Checkbox(description=words, indent=False, layout={"width": "auto"})
            for name, words in names.items()
        }
        self._spreading = False
        heading = ipywidgets.HTML(f"<b>{html.escape(description)}</b>")
        row = ipywidgets.HBox([*self.boxes.values()], layout={"flex_flow": "row wrap"})
        super().__init__([heading, row])
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


class Panel(traitlets.HasTraits):
    """A base class: subclasses declare traits and write `build`, `figure` and `describe`.

    Attributes:
        controls: The control of each trait that a person may change; its `value` is the trait.
        widget: Everything that is shown on a live page.
    """

    def __init__(self, **traits: object) -> None:
        """Set the traits, build the controls, draw."""
        super().__init__(**traits)
        self.controls = self.build()
        self._links = [traitlets.link((self, name), (control, "value"))
                       for name, control in self.controls.items()]  # fmt: skip
        self._picture = ipywidgets.HTML()
        # A block each: a wide control must not push the others off a narrow page.
        self.widget = ipywidgets.VBox([*self.controls.values(), self._picture])
        # JupyterLab may call back from another thread; the last one must draw the last state.
        self._drawing = threading.RLock()
        self.observe(self._redraw, names=list(self.controls))
        self._redraw()

    def build(self) -> dict[str, ipywidgets.Widget]:
        """A new control, with a visible name, for each trait that a person may change."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """The picture that the traits describe; pure.

        Raises:
            ValueError: If there is nothing to draw; the panel then shows the message.
        """
        raise NotImplementedError

    def describe(self) -> str:
        """The picture in words and numbers, for who cannot see it."""
        raise NotImplementedError

    def close(self) -> None:
        """Remove the panel from the page and all its models from the kernel.

        The traits, `figure()` and the static picture go on working.
        """
        while self._links:
            self._links.pop().unlink()
        # ipywidgets closes neither what is inside a box nor the models for layout and style.
        for part in list(_parts(self.widget)):
            part.close()

    def _redraw(self, change: object = None) -> None:
        with self._drawing:
            try:
                figure, words = self.figure(), self.describe()
            except ValueError as nothing:
                self._still, self._metadata = {}, {}
                self._picture.value = f'<p role="status">{html.escape(str(nothing))}</p>'
                return
            png = base64.b64encode(style.to_png(figure)).decode("ascii")
            width = round(figure.get_figwidth() * style.DPI)
            self._still = {"image/png": png}
            self._metadata = {"image/png": {"width": width, "alt": words}}
            self._picture.value = (
                f'<img alt="{html.escape(words)}" style="width:{width}px;max-width:100%" '
                f'src="data:image/png;base64,{png}">'
            )

    def __repr__(self) -> str:
        """One stable line: the class and the traits."""
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.controls)
        return f"{type(self).__name__}({values})"

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, object], dict[str, object]]:
        """The live view, and a picture with its words and a line for where there is none."""
        live = self.widget._repr_mimebundle_() if self.widget.comm else {}
        return live | {"text/plain": repr(self)} | self._still, self._metadata


def _parts(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """A widget, all that is inside it, and their layouts and styles."""
    for child in getattr(widget, "children", ()):
        yield from _parts(child)
    for name in ("layout", "style"):
        if isinstance(model := getattr(widget, name, None), ipywidgets.Widget):
            yield model
    yield widget
