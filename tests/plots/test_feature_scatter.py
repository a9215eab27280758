"""Features on a plane, read back from the artists."""

import numpy as np
import pytest
from tests_support import artist

from vtlab.plots.feature_scatter import CLASS_MARKS, plot_scatter


def test_each_class_has_its_points_colour_and_mark():
    points, labels = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2])
    figure = plot_scatter({"stem": points, "stage4": -points}, labels, ["a", "b", "c"])
    first, second = figure.axes
    np.testing.assert_array_equal(artist(first, "class 1").get_xdata(), points[[1, 4], 0])
    np.testing.assert_array_equal(artist(second, "class 1").get_ydata(), -points[[1, 4], 1])
    assert artist(first, "class 2").get_color() == CLASS_MARKS[2][0]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert first.get_aspect() == 1
    assert len({colour for colour, _ in CLASS_MARKS}) == len({mark for _, mark in CLASS_MARKS}) == 8


def test_points_of_another_shape_and_too_many_classes_are_refused():
    with pytest.raises(ValueError, match=r"need points \(3, 2\)"):
        plot_scatter({"x": np.zeros((3, 3))}, [0, 1, 2], ["a", "b", "c"])
    with pytest.raises(ValueError, match="9 classes"):
        plot_scatter({"x": np.zeros((3, 2))}, [0, 1, 2], list("abcdefghi"))


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_scatter({}, [], [])
