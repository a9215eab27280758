"""Ways side by side, read back from the artists."""

import numpy as np
import pytest
from matplotlib import pyplot
from tests_support import artist

from vtlab.plots import export
from vtlab.plots.comparison import plot_intervals
from vtlab.results import metrics as metrics

PANELS = {"few": {"one way": [0.5, 0.6, 0.7], "probe": [0.9]}, "many": {"one way": [0.8, 0.9, 1.0]}}


def test_every_seed_the_mean_and_the_interval_stand_in_the_ways_row():
    few, many = plot_intervals(PANELS).axes
    for ax, values in ((few, [0.5, 0.6, 0.7]), (many, [0.8, 0.9, 1.0])):
        np.testing.assert_allclose(artist(ax, "seeds one way").get_xdata(), values)
        assert set(np.round(artist(ax, "seeds one way").get_ydata())) == {0}
        found = metrics.t_interval(values)
        assert artist(ax, "mean one way").get_xdata()[0] == pytest.approx(found.mean)
        bar = artist(ax, "interval one way")
        assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx(
            (found.low, found.high)
        )


def test_a_strategy_has_its_name_and_one_seed_has_no_interval():
    few, many = plot_intervals(PANELS).axes
    assert [tick.get_text() for tick in few.get_yticklabels()] == ["one way", "Linear probe"]
    gids = {child.get_gid() for child in few.get_children()}
    assert "seeds probe" in gids and "interval probe" not in gids
    assert "seeds probe" not in {child.get_gid() for child in many.get_children()}


def test_marks_and_numbers_that_are_no_shares():
    (ax,) = plot_intervals(
        {"x": {"a": [1.5]}}, what="error", percent=False, marks={"mean": 2.5}
    ).axes
    assert {"mean", "1.50"} <= {text.get_text() for text in ax.texts}
    assert ax.get_xlabel() == "error"
    export.to_png(ax.figure, scale=1)


def test_a_small_loss_is_no_minus_zero():
    (ax,) = plot_intervals({"x": {"a": [-0.004, 0.001], "b": [-0.02]}}, percent=False).axes
    assert {"0.00", "-0.02"} <= {text.get_text() for text in ax.texts}


def test_nothing_to_compare_is_said():
    with pytest.raises(ValueError, match="nothing to compare"):
        plot_intervals({})
    with pytest.raises(ValueError, match="a has no value"):
        plot_intervals({"x": {"a": []}})


def test_no_figure_is_left_to_pyplot():
    plot_intervals(PANELS)
    assert pyplot.get_fignums() == []
