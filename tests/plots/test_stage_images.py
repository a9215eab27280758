"""Receptive fields, feature maps and patches, read back from the artists."""

import numpy as np
import pytest
from matplotlib import pyplot
from tests_support import artist

from vtlab.plots import export, style
from vtlab.plots.stage_images import plot_feature_maps, plot_patches, plot_receptive_fields


def test_a_field_is_a_square_around_its_pixels_and_cut_at_the_edge():
    maps = {"mini_vgg": {"stem": np.eye(8), "stage1": np.zeros((8, 8))}}
    figure = plot_receptive_fields(maps, {"mini_vgg": {"stem": (2.0, 4.0), "stage1": (-3.0, 9.0)}})
    (ax,) = figure.axes
    pictures = [image.get_extent() for image in ax.get_images()]
    for column, (extent, wanted) in enumerate(zip(pictures, [3 / 8, 1], strict=True), 1):
        box, wide = artist(ax, f"field 0 {column} white"), extent[1] - extent[0]
        assert box.get_width() / wide == pytest.approx(wanted, abs=0.03)
        middle = box.get_x() + box.get_width() / 2
        assert (middle - extent[0]) / wide == pytest.approx(3.5 / 8 if column == 1 else 0.5)
    assert {"mini VGG", "stem", "stage1", "3 pixels", "13 pixels"} <= {
        t.get_text() for t in ax.texts
    }
    with pytest.raises(ValueError, match="no map"):
        plot_receptive_fields({}, {})


def test_maps_stand_beside_their_image_each_up_to_its_own_maximum():
    maps = {"stem": np.arange(32).reshape(2, 4, 4), "stage1": np.zeros((3, 2, 2))}
    figure = plot_feature_maps(np.zeros((3, 8, 8), np.uint8), maps)
    image, *shown = figure.axes[0].get_images()
    assert image.get_gid() == "image" and len(shown) == 5
    assert [one.norm.vmax for one in shown] == [15, 31, 1, 1, 1]
    assert {"stem\n4 × 4", "stage1\n2 × 2"} <= {t.get_text() for t in figure.axes[0].texts}
    assert figure.get_figwidth() == style.WIDE == figure.axes[0].get_xlim()[1]
    with pytest.raises(ValueError, match="no map"):
        plot_feature_maps(np.zeros((3, 8, 8), np.uint8), {})


def test_every_patch_is_shown_and_its_side_is_said():
    rows = {
        "stem": [np.full((2, 3, 3, 3), k, np.uint8) for k in (1, 2, 3)],
        "stage1": [np.zeros((2, 3, 11, 11), np.uint8)] * 3,
    }
    figure = plot_patches(rows)
    shown = figure.axes[0].get_images()
    assert [int(one.get_array().max()) for one in shown[:6]] == [1, 1, 2, 2, 3, 3] and len(
        shown
    ) == 12
    lefts = [one.get_extent()[0] for one in shown[:6]]
    assert (
        lefts == sorted(lefts) and lefts[2] - lefts[1] > lefts[1] - lefts[0]
    )  # a gap between groups
    assert {"stem\n3 pixels", "stage1\n11 pixels"} <= {t.get_text() for t in figure.axes[0].texts}
    with pytest.raises(ValueError, match="no patch"):
        plot_patches({"stem": []})


def test_no_figure_is_left_to_pyplot():
    export.to_png(plot_patches({"stem": [np.zeros((2, 3, 3, 3), np.uint8)]}), scale=1)
    assert pyplot.get_fignums() == []
