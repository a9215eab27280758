"""A figure of how far training moved the weights and the statistics of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from vtlab.plots import style
from vtlab.results.formatting import format_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOVEMENT_KINDS = {  # what moved: words, colour, marker, place within the row
    "weights": ("weights", style.INK, "o", -0.17),
    "statistics": ("BatchNorm statistics", style.WRONG, "s", 0.17),
}
MIN_SHOWN = 1e-4  # smaller changes are drawn here
TICKS = (1e-4, 1e-3, 1e-2, 1e-1, 1)


def plot_movement(moved: Mapping[str, pd.DataFrame] | pd.DataFrame) -> Figure:
    """How far each stage moved in training, for one or several ways of training.

    Args:
        moved: From `measure_movement`; or several of them by name, drawn side by side.

    Raises:
        ValueError: If there is nothing to draw.

    Lesson 04.
    """
    several = {"": moved} if isinstance(moved, pd.DataFrame) else dict(moved)
    if not several:
        raise ValueError("there is no movement to draw")
    rows = max(len(table) for table in several.values())
    width = style.WIDE if len(several) > 1 else 0.65 * style.WIDE
    figure, axes = style.new_figure(
        1, len(several), width=width, height=1.3 + 0.42 * rows, pad=0.09, sharey=True
    )
    for ax, (name, table) in zip(axes[0], several.items(), strict=True):
        draw_movement(ax, table, named=ax is axes[0, 0])
        if name:
            style.style_heading(ax, name)
    return figure


def draw_movement(ax: Axes, table: pd.DataFrame, *, named: bool = True) -> None:
    """Draws one table of movements: a filled mark for what moved, a hollow one for what did not.

    Args:
        ax: The axes to draw on.
        table: From `measure_movement`.
        named: Whether the stages and the marks are named.

    Raises:
        ValueError: If the table is empty.
    """
    if not len(table):
        raise ValueError("there is no movement to draw")
    style.prepare_axes(ax, grid="x")
    still = MIN_SHOWN / 4  # a logarithmic axis has no 0: where what did not move stands
    for kind, (_, colour, marker, offset) in MOVEMENT_KINDS.items():
        for row, value in enumerate(table[kind]):
            if np.isnan(value):
                continue
            y = row + offset
            x = still if value == 0 else max(value, MIN_SHOWN)
            if value:
                ax.plot([still, x], [y, y], color=colour, linewidth=1.2, alpha=0.35)
            ax.plot(
                x,
                y,
                marker=marker,
                markersize=6,
                color=colour,
                linestyle="none",
                markerfacecolor=colour if value else "white",
                clip_on=False,
                zorder=3,
                gid=f"{kind} {table.index[row]}",
            )
            words = _format_share(value) if value else "did not move"
            ink = colour if value else style.QUIET
            style.annotate(ax, words, (x, y), (7, 0), colour=ink, va="center")
    # room to the right for the last number
    ax.set(xscale="log", xlim=(still / 1.4, 12), ylim=(len(table) - 0.5, -0.6))
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(FixedLocator(TICKS))
    ax.xaxis.set_minor_locator(NullLocator())
    shares = FuncFormatter(lambda share, _: f"{100 * share:g}\N{NO-BREAK SPACE}%")
    ax.xaxis.set_major_formatter(shares)
    ax.set_yticks(range(len(table)), table.index, **style.font_style(style.BODY))
    style.label_axes(ax, x="change, as a share of its size before")
    if named:
        handles = [
            Line2D([], [], color=colour, marker=marker, linestyle="none", label=words)
            for words, colour, marker, _ in MOVEMENT_KINDS.values()
        ]
        ax.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(-0.02, -0.36),
            ncols=2,
            frameon=False,
            handletextpad=0.2,
            columnspacing=1.2,
            **(style.legend_font_style() | {"labelcolor": style.QUIET}),
        )


def _format_share(share: float) -> str:
    """Two digits: `0.3 %`, `12 %`, `120 %`; a share too small for the axis is "under 0.01 %"."""
    if share < MIN_SHOWN:
        return f"under {format_percent(MIN_SHOWN, 2)}"
    hundredths = 100 * share
    return format_percent(share, 0 if hundredths >= 9.5 else 1 if hundredths >= 0.095 else 2)
