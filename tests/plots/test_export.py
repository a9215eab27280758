"""Figures as files."""

import base64
import io

import pytest
from PIL import Image
from tests_support import drawn_figure

from vtlab.plots import export


def test_a_png_has_scale_times_the_figures_pixels_and_repeats_byte_for_byte():
    figure = drawn_figure()
    assert Image.open(io.BytesIO(export.to_png(figure, scale=1))).size == (400, 200)
    assert Image.open(io.BytesIO(export.to_png(figure, scale=2))).size == (800, 400)
    assert export.to_png(figure) == export.to_png(figure)


@pytest.mark.parametrize(("photographs", "kind"), [(False, "png"), (True, "jpeg")])
def test_a_data_uri_holds_the_picture_in_the_kind_that_it_names(photographs, kind):
    head, data = export.data_uri(drawn_figure(), photographs=photographs).split(",")
    assert head == f"data:image/{kind};base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).format == kind.upper()


def test_a_cleared_figure_holds_nothing_that_was_drawn():
    figure = drawn_figure()
    export.to_png(figure)
    export.clear_exported_figure(figure)
    assert not figure.axes and not hasattr(figure.canvas, "buffer_rgba")
