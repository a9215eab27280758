"""Lesson 16: one chart made from the committed tables, of what to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
from matplotlib.patches import Rectangle

from vtlab.plots import style
from vtlab.results.formatting import format_percent
from vtlab.results.labels import get_label
from vtlab.results.metrics import (
    paired_difference,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# the chart's rows, by the start of `real_table`; "same" is the garden's species, of a table of their own
NEARNESS = {
    "same": "the kind of images that\nthe weights come from",
    "efficientnet_lite0": "photographs; weights from\n1.2 million photographs",
    "natural": "photographs; weights from\n50,000 photographs",
    "garden": "photographs; weights\nfrom drawings",
}
CHEAPEST_FIRST = ("probe", "partial", "lp_ft", "full", "scratch")


def list_gains(rows: pd.DataFrame, column: str, one: str, other: str) -> pd.Series:
    """By data set, the mean test accuracy of `one` less that of `other`, on the same seeds.

    Args:
        rows: A part of `real_table` in which data, seed and `column` name a run.
        column: "start" or "strategy".
        one: A value of that column.
        other: Another.

    Lesson 16.
    """
    of = rows.pivot(index=["data", "seed"], columns=column, values="test_accuracy")
    return (of[one] - of[other]).groupby("data", sort=False).mean().dropna()


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
    where that is another.

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
    figure, axes = style.new_figure(height=0.95 + 0.82 * len(rows), layout=None)
    ax = axes[0, 0]
    ax.set_position((0, 0, 1, 1))
    style.hide_axes(ax)
    side = 2.1
    ax.set(xlim=(-side, len(columns)), ylim=(len(rows) + 0.5, -0.62))
    middle = {"ha": "center", "va": "center"}
    for one in decisions:
        x, y = columns.index(one.shots) + 0.5, rows.index(one.near) + 0.5
        label = get_label(one.first)
        box = (x - 0.47, y - 0.45), 0.94, 0.9
        gid = f"{one.near} {one.shots}"
        ax.add_patch(Rectangle(*box, facecolor=label.colour, alpha=0.16, linewidth=0, gid=gid))
        bold = style.font_style(style.SMALL, label.colour, weight="bold")
        ax.text(x, y - 0.2, label.text, **middle, **bold)
        ax.text(
            x, y + 0.04, format_percent(one.accuracy, 0), **middle, **style.font_style(style.SMALL)
        )
        if one.best != one.first:
            words = f"{get_label(one.best).text} {100 * one.behind:+.0f}"
            ax.text(x, y + 0.28, words, **middle, **style.font_style(style.TINY, style.QUIET))
    for y, near in enumerate(rows):
        ax.text(
            -0.1, y + 0.5, NEARNESS[near], ha="right", va="center", **style.font_style(style.SMALL)
        )
    for x, shots in enumerate(columns):
        ax.text(x + 0.5, -0.12, str(shots), **middle, **style.font_style())
    ax.text(
        -0.1,
        -0.12,
        "images per class",
        ha="right",
        va="center",
        **style.font_style(style.SMALL, style.QUIET),
    )
    title = "Start with this strategy: the cheapest one that is not clearly worse than the best"
    ax.text(-side + 0.02, -0.45, title, va="center", **style.font_style(style.BODY, weight="bold"))
    foot = "In small letters: the highest mean, where that is another, and how many points it is ahead."
    ax.text(
        -side + 0.02,
        len(rows) + 0.25,
        foot,
        va="center",
        **style.font_style(style.SMALL, style.QUIET),
    )
    return figure
