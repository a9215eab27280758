"""What lesson 16 uses: figures of the tables of real photographs, a learning curve, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import hypot
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from scipy.stats import t

from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.tables import real_table as real_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.data.tasks import Task
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.plots.legends import draw_legend, spread_apart
from vtlab.results.formatting import format_percent
from vtlab.results.labels import get_label, rank_label
from vtlab.results.metrics import (
    Interval,
    balanced_accuracy,
    interval,
    paired_difference,
    resampled_interval,
)
from vtlab.training.probe import probe_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


ROW_HEIGHT = 2.0  # inches
DODGE = 0.14  # between two strategies, of the distance between two numbers of shots


def plot_starts(table: pd.DataFrame) -> Figure:
    """Accuracies of the strategies: a row for each start, a column for each data set, a group for each shots.

    A small dot is a seed, a mark their mean, a bar its 95 % interval: of the spread over seeds, which the
    strategies of a group are taken to share since seeds are few, and of the test set. Training from
    scratch knows no start: one that has no such runs shows those of the start above it, so that
    each small figure can be read alone.

    Args:
        table: As `real_table` gives it, or a part of it.

    Raises:
        ValueError: If there is no run.

    Lesson 16.
    """
    if not len(table):
        raise ValueError("there is no run to draw")
    table = table[table.test_accuracy.notna()]
    data, starts = list(dict.fromkeys(table.data)), list(dict.fromkeys(table.start))
    shots, strategies = sorted(set(table.shots)), sorted(set(table.strategy), key=rank_label)
    height = 0.9 + ROW_HEIGHT * len(starts)
    figure, axes = style.new_figure(
        len(starts), len(data), height=height, pad=0.05, sharex=True, sharey=True
    )
    scratch: dict[str, pd.DataFrame] = {}
    for line, start in zip(axes, starts, strict=True):
        for ax, of in zip(line, data, strict=True):
            some = table[(table.data == of) & (table.start == start)]
            if not len(some):
                ax.set_axis_off()
                continue
            own = some[some.strategy == "scratch"]
            if len(own):
                scratch[of] = own
            elif of in scratch:
                some = pd.concat([some, scratch[of]])
            _draw_groups(ax, some, shots, strategies)
        style.label_axes(line[0], y="test accuracy")
        line[0].annotate(
            f"from {start}",
            (0, 0.5),
            (-64, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            rotation=90,
            ha="center",
            va="center",
            **style.font_style(style.SMALL, style.INK, weight="bold"),
        )
    for ax, of in zip(axes[0], data, strict=True):
        style.style_heading(ax, of)
    for ax in axes[-1]:
        style.label_axes(ax, x="images per class", pad=5)
    draw_legend(figure, strategies)
    return figure


def _draw_groups(
    ax: Axes, runs: pd.DataFrame, shots: Sequence[int], strategies: Sequence[str]
) -> None:
    """One data set from one start: a group of marks for each number of shots, and chance."""
    style.prepare_axes(ax, grid="y")
    for place, number in enumerate(shots):
        group = runs[runs.shots == number]
        for strategy, found in _summarise_group(group).items():
            label = get_label(strategy)
            x = place + DODGE * (strategies.index(strategy) - (len(strategies) - 1) / 2)
            seeds = group[group.strategy == strategy].test_accuracy
            dots = style.mark_style(2.5, 0) | {"color": label.colour, "alpha": 0.5}
            bar = style.style_band(label.colour, 0.3, f"interval {strategy}") | {"linewidth": 2.4}
            ax.plot([x, x], [found.low, found.high], solid_capstyle="butt", **bar)
            ax.plot([x] * len(seeds), seeds, "o", gid=f"seeds {strategy}", **dots)
            ax.plot(
                [x],
                [found.mean],
                marker=label.marker,
                color=label.colour,
                zorder=4,
                gid=f"mean {strategy}",
                **style.mark_style(5.5),
            )
    for place in range(1, len(shots)):
        ax.axvline(place - 0.5, color=style.FAINT, linewidth=0.9)
    ax.axhline(runs.chance.mean(), gid="chance", **style.DOTTED)
    ax.set_xticks(
        range(len(shots)),
        [str(number) for number in shots],
        **style.font_style(style.SMALL, style.QUIET),
    )
    ax.set(xlim=(-0.5, len(shots) - 0.5), ylim=(0, 1.02))
    style.set_percent_axis(ax.yaxis)


def _summarise_group(group: pd.DataFrame) -> dict[str, Interval]:
    """The interval of each strategy's mean; all share one variance over seeds, and the size of the test set."""
    by_strategy = group.groupby("strategy", sort=False).test_accuracy
    freedom = len(group) - by_strategy.ngroups
    spread = (group.test_accuracy - by_strategy.transform("mean")).pow(2).sum()
    found = {}
    for strategy, seeds in by_strategy:
        tested = interval([seeds.mean()], int(group.test_images.min()))
        half = 0.0
        if freedom:
            half = float(t.ppf(0.975, freedom) * (spread / freedom / len(seeds)) ** 0.5)
        low, high = (hypot(half, tested.mean - tested.low), hypot(half, tested.high - tested.mean))
        found[str(strategy)] = Interval(
            tested.mean,
            max(0.0, tested.mean - low),
            min(1.0, tested.mean + high),
            len(seeds),
            half,
            tested.test_half,
        )
    return found


