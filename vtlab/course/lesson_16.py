"""What lesson 16 uses: its table of real photographs and its figure, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import t

from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import real_table as real_table
from vtlab.plots import style
from vtlab.plots.legends import draw_legend
from vtlab.results.labels import get_label, rank_label
from vtlab.results.metrics import Interval, balanced_accuracy, interval

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


letter_exercise(
    "16.3",
    "b",
    "What looks alike stays alike, even in random features.",
    "Which of the three would also hold for the garden, where random weights are at chance?",
)
