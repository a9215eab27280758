"""Figures of repairs: the changed worlds, the part that was changed, its rates, and where features went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from vtlab.course.shifted_worlds import PARTS, choose_rates
from vtlab.plots import style
from vtlab.plots.image_grids import plot_image_rows
from vtlab.results import metrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vtlab.data.tasks import Task

Look: TypeAlias = dict[str, Any]  # keywords for matplotlib

SHIFT_TITLES = {
    "noise": "Noise",
    "species": "Other species",
    "names": "Names swapped",
}
PART_NAMES = {
    "statistics": "statistics (no weight)",
    "stage1": "stage 1",
    "stage2": "stage 2",
    "stage3": "stage 3",
    "stage4": "stage 4",
    "head": "head (solved)",
}
WORLD_NAMES = {"old world": "old world", "noise": "noise", "species": "other species"}
SHOWN = 3  # of each genus' test images, the one that is shown
RATE_COLOURS = {  # the darker, the larger
    1e-4: "#D3E4EF",
    3e-4: "#B3D1E4",
    1e-3: "#86B6D5",
    3e-3: "#4A90BC",
    1e-2: "#1F5F8B",
    3e-2: "#08304F",
}
LINE, LIFT = 0.36, 0.25  # inches of a row, and how far rates stand apart in it
EDGE = 1.03  # where figures at the right begin, in shares of the axes


def plot_worlds(worlds: Mapping[str, Task]) -> Figure:
    """One plant of each genus, outlined: in the old world, in noise, and of another species.

    Args:
        worlds: From `list_worlds`.

    Lesson 06.
    """
    old = worlds["old world"]
    places = [int((old.test.labels == k).nonzero()[SHOWN]) for k in range(len(old.classes))]
    shown = {WORLD_NAMES[name]: worlds[name].test[torch.tensor(places)] for name in WORLD_NAMES}
    return plot_image_rows(
        {name: images.pixels for name, images in shown.items()},
        titles=old.classes,
        masks={name: images.masks for name, images in shown.items() if images.masks is not None},
    )


def plot_repairs(repairs: pd.DataFrame) -> Figure:
    """Accuracy after one part was changed: a panel for each shift, a row for each part.

    A dot is the mean at a rate. A bar is the mean and the 95 % t-interval at the rate that was chosen on the
    other seeds (`choose_rates`), and its mean stands at the right.

    Args:
        repairs: From `repairs_table`.

    Raises:
        ValueError: If no run is of a known part.

    After figure 2 of Lee et al. (2023). Lesson 06.
    """
    rows = repairs[repairs.part.isin(PARTS)]
    if rows.empty:
        raise ValueError("the table has no repair of a known part")
    shifts = [shift for shift in SHIFT_TITLES if (rows["shift"] == shift).any()]
    height = 1.25 + LINE * len(PARTS)
    figure, axes = style.new_figure(columns=len(shifts), height=height, sharey=True)
    chosen = choose_rates(rows)
    for ax, shift in zip(axes[0], shifts, strict=True):
        style.prepare_axes(ax, grid="x")
        ax.spines["left"].set_visible(False)
        of_shift = rows[rows["shift"] == shift]
        for place, part in enumerate(PARTS):
            _draw_rates(ax, of_shift[of_shift.part == part], place)
            own = chosen[(chosen["shift"] == shift) & (chosen.part == part)]
            _draw_chosen(ax, metrics.t_interval(own.test_accuracy), place, f"{part} {shift}")
        before = of_shift.groupby("seed").before.first().mean()
        ax.axvline(before, **style.DOTTED)
        at = (before, 1), (3, -1)
        style.annotate(ax, "before", *at, xycoords=ax.get_xaxis_transform(), va="top")
        ax.set(xlim=(-0.02, 1), ylim=(len(PARTS) - 0.45, -0.85))
        style.set_percent_axis(ax.xaxis)
        style.style_heading(ax, SHIFT_TITLES[shift])
        style.label_axes(ax, x="test accuracy")
    names = [PART_NAMES.get(part, part) for part in PARTS]
    axes[0, 0].set_yticks(range(len(PARTS)), names, **style.font_style())
    handles = [
        axes[0, 0].plot([], [], "o", color=colour, label=f"rate {rate:g}", markersize=5)[0]
        for rate, colour in RATE_COLOURS.items()
        if (rows.rate == rate).any()
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=6,
        frameon=False,
        handletextpad=0.1,
        **style.legend_font_style(),
    )
    return figure


def _draw_rates(ax: Axes, runs: pd.DataFrame, place: int) -> None:
    """A dot for the mean at each rate, the smallest above."""
    means = runs.dropna(subset="rate").groupby("rate").test_accuracy.mean()
    lifts = np.linspace(-LIFT, LIFT, len(means)) if len(means) > 1 else [0.0] * len(means)
    for (rate, mean), lift in zip(means.items(), lifts, strict=True):
        look: Look = {"color": RATE_COLOURS[rate], "gid": f"rate {rate:g}", "zorder": 3}
        ax.plot(mean, place + lift, "o", **look, **style.mark_style(5.5, 0.6))


def _draw_chosen(ax: Axes, of: metrics.Interval, place: int, gid: str) -> None:
    """The interval as a pale bar with its mean as a line, and in figures at the right."""
    bar: Look = {"height": 0.78, "color": style.BLUE, "alpha": 0.2, "linewidth": 0}
    ax.barh(place, of.high - of.low, left=of.low, gid=f"interval {gid}", **bar)
    line: Look = {"color": style.INK, "linewidth": 1.6, "gid": f"mean {gid}"}
    ax.plot([of.mean] * 2, [place - 0.39, place + 0.39], **line)
    bold = style.font_style(style.SMALL, style.INK, weight="bold")
    where = ax.get_yaxis_transform()
    ax.text(EDGE, place, f"{100 * of.mean:.0f}", transform=where, va="center", **bold)


def compare_directions(before: ArrayLike, after: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Cosine similarities `(K, K)` of the classes' mean features after a training (rows) and before (columns).

    From each set of features the mean over its classes is taken away first.

    Args:
        before: Features `(N, D)`.
        after: Of the same images `(N, D)`.
        labels: `(N,)`, from 0 to K - 1.

    Raises:
        ValueError: If shapes differ.

    Lesson 06.
    """
    old, new = (np.asarray(given, dtype=float) for given in (before, after))
    of = np.asarray(labels)
    if old.shape != new.shape or len(old) != len(of):
        raise ValueError(f"{old.shape}, {new.shape} features and {len(of)} labels do not fit")
    means = []
    for features in (new, old):
        own = np.stack([features[of == k].mean(0) for k in range(of.max() + 1)])
        own -= own.mean(0)
        means.append(own / np.linalg.norm(own, axis=1, keepdims=True))
    return means[0] @ means[1].T


