"""Learning curves: loss and training accuracy while the strategies learn.

A probe is solved, not trained by epochs, and strategies may have different lengths. So the x
axis is the share of the training that is done, the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from vtlab.plots import style
from vtlab.plots.figure_data import Runs, figure_epochs, require_one_figure_value
from vtlab.plots.legends import label_line_ends
from vtlab.results import labels as names
from vtlab.results.formatting import format_percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADINGS = {
    "loss": "training loss (cross-entropy)",
    "train_accuracy": "training accuracy",
}
MAX_NAMES = 9  # runs that have room for their names


def plot_curves(epochs: Runs) -> Figure:
    """Training loss and training accuracy of every strategy, each seed a thin line.

    Args:
        epochs: A study, runs of one number of images per class, or the table of their epochs
            (`records.epochs_to_table`).

    Raises:
        ValueError: If there is no epoch, or the runs are of several numbers of images per class.

    Lesson 01.
    """
    table = figure_epochs(epochs)
    figure, axes = style.new_figure(1, 2, height=3.7, pad=0.09)
    for ax, (value, words) in zip(axes[0], HEADINGS.items(), strict=True):
        draw_curves(ax, table, value, named=value == "train_accuracy")
        style.style_heading(ax, words)
    return figure


def draw_curves(ax: Axes, epochs: Runs, value: str = "loss", *, named: bool = True) -> None:
    """Draws one column of the table against the share of the training that is done.

    Args:
        ax: The axes to draw on.
        epochs: As in `plot_curves`.
        value: "loss" or "train_accuracy".
        named: Whether the lines are named at their ends.

    Raises:
        ValueError: As in `plot_curves`.
    """
    table = figure_epochs(epochs)
    require_one_figure_value(table, "shots", "draw them one by one")
    table = select_curves_of_last_phase(table, ["strategy", "seed"])
    style.prepare_axes(ax, grid="y")
    ends = {}
    for strategy, runs in table.groupby("strategy", sort=False):
        colour = names.get_label(strategy).colour
        # seeds may differ in length: the share of the training is what they have in common
        curves = [_share_of_training(run, value) for _, run in runs.groupby("seed")]
        for x, y in curves:
            ax.plot(x, y, color=colour, linewidth=0.7, alpha=0.45, gid=f"seed {strategy}")
        x, y = average_learning_curves(curves)
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
    style.set_percent_axis(ax.xaxis)
    style.label_axes(ax, x="share of the training")
    if value == "train_accuracy":
        style.set_percent_axis(ax.yaxis)
    else:
        _set_loss_axis(ax, table[value], 1)
    if named:
        label_line_ends(ax, ends)


def plot_training(
    epochs: Runs,
    *,
    current: int | None = None,
    results: Mapping[int, float] | None = None,
    notes: Mapping[int, str] | None = None,
) -> Figure:
    """Training loss and accuracy of runs, epoch by epoch, finished or not.

    Args:
        epochs: A study, its runs (they are numbered from 1), or a table with a row per run and
            epoch: `run` (a number), `strategy`, `epoch`, `loss`, `train_accuracy`. With no row, the
            axes wait for a run.
        current: The run that is drawn boldly.
        results: Test accuracy of the runs that are finished.
        notes: What tells a run from others of its strategy, such as "rate 0.001": it stands in the run's name.

    Raises:
        ValueError: If it is neither a study nor runs nor a table of epochs.

    Lesson 01.
    """
    table = figure_epochs(epochs, required=False)
    if "run" not in table:
        number = table.groupby(["strategy", "shots", "seed"], sort=False).ngroup() + 1
        table = table.assign(run=number)
    table = select_curves_of_last_phase(table, ["run"])
    figure, axes = style.new_figure(1, 2, height=3.3, pad=0.09)
    for ax, (value, words) in zip(axes[0], HEADINGS.items(), strict=True):
        _draw_runs(ax, table, value, current, results or {}, notes or {})
        style.style_heading(ax, words)
    return figure


def _draw_runs(
    ax: Axes,
    epochs: pd.DataFrame,
    value: str,
    current: int | None,
    results: Mapping[int, float],
    notes: Mapping[int, str],
) -> None:
    """Draw a line for each run; its name stands at the end of its accuracy."""
    style.prepare_axes(ax, grid="y")
    last = max(epochs.epoch, default=10)
    ends, colours = {}, {}
    for number, run in epochs.groupby("run"):
        label = names.get_label(run.strategy.iloc[0])
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
        got = f", test {format_percent(results[number], 0)}" if number in results else ""
        note = f", {notes[number]}" if number in notes else ""
        name = f"{number} {label.text}{note}{got}"
        ends[name], colours[name] = (run.epoch.iloc[-1], run[value].iloc[-1]), label.colour
    ax.set(xlim=(0, 1.02 * last), ylim=(0, 1.02))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    style.label_axes(ax, x="epochs (of a linear probe: steps of its solver)")
    if value == "loss":
        _set_loss_axis(ax, epochs.loss, 2.5)
        return
    style.set_percent_axis(ax.yaxis)
    named = list(ends)[-MAX_NAMES:]  # the latest runs
    if named:
        label_line_ends(ax, {name: ends[name] for name in named}, colours)


def _set_loss_axis(ax: Axes, losses: pd.Series, top: float) -> None:
    """Limit the axis to 0 and just over the largest finite loss, or to `top` where there is none."""
    values = losses.to_numpy(dtype=float)
    finite = values[np.isfinite(values)]
    ax.yaxis.set_major_locator(MaxNLocator(5))
    ax.set_ylim(0, 1.05 * max(finite.max(), 1e-6) if len(finite) else top)


def select_curves_of_last_phase(epochs: pd.DataFrame, run: list[str]) -> pd.DataFrame:
    """For each run the rows since its epochs were last counted from 1 again.

    LP-FT solves a probe, whose steps are rows too, and then fine-tunes: its curve is that of the
    fine-tuning, as soon as that has begun.

    Args:
        epochs: A row per epoch, in the order in which they came.
        run: The columns that tell runs apart.
    """
    restarts = epochs.groupby(run, sort=False).epoch.diff() <= 0
    columns = [epochs[name] for name in run]
    phase = restarts.groupby(columns, sort=False).cumsum()
    return epochs[phase == phase.groupby(columns, sort=False).transform("max")]


def _share_of_training(run: pd.DataFrame, value: str) -> tuple[np.ndarray, np.ndarray]:
    """One run's curve: the share of its epochs that are done, in (0, 1], and the value there."""
    return run.epoch.to_numpy() / run.epoch.max(), run[value].to_numpy(dtype=float)


def average_learning_curves(
    curves: list[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """The mean of curves, where all have begun; between its points a curve is a straight line.

    Args:
        curves: Each `(x, y)`, with x rising to the same end.
    """
    begun = max(x[0] for x, _ in curves)
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    grid = grid[grid >= begun]
    return grid, np.mean([np.interp(grid, x, y) for x, y in curves], axis=0)
