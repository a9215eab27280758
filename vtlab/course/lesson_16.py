"""What lesson 16 uses: its table of real photographs and its figure, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import real_table as real_table
from vtlab.plots import style
from vtlab.plots.legends import draw_legend
from vtlab.plots.shot_curves import draw_shots
from vtlab.results.metrics import balanced_accuracy
from vtlab.training.strategies import FOUR

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ROW_HEIGHT = 1.85  # inches


def plot_starts(table: pd.DataFrame) -> Figure:
    """The strategies over images per class: a row for each data set, a column for each start.

    Training from scratch knows no start: one that has no such runs shows those of the start to its
    left, so that each small figure can be read alone.

    Args:
        table: As `real_table` gives it, or a part of it. `test_images` enters the intervals.

    Raises:
        ValueError: If there is no run.

    Lesson 16.
    """
    if not len(table):
        raise ValueError("there is no run to draw")
    data, starts = list(dict.fromkeys(table.data)), list(dict.fromkeys(table.start))
    strategies = [of.name for of in FOUR if of.name in set(table.strategy)]
    height = 0.7 + ROW_HEIGHT * len(data)
    figure, axes = style.new_figure(
        len(data), len(starts), height=height, pad=0.07, sharex=True, sharey=True
    )
    for number, (line, of) in enumerate(zip(axes, data, strict=True)):
        runs = table[table.data == of]
        scratch = runs[:0]
        for ax, start in zip(line, starts, strict=True):
            some = runs[runs.start == start]
            if not len(some):
                ax.set_axis_off()
                continue
            # a start without runs from scratch shows those of the start to its left
            own = some[some.strategy == "scratch"]
            scratch, some = (own, some) if len(own) else (scratch, pd.concat([some, scratch]))
            draw_shots(
                ax,
                some.assign(trainable_weights=0),
                chance=some.chance.mean(),
                test_images=int(some.test_images.min()),
                named=False,
            )
            ax.set(xlabel="", ylabel="")
            if number == 0:
                style.style_heading(ax, f"from {start}")
        line[0].set_ylabel(
            of, labelpad=8, **style.font_style(style.SMALL, style.INK, weight="bold")
        )
    for ax in axes[-1]:
        style.label_axes(ax, x="images per class", pad=5)
    draw_legend(figure, strategies)
    return figure


@exercise("16.1")
def _images_for_one_point(answer: object) -> Verdict:
    if not isinstance(answer, int | float | np.integer | np.floating):
        return False, "The answer is one number of images."
    if 95 <= answer <= 105:
        return False, "So many must be held back. How many does the folder need, then?"
    right = bool(396 <= answer <= 404)
    return right, "A hundred held back are a quarter of four hundred." if right else (
        "How many images held back make one of them a point, and what share are they?"
    )


@exercise("16.2", function_of="true classes and named ones")
def _balanced(answer: Callable) -> Verdict:
    random = np.random.default_rng(0)
    for counts in ((90, 10), (5, 5), (1, 2, 30)):
        labels = np.repeat(np.arange(len(counts)), counts)
        named = np.where(random.random(len(labels)) < 0.5, labels, 0)
        found = call_answer(answer, labels, named)
        wanted = balanced_accuracy(labels.tolist(), named.tolist())
        if np.shape(found) != () or abs(float(found) - wanted) > 1e-6:
            return False, f"For classes of {counts} images it gave {found}, not {wanted:.3f}."
    return True, "A class counts as much as any other, whatever its size."


letter_exercise(
    "16.3",
    "b",
    "What looks alike stays alike, even in random features.",
    "Which of the three would also hold for the garden, where random weights are at chance?",
)
