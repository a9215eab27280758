"""A figure of the loss against the learning rate, from a range test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import NullLocator

from vtlab.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS_COLOUR = "#00805F"


def plot_rate_range(table: pd.DataFrame, *, suggested: float | None = None) -> Figure:
    """The loss of a range test against the learning rate.

    Args:
        table: From `rate_range`.
        suggested: A rate to mark, such as a tenth of the one with the least loss.

    Raises:
        ValueError: If it has no row.

    Lesson 07.
    """
    if table.empty:
        raise ValueError("there is nothing to draw")
    figure, axes = style.new_figure(height=3.1)
    ax = axes[0, 0]
    style.prepare_axes(ax, grid="y")
    ax.plot(table.rate, table.loss, color=LOSS_COLOUR, linewidth=2, gid="loss")
    least = table.loc[table.loss.idxmin()]
    ax.plot(least.rate, least.loss, "o", color=LOSS_COLOUR, gid="least")
    ax.set_ylim(0, None)
    marked = {f"least loss at {least.rate:.2g}": least.rate}
    if suggested is not None:
        marked[f"take {suggested:.2g}"] = suggested
    for words, rate in marked.items():
        ax.axvline(rate, gid=words, **style.DOTTED)
        across = {"xycoords": ax.get_xaxis_transform(), "ha": "right", "va": "top"}
        style.annotate(ax, words, (rate, 1), (-5, -3), colour=style.INK, **across)
    set_rate_axis(ax)
    style.label_axes(ax, y="loss on the shots")
    return figure


def set_rate_axis(ax: Axes) -> None:
    """A logarithmic axis of learning rates, a little wider than the lines."""
    lines = [np.asarray(line.get_xdata(), dtype=float) for line in ax.lines]
    rates = np.concatenate([line for line in lines if len(line) > 2])
    ax.set_xscale("log")
    ax.set_xlim(rates.min() / 1.5, rates.max() * 1.5)
    ax.xaxis.set_minor_locator(NullLocator())
    style.label_axes(ax, x="learning rate", pad=5)
