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


def test_lengths_of_some_layers_stand_at_their_numbers():
    (ax,) = plot_gradients({"blocks": {"he": {0: 4, 1: 3, 3: 2, 5: 1}}}).axes
    np.testing.assert_array_equal(
        artist(ax, "lengths he").get_xydata(), [[0, 4], [1, 3], [3, 2], [5, 1]]
    )


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="not 0"):
        plot_gradients({"x": {}})
