"""Sheets of pictures: where things stand, read back from the artists and from the pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from vtlab.plots import export, style
from vtlab.plots.sheet import Sheet

BLACK = np.zeros((8, 16, 3), np.uint8)  # half as tall as wide


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(export.to_png(figure, scale=1)))).astype(int)


def test_pictures_keep_their_shape_and_stand_in_their_row_and_column():
    sheet = Sheet(2, 3, 1.0, (8, 16), over=1, head=0.5)
    for row in range(2):
        for column in range(3):
            sheet.show(row, column, BLACK)
    dark = pixels(sheet.figure).sum(2) == 0
    assert sheet.width == pytest.approx(2 * sheet.height)
    across, down = np.diff(dark.any(0).astype(int)), np.diff(dark.any(1).astype(int))
    assert (across == 1).sum() == 3 and (down == 1).sum() == 2  # three columns, two rows begin
    assert dark.sum() == pytest.approx(6 * sheet.width * sheet.height * style.DPI**2, rel=0.05)
    assert not dark[:50].any()  # the head


def test_words_beside_a_row_stand_in_the_space_at_its_side():
    sheet = Sheet(2, 1, 1.0, (8, 16), side=0.7)
    sheet.show(1, 0, BLACK)
    sheet.write_beside(1, "a name")
    dark = pixels(sheet.figure).sum(2) == 0
    assert not dark[:, : int(0.7 * style.DPI)].any() and dark.any()
    (image,), (words,) = sheet.ax.images, sheet.ax.texts
    left, _, bottom, top = image.get_extent()
    left_of_words, height = words.get_position()
    assert 0 < left_of_words < 0.1 and left > 0.7
    assert height == pytest.approx((top + bottom) / 2)


@pytest.mark.parametrize("side", [8, 64])
def test_an_outline_lies_on_the_edge_of_its_mask(side):
    sheet = Sheet(1, 2, 1.0, (side, side))
    mask = np.zeros((side, side), bool)
    mask[side // 4 : side // 2, side // 2 :] = True
    sheet.outline(0, 1, mask)
    line = np.concatenate(sheet.ax.collections[-1].get_segments())
    left, top = 1.0 + (1 - sheet.width) / 2, (1 - sheet.width) / 2
    half, quarter = sheet.width / 2, sheet.width / 4
    np.testing.assert_allclose(line.min(0), [left + half, top + quarter], atol=1e-9)
    np.testing.assert_allclose(line.max(0), [left + 2 * half, top + 2 * quarter], atol=1e-9)


def test_a_mask_that_fills_the_image_is_outlined_at_its_border_and_an_empty_one_is_not():
    sheet = Sheet(1, 2, 1.0, (8, 8))
    sheet.outline(0, 0, np.zeros((8, 8), bool))
    assert not sheet.ax.collections
    sheet.outline(0, 0, np.ones((8, 8), bool))
    line = np.concatenate(sheet.ax.collections[-1].get_segments())
    assert np.ptp(line, 0) == pytest.approx([sheet.width, sheet.width])


def test_words_stand_over_and_under_their_picture_and_touch_no_other():
    sheet = Sheet(2, 1, 1.0, (8, 8), over=1, under=1)
    for row in range(2):
        sheet.write_over(row, 0, "Og")
        sheet.write_under(row, 0, "Og")
        sheet.show(row, 0, BLACK[:, :8])
    sheet.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in sheet.ax.texts]
    boxes += [image.get_window_extent() for image in sheet.ax.images]
    tops = sorted(box.y1 for box in boxes)
    assert len(boxes) == 6 and tops[-1] <= sheet.figure.bbox.y1
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
