"""What a choice of learning stages costs, stage by stage, and what then really moved."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vtlab import style
from vtlab.plots.images import BLUE
from vtlab.plots.movement import draw_movement

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
    figure, axes = style.new_figure(1, len(widths), height=0.42 * len(table) + 1.2, pad=0.07,
                                    sharey=True, width_ratios=widths)  # fmt: skip
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
