"""What lesson 16 uses: figures of the tables of real photographs, a learning curve, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import hypot
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import t

from vtlab.course.decision_chart import NEARNESS as NEARNESS
from vtlab.course.decision_chart import list_decisions as list_decisions
from vtlab.course.decision_chart import list_gains as list_gains
from vtlab.course.decision_chart import plot_decisions as plot_decisions
from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.own_curve import STRENGTHS as STRENGTHS
from vtlab.course.own_curve import measure_own_curve as measure_own_curve
from vtlab.course.own_curve import plot_own_curve as plot_own_curve
from vtlab.course.own_curve import predict_gain as predict_gain
from vtlab.course.tables import real_table as real_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.plots import style
from vtlab.plots.legends import draw_legend, spread_apart
from vtlab.results.formatting import format_percent
from vtlab.results.labels import get_label, rank_label
from vtlab.results.metrics import (
    Interval,
    balanced_accuracy,
    interval,
)

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
