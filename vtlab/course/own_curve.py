"""Lesson 16: the learning curve of a learner's own images, and what more of them would bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vtlab.data.tasks import Task
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.results.formatting import format_percent
from vtlab.results.labels import get_label
from vtlab.results.metrics import (
    Interval,
    resampled_interval,
)
from vtlab.training.probe import probe_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
