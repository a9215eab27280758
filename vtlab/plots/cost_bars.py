"""What a choice of learning stages costs, stage by stage, and what then really moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from vtlab.plots import style
from vtlab.plots.image_grids import BLUE
from vtlab.results.labels import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALE = "#c9d3dd"


def plot_costs(table: pd.DataFrame, *, moved: pd.DataFrame | None = None) -> Figure:
    """Weights, multiply-adds, memory and seconds of each stage.

    Pale bars are frozen weights; of the memory, the dark part is the optimiser's.

    Args:
        table: From `cost_table`; `seconds` are drawn where it has them.
        moved: From `movement`: what training changed, drawn beside the forecast.

    Lesson 04.
    """
    parts = [_draw_weights, _draw_operations, _draw_memory]
    parts += [_draw_seconds] if "seconds" in table else []
    widths = [1.0] * len(parts) + ([] if moved is None else [2.0])
    figure, axes = style.new_figure(
        1, len(widths), height=0.42 * len(table) + 1.2, pad=0.07, sharey=True, width_ratios=widths
    )
    for ax, part in zip(axes[0], parts, strict=False):
        part(ax, table)
    if moved is not None:
        draw_movement(axes[0, -1], moved, named=False)
        style.heading(axes[0, -1], "moved: ● weights, ■ statistics")
    first = axes[0, 0]
    first.set_yticks(range(len(table)), table.index, **style.text(style.BODY))
    first.set_ylim(len(table) - 0.5, -0.6)
    return figure


def _draw_weights(ax: Axes, table: pd.DataFrame) -> None:
    _bars(ax, (table.weights / 1e3, PALE), (table.learn / 1e3, BLUE))
    style.heading(ax, f"{table.learn.sum():,}\nweights learn")
    _name(ax, "thousands")


def _draw_operations(ax: Axes, table: pd.DataFrame) -> None:
    _bars(ax, (table.step / 1e6, BLUE))
    style.heading(ax, f"{table.step.sum() / 1e6:,.0f} million\nmultiply-adds")
    _name(ax, "millions per image")


def _draw_memory(ax: Axes, table: pd.DataFrame) -> None:
    kept = (table.activations + table.optimiser) / 1e6
    _bars(ax, (kept, BLUE), (table.optimiser / 1e6, style.INK))
    style.heading(ax, f"{kept.sum():,.0f} MB\nof memory")
    _name(ax, "MB a batch")


def _draw_seconds(ax: Axes, table: pd.DataFrame) -> None:
    _bars(ax, (1e3 * table.seconds, BLUE))
    style.heading(ax, f"{1e3 * table.seconds.sum():,.0f} ms\na batch")
    _name(ax, "milliseconds")


def _bars(ax: Axes, *layers: tuple[pd.Series, str]) -> None:
    style.prepare(ax, grid="x")
    ax.spines["left"].set_visible(False)
    for values, colour in layers:
        ax.barh(np.arange(len(values)), values, 0.62, color=colour, zorder=2)
    ax.set_xlim(0, 1.05 * max(layers[0][0].max(), 1e-9))
    ax.xaxis.set_major_locator(MaxNLocator(3))


def _name(ax: Axes, words: str) -> None:
    ax.set_xlabel(words, labelpad=6, **style.text(style.SMALL, style.QUIET))


LOOKS = {  # what moved: words, colour, marker, place within the row
    "weights": ("weights", style.INK, "o", -0.17),
    "statistics": ("BatchNorm statistics", style.WRONG, "s", 0.17),
}
LEAST = 1e-4  # smaller changes are drawn here
TICKS = (1e-4, 1e-3, 1e-2, 1e-1, 1)


def plot_movement(moved: Mapping[str, pd.DataFrame] | pd.DataFrame) -> Figure:
    """How far each stage moved in training, for one or several ways of training.

    Args:
        moved: From `diagnose.movement`; or several of them by name, drawn side by side.

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
            style.heading(ax, name)
    return figure


def draw_movement(ax: Axes, table: pd.DataFrame, *, named: bool = True) -> None:
    """Draws one table of movements: a filled mark for what moved, a hollow one for what did not.

    Args:
        ax: Where.
        table: From `diagnose.movement`.
        named: Whether the stages and the marks are named.

    Raises:
        ValueError: If the table is empty.
    """
    if not len(table):
        raise ValueError("there is no movement to draw")
    style.prepare(ax, grid="x")
    still = LEAST / 4
    for kind, (_, colour, marker, offset) in LOOKS.items():
        for row, value in enumerate(table[kind]):
            if np.isnan(value):
                continue
            y = row + offset
            x = still if value == 0 else max(value, LEAST)
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
            said = "did not move" if value == 0 else _percent(value)
            ax.annotate(
                said,
                (x, y),
                (7, 0),
                textcoords="offset points",
                va="center",
                **style.text(style.SMALL, style.QUIET if value == 0 else colour),
            )
    # room to the right for the last number
    ax.set(xscale="log", xlim=(still / 1.4, 12), ylim=(len(table) - 0.5, -0.6))
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(FixedLocator(TICKS))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda share, _: f"{100 * share:g}\N{NO-BREAK SPACE}%")
    )
    ax.set_yticks(range(len(table)), table.index, **style.text(style.BODY))
    ax.set_xlabel(
        "change, as a share of its size before", labelpad=6, **style.text(style.SMALL, style.QUIET)
    )
    if named:
        handles = [
            Line2D([], [], color=colour, marker=marker, linestyle="none", label=words)
            for words, colour, marker, _ in LOOKS.values()
        ]
        ax.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(-0.02, -0.36),
            ncols=2,
            frameon=False,
            handletextpad=0.2,
            columnspacing=1.2,
            labelcolor=style.QUIET,
            prop={"size": style.SMALL, "family": list(style.families())},
        )


def _percent(share: float) -> str:
    """Two digits: `0.3 %`, `12 %`, `120 %`; what is tinier than the axis is said to be so."""
    if share < LEAST:
        return f"under {percent(LEAST, 2)}"
    hundredths = 100 * share
    return percent(share, 0 if hundredths >= 9.5 else 1 if hundredths >= 0.095 else 2)
