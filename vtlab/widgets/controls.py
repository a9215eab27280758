"""Controls that say their name, to a person who sees and to one who does not.

ipywidgets' sliders and icon-only buttons have no accessible name, so panels use lists, number
boxes (arrow keys turn them) and buttons with words. Several controls stand in rows that wrap,
so that a panel fits a page of any width.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping

import ipywidgets
import traitlets

_NARROW = {"description_width": "initial"}


def number(
    words: str, low: float, high: float, step: float = 1
) -> ipywidgets.BoundedIntText | ipywidgets.BoundedFloatText:
    """A box for a number within limits; whole where the step is."""
    whole = isinstance(step, int)
    kind = ipywidgets.BoundedIntText if whole else ipywidgets.BoundedFloatText
    width = f"{0.58 * len(words) + (5.2 if high < 1000 else 6.5):.1f}em"
    return kind(value=low, min=low, max=high, step=step, description=words, style=_NARROW,
                layout={"width": width})  # fmt: skip


def choice(words: str, options: Iterable) -> ipywidgets.Dropdown:
    """A list of which one is chosen: values, or pairs of words and value."""
    return ipywidgets.Dropdown(options=list(options), description=words, style=_NARROW,
                               layout={"width": "max-content"})  # fmt: skip


def tick(words: str) -> ipywidgets.Checkbox:
    """A box to tick."""
    return ipywidgets.Checkbox(description=words, indent=False, layout={"width": "max-content"})


def button(words: str, action: Callable[[], object], *, main: bool = False) -> ipywidgets.Button:
    """A button with words on it, that does something."""
    made = ipywidgets.Button(description=words, button_style="primary" if main else "",
                             layout={"width": "max-content", "min_width": "6em"})  # fmt: skip
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
