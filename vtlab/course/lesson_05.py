"""What lesson 05 uses: its table of shots, the figure of accuracy against work, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from vtlab.course.exercise import Verdict, exercise, letter_exercise
from vtlab.course.tables import shots_table as shots_table
from vtlab.plots import style
from vtlab.results import labels as names
from vtlab.results.formatting import format_percent
from vtlab.results.metrics import shots_to_reach
from vtlab.study.tune import count_trials as count_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def widest_shots_table() -> pd.DataFrame:
    """The stored runs of the four strategies, with five seeds of scratch and of the probe throughout.

    Above 20 images per class these two are of the plain table: the probe is the same there, and scratch has as
    many epochs as by its own recipe, of larger batches.

    Lesson 05.
    """
    own, plain = shots_table("garden"), shots_table("plain")
    own = own[own.strategy != "lp_ft"]

    def of_plain(runs: pd.DataFrame) -> pd.Series:
        return runs.strategy.isin(["scratch", "probe"]) & (runs.shots > 20)

    return pd.concat([plain[of_plain(plain)], own[~of_plain(own)]], ignore_index=True)


def plot_work(
    runs: pd.DataFrame, *, chance: float | None = None, marked: Iterable[int] = (5, 40, 80)
) -> Figure:
    """Test accuracy against the work of training: a line for each strategy, a point per shots.

    Args:
        runs: The table of runs with a column `operations`, multiply-adds of each training.
        chance: Accuracy without any learning, a dotted line.
        marked: Numbers of images per class whose points are joined over the strategies.

    Raises:
        ValueError: If there is no run, or no such column.

    Lesson 05.
    """
    if runs.empty or "operations" not in runs:
        raise ValueError("this figure needs runs with a column 'operations'")
    means = runs.groupby(["strategy", "shots"], sort=False)[["operations", "test_accuracy"]].mean()
    figure, axes = style.new_figure(height=4.6)
    ax = axes[0, 0]
    style.prepare_axes(ax, grid="y")
    for strategy in dict.fromkeys(runs.strategy):
        label, points = names.get_label(strategy), means.loc[strategy].sort_index()
        ax.plot(
            points.operations,
            points.test_accuracy,
            color=label.colour,
            linewidth=2,
            marker=label.marker,
            zorder=4,
            gid=f"mean {strategy}",
            **style.mark_style(5.5, 0.8),
        )
        # the name stands below the cheapest point, on white, where lines may cross
        style.annotate(
            ax,
            label.text,
            (points.operations.iloc[0], points.test_accuracy.iloc[0]),
            (0, -9),
            colour=label.colour,
            weight="bold",
            ha="center",
            va="top",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    for shots in [n for n in dict.fromkeys(marked) if n in {*runs.shots}]:
        joined = means.xs(shots, level="shots")
        joined = joined.sort_values(["operations", "test_accuracy"], ascending=[True, False])
        ax.plot(
            joined.operations,
            joined.test_accuracy,
            color=style.QUIET,
            linewidth=0.9,
            linestyle=(0, (4, 3)),
            zorder=1,
            gid=f"shots {shots}",
        )
        at = (joined.operations.iloc[0], joined.test_accuracy.iloc[0])
        style.annotate(ax, f"{shots} per class", at, (-6, 8), ha="right")
    ax.set_xscale("log")
    ax.margins(x=0.09)
    ax.set_ylim(0, 1.02)
    style.set_percent_axis(ax.yaxis)
    ax.xaxis.set_minor_locator(NullLocator())
    style.label_axes(ax, x="multiply-adds of the training", y="test accuracy")
    if chance is not None:
        ax.axhline(chance, gid="chance", **style.DOTTED)
        words, across = f"chance {format_percent(chance)}", ax.get_yaxis_transform()
        style.annotate(ax, words, (0.0, chance), (4, 4), xycoords=across)
    return figure


@exercise("05.1")
def _images_that_full_needs(answer: object) -> Verdict:
    if not isinstance(answer, int | float | np.integer | np.floating):
        return False, "The answer is one number of images per class."
    table = shots_table("garden")
    wanted = table[(table.strategy == "probe") & (table.shots == 5)].test_accuracy.mean()
    each = shots_to_reach(shots_table("plain"), "full", wanted)
    right = bool(min(each) <= answer <= max(each))
    return right, "Two to three times as many." if right else (
        "Which accuracy is wanted? Then let shots_to_reach read the plain curves of full backwards."
    )


@exercise("05.2", function_of="shots and two lists of accuracies")
def _overtakes(answer: Callable) -> Verdict:
    shots, first = [1, 2, 4, 8], [0.5, 0.6, 0.7, 0.8]
    cases = [
        ([0.1, 0.2, 0.75, 0.9], 4, "ahead from 4 on"),
        ([0.6, 0.2, 0.3, 0.9], 8, "back in between"),
        ([0.6, 0.7, 0.8, 0.9], 1, "always ahead"),
        ([0.6, 0.7, 0.8, 0.8], None, "level in the end"),
    ]
    for second, truth, words in cases:
        found = answer(list(shots), list(first), list(second))
        if found is ...:  # None is an answer here
            return None
        if found != truth:
            return False, f"For a second curve that is {words} it gave {found}."
    return True, "It waits until the lead is kept."


letter_exercise(
    "05.3",
    "b",
    "What is frozen cannot learn from more images.",
    "What may change in a probe, and what may not?",
)
