"""Figures of lesson 05: training beside test accuracy, and accuracy against the work of a training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from vtlab.course.tables import controls_table as controls_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.plots import style
from vtlab.results import labels as names
from vtlab.results.formatting import format_percent
from vtlab.study.tune import count_trials as count_trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# train and test in every figure of the lesson
TRAIN_LINE: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 1.4}
TEST_LINE: dict[str, Any] = {"linestyle": "-", "linewidth": 2.2}


def plot_overfitting(runs: pd.DataFrame) -> Figure:
    """Accuracy on training and on test images against images per class, a panel for each strategy.

    Args:
        runs: A table of runs with `train_accuracy`.

    Lesson 05.
    """
    runs = runs.dropna(subset=["train_accuracy"])
    strategies = sorted(dict.fromkeys(runs.strategy), key=names.rank_label)
    figure, axes = style.new_figure(1, len(strategies), height=3.1, sharey=True)
    for ax, strategy in zip(axes[0], strategies, strict=True):
        style.prepare_axes(ax, grid="y")
        own = runs[runs.strategy == strategy].groupby("shots")
        train, test = own.train_accuracy.mean(), own.test_accuracy.mean()
        colour = names.get_label(strategy).colour
        ax.fill_between(train.index, test, train, **style.style_band(colour, 0.13, "gap"))
        ax.plot(train, color=colour, gid="train", **TRAIN_LINE)
        ax.plot(test, color=colour, gid="test", **TEST_LINE)
        ax.set(xscale="log", ylim=(0, 1.02))
        _name_steps(ax, {1: "1", 5: "5", 20: "20", 80: "80"})
        style.style_heading(ax, names.get_label(strategy).text)
        style.label_axes(ax, x="images per class")
    _name_train_and_test(axes[0, 0], "lower right")
    return figure


def plot_stopping(looks: pd.DataFrame) -> Figure:
    """Accuracy while training, a panel for each strategy: mean lines, and where each seed would stop.

    Args:
        looks: From `stopping_table`.

    Lesson 05.
    """
    strategies = dict.fromkeys(looks.strategy)
    figure, axes = style.new_figure(1, len(strategies), height=3.6, pad=0.09, sharey=True)
    for ax, strategy in zip(axes[0], strategies, strict=True):
        style.prepare_axes(ax, grid="y")
        own = looks[looks.strategy == strategy]
        means, label = own.groupby("epoch").mean(numeric_only=True), names.get_label(strategy)
        ax.plot(means.train, color=label.colour, gid="train", **TRAIN_LINE)
        ax.plot(means.test, color=label.colour, gid="test", **TEST_LINE)
        for _, run in own.groupby("seed"):
            best = run.iloc[run.val.to_numpy(dtype=float).argmax()]  # the first of several
            ax.plot(
                best.epoch,
                best.test,
                color=label.colour,
                marker=label.marker,
                gid="stop",
                **style.mark_style(7),
            )
        ax.set(xlim=(0, own.epoch.max()), ylim=(0, 1.02))
        style.set_percent_axis(ax.yaxis)
        style.style_heading(ax, label.text)
        style.label_axes(ax, x="epoch")
    _name_train_and_test(axes[0, 0], "center right", "where a seed would stop")
    return figure


def _name_steps(ax: Axes, words: Mapping[float, str]) -> None:
    """Ticks below at these numbers alone, with these words; percent at the side."""
    ax.xaxis.set_major_locator(FixedLocator([*words]))
    ax.set_xticklabels([*words.values()])
    ax.xaxis.set_minor_locator(NullLocator())
    style.set_percent_axis(ax.yaxis)


def _name_train_and_test(ax: Axes, place: str, mark: str = "") -> None:
    """The words of the first panel: its axis of accuracy, the dashed and the solid line, and marks."""
    style.label_axes(ax, y="accuracy")
    handles = [
        Line2D([], [], color=style.INK, label="training images", **TRAIN_LINE),
        Line2D([], [], color=style.INK, label="test images", **TEST_LINE),
    ]
    if mark:
        handles.append(Line2D([], [], color=style.INK, marker="s", linestyle="none", label=mark))
    how = {"loc": place, "frameon": False, **style.legend_font_style()}
    ax.legend(handles=handles, **how)


def plot_work(
    runs: pd.DataFrame,
    *,
    chance: float | None = None,
    marked: Iterable[int] = (5, 40),
    bills: Mapping[str, float] | None = None,
) -> Figure:
    """Test accuracy against the work of training: a line for each strategy, a point per shots.

    Args:
        runs: The table of runs with a column `operations`, multiply-adds of each training.
        chance: Accuracy without any learning, a dotted line.
        marked: Numbers of images per class whose points are joined over the strategies.
        bills: For each name, multiply-adds that were paid before: a vertical line.

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
    for name, paid in (bills or {}).items():
        ax.axvline(paid, gid=f"bill {name}", **(style.DOTTED | {"color": style.WRONG}))
        across = {"xycoords": ax.get_xaxis_transform(), "ha": "right", "colour": style.WRONG}
        style.annotate(ax, name, (paid, 0.3), (-5, 0), **across)
    ax.set_xscale("log")
    ax.margins(x=0.09)
    ax.set_ylim(0, 1.02)
    style.set_percent_axis(ax.yaxis)
    ax.xaxis.set_minor_locator(NullLocator())
    style.label_axes(
        ax, x="multiply-adds of the training (further left: cheaper)", y="test accuracy"
    )
    if chance is not None:
        ax.axhline(chance, gid="chance", **style.DOTTED)
        words, across = f"chance {format_percent(chance)}", ax.get_yaxis_transform()
        style.annotate(ax, words, (0.0, chance), (4, 4), xycoords=across)
    return figure
