"""Names of lines: at their ends, or in a legend below all axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import isotonic_regression

from vtlab.plots import style
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def label_line_ends(
    ax: Axes,
    ends: Mapping[str, tuple[float, float]],
    colours: Mapping[str, str] | None = None,
) -> None:
    """Names lines at the right edge of the axes, pushed apart where they would overlap.

    Args:
        ax: Axes whose limits are final.
        ends: For each name the last point of its line `(x, y)`, in data units.
        colours: Of names that are no strategy's.
    """
    low, high = ax.get_ylim()
    pixels = style.SMALL / 72 * ax.figure.dpi * 1.45
    # The layout is not settled yet; axes only become smaller than this by their labels.
    gap = pixels / (0.92 * ax.get_window_extent().height) * (high - low)
    places = spread_apart([y for _, y in ends.values()], gap, low + gap / 2, high)
    for (name, (x, y)), place in zip(ends.items(), places, strict=True):
        label = names.get_label(name)
        known = label.text != name or name in (colours or {})
        colour = (colours or {}).get(name, label.colour if known else style.QUIET)
        arrow = {"arrowstyle": "-", "color": colour, "linewidth": 0.8, "alpha": 0.6}
        ax.annotate(
            label.text,
            xy=(x, y),
            xytext=(1.025, place),
            xycoords="data",
            textcoords=ax.get_yaxis_transform(),
            va="center",
            annotation_clip=False,
            arrowprops=arrow | {"shrinkA": 2, "shrinkB": 5, "relpos": (0, 0.5)},
            **style.font_style(style.SMALL, colour, weight="bold" if known else "normal"),
        )


def spread_apart(wanted: Iterable[float], gap: float, low: float, high: float) -> np.ndarray:
    """Places as near as possible to those wanted, at least `gap` apart, within the limits.

    The least-squares answer: without the gaps it is an isotonic regression. Where the limits
    leave too little room, the gaps win and the upper limit is passed.
    """
    values = np.asarray(list(wanted), dtype=float)
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    flat = isotonic_regression(values[order] - steps).x
    places = np.empty_like(values)
    places[order] = flat.clip(low, max(low, high - steps[-1])) + steps
    return places


def draw_legend(figure: Figure, shown: Iterable[str]) -> None:
    """Draws marks and names of strategies or backbones below all axes."""
    ax = figure.axes[0]
    handles = [
        ax.plot(
            [],
            [],
            color=of.colour,
            marker=of.marker,
            linewidth=2,
            label=of.text,
            **style.mark_style(6),
        )[0]
        for of in map(names.get_label, shown)
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        columnspacing=2.2,
        handletextpad=0.6,
        **style.legend_font_style(),
    )
