"""Lesson 16: one chart made from the committed tables, of what to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
from matplotlib.patches import Rectangle

from vtlab.plots import style
from vtlab.results.formatting import format_percent
from vtlab.results.labels import get_label
from vtlab.results.metrics import (
    paired_difference,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# the chart's rows, by the start of `real_table`; "same" is the garden's species, of a table of their own
NEARNESS = {
    "same": "the kind of images that\nthe weights come from",
    "efficientnet_lite0": "photographs; weights from\n1.2 million photographs",
    "natural": "photographs; weights from\n50,000 photographs",
    "garden": "photographs; weights\nfrom drawings",
}
CELL = (0.94, 0.9)  # of the chart: width and height
CHEAPEST_FIRST = ("probe", "partial", "lp_ft", "full", "scratch")


def list_gains(rows: pd.DataFrame, column: str, one: str, other: str) -> pd.Series:
    """By data set, the mean test accuracy of `one` less that of `other` in points, on the same seeds.

    Args:
        rows: A part of `real_table` in which data, seed and `column` name a run.
        column: "start" or "strategy".
        one: A value of that column.
        other: Another.

    Lesson 16.
    """
    of = rows.pivot(index=["data", "seed"], columns=column, values="test_accuracy")
    return 100 * (of[one] - of[other]).groupby("data", sort=False).mean().dropna()


BEST_START = "efficientnet_lite0"


def list_leads_of_best_start(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """By data set, how many points a probe on ImageNet's weights is ahead of full from each other start.

    Args:
        rows: As in `list_gains`.

    Lesson 16.
    """
    means = 100 * rows.pivot_table("test_accuracy", "data", ["start", "strategy"], sort=False)
    others = [start for start in dict.fromkeys(rows.start) if start != BEST_START]
    return {start: means[BEST_START]["probe"] - means[start]["full"] for start in others}


class Decision(NamedTuple):
    """What to begin with, of one nearness and one number of images per class.

    Attributes:
        near: A key of `NEARNESS`.
        shots: Images per class.
        first: The cheapest strategy that is not clearly worse than the best.
        best: The strategy with the highest mean.
        behind: The mean of the best less that of `first`.
        accuracy: The mean of `first`.
        worse: Strategies that are clearly worse than the best.
        cases: Over how many data sets (or seeds, where there is one set) means and intervals are taken.
    """

    near: str
    shots: int
    first: str
    best: str
    behind: float
    accuracy: float
    worse: tuple[str, ...]
    cases: int


def list_decisions(real: pd.DataFrame, garden: pd.DataFrame) -> list[Decision]:
    """What to begin with, by the committed tables: for each nearness and each number of images per class.

    "Clearly worse" means that the 95 % interval of the paired difference to the best lies below 0: over the
    data sets of the photographs, over the seeds of the garden. A strategy that was not measured in every
    case is left out, and so is a cell of fewer than three cases.

    Args:
        real: As `real_table` gives it, or a part of it.
        garden: As `shots_table` gives it, or a part of it.

    Lesson 16.
    """
    scratch = real[(real.strategy == "scratch") & (real.start == "garden")]
    # the network of "natural" is that of "garden"
    photographs = pd.concat([real, scratch.assign(start="natural")])
    cells = [
        (("same", shots), runs.pivot_table("test_accuracy", "seed", "strategy"))
        for shots, runs in garden.groupby("shots")
    ]
    cells += [
        (key, runs.pivot_table("test_accuracy", "data", "strategy"))
        for key, runs in photographs.groupby(["start", "shots"])
    ]
    found = [
        _decide(near, shots, cases.dropna(axis=1))
        for (near, shots), cases in cells
        if len(cases) > 2
    ]
    return sorted(found, key=lambda one: (list(NEARNESS).index(one.near), one.shots))


def _decide(near: str, shots: int, cases: pd.DataFrame) -> Decision:
    """One decision, of a row per case and a column per strategy."""
    means = cases.mean()
    best = str(means.idxmax())
    worse = tuple(
        str(other)
        for other in cases
        if other != best and paired_difference(cases[best], cases[other]).low > 0
    )
    first = next(name for name in CHEAPEST_FIRST if name in cases and name not in worse)
    behind = float(means[best] - means[first])
    return Decision(near, int(shots), first, best, behind, float(means[first]), worse, len(cases))


def plot_decisions(decisions: Sequence[Decision]) -> Figure:
    """A chart of what to begin with: how near the weights are (rows) against images per class (columns).

    A cell names the cheapest strategy that is not clearly worse than the best, its accuracy, and the best one
    where that is another. What was not measured is hatched.

    Args:
        decisions: From `list_decisions`.

    Raises:
        ValueError: If there is none.

    Lesson 16.
    """
    if not decisions:
        raise ValueError("there is no decision to draw")
    rows = [near for near in NEARNESS if any(one.near == near for one in decisions)]
    columns = sorted({one.shots for one in decisions})
    known = {(one.near, one.shots): one for one in decisions}
    figure, axes = style.new_figure(height=1.2 + 0.82 * len(rows), layout=None)
    ax, side = axes[0, 0], 2.35
    ax.set_position((0, 0, 1, 1))
    style.hide_axes(ax)
    ax.set(xlim=(-side, len(columns)), ylim=(len(rows) + 0.62, -0.85))
    small, quiet = style.font_style(style.SMALL), style.font_style(style.SMALL, style.QUIET)
    for (y, near), (x, shots) in product(enumerate(rows), enumerate(columns)):
        place = (x + 0.03, y + 0.05)
        if (near, shots) in known:
            _draw_decision(ax, known[near, shots], place)
        else:
            look: dict[str, Any] = {
                "facecolor": "none",
                "edgecolor": style.FAINT,
                "hatch": "////",
                "linewidth": 0,
            }
            ax.add_patch(Rectangle(place, *CELL, gid=f"unknown {near} {shots}", **look))
    for y, near in enumerate(rows):
        ax.text(-0.08, y + 0.5, NEARNESS[near], ha="right", va="center", **small)
    for x, shots in enumerate(columns):
        ax.text(x + 0.5, -0.14, str(shots), ha="center", va="center", **style.font_style())
    ax.text(-0.08, -0.14, "images per class", ha="right", va="center", **quiet)
    arrow = {"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.6}
    left = -side + 0.16
    ax.annotate("", (left, 0.1), (left, len(rows) - 0.1), gid="nearer", arrowprops=arrow)
    up: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center"}
    ax.text(left + 0.14, len(rows) / 2, "nearer weights", **up, **small)
    title = "Change the start first: go up a row. Then begin with the strategy in the cell"
    bold = style.font_style(style.BODY, weight="bold")
    ax.text(-side + 0.04, -0.6, title, va="center", **bold)
    foot = (
        "Named: the cheapest that is not clearly worse than the best, and its accuracy. Small: the highest "
        "mean, where that is another,\nand its lead in points. Rows of photographs: means over the same six "
        "data sets. Hatched: not measured."
    )
    ax.text(-side + 0.04, len(rows) + 0.32, foot, va="center", **quiet)
    return figure


def _draw_decision(ax: Axes, one: Decision, place: tuple[float, float]) -> None:
    """The cell of one decision, its upper left corner at this place."""
    label, gid = get_label(one.first), f"{one.near} {one.shots}"
    ax.add_patch(Rectangle(place, *CELL, facecolor=label.colour, alpha=0.16, linewidth=0, gid=gid))
    x, y = place[0] + CELL[0] / 2, place[1] + CELL[1] / 2
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    bold = style.font_style(style.SMALL, label.colour, weight="bold")
    ax.text(x, y - 0.25, label.text, **middle, **bold)
    ax.text(x, y + 0.02, format_percent(one.accuracy, 0), **middle, **style.font_style())
    if one.best != one.first:
        words = f"{get_label(one.best).text} {100 * one.behind:+.0f}"
        ax.text(x, y + 0.29, words, **middle, **style.font_style(style.TINY, style.QUIET))
