"""What lesson 16 uses: figures of the tables of real photographs, a learning curve, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy.stats import t

from vtlab.course.decision_chart import NEARNESS as NEARNESS
from vtlab.course.decision_chart import list_decisions as list_decisions
from vtlab.course.decision_chart import list_gains as list_gains
from vtlab.course.decision_chart import list_leads_of_best_start as list_leads_of_best_start
from vtlab.course.decision_chart import plot_decisions as plot_decisions
from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.own_curve import STRENGTHS as STRENGTHS
from vtlab.course.own_curve import measure_own_curve as measure_own_curve
from vtlab.course.own_curve import plot_own_curve as plot_own_curve
from vtlab.course.own_curve import predict_gain as predict_gain
from vtlab.course.tables import controls_table as controls_table
from vtlab.course.tables import real_table as real_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.data.baselines import pixel_neighbour
from vtlab.data.images import Images
from vtlab.data.splits import stratified_split
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.plots.legends import draw_legend, spread_apart
from vtlab.results.formatting import format_percent
from vtlab.results.labels import get_label, rank_label
from vtlab.results.metrics import (
    Interval,
    balanced_accuracy,
    interval,
)
from vtlab.study.run import train_and_test
from vtlab.training.probe import probe_grid
from vtlab.training.strategies import probe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


RANDOM_NETWORKS = 5  # whose mean stands for random weights


def write_photographs(
    images: Images, classes: Sequence[str], kept: Sequence[str], at: Path
) -> None:
    """Write images as JPEG files, a folder for each class.

    Args:
        images: With labels.
        classes: The name of each label.
        kept: The classes that are written.
        at: The folder that holds those of the classes.

    Lesson 16.
    """
    for number, (pixels, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
        if (name := classes[int(label)]) in kept:
            path = at / name / f"{number:03}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(path, quality=90)


def score_start(network: Network, images: Images, seeds: Sequence[int]) -> list[float]:
    """How accurate probes on a frozen network are: each learns from one half and is tested on the other.

    The strength of L2 is the best of four. Where the weights are random, each number is the mean over
    networks that are drawn anew.

    Args:
        network: Its stages are used, its head is not.
        images: With labels.
        seeds: Of the halves.

    Lesson 16.
    """
    draws = range(RANDOM_NETWORKS) if network.origin == "random" else [None]
    found = []
    for draw in draws:
        if draw is not None:
            network.reset_stages(draw)
        pixels, labels = images.pixels, images.labels
        found.append(probe_grid(network, pixels, labels, seeds=seeds, strengths=STRENGTHS))
    mean = torch.stack(found).mean(0)
    return mean[:, mean.mean(0).argmax()].tolist()


def score_pixels(images: Images, seeds: Sequence[int]) -> list[float]:
    """The nearest neighbour in plain pixels on the very halves of `score_start`.

    Lesson 16.
    """
    found = []
    for seed in seeds:
        kept, held = (images[part] for part in stratified_split(images.labels, 0.5, seed))
        found.append(pixel_neighbour(Task("half", (), kept, held, None, seed)))
    return found


def probe_with_shots(
    classes: Sequence[str], shots: int, seeds: Sequence[int], tests: int = 60
) -> list[float]:
    """The accuracies in percent of a probe on some species of the garden, with so many images of each.

    Args:
        classes: Their names.
        shots: Images per species.
        seeds: Of the images to learn from.
        tests: Test images per species, the same for all.

    Lesson 16.
    """
    base = make_task("garden", shots=shots, tests=tests)
    labels = torch.tensor([base.classes.index(name) for name in classes])

    def keep(images: Images) -> Images:
        places = torch.isin(images.labels, labels).nonzero()[:, 0]
        some = images[places]
        return replace(some, labels=torch.searchsorted(labels.sort().values, some.labels))

    found = []
    for seed in seeds:
        train = keep(base.at(shots, seed).train)
        task = Task("species", tuple(classes), train, keep(base.test), shots, seed)
        network = backbone("mini_resnet", classes=len(classes))
        found.append(100 * train_and_test(network, task, probe, seed)["test_accuracy"])
    return found


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


def list_hands(real: pd.DataFrame, controls: pd.DataFrame) -> pd.DataFrame:
    """Hand signs: what plain pixels and random features reach, beside training, in percent (and seeds).

    Args:
        real: As `real_table`.
        controls: As `controls_table`.

    Lesson 16.
    """
    signs, free = real[real.data == "hands"], controls[controls.data == "hands"]

    def of(strategy: str, start: str) -> pd.DataFrame:
        return signs[(signs.strategy == strategy) & (signs.start == start)]

    rows = {
        "nearest in plain pixels": free[free.way == "pixels"],
        "probe, random weights": free[free.way == "random"],
        "probe, natural weights": of("probe", "natural"),
        "full, natural weights": of("full", "natural"),
        "full, natural, longer and faster": free[free.way == "patient"],
        "full, ImageNet's weights": of("full", "efficientnet_lite0"),
        "full, the garden's weights": of("full", "garden"),
        "from scratch": of("scratch", "garden"),
    }
    cells = {
        name: {
            f"{shots} per class": f"{100 * own.mean():.0f} ({len(own)})"
            for shots, own in runs.groupby("shots").test_accuracy
        }
        for name, runs in rows.items()
    }
    return pd.DataFrame.from_dict(cells, "index").fillna("")


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


FORTY = 40  # test images of exercise 16.1


@exercise("16.1")
def _what_forty_say(answer: object) -> Verdict:
    if not isinstance(answer, Sequence | np.ndarray) or len(answer) != 2:
        return False, "The answer is a pair of accuracies, a low one and a high one."
    low, high = map(float, answer)
    if not 0 <= low < high <= 1:
        return False, "Both are shares from 0 to 1, the lower one first."
    middle = (low + high) / 2
    usual = 2 * 1.96 * (middle * (1 - middle) / FORTY) ** 0.5  # of images drawn from endlessly many
    if not 0.6 <= (high - low) / usual <= 1.3:
        words = "narrow" if high - low < usual else "wide"
        return False, f"So {words}? Draw forty images each time, and cut 2.5 % off at both ends."
    return (
        True,
        f"Forty test images may as well say {low:.0%} as {high:.0%}, of one and the same network.",
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
