"""Values by stage, points on two axes, gradients by depth, read back from the artists."""

import numpy as np
import pytest
from matplotlib import pyplot
from tests_support import artist

from vtlab.plots import style as style
from vtlab.plots.inside import CLASSES, plot_axes, plot_gradients, plot_stages
from vtlab.results import metrics as metrics

LINES = {
    "mini_vgg": {"pixels": [0.1, 0.2, 0.3], "stem": [0.4, 0.5, 0.6]},
    "mini_resnet": {"stem": 0.7},
}


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
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_axes({}, [], [])
    with pytest.raises(ValueError, match="not 0"):
        plot_gradients({"x": {}})


def test_each_class_has_its_points_colour_and_mark():
    points, labels = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2])
    figure = plot_axes({"stem": points, "stage4": -points}, labels, ["a", "b", "c"])
    first, second = figure.axes
    np.testing.assert_array_equal(artist(first, "class 1").get_xdata(), points[[1, 4], 0])
    np.testing.assert_array_equal(artist(second, "class 1").get_ydata(), -points[[1, 4], 1])
    assert artist(first, "class 2").get_color() == CLASSES[2][0]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert first.get_aspect() == 1
    assert len({colour for colour, _ in CLASSES}) == len({mark for _, mark in CLASSES}) == 8


def test_points_of_another_shape_and_too_many_classes_are_refused():
    with pytest.raises(ValueError, match=r"need points \(3, 2\)"):
        plot_axes({"x": np.zeros((3, 3))}, [0, 1, 2], ["a", "b", "c"])
    with pytest.raises(ValueError, match="9 classes"):
        plot_axes({"x": np.zeros((3, 2))}, [0, 1, 2], list("abcdefghi"))


def test_a_gradients_lengths_are_drawn_from_the_images_on():
    figure = plot_gradients(
        {"plain": {"he": [1, 1, 1], "xavier": [0.1, 0.3, 1]}, "normed": {"he": [9, 3, 1]}}
    )
    plain, normed = figure.axes
    np.testing.assert_array_equal(artist(plain, "lengths xavier").get_ydata(), [0.1, 0.3, 1])
    assert artist(plain, "lengths he").get_color() == artist(normed, "lengths he").get_color()
    assert plain.get_yscale() == "log"
    with pytest.raises(ValueError, match="not 4"):
        plot_gradients({"x": {name: [1, 2] for name in "abcd"}})


def test_no_figure_is_left_to_pyplot():
    style.to_png(plot_stages({"garden": LINES}, what="right"), scale=1)
    assert pyplot.get_fignums() == []
