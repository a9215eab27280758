"""Lengths of gradients by depth, read back from the artists."""

import numpy as np
import pytest
from tests_support import artist

from vtlab.plots.gradient_lengths import plot_gradients


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


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="not 0"):
        plot_gradients({"x": {}})