SHARES_HELD_BACK = (0.75, 0.5, 0.25)
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # of L2


def measure_own_curve(network: Network, task: Task, seeds: Sequence[int]) -> pd.DataFrame:
    """Accuracies of a probe that learns from a quarter, a half and three quarters of the training images.

    The rest is held back and judges. The strength of L2 is the best of four for each number of images.

    Args:
        network: Its stages are used, frozen.
        task: Its `train` images, and no others, are used.
        seeds: Of the splits.

    Returns:
        A row per split: `images` that were learnt from, `seed`, `accuracy`.

    Raises:
        ValueError: If a class has too few images.

    Lesson 16.
    """
    images, rows = task.train, []
    for share in SHARES_HELD_BACK:
        found = probe_grid(
            network, images.pixels, images.labels, seeds=seeds, strengths=STRENGTHS, share=share
        )
        best = found[:, found.mean(0).argmax()].tolist()
        count = round((1 - share) * len(images))
        rows += [(count, seed, accuracy) for seed, accuracy in zip(seeds, best, strict=True)]
    return pd.DataFrame(rows, columns=["images", "seed", "accuracy"])


def predict_gain(curve: pd.DataFrame, images: int, more: int) -> Interval:
    """What `more` images would add to a probe's accuracy with `images` of them, and its 95 % interval.

    The last piece of the curve is continued as a straight line over the logarithm of the images. Curves
    flatten: this is rather too much than too little.

    Args:
        curve: From `measure_own_curve`.
        images: How many there are.
        more: How many are added.

    Raises:
        ValueError: If the curve has fewer than two numbers of images.

    Lesson 16.
    """
    splits = curve.pivot(index="seed", columns="images", values="accuracy")
    if len(splits.columns) < 2:
        raise ValueError("a curve has two numbers of images or more")
    few, many = splits.columns[-2:]
    slopes = (splits[many] - splits[few]) / np.log2(many / few)
    held = SHARES_HELD_BACK[-1]
    gains = (slopes * np.log2(1 + more / images)).tolist()
    return resampled_interval(gains, train=round(100 * (1 - held)), test=round(100 * held))


def plot_own_curve(curve: pd.DataFrame, images: int, more: int) -> Figure:
    """A probe's accuracy against training images, continued by what `predict_gain` says of `more` images.

    Args:
        curve: From `measure_own_curve`.
        images: How many there are.
        more: How many might be added.

    Lesson 16.
    """
    gain = predict_gain(curve, images, more)
    means = curve.groupby("images").accuracy.mean()
    few, many = means.index[-2:]
    slope = (means[many] - means[few]) / np.log2(many / few)
    now, then = (means[many] + slope * np.log2(count / many) for count in (images, images + more))
    figure, axes = style.new_figure(width=0.72 * style.WIDE, height=3.4)
    ax, label = axes[0, 0], get_label("probe")
    style.prepare_axes(ax, grid="y")
    line = {"color": label.colour, "linewidth": 2}
    dots = style.mark_style(3.5, 0) | {"color": label.colour, "alpha": 0.25}
    ax.plot(curve.images, curve.accuracy, "o", gid="splits", **dots)
    ax.plot(means.index, means, marker="o", gid="means", **line, **style.mark_style(6.5))
    ax.plot([many, images, images + more], [means[many], now, then], linestyle=(0, (4, 2)), **line)
    ends = [now + gain.low, now + gain.high]
    ax.plot([images + more] * 2, ends, gid="interval", color=label.colour, linewidth=5, alpha=0.3)
    ax.plot([images + more], [then], marker="o", markerfacecolor="white", markersize=7, **line)
    words = f"{more} more: {100 * gain.mean:+.1f} points\n({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    style.annotate(
        ax, words, (images + more, then), (10, 0), va="center", colour=label.colour, weight="bold"
    )
    ax.axvline(images, **style.DOTTED)
    style.annotate(
        ax, "what you have", (images, 0.02), (-4, 0), xycoords=ax.get_xaxis_transform(), ha="right"
    )
    ax.set_xscale("log", base=2)
    ticks = [*means.index, images, images + more]
    ax.set_xticks(ticks, [str(count) for count in ticks])
    ax.minorticks_off()
    ax.set_xlim(means.index[0] / 1.12, (images + more) * 1.5)
    ax.yaxis.set_major_formatter(lambda value, _: format_percent(value, 0))
    style.style_heading(ax, f"What would {more} more photographs bring?")
    style.label_axes(ax, x="training images in all", y="accuracy on held-back images")
    return figure


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


