"""What lesson 05 uses: its tables, figures of accuracy against images, epochs and work, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator

from vtlab.course.exercise import Verdict, exercise
from vtlab.course.tables import controls_table as controls_table
from vtlab.course.tables import read_committed_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.plots import style
from vtlab.plots.legends import draw_legend, label_line_ends
from vtlab.plots.shot_curves import draw_shots
from vtlab.results import labels as names
from vtlab.results.formatting import format_percent
from vtlab.results.metrics import Interval, paired_difference, t_interval
from vtlab.study.run import train_and_test
from vtlab.study.tune import count_trials as count_trials
from vtlab.training.strategies import probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# train and test in every figure of the lesson
TRAIN_LINE: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 1.4}
TEST_LINE: dict[str, Any] = {"linestyle": "-", "linewidth": 2.2}

FINE_AIM, FINE_MARGIN = 0.72, 0.03  # of exercise 05.3
FRESH_SEEDS = range(100, 105)  # no table holds them
MAX_FINE_SHOTS = 160
MIN_SEEDS = 3  # of an interval that is drawn


def widest_shots_table(least_seeds: int = MIN_SEEDS) -> pd.DataFrame:
    """The stored runs of all strategies, with five seeds of scratch and of the probe throughout.

    Above 20 images per class these two are of the plain table: the probe is the same there, and scratch has as
    many epochs as by its own recipe, of larger batches.

    Args:
        least_seeds: What has fewer is left out: the interval of two says nothing.

    Lesson 05.
    """
    own, plain = shots_table("garden"), shots_table("plain")

    def of_plain(runs: pd.DataFrame) -> pd.Series:
        return runs.strategy.isin(["scratch", "probe"]) & (runs.shots > 20)

    both = pd.concat([plain[of_plain(plain)], own[~of_plain(own)]], ignore_index=True)
    return both[both.groupby(["strategy", "shots"]).seed.transform("size") >= least_seeds]


def digits_table() -> pd.DataFrame:
    """Runs on handwritten digits: the probe and scratch, and as strategies the controls "pixels" and "random".

    Lesson 05.
    """
    controls = controls_table()
    free = controls[controls.data == "digits"].rename(columns={"way": "strategy"})
    return pd.concat([shots_table("digits"), free.drop(columns="data")], ignore_index=True)


def list_accuracies(
    runs: pd.DataFrame, strategy: str, shots: int, value: str = "test_accuracy"
) -> pd.Series:
    """The accuracies of one strategy with these shots in percent, by seed.

    Lesson 05.
    """
    rows = runs[(runs.strategy == strategy) & (runs.shots == shots)]
    return 100 * rows.set_index("seed")[value].sort_index()


def find_lead(
    runs: pd.DataFrame, one: str, other: str, shots: int, value: str = "test_accuracy"
) -> Interval:
    """How many points `one` is ahead of `other`, on the seeds that both have, with its 95 % interval.

    Lesson 05.
    """
    ours, theirs = (list_accuracies(runs, name, shots, value) for name in (one, other))
    return paired_difference(*ours.align(theirs, join="inner"))


def list_means(runs: pd.DataFrame) -> pd.DataFrame:
    """A cell for each number of shots (row) and strategy (column): "83.2 ± 5.4 (5)".

    These are the mean test accuracy in percent, the half-width of its 95 % interval over the seeds where there
    are three or more, and how many seeds there are.

    Lesson 05.
    """

    def tell(accuracies: pd.Series) -> str:
        found = t_interval(100 * accuracies)
        half = f" ± {found.half:4.1f}" if len(accuracies) >= MIN_SEEDS else " " * 7
        return f"{found.mean:.1f}{half} ({len(accuracies)})"

    cells = runs.groupby(["shots", "strategy"]).test_accuracy.apply(tell).unstack(fill_value="")
    return cells[sorted(cells, key=names.rank_label)]


def list_doublings(own: pd.DataFrame, plain: pd.DataFrame) -> pd.DataFrame:
    """What twice as many images bring: a row for each strategy and number of shots that was doubled.

    Args:
        own: Runs by recipes chosen within the shots.
        plain: Runs by the plain recipe, with five seeds throughout: scratch and the probe are taken from it.

    Returns:
        `strategy`, `shots` (before), and `mean`, `low` and `high` of the gain, paired by seed, in points; what
        has fewer than three seeds is left out.

    Lesson 05.
    """
    rows = []
    for strategy in sorted(dict.fromkeys(own.strategy), key=names.rank_label):
        table = plain if strategy in ("scratch", "probe") else own
        runs = table[table.strategy == strategy]
        percent = 100 * runs.pivot(index="seed", columns="shots", values="test_accuracy")
        for shots in [n for n in percent if 2 * n in percent]:
            gains = (percent[2 * shots] - percent[shots]).dropna()
            if len(gains) >= MIN_SEEDS:
                found = t_interval(gains)
                rows.append((strategy, shots, found.mean, found.low, found.high))
    return pd.DataFrame(rows, columns=["strategy", "shots", "mean", "low", "high"])


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

    A dashed line leads to a hollow mark: a mean of fewer than three seeds, without an interval.

    Args:
        runs: A table of runs.
        chance: Accuracy without any learning, a dotted line at the left.
        low: Where the accuracy begins at the right.
        first: The least number of images per class at the right.

    Lesson 05.
    """
    figure, axes = style.new_figure(1, 2, height=4.6, pad=0.09, width_ratios=(1, 1.25))
    whole, close = axes[0]
    many = runs[runs.groupby(["strategy", "shots"]).seed.transform("size") >= MIN_SEEDS]
    draw_shots(whole, many, chance=chance, named=False)
    draw_shots(close, many[many.shots >= first], named=False)
    for ax in (whole, close):
        _lead_to_few_seeds(ax, runs)
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


