"""A guess and what came out, side by side."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from vtlab import style
from vtlab.plots.images import BLUE

LINE = 0.3  # inches


def plot_guess(
    question: str, options: Sequence[str], *, guess: str | None = None, result: str | None = None
) -> Figure:
    """A question with its options, the guess marked, and the result below.

    Args:
        question: One line.
        options: To choose from.
        guess: The one that was committed to.
        result: What came out, in words.

    Lesson 01.
    """
    rows = 1 + len(options) + (result is not None)
    figure, axes = style.new_figure(width=0.65 * style.WIDE, height=LINE * rows + 0.2, pad=0.02)
    ax = axes[0, 0]
    style.blank(ax)
    ax.set(xlim=(0, 1), ylim=(rows - 0.4, -0.6))
    ax.text(0.01, 0, question, va="center", **style.text(style.BODY, weight="bold"))
    for i, option in enumerate(options, start=1):
        mine = option == guess
        ax.plot(0.03, i, "o", markersize=7, color=BLUE, markerfacecolor=BLUE if mine else "white")
        words = f"{option}   (your guess)" if mine else option
        ax.text(0.06, i, words, va="center",
                **style.text(style.BODY, weight="bold" if mine else "normal"))  # fmt: skip
    if result is not None:
        room = 0.62 * style.WIDE
        ax.text(0.01, rows - 1, style.shorten(f"Result: {result}", room), va="center",
                **style.text(style.BODY, style.RIGHT, weight="bold"))  # fmt: skip
    return figure
