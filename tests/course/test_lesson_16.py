"""Data sets and starts in small figures, read back from the artists."""

import pandas as pd
import pytest
from scipy import stats
from tests_support import artist

from vtlab.course.lesson_16 import plot_starts

RUNS = [
    ("photo", "garden", "scratch", 20, 0, 0.5),
    ("photo", "garden", "scratch", 5, 0, 0.3),
    ("photo", "garden", "probe", 5, 0, 0.40),
    ("photo", "garden", "probe", 5, 1, 0.44),
    ("photo", "garden", "full", 5, 0, 0.50),
    ("photo", "garden", "full", 5, 1, 0.50),
    ("photo", "garden", "partial", 5, 0, 0.60),
    ("photo", "natural", "probe", 5, 0, 0.6),
    ("sketch", "natural", "probe", 5, 0, 0.7),
]


def runs(test_images=400):
    columns = ["data", "start", "strategy", "shots", "seed", "test_accuracy"]
    return pd.DataFrame(RUNS, columns=columns).assign(chance=0.25, test_images=test_images)


def marks(ax, gid):
    """The places and heights of all marks with that name."""
    return [tuple(map(float, line.get_xydata()[0])) for line in ax.lines if line.get_gid() == gid]


def test_a_row_for_each_start_and_a_column_for_each_data_set():
    photo_garden, sketch_garden, photo_natural, sketch_natural = plot_starts(runs()).axes
    assert (photo_garden.get_title(loc="left"), sketch_garden.get_title(loc="left")) == (
        "photo",
        "sketch",
    )
    assert [ax.texts[0].get_text() for ax in (photo_garden, photo_natural)] == [
        "from garden",
        "from natural",
    ]
    assert marks(photo_natural, "mean probe")[0][1] == pytest.approx(0.6)
    assert marks(sketch_natural, "mean probe")[0][1] == pytest.approx(0.7)
    assert artist(photo_natural, "chance").get_ydata()[0] == 0.25
    assert not sketch_garden.lines  # not measured


def test_in_a_group_no_two_strategies_stand_in_one_place_and_groups_are_apart():
    ax, _, lowest, _ = plot_starts(runs()).axes
    few = [marks(ax, f"mean {name}")[0][0] for name in ("scratch", "probe", "partial", "full")]
    assert few == sorted(few) and len({round(x, 6) for x in few}) == 4 and max(few) < 0.5
    many = marks(ax, "mean scratch")[1]
    assert many[0] == pytest.approx(few[0] + 1) and many[1] == pytest.approx(0.5)
    assert [label.get_text() for label in lowest.get_xticklabels()] == ["5", "20"]


def test_a_start_without_runs_from_scratch_shows_those_of_the_start_above():
    photo_garden, _, photo_natural, sketch_natural = plot_starts(runs()).axes
    heights = [y for _, y in marks(photo_natural, "mean scratch")]
    assert heights == [y for _, y in marks(photo_garden, "mean scratch")] == [0.3, 0.5]
    assert not marks(sketch_natural, "mean scratch")


def test_bars_hold_the_spread_that_the_strategies_of_a_group_share():
    endless = 10**12  # test images: the seeds alone
    ax = plot_starts(runs(endless)).axes[0]
    # squares .0004 + .0004 of probe, none of full; one seed each of scratch and partial
    spread = (0.0008 / 2) ** 0.5
    for name, seeds in {"probe": 2, "full": 2, "partial": 1}.items():
        low, high = artist(ax, f"interval {name}").get_ydata()
        half = stats.t.ppf(0.975, 2) * spread / seeds**0.5
        assert (high - low) / 2 == pytest.approx(half, abs=1e-5)


def test_where_each_strategy_has_one_seed_bars_are_of_the_test_set():
    ax = plot_starts(runs()).axes[2]
    low, high = artist(ax, "interval probe").get_ydata()
    assert low < 0.6 < high and high - low == pytest.approx(
        2 * 1.96 * (0.24 / 400) ** 0.5, rel=0.01
    )


def test_no_run_is_refused():
    with pytest.raises(ValueError, match="no run"):
        plot_starts(runs()[:0])
