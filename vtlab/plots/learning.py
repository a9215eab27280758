"""Learning curves: loss and training accuracy while the strategies learn.

A probe is solved, not trained by epochs, and strategies may have different lengths. So the x
axis is the share of the training that is done, the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from vtlab.plots import style
from vtlab.plots.comparison import label_ends, only_one
from vtlab.results import labels as names
from vtlab.results.labels import percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 9  # runs that have room for their names


def plot_curves(epochs_table: pd.DataFrame) -> Figure:
    """Training loss and training accuracy of every strategy, each seed a thin line.

    Args:
        epochs_table: From `records.epochs_table`, of one number of images per class.

    Raises:
        ValueError: If the table is empty or mixes several numbers of images per class.

    Lesson 01.
    """
    figure, axes = style.new_figure(1, 2, height=3.7, pad=0.09)
    draw_curves(axes[0, 0], epochs_table, "loss", named=False)
    draw_curves(axes[0, 1], epochs_table, "train_accuracy")
    style.heading(axes[0, 0], "training loss (cross-entropy, nats)")
    style.heading(axes[0, 1], "training accuracy")
    return figure


def draw_curves(
    ax: Axes, epochs_table: pd.DataFrame, value: str = "loss", *, named: bool = True
) -> None:
    """Draws one column of the table against the share of the training that is done.

    Args:
        ax: Where.
        epochs_table: As in `plot_curves`.
        value: "loss" or "train_accuracy".
        named: Whether the lines are named at their ends.

    Raises:
        ValueError: As in `plot_curves`.
    """
    if not len(epochs_table):
        raise ValueError("there is no epoch to draw")
    only_one(epochs_table, "shots", "draw them one by one")
    epochs_table = last_phases(epochs_table, ["strategy", "seed"])
    style.prepare(ax, grid="y")
    ends = {}
    for strategy, runs in epochs_table.groupby("strategy", sort=False):
        colour = names.label(strategy).colour
        curves = [share_of_training(run, value) for _, run in runs.groupby("seed")]
        for x, y in curves:
            ax.plot(x, y, color=colour, linewidth=0.7, alpha=0.45, gid=f"seed {strategy}")
        x, y = mean_curve(curves)
        ax.plot(
            x,
            y,
            color=colour,
            linewidth=2.2,
            solid_capstyle="round",
            zorder=4,
            marker="o" if len(x) == 1 else "none",
            gid=f"mean {strategy}",
        )
        ends[strategy] = (x[-1], y[-1])
    ax.set(xlim=(0, 1.015), ylim=(0, 1.02))
    style.percent_axis(ax.xaxis)
    ax.set_xlabel("share of the training", labelpad=6, **style.text(style.SMALL, style.QUIET))
    if value == "train_accuracy":
        style.percent_axis(ax.yaxis)
    else:
        finite = epochs_table[value][np.isfinite(epochs_table[value])]
        ax.yaxis.set_major_locator(MaxNLocator(5))
        ax.set_ylim(0, 1.05 * max(finite.max(), 1e-6) if len(finite) else 1)
    if named:
        label_ends(ax, ends)


def plot_training(
    epochs: pd.DataFrame, *, current: int | None = None, results: Mapping[int, float] | None = None
) -> Figure:
    """Training loss and accuracy of runs, epoch by epoch, finished or not.

    Args:
        epochs: A row per run and epoch: `run` (a number), `strategy`, `epoch`, `loss`,
            `train_accuracy`. With no row, the axes wait for a run.
        current: The run that is drawn boldly.
        results: Test accuracy of the runs that are finished.

    Lesson 01.
    """
    epochs = last_phases(epochs, ["run"])
    figure, axes = style.new_figure(1, 2, height=3.3, pad=0.09)
    for ax, value, words in zip(
        axes[0],
        ("loss", "train_accuracy"),
        ("training loss (cross-entropy, nats)", "training accuracy"),
        strict=True,
    ):
        _draw_runs(ax, epochs, value, current, results or {})
        style.heading(ax, words)
    return figure


def _draw_runs(
    ax: Axes, epochs: pd.DataFrame, value: str, current: int | None, results: Mapping[int, float]
) -> None:
    style.prepare(ax, grid="y")
    last = max(epochs.epoch, default=10)
    ends, colours = {}, {}
    for number, run in epochs.groupby("run"):
        label = names.label(run.strategy.iloc[0])
        bold = number == current
        ax.plot(
            run.epoch,
            run[value],
            color=label.colour,
            linewidth=2.2 if bold else 1.1,
            alpha=1 if bold else 0.55,
            zorder=4 if bold else 3,
            gid=f"run {number}",
            marker=label.marker,
            markersize=5 if bold else 3.5,
            markevery=[-1],
        )
        got = f", test {percent(results[number], 0)}" if number in results else ""
        name = f"{number} {label.text}{got}"
        ends[name], colours[name] = (run.epoch.iloc[-1], run[value].iloc[-1]), label.colour
    ax.set(xlim=(0, 1.02 * last), ylim=(0, 1.02))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_xlabel(
        "epochs (of a linear probe: steps of its solver)",
        labelpad=6,
        **style.text(style.SMALL, style.QUIET),
    )
    if value == "loss":
        losses = epochs.loss.to_numpy(dtype=float)
        finite = losses[np.isfinite(losses)]
        ax.yaxis.set_major_locator(MaxNLocator(5))
        ax.set_ylim(0, 1.05 * max(finite.max(), 1e-6) if len(finite) else 2.5)
        return
    style.percent_axis(ax.yaxis)
    named = list(ends)[-NAMED:]
    if named:
        label_ends(ax, {name: ends[name] for name in named}, colours)


def last_phases(epochs: pd.DataFrame, run: list[str]) -> pd.DataFrame:
    """Of each run the rows since its epochs were last counted from 1 again.

    LP-FT solves a probe, whose steps are rows too, and then fine-tunes: its curve is that of the
    fine-tuning, as soon as that has begun.

    Args:
        epochs: A row per epoch, in the order in which they came.
        run: The columns that tell runs apart.
    """
    again = epochs.groupby(run, sort=False).epoch.diff() <= 0
    phase = again.groupby([epochs[name] for name in run], sort=False).cumsum()
    return epochs[
        phase == phase.groupby([epochs[name] for name in run], sort=False).transform("max")
    ]


def share_of_training(run: pd.DataFrame, value: str) -> tuple[np.ndarray, np.ndarray]:
    """One run's curve: the share of its epochs that are done, in (0, 1], and the value there."""
    return run.epoch.to_numpy() / run.epoch.max(), run[value].to_numpy(dtype=float)