def plot_directions(panels: Mapping[str, ArrayLike], classes: Sequence[str]) -> Figure:
    """Cosine similarities of classes as matrices side by side; the largest of each row is framed.

    Args:
        panels: For each title a matrix `(K, K)`, from `compare_directions`.
        classes: The K names.

    Raises:
        ValueError: If a matrix is not `(K, K)`.

    Lesson 06.
    """
    k = len(classes)
    tables = {title: np.asarray(of, dtype=float) for title, of in panels.items()}
    if odd := [of.shape for of in tables.values() if of.shape != (k, k)]:
        raise ValueError(f"{k} classes need a matrix ({k}, {k}), got {odd[0]}")
    figure, axes = style.new_figure(
        columns=len(tables), width=0.92 * style.WIDE, height=4.7, sharey=True, layout="compressed"
    )
    wording = style.font_style(style.SMALL, style.QUIET)
    for ax, (title, table) in zip(axes[0], tables.items(), strict=True):
        style.prepare_axes(ax)
        ax.spines[:].set_visible(False)
        ax.imshow(table, cmap="PuOr", vmin=-1, vmax=1, interpolation="nearest")
        ax.set_xticks(range(k), classes, rotation=90, **wording)
        ax.set_yticks(range(k), classes, **wording)
        for row, column in np.ndindex(k, k):
            value = table[row, column]
            ink = "white" if abs(value) > 0.62 else style.INK
            middle: Look = {"ha": "center", "va": "center"}
            ax.text(column, row, f"{100 * value:.0f}", **middle, **style.font_style(7.5, ink))
        for row, column in enumerate(table.argmax(1)):
            frame: Look = {"fill": False, "edgecolor": style.INK, "linewidth": 2}
            corner = (column - 0.5, row - 0.5)
            ax.add_patch(Rectangle(corner, 1, 1, gid=f"largest {row} {title}", **frame))
        style.style_heading(ax, title)
        style.label_axes(ax, x="features before, by genus")
    style.label_axes(axes[0, 0], y="features now, by genus")
    return figure
