"""Accuracy against the work of training."""

from collections.abc import Iterable

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from vtlab import names, style


def plot_work(runs: pd.DataFrame, *, chance: float | None = None,
              marked: Iterable[int] = (5, 40, 320)) -> Figure:  # fmt: skip
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
    style.prepare(ax, grid="y")
    for strategy in dict.fromkeys(runs.strategy):
        label, points = names.label(strategy), means.loc[strategy].sort_values("operations")
        ax.plot(
            points.operations, points.test_accuracy, color=label.colour, linewidth=2,
            marker=label.marker, markersize=5.5, markeredgecolor="white", markeredgewidth=0.8,
            zorder=4, gid=f"mean {strategy}",
        )  # fmt: skip
        ax.annotate(
            label.text, (points.operations.iloc[0], points.test_accuracy.iloc[0]), (0, -9),
            textcoords="offset points", ha="center", va="top",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            **style.text(style.SMALL, label.colour, weight="bold"),
        )  # fmt: skip
    for shots in [n for n in dict.fromkeys(marked) if n in {*runs.shots}]:
        joined = means.xs(shots, level="shots")
        joined = joined.sort_values(["operations", "test_accuracy"], ascending=[True, False])
        ax.plot(joined.operations, joined.test_accuracy, color=style.QUIET, linewidth=0.9,
                linestyle=(0, (4, 3)), zorder=1, gid=f"shots {shots}")  # fmt: skip
        first = joined.iloc[0]
        ax.annotate(
            f"{shots} per class", (first.operations, first.test_accuracy), (-6, 8),
            textcoords="offset points", ha="right", **style.text(style.SMALL, style.QUIET),
        )  # fmt: skip
    ax.set_xscale("log")
    ax.margins(x=0.09)
    ax.set_ylim(0, 1.02)
    style.percent_axis(ax.yaxis)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("multiply-adds of the training", labelpad=6, **style.text(style.SMALL, style.QUIET))
    ax.set_ylabel("test accuracy", labelpad=6, **style.text(style.SMALL, style.QUIET))
    if chance is not None:
        ax.axhline(chance, linestyle=(0, (1, 2)), color=style.QUIET, linewidth=1.3, zorder=1,
                   gid="chance")  # fmt: skip
        ax.annotate(
            f"chance {style.percent(chance)}", (0.0, chance), (4, 4),
            xycoords=ax.get_yaxis_transform(), textcoords="offset points",
            **style.text(style.SMALL, style.QUIET),
        )  # fmt: skip
    return figure
