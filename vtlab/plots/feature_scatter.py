"""A figure of images as points on a plane of their features, coloured by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from vtlab.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# eight classes that colour-blind readers tell apart, each with a mark of its own
CLASS_MARKS = (
    ("#0072B2", "o"),
    ("#D98E04", "^"),
    ("#00805F", "D"),
    ("#C4461B", "P"),
    ("#56A8DC", "s"),
    ("#A94C86", "v"),
    ("#1f2933", "X"),
    ("#9A8F00", "p"),
)


def plot_scatter(
    panels: Mapping[str, ArrayLike],
    labels: ArrayLike,
    classes: Sequence[str],
    *,
    columns: int | None = None,
) -> Figure:
    """Features of images along two axes, coloured by class: a panel each.

    Args:
        panels: For each title `(N, 2)`, from `project_to_plane`.
        labels: `(N,)`.
        classes: The class names, eight at most.
        columns: How many side by side.

    Raises:
        ValueError: If there is no panel, one is not `(N, 2)`, or there are more classes than marks.

    Lesson 02.
    """
    given = np.asarray(labels)
    if len(classes) > len(CLASS_MARKS):
        raise ValueError(f"{len(classes)} classes, but only {len(CLASS_MARKS)} marks")
    points = {title: np.asarray(of, dtype=float) for title, of in panels.items()}
    if misshapen := [title for title, of in points.items() if of.shape != (len(given), 2)]:
        raise ValueError(
            f"{misshapen[0]}: {len(given)} images need points ({len(given)}, 2), "
            f"got {points[misshapen[0]].shape}"
        )
    if not points:
        raise ValueError("there is nothing to draw")
    columns = columns or min(len(points), 4)
    rows = -(-len(points) // columns)
    height = 0.5 + rows * (style.WIDE / columns + 0.25)
    figure, axes = style.new_figure(rows, columns, height=height, pad=0.06)
    for ax, (title, of) in zip(axes.flat, points.items(), strict=False):
        _draw_points(ax, of, given, classes)
        style.style_heading(ax, title)
    for ax in axes.flat[len(points) :]:
        ax.set_visible(False)
    # the legend's marks are larger than the points, and drawn without any point
    marks = [
        axes[0, 0].plot(
            [], [], linestyle="none", color=colour, marker=marker, markersize=5, label=name
        )[0]
        for name, (colour, marker) in zip(classes, CLASS_MARKS, strict=False)
    ]
    figure.legend(
        handles=marks,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        handletextpad=0.2,
        **style.legend_font_style(),
    )
    return figure


def _draw_points(ax: Axes, points: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> None:
    """Draw the points of each class in its colour and with its mark."""
    style.prepare_axes(ax)
    ax.set_xticks([])
    ax.set_yticks([])
    for k, (colour, marker) in zip(range(len(classes)), CLASS_MARKS, strict=False):
        own = points[labels == k]
        ax.plot(
            own[:, 0],
            own[:, 1],
            linestyle="none",
            color=colour,
            marker=marker,
            alpha=0.85,
            gid=f"class {k}",
            **style.mark_style(4, 0.4),
        )
    ax.margins(0.06)
    ax.set_aspect("equal", adjustable="datalim")  # a distance is one in every direction
