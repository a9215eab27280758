"""The picture of how many stages are kept, read back from its artists."""

import itertools

import pandas as pd
import pytest
from tests_support import artist

from vtlab.course.lesson_06 import plot_unfreezing_depth


@pytest.fixture
def table():
    ways = [("fine-tuned", 0), *itertools.product(("frozen", "fine-tuned"), range(1, 6))]
    rows = [
        (target, way, stages, seed, 0.1 * stages + 0.01 * seed + 0.2 * (way == "fine-tuned"))
        for target in ("garden", "digits")
        for way, stages in ways
        for seed in range(3)
    ]
    return pd.DataFrame(rows, columns=["target", "way", "stages", "seed", "test_accuracy"])


def test_a_target_has_its_frozen_runs_and_scratch_and_a_ring_for_the_solved_head(table):
    garden, digits = plot_unfreezing_depth(table).axes
    for ax, target in ((garden, "garden"), (digits, "digits")):
        seeds = artist(ax, f"seeds {target}")
        assert len(seeds.get_xdata()) == 3 * 6
        ring = artist(ax, f"solved {target}")
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (5, pytest.approx(0.51))
        (line,) = (one for one in ax.lines if one.get_marker() == "P")
        assert line.get_ydata() == pytest.approx([0.21, 0.11, 0.21, 0.31, 0.41])
        assert {"from scratch", "head solved"} <= {text.get_text() for text in ax.texts}


def test_a_table_without_runs_is_refused(table):
    with pytest.raises(ValueError, match="no run"):
        plot_unfreezing_depth(table[:0])