def _lead_to_few_seeds(ax: Axes, runs: pd.DataFrame) -> None:
    """Continue the lines to the means of fewer than three seeds, which the axes do not have yet."""
    cells = runs.groupby(["strategy", "shots"]).test_accuracy.agg(["mean", "size"])
    for strategy in dict.fromkeys(runs.strategy):
        own, label = cells.loc[strategy].sort_index(), names.get_label(strategy)
        few = own[own["size"] < MIN_SEEDS]
        if len(few):
            before = own[own.index < few.index[0]].tail(1)["mean"]
            path = pd.concat([before, few["mean"]])
            line: dict[str, Any] = {
                "color": label.colour,
                "linewidth": 1.4,
                "linestyle": (0, (3, 2)),
            }
            ax.plot(path.index, path, **line)
            hollow: dict[str, Any] = {
                "color": label.colour,
                "marker": label.marker,
                "markersize": 5.5,
            }
            mark: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "white", "zorder": 5}
            ax.plot(few.index, few["mean"], gid=f"few {strategy}", **hollow, **mark)


def plot_doublings(doublings: pd.DataFrame) -> Figure:
    """Points of test accuracy that twice as many images bring, with their 95 % intervals.

    Args:
        doublings: From `list_doublings`.

    Lesson 05.
    """
    figure, axes = style.new_figure(width=0.85 * style.WIDE, height=3.7)
    ax, steps = axes[0, 0], sorted(set(doublings.shots))
    style.prepare_axes(ax, grid="y")
    strategies = sorted(dict.fromkeys(doublings.strategy), key=names.rank_label)
    for place, strategy in enumerate(strategies):
        own, label = doublings[doublings.strategy == strategy], names.get_label(strategy)
        x = np.array([steps.index(n) for n in own.shots]) + 0.12 * (
            place - (len(strategies) - 1) / 2
        )
        bar = {"color": label.colour, "linewidth": 5, "alpha": 0.28, "capstyle": "butt"}
        ax.vlines(x, own.low, own.high, gid=f"interval {strategy}", **bar)
        look = {"color": label.colour, "marker": label.marker, "linewidth": 1.2}
        ax.plot(x, own["mean"], gid=f"mean {strategy}", **look, **style.mark_style(6.5))
    ax.axhline(0, **style.DOTTED)
    ticks = [f"{n} → {2 * n}" for n in steps]
    ax.set_xticks(range(len(steps)), ticks, **style.font_style(style.SMALL, style.QUIET))
    style.style_heading(ax, "Twice as many photographs: what do they bring?")
    style.label_axes(ax, x="images per class", y="points of test accuracy gained")
    draw_legend(figure, strategies)
    return figure


FLOORS = {
    "random": ("probe, random weights", style.QUIET, (0, (4, 2))),
    "pixels": ("nearest in plain pixels", style.WRONG, (0, (1, 1.5))),
}


def plot_near_and_far(near: pd.DataFrame, far: pd.DataFrame, controls: pd.DataFrame) -> Figure:
    """Learning curves of the probe and of scratch on the near and on the far task, with their controls.

    Args:
        near: Runs on the garden.
        far: Runs on the digits.
        controls: As `controls_table`.

    Lesson 05.
    """
    figure, axes = style.new_figure(1, 2, height=4.2, pad=0.09, sharey=True)
    panels = {
        "garden": ("Near: plants, from weights that know plants", near),
        "digits": ("Far: handwritten digits, from the same weights", far),
    }
    for ax, (data, (title, runs)) in zip(axes[0], panels.items(), strict=True):
        runs = runs[runs.strategy.isin(["scratch", "probe"])]
        draw_shots(ax, runs, named=False)
        own = controls[(controls.data == data) & controls.shots.isin(runs.shots)]
        ends = {}
        for way, (words, colour, dashes) in FLOORS.items():
            means = own[own.way == way].groupby("shots").test_accuracy.mean()
            if len(means):
                ax.plot(means, color=colour, linestyle=dashes, linewidth=1.8, gid=f"control {way}")
                ends[words] = (means.index[-1], means.iloc[-1])
        for strategy, of in runs.groupby("strategy"):
            last = of[of.shots == of.shots.max()]
            ends[str(strategy)] = (last.shots.iloc[0], last.test_accuracy.mean())
        style.style_heading(ax, title)
        colours = {words: colour for words, colour, _ in FLOORS.values()}
        label_line_ends(ax, ends, colours)
    style.label_axes(axes[0, 1], y="")
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


SCRATCH_SHOTS, RATIO = 80, 1.5  # of exercise 05.1: what is converted, how far off is right


@exercise("05.1")
def _images_of_the_probe(answer: object) -> Verdict:
    if not isinstance(answer, int | float | np.integer | np.floating) or not answer > 0:
        return False, "The answer is one number of images per class."
    table = widest_shots_table()
    means = table.groupby(["strategy", "shots"]).test_accuracy.mean()
    probed = means["probe"]
    wanted = 2 ** np.interp(means["scratch", SCRATCH_SHOTS], probed, np.log2(probed.index))
    right = bool(wanted / RATIO <= answer <= wanted * RATIO)
    return right, (
        f"About {wanted:.0f} with a probe do what {SCRATCH_SHOTS} do from scratch."
        if right
        else f"Which accuracy has scratch with {SCRATCH_SHOTS}, and where does the probe have it?"
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
    said = f"With {answer} images per class the probe has {format_percent(got, 0)}, the mean of five seeds."
    return abs(got - FINE_AIM) <= FINE_MARGIN, said
