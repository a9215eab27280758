"""A figure of what a choice of learning stages costs, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from vtlab.plots import style
from vtlab.plots.weight_movement import draw_movement

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FROZEN_COLOUR = "#c9d3dd"


def plot_costs(table: pd.DataFrame, *, moved: pd.DataFrame | None = None) -> Figure:
    """Weights, multiply-adds, memory and seconds of each stage.

    Pale bars are frozen weights; of the memory, the dark part is the optimiser's.

    Args:
        table: From `cost_table`; `seconds` are drawn where it has them.
        moved: From `measure_movement`: what training changed, drawn beside the forecast.

    Lesson 04.
    """
    parts = [_draw_weights, _draw_operations, _draw_memory]
    parts += [_draw_seconds] if "seconds" in table else []
    widths = [1.0] * len(parts) + ([] if moved is None else [2.0])
    figure, axes = style.new_figure(
        1, len(widths), height=0.42 * len(table) + 1.2, pad=0.07, sharey=True, width_ratios=widths
    )
    for ax, draw in zip(axes[0], parts, strict=False):
        draw(ax, table)
    if moved is not None:
        draw_movement(axes[0, -1], moved, named=False)
        style.style_heading(axes[0, -1], "moved: ● weights, ■ statistics")
    first = axes[0, 0]
    first.set_yticks(range(len(table)), table.index, **style.font_style(style.BODY))
    first.set_ylim(len(table) - 0.5, -0.6)
    return figure


def _draw_weights(ax: Axes, table: pd.DataFrame) -> None:
    _draw_bars(ax, (table.weights / 1e3, FROZEN_COLOUR), (table.learn / 1e3, style.BLUE))
    style.style_heading(ax, f"{table.learn.sum():,}\nweights learn")
    style.label_axes(ax, "thousands")


def _draw_operations(ax: Axes, table: pd.DataFrame) -> None:
    _draw_bars(ax, (table.step / 1e6, style.BLUE))
    style.style_heading(ax, f"{table.step.sum() / 1e6:,.0f} million\nmultiply-adds")
    style.label_axes(ax, "millions per image")


def _draw_memory(ax: Axes, table: pd.DataFrame) -> None:
    memory = (table.activations + table.optimiser) / 1e6
    _draw_bars(ax, (memory, style.BLUE), (table.optimiser / 1e6, style.INK))
    style.style_heading(ax, f"{memory.sum():,.0f} MB\nof memory")
    style.label_axes(ax, "MB a batch")


def _draw_seconds(ax: Axes, table: pd.DataFrame) -> None:
    _draw_bars(ax, (1e3 * table.seconds, style.BLUE))
    style.style_heading(ax, f"{1e3 * table.seconds.sum():,.0f} ms\na batch")
    style.label_axes(ax, "milliseconds")


def _draw_bars(ax: Axes, *layers: tuple[pd.Series, str]) -> None:
    style.prepare_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    for values, colour in layers:
        ax.barh(np.arange(len(values)), values, 0.62, color=colour, zorder=2)
    ax.set_xlim(0, 1.05 * max(layers[0][0].max(), 1e-9))
    ax.xaxis.set_major_locator(MaxNLocator(3))
