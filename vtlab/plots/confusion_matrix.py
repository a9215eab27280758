"""Confusion matrices: which class is taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap
from numpy.typing import ArrayLike

from vtlab.plots import style
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME_WIDTH = 1.4  # inches: a class name at most


def plot_confusion(
    counts: ArrayLike | Mapping[str, ArrayLike],
    classes: Sequence[str],
    *,
    columns: int | None = None,
) -> Figure:
    """Which class is taken for which: each true class a row, in percent of the row.

    Args:
        counts: `(K, K)`, rows true; or one for each strategy's name, drawn side by side.
        classes: The K class names.
        columns: How many side by side.

    Raises:
        ValueError: If a matrix is not `(K, K)`.

    Lesson 01.
    """
    tables = counts if isinstance(counts, Mapping) else {"": counts}
    columns = columns or min(len(tables), 4 if len(classes) <= 10 else 2)
    rows, k = -(-len(tables) // columns), len(classes)
    # names and numbers take their room first; where a cell is too small, numbers are left out
    names_width = max(
        style.measure_styled_text(name, style.SMALL) for name in _class_ticks(classes)
    )
    side = min((style.WIDE - names_width - 0.5) / columns - 0.12, max(3.0, 0.4 * k))
    digits = style.SMALL if side / k > 0.24 else 6.2 if side / k > 0.17 else None
    upright = names_width < 0.9 * side / k
    figure, axes = style.new_figure(
        rows,
        columns,
        width=names_width + 0.5 + columns * (side + 0.12),
        pad=0.05,
        height=(0.2 if upright else names_width) + 0.5 + rows * (side + 0.26),
        sharex=True,
        sharey=True,
        layout="compressed",
    )
    for i, (ax, (name, table)) in enumerate(zip(axes.flat, tables.items(), strict=False)):
        label = names.get_label(name)
        draw_confusion(
            ax, table, classes, colour=label.colour if name else style.BLUE, digits=digits
        )
        ax.tick_params("x", labelbottom=i + columns >= len(tables))
        ax.tick_params("x", labelrotation=0 if upright else 90)
        ax.set_title(label.text, pad=6, **style.font_style(style.BODY, label.colour, weight="bold"))
    for ax in axes.flat[len(tables) :]:
        ax.set_visible(False)
    figure.supxlabel(
        "predicted, in percent of the true class", **style.font_style(style.SMALL, style.QUIET)
    )
    figure.supylabel("true", **style.font_style(style.SMALL, style.QUIET))
    return figure


def draw_confusion(
    ax: Axes,
    counts: ArrayLike,
    classes: Sequence[str],
    *,
    colour: str = style.BLUE,
    digits: float | None = style.SMALL,
) -> None:
    """Draws one confusion matrix; a class without images is an empty row.

    Args:
        ax: The axes to draw on.
        counts: `(K, K)`, rows true.
        classes: The K class names.
        colour: Of a cell that holds all images of its class.
        digits: Size of the numbers in points; None for no numbers.

    Raises:
        ValueError: If the counts are not `(K, K)`.
    """
    table, k = np.asarray(counts), len(classes)
    if table.shape != (k, k):
        raise ValueError(f"{k} classes need counts ({k}, {k}), got {table.shape}")
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    style.prepare_axes(ax)
    ax.spines[:].set_visible(False)
    ax.imshow(shares, cmap=_colour_ramp(colour), vmin=0, vmax=1, interpolation="nearest")
    ticks = _class_ticks(classes)
    wording = style.font_style(style.SMALL if k <= 12 else style.TINY, style.QUIET)
    ax.set_xticks(range(k), ticks, rotation=90, **wording)
    ax.set_yticks(range(k), ticks, **wording)
    # minor ticks between the classes, whose grid lines part the cells
    ax.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    ax.grid(True, which="minor", color="white", linewidth=1.2, linestyle="-", alpha=1)
    if digits is None:
        return
    for row, column in np.argwhere(shares >= 0.005):
        share = shares[row, column]
        wording = style.font_style(digits, "white" if share > 0.55 else style.INK)
        ax.text(column, row, f"{100 * share:.0f}", ha="center", va="center", **wording)


def _colour_ramp(colour: str) -> Colormap:
    """A colour map from almost white to the colour."""
    return LinearSegmentedColormap.from_list(colour, ["#f4f5f7", colour])


def _class_ticks(classes: Sequence[str]) -> list[str]:
    return [style.shorten_styled_text(name, NAME_WIDTH, style.SMALL) for name in classes]
