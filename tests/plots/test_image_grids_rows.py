"""Rows of views, read back from their artists."""

import numpy as np
import pytest
from matplotlib import pyplot

from vtlab.plots import export
from vtlab.plots.image_grids import plot_image_rows

RANDOM = np.random.default_rng(0)
ROWS = {name: RANDOM.integers(0, 256, (3, 3, 8, 8), dtype=np.uint8) for name in ("flip", "noise")}


def test_each_image_stands_in_the_row_of_its_name():
    figure = plot_image_rows(ROWS, titles=["as it is", "view 1", "view 2"])
    ax = figure.axes[0]
    tops = sorted({image.get_extent()[3] for image in ax.images})
    words = {text.get_text(): text.get_position() for text in ax.texts}
    for (name, images), top in zip(ROWS.items(), tops, strict=True):
        row = sorted(
            (i for i in ax.images if i.get_extent()[3] == top), key=lambda i: i.get_extent()[0]
        )
        for shown, image in zip(row, images, strict=True):
            np.testing.assert_array_equal(shown.get_array(), image.transpose(1, 2, 0))
        left, height = words[name]
        assert left < row[0].get_extent()[0] and top < height < row[0].get_extent()[2]
    assert words["view 2"][1] < tops[0]
    assert len({words[t][0] for t in ("as it is", "view 1", "view 2")}) == 3


def test_names_do_not_reach_into_the_pictures():
    ax = plot_image_rows(ROWS | {"a very long name of a way": ROWS["flip"]}).axes[0]
    ax.figure.draw_without_rendering()
    edge = min(image.get_window_extent().x0 for image in ax.images)
    assert all(text.get_window_extent().x1 <= edge for text in ax.texts)
    assert any(text.get_text().endswith("…") for text in ax.texts)


def test_rows_and_titles_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        plot_image_rows(ROWS | {"other": ROWS["flip"][:2]})
    with pytest.raises(ValueError, match="one shape"):
        plot_image_rows({})
    with pytest.raises(ValueError, match="3 images in a row but 1 titles"):
        plot_image_rows(ROWS, titles=["x"])


def test_masks_are_outlined_in_the_row_of_their_name_and_must_fit():
    masks = np.zeros((3, 8, 8), dtype=bool)
    masks[:, 2:5, 2:5] = True
    ax = plot_image_rows(ROWS, masks={"noise": masks}).axes[0]
    row = [image.get_extent() for image in ax.images[3:]]  # left, right, foot, top
    assert len(ax.collections) == 2 * 3  # each line twice, light on dark
    for lines, (left, right, foot, top) in zip(
        ax.collections, np.repeat(row, 2, axis=0), strict=True
    ):
        (x, y) = lines.get_segments()[0].mean(0)
        assert left < x < right and top < y < foot
    for wrong in ({"noise": masks[:2]}, {"other": masks}):
        with pytest.raises(ValueError, match="do not fit"):
            plot_image_rows(ROWS, masks=wrong)


def test_no_figure_is_left_to_pyplot():
    export.to_png(plot_image_rows(ROWS), scale=1)
    assert pyplot.get_fignums() == []
