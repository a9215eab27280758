"""Learning rates: the range test, and what a rate does to accuracy, memory and weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from vtlab import metrics, style

STAGES = (("#5FA0D6", "o"), ("#3B82BF", "s"), ("#2467A3", "D"), ("#144B80", "^"),
          ("#08294D", "v"))  # from the stem to the head
SAID = {"test_accuracy": ("new task", "#00805F", "D"),
        "old_refit": ("old task, new head", "#C77C02", "^"),
        "old_accuracy": ("old task, old head", "#6E6E6E", "s")}  # fmt: skip


def plot_range(table: pd.DataFrame) -> Figure:
    """The loss of a range test against the learning rate.

    Args:
        table: From `rate_range`.

    Raises:
        ValueError: If it has no row.

    Lesson 07.
    """
    if table.empty:
        raise ValueError("there is nothing to draw")
    figure, axes = style.new_figure(height=2.9)
    ax = axes[0, 0]
    style.prepare(ax, grid="y")
    ax.plot(table.rate, table.loss, color=SAID["test_accuracy"][1], linewidth=2, gid="loss")
    least = table.loc[table.loss.idxmin()]
    ax.plot(least.rate, least.loss, "o", color=SAID["test_accuracy"][1], gid="least")
    ax.annotate(f"least loss at {least.rate:.2g}", (least.rate, least.loss), (0, -7), ha="center",
                va="top", textcoords="offset points", **style.text(style.SMALL))  # fmt: skip
    top = table.loss[np.isfinite(table.loss)].max()  # the last step may have exploded
    ax.set_ylim(min(0, least.loss - 0.15 * (top - least.loss)), None)  # room for the words below the curve
    _rate_axis(ax)
    ax.set_ylabel("loss on the shots", labelpad=6, **style.text(style.SMALL, style.QUIET))
    return figure


def plot_drift(table: pd.DataFrame, way: str = "full") -> Figure:
    """Three panels against the learning rate: accuracies, how far stages moved, how alike they stayed.

    Args:
        table: From `drift_table`.
        way: Which rows.

    Raises:
        ValueError: If the table has no such way.

    Lesson 07.
    """
    rows = table[table.way == way]
    if rows.empty:
        raise ValueError(f"no rows of {way!r}; there are {', '.join(table.way.unique())}")
    figure, axes = style.new_figure(1, 3, height=3.5)
    accuracies, moved, alike = axes[0]
    for column, (words, colour, marker) in SAID.items():
        _draw(accuracies, rows, column, words, colour, marker, band=True)
    before = rows.old_before.iloc[0]
    accuracies.axhline(before, linestyle=(0, (4, 3)), color=SAID["old_accuracy"][1], linewidth=1.1,
                       zorder=1, gid="old_before")  # fmt: skip
    style.heading(accuracies, "test accuracy")
    accuracies.set_ylim(-0.36, 1.02)  # room for the legend
    style.percent_axis(accuracies.yaxis)
    stages = [name.removeprefix("moved_") for name in table if name.startswith("moved_")]
    for stage, (colour, marker) in zip(stages, STAGES, strict=True):
        _draw(moved, rows, f"moved_{stage}", stage, colour, marker)
        _draw(alike, rows, f"cka_{stage}", stage, colour, marker)
    moved.set_yscale("log")
    moved.yaxis.set_minor_locator(NullLocator())
    moved.set_ylabel("share of their size", labelpad=4, **style.text(style.SMALL, style.QUIET))
    style.heading(moved, "change of the weights")
    style.heading(alike, "likeness of the features (CKA)")
    alike.set_ylim(0, 1.02)
    for ax, place in ((accuracies, "lower left"), (moved, "lower right"), (alike, "lower left")):
        ax.legend(loc=place, frameon=False, prop={"size": style.SMALL}, labelcolor=style.INK,
                  handlelength=1.4)  # fmt: skip
    for ax in axes[0]:
        _rate_axis(ax)
    return figure


def _draw(ax: Axes, rows: pd.DataFrame, column: str, words: str, colour: str, marker: str, *,
          band: bool = False) -> None:  # fmt: skip
    if not ax.lines:
        style.prepare(ax, grid="y")
    groups = {rate: metrics.t_interval(group[column]) for rate, group in rows.groupby("rate")}
    rates = np.array(list(groups))
    ax.plot(rates, [of.mean for of in groups.values()], color=colour, linewidth=2, marker=marker,
            markersize=4.5, markeredgecolor="white", markeredgewidth=0.6, label=words, gid=column)  # fmt: skip
    if band:
        ax.fill_between(rates, [of.low for of in groups.values()], [of.high for of in groups.values()],
                        color=colour, alpha=0.15, linewidth=0)  # fmt: skip


def _rate_axis(ax: Axes) -> None:
    shown = np.concatenate([line.get_xdata() for line in ax.lines if len(line.get_xdata()) > 2])
    ax.set_xscale("log")
    ax.set_xlim(shown.min() / 1.5, shown.max() * 1.5)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("learning rate", labelpad=5, **style.text(style.SMALL, style.QUIET))
