"""What lesson 07 uses: its table of drift and its figure, the old task, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import NullLocator

from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.old_task import OldTask as OldTask
from vtlab.course.tables import drift_table as drift_table
from vtlab.models.backbones import backbone
from vtlab.plots import style
from vtlab.plots.learning_rates import set_rate_axis
from vtlab.results import metrics
from vtlab.training.schedules import warmup_cosine
from vtlab.training.strategies import Strategy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# an accuracy: words, colour, marker
ACCURACIES = {
    "test_accuracy": ("new task", "#00805F", "D"),
    "old_refit": ("old task, new head", "#C77C02", "^"),
    "old_accuracy": ("old task, old head", "#6E6E6E", "s"),
}
# column: words, colour, marker
# from the stem to the head: colour, marker
STAGE_STYLES = (
    ("#5FA0D6", "o"),
    ("#3B82BF", "s"),
    ("#2467A3", "D"),
    ("#144B80", "^"),
    ("#08294D", "v"),
)


def plot_drift(table: pd.DataFrame, way: str = "full") -> Figure:
    """Three panels against the learning rate: accuracies, how far stages moved, how alike they stayed.

    Args:
        table: From `drift_table`.
        way: Which rows.

    Raises:
        ValueError: If the table has no such way.

    Lesson 07.
    """
    rows = table[table.way == way]
    if rows.empty:
        raise ValueError(f"no rows of {way!r}; there are {', '.join(table.way.unique())}")
    figure, axes = style.new_figure(1, 3, height=3.5)
    accuracies, moved, alike = axes[0]
    for column, (words, colour, marker) in ACCURACIES.items():
        _draw_drift_line(accuracies, rows, column, words, colour, marker, band=True)
    before = rows.old_before.iloc[0]
    accuracies.axhline(
        before,
        linestyle=(0, (4, 3)),
        color=ACCURACIES["old_accuracy"][1],
        linewidth=1.1,
        zorder=1,
        gid="old_before",
    )
    style.style_heading(accuracies, "test accuracy")
    accuracies.set_ylim(-0.36, 1.02)  # room for the legend
    style.set_percent_axis(accuracies.yaxis)
    stages = [name.removeprefix("moved_") for name in table if name.startswith("moved_")]
    for stage, (colour, marker) in zip(stages, STAGE_STYLES, strict=True):
        _draw_drift_line(moved, rows, f"moved_{stage}", stage, colour, marker)
        _draw_drift_line(alike, rows, f"cka_{stage}", stage, colour, marker)
    moved.set_yscale("log")
    moved.yaxis.set_minor_locator(NullLocator())
    style.label_axes(moved, y="share of their size", pad=4)
    style.style_heading(moved, "change of the weights")
    style.style_heading(alike, "likeness of the features (CKA)")
    alike.set_ylim(0, 1.02)
    for ax, place in ((accuracies, "lower left"), (moved, "lower right"), (alike, "lower left")):
        ax.legend(
            loc=place,
            frameon=False,
            prop={"size": style.SMALL},
            labelcolor=style.INK,
            handlelength=1.4,
        )
    for ax in axes[0]:
        set_rate_axis(ax)
    return figure


def _draw_drift_line(
    ax: Axes,
    rows: pd.DataFrame,
    column: str,
    words: str,
    colour: str,
    marker: str,
    *,
    band: bool = False,
) -> None:
    """The mean of a column over the seeds against the rate, with the band of its 95 % interval if asked."""
    if not ax.lines:
        style.prepare_axes(ax, grid="y")
    groups = {rate: metrics.t_interval(group[column]) for rate, group in rows.groupby("rate")}
    rates = np.array(list(groups))
    ax.plot(
        rates,
        [of.mean for of in groups.values()],
        color=colour,
        linewidth=2,
        marker=marker,
        label=words,
        gid=column,
        **style.mark_style(4.5, 0.6),
    )
    if band:
        ax.fill_between(
            rates,
            [of.low for of in groups.values()],
            [of.high for of in groups.values()],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )


@exercise("07.1")
def _stage_wise(answer: object) -> Verdict:
    if not isinstance(answer, Strategy):
        return False, "The answer is a strategy, such as vt.Strategy('full', …)."
    network = backbone("mini_resnet", weights=None)
    rates = answer.peak_rates(network)
    if len(rates) < len(network.stage_names) + 1 or answer.start != "pretrained":
        return False, "All pretrained stages should learn."
    right = np.isclose(rates["stem"] / rates["head"], 1 / 32)
    return bool(right), "Half of a half, five times." if right else (
        "Count the steps from the head to the stem: by what factor does each shrink the rate?"
    )


@exercise("07.2", function_of="a step and the number of steps")
def _schedule(answer: Callable) -> Verdict:
    for i, n in ((0, 20), (1, 20), (2, 20), (11, 20), (19, 20), (4, 50), (30, 50)):
        found = call_answer(answer, i, n)
        if not np.isclose(float(found), warmup_cosine(i, n), atol=1e-6):
            return False, f"For step {i} of {n} it gave {float(found):.3f}."
    return True, "It rises, and falls along half a cosine."


letter_exercise(
    "07.3",
    "b",
    "A linear head reads what can be told apart.",
    "What does it take for the new head to do well?",
)
