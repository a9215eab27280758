"""Families, fields, maps and patches, read back from the artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from tests_support import artist

from vtlab.plots import style as style
from vtlab.plots.inside import plot_families, plot_fields, plot_maps, plot_patches
from vtlab.results import labels as names

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
    figure = plot_families({"mini_vgg": table(), "mini_resnet": table(channels=[5, 9])})
    channels, weights, operations, fields = figure.axes
    np.testing.assert_array_equal(artist(channels, "channels mini_resnet").get_xdata(), [5, 9])
    np.testing.assert_array_equal(artist(weights, "weights mini_vgg").get_xdata(), [1, 3])
    np.testing.assert_array_equal(artist(operations, "operations mini_vgg").get_xdata(), [2, 5])
    assert artist(fields, "field mini_vgg").get_color() == names.label("mini_vgg").colour
    assert artist(fields, "image").get_xdata()[0] == 64
    assert channels.get_ylim() == (1.5, -0.5)  # the image at the top
    ticks = [tick.get_text() for tick in channels.get_yticklabels()]
    assert ticks == ["stem\n32 × 32 cells", "stage1\n16 × 16 cells"]


def test_sides_that_differ_are_left_out():
    figure = plot_families({"mini_vgg": table(), "mini_resnet": table(side=[32, 8])})
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()][1] == "stage1"


def test_families_with_other_stages_are_refused():
    with pytest.raises(ValueError, match="no network"):
        plot_families({})
    with pytest.raises(ValueError, match="mini_vgg has other stages"):
        plot_families({"mini_resnet": table(), "mini_vgg": table().iloc[:1]})


def test_a_field_is_a_square_around_its_pixels_and_cut_at_the_edge():
    maps = {"mini_vgg": {"stem": np.eye(8), "stage1": np.zeros((8, 8))}}
    figure = plot_fields(maps, {"mini_vgg": {"stem": (2.0, 4.0), "stage1": (-3.0, 9.0)}})
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
        plot_fields({}, {})


def test_maps_stand_beside_their_image_each_up_to_its_own_maximum():
    maps = {"stem": np.arange(32).reshape(2, 4, 4), "stage1": np.zeros((3, 2, 2))}
    figure = plot_maps(np.zeros((3, 8, 8), np.uint8), maps)
    image, *shown = figure.axes[0].get_images()
    assert image.get_gid() == "image" and len(shown) == 5
    assert [one.norm.vmax for one in shown] == [15, 31, 1, 1, 1]
    assert {"stem\n4 × 4", "stage1\n2 × 2"} <= {t.get_text() for t in figure.axes[0].texts}
    assert figure.get_figwidth() == style.WIDE == figure.axes[0].get_xlim()[1]
    with pytest.raises(ValueError, match="no map"):
        plot_maps(np.zeros((3, 8, 8), np.uint8), {})


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
    style.to_png(plot_families({"mini_vgg": table()}), scale=1)
    assert pyplot.get_fignums() == []