STARTS = {
    "garden": "from the garden's weights",
    "natural": "from natural weights",
    "efficientnet_lite0": "from ImageNet's weights",
}


def plot_photo_to_sketch(table: pd.DataFrame) -> Figure:
    """What was learnt from photographs, tested on photographs and on sketches: a panel for each start.

    A small dot is a seed, a line joins means.

    Args:
        table: As `real_table` gives it, with one number of shots; rows with a `shifted_accuracy` are drawn.

    Raises:
        ValueError: If there is no such row.

    Lesson 16.
    """
    rows = table[table.shifted_accuracy.notna()]
    if not len(rows):
        raise ValueError("no run was tested on sketches")
    starts = [start for start in STARTS if (rows.start == start).any()]
    figure, axes = style.new_figure(columns=len(starts), height=3.6, sharey=True)
    for ax, start in zip(axes[0], starts, strict=True):
        style.prepare_axes(ax, grid="y")
        runs = rows[rows.start == start]
        ends = runs.groupby("strategy")[["test_accuracy", "shifted_accuracy"]].mean()
        ends = ends.loc[sorted(ends.index, key=rank_label)]
        for strategy, (photos, sketches) in ends.iterrows():
            label = get_label(str(strategy))
            line = {"color": label.colour, "marker": label.marker, "linewidth": 1.8}
            ax.plot(
                [0, 1], [photos, sketches], gid=f"mean {strategy}", **line, **style.mark_style(6)
            )
            own = runs[runs.strategy == strategy]
            dots = style.mark_style(2.5, 0) | {"color": label.colour, "alpha": 0.45}
            for place, column in enumerate(ends):
                ax.plot([place] * len(own), own[column], "o", **dots)
        heights = spread_apart(ends.shifted_accuracy, 0.062, 0.0, 1.0)
        for (strategy, (_, sketches)), height in zip(ends.iterrows(), heights, strict=True):
            label = get_label(str(strategy))
            words = f"{label.text} {format_percent(sketches, 0)}"
            ax.text(1.1, height, words, va="center", **style.font_style(style.SMALL, label.colour))
        ax.set(xlim=(-0.15, 2.1), ylim=(0, 1))
        ax.set_xticks([0, 1], ["photographs", "sketches"], **style.font_style(style.SMALL))
        style.set_percent_axis(ax.yaxis)
        style.style_heading(ax, STARTS[start])
    style.label_axes(axes[0, 0], y="accuracy")
    return figure


@exercise("16.1")
def _images_for_one_point(answer: object) -> Verdict:
    if not isinstance(answer, int | float | np.integer | np.floating):
        return False, "The answer is one number of images."
    if 95 <= answer <= 105:
        return False, "So many must be held back. How many does the folder need, then?"
    right = bool(396 <= answer <= 404)
    return right, "A hundred held back are a quarter of four hundred." if right else (
        "How many images held back make one of them a point, and what share are they?"
    )


@exercise("16.2", function_of="true classes and named ones")
def _balanced(answer: Callable) -> Verdict:
    random = np.random.default_rng(0)
    for counts in ((90, 10), (5, 5), (1, 2, 30)):
        labels = np.repeat(np.arange(len(counts)), counts)
        named = np.where(random.random(len(labels)) < 0.5, labels, 0)
        found = call_answer(answer, labels, named)
        wanted = balanced_accuracy(labels.tolist(), named.tolist())
        if np.shape(found) != () or abs(float(found) - wanted) > 1e-6:
            return False, f"For classes of {counts} images it gave {found}, not {wanted:.3f}."
    return True, "A class counts as much as any other, whatever its size."


LABELS_LOST = (0.03, 0.3)  # what a probe loses by 40 % of wrong labels: .1 on the first seed


@exercise("16.3")
def _bear_wrong_labels(answer: object) -> Verdict:
    if not isinstance(answer, Mapping) or not {0, 0.4} <= {*answer}:
        return (
            False,
            "The answer is a dict of accuracies, with the shares 0 and 0.4 of wrong labels.",
        )
    clean, spoilt = float(answer[0]), float(answer[0.4])
    if not 0.8 < clean <= 1:
        return False, "Without wrong labels the probe should be as good as in the lesson."
    low, high = LABELS_LOST
    if clean - spoilt >= high:
        return (
            False,
            "So much is lost only if the test labels are changed, too, or all in the same way.",
        )
    right = clean - spoilt > low
    return right, (
        "Wrong labels of all kinds cancel, and L2 keeps the probe from learning each of them."
        if right
        else "Are the labels really changed, to *other* classes, before the probe is solved?"
    )
