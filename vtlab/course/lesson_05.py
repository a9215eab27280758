"""What lesson 05 uses: its tables, figures of accuracy against images, epochs and work, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator

from vtlab.course.exercise import Verdict, exercise, letter_exercise
from vtlab.course.tables import read_committed_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.plots import style
from vtlab.plots.legends import draw_legend, label_line_ends
from vtlab.plots.shot_curves import draw_shots
from vtlab.results import labels as names
from vtlab.results.formatting import format_percent
from vtlab.study.run import train_and_test
from vtlab.study.tune import count_trials as count_trials
from vtlab.training.strategies import probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# train and test in every figure of the lesson
TRAIN_LINE: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 1.4}
TEST_LINE: dict[str, Any] = {"linestyle": "-", "linewidth": 2.2}

PATIENCE_TASKS = {
    "digits": "Digits: the pretrained features do not fit",
    "insects": "Insects: the training images are learnt",
}

FINE_AIM, FINE_MARGIN = 0.72, 0.03  # of exercise 05.3
FRESH_SEEDS = (100, 101, 102)  # no table holds them
MAX_FINE_SHOTS = 160
MIN_SEEDS = 3  # of an interval that is drawn


def widest_shots_table() -> pd.DataFrame:
    """The stored runs of all strategies, with five seeds of scratch and of the probe throughout.

    Above 20 images per class these two are of the plain table: the probe is the same there, and scratch has as
    many epochs as by its own recipe, of larger batches. Of the others, what has two seeds only is left out: the
    interval of two says nothing.

    Lesson 05.
    """
    own, plain = shots_table("garden"), shots_table("plain")

    def of_plain(runs: pd.DataFrame) -> pd.Series:
        return runs.strategy.isin(["scratch", "probe"]) & (runs.shots > 20)

    both = pd.concat([plain[of_plain(plain)], own[~of_plain(own)]], ignore_index=True)
    return both[both.groupby(["strategy", "shots"]).seed.transform("size") >= MIN_SEEDS]


def patience_table() -> pd.DataFrame:
    """Runs with 5 images per class that differ in nothing but the number of epochs.

    Columns: `strategy`, `task`, `seed`, `length` (epochs, as a share of the default), `train_accuracy` and
    `test_accuracy`. They are rows of the search for recipes, on two tasks that no other table of this
    lesson holds: handwritten digits from the garden's weights, insects from natural ones.

    Lesson 05.
    """
    table = read_committed_table("recipes")
    table = table[table.shots == 5]
    measured = {"length", "train_accuracy", "test_accuracy", "seed"}
    recipe = [name for name in table if name not in measured]
    lengths = table.groupby(recipe, dropna=False).length.transform("nunique")
    return table[lengths > 1]


def stopping_table() -> pd.DataFrame:
    """The committed table of early stopping: a row for every look at a training.

    Columns: `strategy`, `seed`, `steps` of the whole training; `epoch`, `train`, `val` and `test` accuracy and
    `test_loss` of the look (240 test images); `test_accuracy` after the last epoch and `stopped_accuracy`
    at the epoch that is best on the images held back (all test images).

    Raises:
        FileNotFoundError: If there is none.

    Lesson 05.
    """
    return read_committed_table("stopping")


def plot_learning_curves(
    runs: pd.DataFrame, *, chance: float | None = None, low: float = 0.8, first: int = 5
) -> Figure:
    """Test accuracy against images per class: at the left all of it, at the right where curves meet.

    Args:
        runs: A table of runs.
        chance: Accuracy without any learning, a dotted line at the left.
        low: Where the accuracy begins at the right.
        first: The least number of images per class at the right.

    Lesson 05.
    """
    figure, axes = style.new_figure(1, 2, height=4.6, pad=0.09, width_ratios=(1, 1.25))
    whole, close = axes[0]
    draw_shots(whole, runs, chance=chance, named=False)
    draw_shots(close, runs[runs.shots >= first], named=False)
    close.set_ylim(low, 1)
    style.set_percent_axis(close.yaxis, ticks=(0.8, 0.85, 0.9, 0.95, 1))
    style.style_heading(whole, "With few images the start decides")
    style.style_heading(close, f"Where the curves meet: above {format_percent(low, 0)}")
    box: dict[str, Any] = {
        "fill": False,
        "edgecolor": style.QUIET,
        "linewidth": 0.9,
        "gid": "close",
    }
    right = whole.get_xlim()[1]
    whole.add_patch(Rectangle((first / 1.12, low), right - first / 1.12, 1 - low, **box))
    if chance is not None:
        words, at = f"chance {format_percent(chance)}", (runs.shots.max(), chance)
        style.annotate(whole, words, at, (0, -4), ha="right", va="top")
    draw_legend(figure, sorted(dict.fromkeys(runs.strategy), key=names.rank_label))
    return figure


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


def plot_patience(runs: pd.DataFrame) -> Figure:
    """Accuracy on training and on test images against the number of epochs, a panel for each task.

    Args:
        runs: From `patience_table`.

    Lesson 05.
    """
    tasks = dict.fromkeys(runs.task)
    figure, axes = style.new_figure(1, len(tasks), height=3.6, pad=0.09, sharey=True)
    for ax, task in zip(axes[0], tasks, strict=True):
        style.prepare_axes(ax, grid="y")
        ends = {}
        for strategy, own in runs[runs.task == task].groupby("strategy"):
            label, means = names.get_label(strategy), own.groupby("length").mean(numeric_only=True)
            look = {"color": label.colour, "marker": label.marker, **style.mark_style(5)}
            ax.plot(means.train_accuracy, gid=f"train {strategy}", **look, **TRAIN_LINE)
            ax.plot(means.test_accuracy, gid=f"test {strategy}", **look, **TEST_LINE)
            ends[strategy] = (means.index[-1], means.test_accuracy.iloc[-1])
        ax.set(xscale="log", ylim=(0, 1.04), xlim=(0.46, 2.2))
        _name_steps(ax, {0.5: "half", 1: "default", 2: "double"})
        style.style_heading(ax, PATIENCE_TASKS.get(task, task))
        style.label_axes(ax, x="number of epochs")
        label_line_ends(ax, ends)
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
    runs: pd.DataFrame, *, chance: float | None = None, marked: Iterable[int] = (5, 40)
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
    style.label_axes(
        ax, x="multiply-adds of the training (further left: cheaper)", y="test accuracy"
    )
    if chance is not None:
        ax.axhline(chance, gid="chance", **style.DOTTED)
        words, across = f"chance {format_percent(chance)}", ax.get_yaxis_transform()
        style.annotate(ax, words, (0.0, chance), (4, 4), xycoords=across)
    return figure


letter_exercise(
    "05.1",
    "c",
    "What is frozen cannot learn from more images.",
    "What may change in a probe, and what may not?",
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


@exercise("05.3")
def _images_that_the_probe_needs(answer: object) -> Verdict:
    if not isinstance(answer, int | np.integer) or not 1 <= answer <= MAX_FINE_SHOTS:
        return False, f"The answer is a whole number from 1 to {MAX_FINE_SHOTS}: images per class."
    base, found = make_task("fine", shots=1), []
    for seed in FRESH_SEEDS:
        task = base.at(int(answer), seed)
        network = backbone("mini_resnet", classes=len(task.classes))
        found.append(train_and_test(network, task, probe, seed)["test_accuracy"])
    got = float(np.mean(found))
    said = f"With {answer} images per class the probe has {format_percent(got, 0)}, the mean of three seeds."
    return abs(got - FINE_AIM) <= FINE_MARGIN, said