def mean_curve(curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of curves, where all have begun; between its points a curve is a straight line.

    Args:
        curves: Each `(x, y)`, with x rising to the same end.
    """
    begun = max(x[0] for x, _ in curves)
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    grid = grid[grid >= begun]
    return grid, np.mean([np.interp(grid, x, y) for x, y in curves], axis=0)


SAID = {
    "test_accuracy": ("new task", "#00805F", "D"),
    "old_refit": ("old task, new head", "#C77C02", "^"),
    "old_accuracy": ("old task, old head", "#6E6E6E", "s"),
}


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
    ax.annotate(
        f"least loss at {least.rate:.2g}",
        (least.rate, least.loss),
        (0, -7),
        ha="center",
        va="top",
        textcoords="offset points",
        **style.text(style.SMALL),
    )
    top = table.loss[np.isfinite(table.loss)].max()  # the last step may have exploded
    ax.set_ylim(
        min(0, least.loss - 0.15 * (top - least.loss)), None
    )  # room for the words below the curve
    _rate_axis(ax)
    ax.set_ylabel("loss on the shots", labelpad=6, **style.text(style.SMALL, style.QUIET))
    return figure


def _rate_axis(ax: Axes) -> None:
    shown = np.concatenate([line.get_xdata() for line in ax.lines if len(line.get_xdata()) > 2])
    ax.set_xscale("log")
    ax.set_xlim(shown.min() / 1.5, shown.max() * 1.5)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("learning rate", labelpad=5, **style.text(style.SMALL, style.QUIET))
