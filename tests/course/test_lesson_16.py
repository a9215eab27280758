"""Data sets and starts in small figures, read back from the artists."""

import numpy as np
import pandas as pd
import pytest
from tests_support import artist

from vtlab.course.lesson_16 import plot_starts

RUNS = [
    ("photo", "garden", "scratch", 20, 0.5),
    ("photo", "garden", "scratch", 5, 0.3),
    ("photo", "garden", "probe", 5, 0.4),
    ("photo", "natural", "probe", 5, 0.6),
    ("sketch", "natural", "probe", 5, 0.7),
]


def runs():
    table = pd.DataFrame(RUNS, columns=["data", "start", "strategy", "shots", "test_accuracy"])
    return table.assign(seed=0, seconds=1.0, chance=0.25, test_images=400)


def test_a_row_for_each_data_set_and_a_column_for_each_start():
    figure = plot_starts(runs())
    photo_garden, photo_natural, sketch_garden, sketch_natural = figure.axes
    assert photo_garden.get_title(loc="left") == "from garden"
    assert photo_natural.get_title(loc="left") == "from natural"
    assert (photo_garden.get_ylabel(), sketch_garden.get_ylabel()) == ("photo", "sketch")
    assert artist(photo_natural, "mean probe").get_ydata()[0] == pytest.approx(0.6)
    assert artist(sketch_natural, "mean probe").get_ydata()[0] == pytest.approx(0.7)
    assert artist(photo_natural, "chance").get_ydata()[0] == 0.25


def test_a_start_without_runs_from_scratch_shows_its_left_neighbours_in_the_order_of_shots():
    for ax in plot_starts(runs()).axes[:2]:
        line = artist(ax, "mean scratch")
        np.testing.assert_allclose(line.get_xdata(), [5, 20])
        np.testing.assert_allclose(line.get_ydata(), [0.3, 0.5])


def test_what_was_not_measured_is_left_empty():
    (_, _, empty, _) = plot_starts(runs()).axes
    assert not empty.lines


def test_no_run_is_refused():
    with pytest.raises(ValueError, match="no run"):
        plot_starts(runs()[:0])
