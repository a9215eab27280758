"""Accuracy against work, read back from the artists."""

import itertools

import pandas as pd
import pytest
from tests_support import artist

from vtlab.course.lesson_05 import plot_work

MEANS = {"scratch": 0.23, "probe": 0.8, "partial(1)": 0.82}
WORK = {"scratch": 30.0, "probe": 1.0, "partial(1)": 4.0}
RISE = {5: -0.1, 40: 0.0, 320: 0.1}


def sweep():
    """Two seeds about each mean; work grows with the shots."""
    return pd.DataFrame(
        [
            {
                "strategy": name,
                "shots": shots,
                "seed": seed,
                "operations": shots * WORK[name],
                "test_accuracy": MEANS[name] + rise + (seed - 0.5) / 50,
            }
            for name, (shots, rise), seed in itertools.product(MEANS, RISE.items(), (0, 1))
        ]
    )


def test_work_is_drawn_as_one_line_a_strategy_and_one_dashed_line_a_number_of_shots():
    ax = plot_work(sweep(), chance=1 / 8, marked=(5, 320)).axes[0]
    for strategy, factor in WORK.items():
        x, y = artist(ax, f"mean {strategy}").get_data()
        assert list(x) == [5 * factor, 40 * factor, 320 * factor]
        assert list(y) == pytest.approx([MEANS[strategy] + rise for rise in RISE.values()])
    assert list(artist(ax, "shots 5").get_xdata()) == [5, 20, 150]  # from the cheapest on
    assert ax.get_xscale() == "log" and artist(ax, "chance").get_ydata()[0] == 1 / 8


def test_a_table_without_work_is_refused():
    with pytest.raises(ValueError, match="operations"):
        plot_work(sweep().drop(columns="operations"))
