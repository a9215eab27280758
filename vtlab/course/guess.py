"""A panel with a question: the learner commits to a guess, and then sees the result beside it."""

from __future__ import annotations

import contextlib
import html
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import ipywidgets
import traitlets

from vtlab.plots import style
from vtlab.widgets.panel import Panel, PanelStatusLine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_LISTED = 8  # options that are shown one by one
LINE_HEIGHT = 0.3  # inches, of a line in the picture
MAX_QUESTION_LETTERS = 66  # in a line


class GuessPanel(Panel):
    """A question that the learner answers before running; see `vt.guess`.

    Its plain twin is `plot_guess`.

    Attributes:
        value: The guess; None as long as there is none.
        question: One line.
        options: The answers to choose from.
        result: What came out, once it was revealed.
    """

    value = traitlets.Any(None, allow_none=True)

    def __init__(self, question: str, options: Sequence[str | int]) -> None:
        """Ask the question."""
        self.question, self.options = question, tuple(options)
        self.result: str | None = None
        super().__init__()

    @traitlets.validate("value")
    def _check_option(self, proposal: dict) -> str | int | None:
        if proposal["value"] is not None and proposal["value"] not in self.options:
            raise ValueError(f"{proposal['value']!r} is not among {self._options_in_words()}")
        return proposal["value"]

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """Buttons for a few options, a list for many."""
        kind = ipywidgets.RadioButtons if len(self.options) <= MAX_LISTED else ipywidgets.Dropdown
        control = kind(
            options=self.options,
            value=None,
            description=self.question,
            layout={"width": "max-content"},
            style={"description_width": "initial"},
        )
        return {"value": control}

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """The options, and a line that says what was committed to."""
        self.status = PanelStatusLine()
        return [self.controls["value"], self.status]

    @traitlets.observe("value")
    def _show_guess(self, change: dict) -> None:
        if hasattr(self, "status"):
            self.status.say("" if self.value is None else f"Your guess: {self.value}.")

    def commit(self, option: str | int) -> None:
        """Answer from Python, as a click would.

        Raises:
            ValueError: If it is not among the options.
        """
        self.value = option

    def reveal(self, result: object) -> None:
        """Print guess and result side by side, and show both in the panel."""
        self.result = format_guessed_result(result)
        guessed = "" if self.value is None else f"\n  your guess: {self.value}"
        print(f"{self.question}{guessed}\n  result:     {self.result}")
        self.refresh()

    def figure(self) -> Figure:
        """The options with the guess marked, and the result beside it once it is known."""
        options = [str(option) for option in self.options]
        if len(options) > MAX_LISTED:
            options = [] if self.value is None else [str(self.value)]
        guessed = None if self.value is None else str(self.value)
        return plot_guess(self.question, options, guess=guessed, result=self.result)

    def describe(self) -> str:
        """Question, guess and result in words."""
        said = f"{self.question} ({self._options_in_words()}). "
        said += "No guess yet." if self.value is None else f"Your guess: {self.value}."
        return said if self.result is None else f"{said} Result: {self.result}."

    def __repr__(self) -> str:
        """One stable line."""
        return f"Guess: {self.question} ({self._options_in_words()})"

    def _options_in_words(self) -> str:
        """The options in words; the ends of a long row."""
        names = [str(option) for option in self.options]
        return ", ".join(names) if len(names) <= MAX_LISTED else f"{names[0]} … {names[-1]}"

    def _to_html(self) -> str:
        """A live page has the buttons and asks for no picture of them; the result stands below."""
        if self.result is None:
            return ""
        said = html.escape(f"Result: {self.result}")
        return f'<p role="status" style="color:{style.RIGHT}"><b>{said}</b></p>'

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, object], dict[str, object]]:
        """As every panel, and the question as HTML text."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        listed = f"<p>{self._options_in_words()}</p>"
        if len(self.options) <= MAX_LISTED:
            items = "".join(f"<li>{html.escape(str(option))}</li>" for option in self.options)
            listed = f"<ul>{items}</ul>"
        return data | {"text/html": f"<p><b>{html.escape(self.question)}</b></p>{listed}"}, metadata


def format_guessed_result(value: object) -> str:
    """A result as text, with three digits of a fraction."""
    if hasattr(value, "item"):
        with contextlib.suppress(ValueError, RuntimeError):  # NumPy's and torch's, if it is many
            value = value.item()
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def plot_guess(
    question: str, options: Sequence[str], *, guess: str | None = None, result: str | None = None
) -> Figure:
    """A question with its options, the guess marked, and the result below.

    Args:
        question: In as many lines as it takes.
        options: To choose from.
        guess: The one that was committed to.
        result: What came out, in words.

    Lesson 01.
    """
    asked = textwrap.wrap(question, MAX_QUESTION_LETTERS)
    rows = len(asked) + len(options) + (result is not None)
    figure, axes = style.new_figure(
        width=0.65 * style.WIDE, height=LINE_HEIGHT * rows + 0.2, pad=0.02
    )
    ax = axes[0, 0]
    style.hide_axes(ax)
    ax.set(xlim=(0, 1), ylim=(rows - 0.4, -0.6))

    def write(x: float, row: int, words: str, colour: str = style.INK, *, bold: bool) -> None:
        weight = "bold" if bold else "normal"
        ax.text(x, row, words, va="center", **style.font_style(style.BODY, colour, weight=weight))

    for row, line in enumerate(asked):
        write(0.01, row, line, bold=True)
    for row, option in enumerate(options, start=len(asked)):
        mine = option == guess
        face = style.BLUE if mine else "white"
        ax.plot(0.03, row, "o", markersize=7, color=style.BLUE, markerfacecolor=face)
        write(0.06, row, f"{option}   (your guess)" if mine else option, bold=mine)
    if result is not None:
        words = style.shorten_styled_text(f"Result: {result}", 0.62 * style.WIDE)
        write(0.01, rows - 1, words, style.RIGHT, bold=True)
    return figure


def guess(question: str, options: Sequence[str | int]) -> GuessPanel:
    """Commit to an answer before running; `.reveal(result)` shows both side by side.

    Args:
        question: One line.
        options: Two or more answers; a `range` of numbers will do.

    Raises:
        ValueError: If there is nothing to choose from.
    """
    if isinstance(options, str) or len(options) < 2:
        raise ValueError(f"a guess needs two options or more: {question}")
    from vtlab.course.guess import GuessPanel

    return GuessPanel(question, options)
