"""Anatomies and values by stage, read back from the artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from tests_support import artist

from vtlab.plots import export
from vtlab.plots.stage_lines import plot_anatomy, plot_stages
from vtlab.results import labels as names
from vtlab.results import metrics

LINES = {
    "mini_vgg": {"pixels": [0.1, 0.2, 0.3], "stem": [0.4, 0.5, 0.6]},
    "mini_resnet": {"stem": 0.7},
}


STAGES = ["stem", "stage1"]


def table(**columns):
    given = {
        "channels": [4, 8],
        "side": [32, 16],
        "weights": [1000, 3000],
        "operations": [2e6, 5e6],
        "field": [3, 70],
    }
    return pd.DataFrame(given | columns, index=STAGES)


def test_every_family_has_a_line_of_its_numbers_in_each_panel():
    figure = plot_anatomy({"mini_vgg": table(), "mini_resnet": table(channels=[5, 9])})
    channels, weights, operations, fields = figure.axes
    np.testing.assert_array_equal(artist(channels, "channels mini_resnet").get_xdata(), [5, 9])
    np.testing.assert_array_equal(artist(weights, "weights mini_vgg").get_xdata(), [1, 3])
    np.testing.assert_array_equal(artist(operations, "operations mini_vgg").get_xdata(), [2, 5])
    assert artist(fields, "field mini_vgg").get_color() == names.get_label("mini_vgg").colour
    assert artist(fields, "image").get_xdata()[0] == 64
    assert channels.get_ylim() == (1.5, -0.5)  # the image at the top
    ticks = [tick.get_text() for tick in channels.get_yticklabels()]
    assert ticks == ["stem\n32 × 32 cells", "stage1\n16 × 16 cells"]


def test_sides_that_differ_are_left_out():
    figure = plot_anatomy({"mini_vgg": table(), "mini_resnet": table(side=[32, 8])})
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()][1] == "stage1"


def test_families_with_other_stages_are_refused():
    with pytest.raises(ValueError, match="no network"):
        plot_anatomy({})
    with pytest.raises(ValueError, match="mini_vgg has other stages"):
        plot_anatomy({"mini_resnet": table(), "mini_vgg": table().iloc[:1]})


def test_a_line_goes_through_the_means_and_a_band_is_the_interval():
    (ax,) = plot_stages({"garden": LINES}, what="right", chance=0.125).axes
    line, band = artist(ax, "mean mini_vgg"), artist(ax, "interval mini_vgg")
    np.testing.assert_allclose(line.get_ydata(), [0.2, 0.5])
    found = metrics.t_interval([0.1, 0.2, 0.3])
    ys = band.get_paths()[0].vertices[:, 1]
    assert np.isclose(ys, found.low).any() and np.isclose(ys, found.high).any()
    assert artist(ax, "mean mini_resnet").get_xdata()[0] == 1  # below "stem"
    assert not ax.findobj(lambda one: one.get_gid() == "interval mini_resnet")
    assert artist(ax, "chance").get_ydata()[0] == 0.125
    assert [t.get_text() for t in ax.get_xticklabels()] == ["pixels", "stem"]


def test_lengths_are_drawn_on_a_logarithmic_axis():
    (ax,) = plot_stages({"": LINES}, what="length", percent=False).axes
    assert ax.get_yscale() == "log" and ax.get_ylabel() == "length"


def test_nothing_to_draw_is_said():
    for nothing in ({}, {"garden": {}}):
        with pytest.raises(ValueError, match="nothing to draw"):
            plot_stages(nothing, what="right")


def test_no_figure_is_left_to_pyplot():
    export.to_png(plot_stages({"garden": LINES}, what="right"), scale=1)
    assert pyplot.get_fignums() == []
