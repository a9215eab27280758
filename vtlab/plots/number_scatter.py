"""Answers of a network that gives a number, against the true numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vtlab.plots import style
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_answers(
    numbers: Sequence[float],
    answers: Mapping[str, Sequence[Sequence[float]]],
    *,
    what: str = "number",
    columns: int | None = None,
) -> Figure:
    """True numbers along x, answers along y: on the line an answer is right. A panel for each strategy.

    Args:
        numbers: Of the N test images.
        answers: For each strategy's name the N answers of each of its runs.
        what: The number's name.
        columns: How many panels side by side.

    Raises:
        ValueError: If there is nothing to draw, or a run has another number of answers.
    """
    true = np.asarray(numbers, dtype=float)
    found = {name: np.asarray(runs, dtype=float) for name, runs in answers.items()}
    if not found or not len(true):
        raise ValueError("there are no answers to draw")
    for name, runs in found.items():
        if runs.ndim != 2 or runs.shape[1] != len(true):
            raise ValueError(
                f"{name}: runs have answers of shape {runs.shape}, not (runs, {len(true)})"
            )
    ends = [f(values) for f in (np.min, np.max) for values in (true, *found.values())]
    low, high = min(ends), max(ends)
    margin = 0.05 * (high - low or 1)
    limits = low - margin, high + margin
    columns = columns or min(len(found), 4)
    rows = -(-len(found) // columns)
    figure, axes = style.new_figure(
        rows,
        columns,
        height=0.5 + rows * (style.WIDE / columns),
        sharex=True,
        sharey=True,
    )
    for ax, (name, runs) in zip(axes.flat, found.items(), strict=False):
        style.prepare_axes(ax)
        label = names.get_label(name)
        ax.plot(limits, limits, **style.DOTTED)
        for run in runs:
            ax.plot(
                true, run, linestyle="none", marker="o", color=label.colour, **style.mark_style(3.5)
            )
        ax.set_xlim(limits)
        ax.set_ylim(limits)
        ax.set_aspect("equal")
        style.style_heading(ax, label.text)
        style.label_axes(ax, x=f"true {what}", y="answer" if ax is axes.flat[0] else None)
    for ax in axes.flat[len(found) :]:
        ax.set_visible(False)
    return figure
