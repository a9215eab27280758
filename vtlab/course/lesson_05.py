"""What lesson 05 uses: its tables, figures of accuracy against images, epochs and work, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from vtlab.course.exercise import Verdict, exercise
from vtlab.course.learning_figures import TEST_LINE as TEST_LINE
from vtlab.course.learning_figures import TRAIN_LINE as TRAIN_LINE
from vtlab.course.learning_figures import plot_overfitting as plot_overfitting
from vtlab.course.learning_figures import plot_stopping as plot_stopping
from vtlab.course.learning_figures import plot_work as plot_work
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
