"""A race of strategies: a lane each, with its curve and what it says of the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from vtlab.plots import style
from vtlab.plots.sheet import to_sheet_pictures
from vtlab.results import labels, metrics
from vtlab.results.formatting import format_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LANE_HEIGHT = 1.0  # inches
MIN_SEEDS = 3  # that an interval is drawn of; of two it is wider than the axes
GAP = 0.08  # between two images, as a share of their side


@dataclass(frozen=True)
class RaceLane:
    """How far one strategy is.

    Attributes:
        name: Of the strategy.
        words: How far it is, in words.
        curve: Passes over the training images, and the accuracy on the held-out images after them.
        named: What it says of each watched image: the number of a class.
        sure: The probability that it gives to the true class of each.
        right: Whether it names the true class.
        finished: The accuracy of each seed that came to its end.
    """

    name: str
    words: str = ""
    curve: tuple[tuple[float, float], ...] = ()
    named: tuple[int, ...] = ()
    sure: tuple[float, ...] = ()
    right: tuple[bool, ...] = ()
    finished: tuple[float, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """The last of its curve; None before the first."""
        return self.curve[-1][1] if self.curve else None

    def describe(self) -> str:
        """The lane as a sentence without its stop."""
        text = labels.get_label(self.name).text
        if self.accuracy is None:
            return f"{text} has not begun"
        said = f"{text} names {format_percent(self.accuracy, 0)} of the held-out images right"
        if self.right:
            said += f", {sum(self.right)} of the {len(self.right)} that are shown"
        if len(self.finished) >= MIN_SEEDS:
            said += f"; over {len(self.finished)} seeds {metrics.t_interval(self.finished)}"
        return said


def plot_race(
    lanes: Sequence[RaceLane], images: ArrayLike, *, chance: float, passes: float = 30
) -> Figure:
    """A lane for each strategy: its curve of held-out accuracy, and the same images, framed where right.

    Args:
        lanes: The strategies.
        images: `(N, 3, H, W)` uint8, the watched ones.
        chance: The accuracy of always naming one class.
        passes: How far the curves' axis goes at least.

    Raises:
        ValueError: If there is no lane, or the images have another shape or type.

    Lesson 01.
    """
    if not lanes:
        raise ValueError("a race needs a strategy")
    pictures = to_sheet_pictures(images)
    furthest = max([passes, *(point[0] for lane in lanes for point in lane.curve)])
    figure, axes = style.new_figure(
        len(lanes), 2, height=LANE_HEIGHT * len(lanes) + 0.4, pad=0.05, width_ratios=(1, 2.4)
    )
    for number, (lane, (left, right)) in enumerate(zip(lanes, axes, strict=True)):
        _draw_curve(left, lane, chance, furthest)
        _draw_answers(right, lane, pictures)
        if number < len(lanes) - 1:
            left.set_xticklabels([])
    style.label_axes(axes[-1][0], x="passes over the training images")
    return figure


def _draw_curve(ax: Axes, lane: RaceLane, chance: float, furthest: float) -> None:
    look = labels.get_label(lane.name)
    style.prepare_axes(ax, grid="y")
    ax.axhline(chance, **style.DOTTED)
    if lane.curve:
        x, y = zip(*lane.curve, strict=True)
        ax.plot(x, y, color=look.colour, linewidth=2)
        ax.plot(x[-1:], y[-1:], look.marker, color=look.colour, **style.mark_style(8))
    for accuracy in lane.finished:
        ax.plot([furthest], [accuracy], look.marker, color=look.colour, **style.mark_style(5))
    if len(lane.finished) >= MIN_SEEDS:
        found = metrics.t_interval(lane.finished)
        ax.plot([furthest] * 2, [found.low, found.high], color=look.colour, linewidth=1.5)
    ax.set(xlim=(0, 1.06 * furthest), ylim=(0, 1.02))
    style.set_percent_axis(ax.yaxis, ticks=(0, 0.5, 1))
    share = "" if lane.accuracy is None else f"  {format_percent(lane.accuracy, 0)}"
    style.style_heading(ax, f"{look.text}{share}")


def _draw_answers(ax: Axes, lane: RaceLane, pictures: np.ndarray) -> None:
    """The images side by side; below each a bar: the probability of its true class."""
    style.hide_axes(ax)
    for i, picture in enumerate(pictures):
        left = i * (1 + GAP)
        ax.imshow(picture, extent=(left, left + 1, 0, 1), interpolation="nearest")
        if i < len(lane.right):
            colour = style.RIGHT if lane.right[i] else style.WRONG
            frame = Rectangle((left, 0), 1, 1, fill=False, linewidth=2.5, edgecolor=colour)
            frame.set_linestyle("-" if lane.right[i] else (0, (2, 2)))
            ax.add_patch(frame)
            ax.add_patch(Rectangle((left, -0.2), 1, 0.12, color=style.FAINT, linewidth=0))
            ax.add_patch(Rectangle((left, -0.2), lane.sure[i], 0.12, color=colour, linewidth=0))
    ax.set(xlim=(-0.04, len(pictures) * (1 + GAP)), ylim=(-0.24, 1.04), aspect="equal")
    ax.set_title(lane.words, loc="left", pad=4, **style.font_style(style.SMALL, style.QUIET))
