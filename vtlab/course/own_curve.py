"""Lesson 16: the learning curve of a learner's own images, and what more of them would bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vtlab.data.splits import stratified_split
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
    splits = {share: stratified_split(images.labels, share, 0) for share in SHARES_HELD_BACK}
    if len({len(kept) for kept, _ in splits.values()}) < len(splits):
        raise ValueError("a class has so few images that a quarter and a half of them are the same")
    for share, (kept, _) in splits.items():
        found = probe_grid(
            network, images.pixels, images.labels, seeds=seeds, strengths=STRENGTHS, share=share
        )
        best = found[:, found.mean(0).argmax()].tolist()
        rows += [(len(kept), seed, accuracy) for seed, accuracy in zip(seeds, best, strict=True)]
    return pd.DataFrame(rows, columns=["images", "seed", "accuracy"])


def predict_gain(curve: pd.DataFrame, images: int, more: int) -> Interval:
    """What `more` images would add to a probe's accuracy with `images` of them, in points, with its interval.

    The straight line of least squares over the logarithm of the images is continued, split by split. Curves
    flatten: this is rather too much than too little. It knows nothing of 100 %.

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
    gains = (100 * _fit_slopes(splits) * np.log2(1 + more / images)).tolist()
    held = SHARES_HELD_BACK[-1]
    return resampled_interval(gains, train=round(100 * (1 - held)), test=round(100 * held))


def _fit_slopes(splits: pd.DataFrame) -> np.ndarray:
    """Accuracy for each doubling of the images: a number for each row, its columns are numbers of images."""
    doublings = np.log2(splits.columns.to_numpy(float))
    return np.polyfit(doublings, splits.to_numpy().T, 1)[0]


def plot_own_curve(curve: pd.DataFrame, images: int, more: int) -> Figure:
    """A probe's accuracy against training images, continued by what `predict_gain` says of `more` images.

    What the line promises beyond 100 % is cut.

    Args:
        curve: From `measure_own_curve`.
        images: How many there are.
        more: How many might be added.

    Lesson 16.
    """
    gain = predict_gain(curve, images, more)
    means = curve.groupby("images").accuracy.mean()
    slope = _fit_slopes(means.to_frame().T)[0]
    counts = np.array([means.index[0], images, images + more])
    line = means.mean() + slope * (np.log2(counts) - np.log2(means.index.to_numpy(float)).mean())
    top = min(1.0, line[-1])
    figure, axes = style.new_figure(width=0.72 * style.WIDE, height=3.4)
    ax, label = axes[0, 0], get_label("probe")
    style.prepare_axes(ax, grid="y")
    look = {"color": label.colour, "linewidth": 2}
    dots = style.mark_style(3.5, 0) | {"color": label.colour, "alpha": 0.25}
    ax.plot(curve.images, curve.accuracy, "o", gid="splits", **dots)
    ax.plot(means.index, means, marker="o", gid="means", **look, **style.mark_style(6.5))
    ax.plot(counts, line, linestyle=(0, (4, 2)), gid="line", **look)
    ends = [min(1.0, line[-1] + (end - gain.mean) / 100) for end in (gain.low, gain.high)]
    ax.plot([images + more] * 2, ends, gid="interval", color=label.colour, linewidth=5, alpha=0.3)
    ax.plot([images + more], [top], marker="o", markerfacecolor="white", markersize=7, **look)
    words = f"{more} more: {gain.mean:+.1f} points\n({gain.low:+.1f} to {gain.high:+.1f})"
    style.annotate(
        ax, words, (images + more, top), (10, 0), va="center", colour=label.colour, weight="bold"
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
    ax.set_ylim(top=min(1.02, ax.get_ylim()[1]))  # beyond 100 % the line is cut
    ax.yaxis.set_major_formatter(lambda value, _: format_percent(value, 0))
    style.style_heading(ax, f"What would {more} more photographs bring?")
    style.label_axes(ax, x="training images in all", y="accuracy on held-back images")
    return figure
