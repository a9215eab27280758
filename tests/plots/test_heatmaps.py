"""Heat maps over images: scales, marks, and the upsampling against torch's."""

import re

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.colors import to_hex

from vtlab.plots import style as style
from vtlab.plots.heatmaps import _to_grey, heatmap_colormap, plot_cams, resize_heatmap

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)
MAPS = {"probe": RANDOM.random((2, 4, 4)), "full": 5 * RANDOM.random((2, 4, 4))}
MASKS = np.zeros((2, 16, 16), bool)
MASKS[:, 4:12, 4:12] = True


def rows(figure, maps=2):
    """What is drawn for each image: itself, then for each map the grey image and the map."""
    drawn = figure.axes[0].images[:-1]  # the last is the colour bar
    each = 1 + 2 * maps
    return [drawn[start : start + each] for start in range(0, len(drawn), each)]


def heats(figure, maps=2):
    return [row[2::2] for row in rows(figure, maps)]


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize(("h", "size"), [(4, (16, 16)), (7, (64, 64)), (8, (8, 8)), (3, (20, 31))])
def test_upsampling_agrees_with_torch(h, size):
    values = RANDOM.random((h, h))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=size, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(resize_heatmap(values, size), expected[0, 0].numpy(), atol=1e-12)


def test_an_image_is_a_row_and_a_strategy_a_column():
    figure = plot_cams(IMAGES, MAPS)
    assert words(figure)[:3] == ["image", "Linear probe", "Full"]
    places = [[tuple(image.get_extent()) for image in row] for row in rows(figure)]
    assert len({place[2:] for place in places[0]}) == len({place[2:] for place in places[1]}) == 1
    for column in zip(*places, strict=True):
        assert len({place[:2] for place in column}) == 1
    np.testing.assert_array_equal(rows(figure)[1][0].get_array(), IMAGES[1].transpose(1, 2, 0))


def test_maps_are_drawn_at_the_images_size_and_not_rescaled():
    drawn = heats(plot_cams(IMAGES, MAPS))[1][1]
    np.testing.assert_allclose(drawn.get_array(), resize_heatmap(MAPS["full"][1], (16, 16)))


def test_a_shared_scale_is_one_for_all_maps_and_stands_on_the_colour_bar():
    figure = plot_cams(IMAGES, MAPS, scale="shared")
    top = MAPS["full"].max()
    assert {image.get_clim() for row in heats(figure) for image in row} == {(0, top)}
    bar = figure.axes[0].images[-1].get_extent()
    for text in figure.axes[0].texts:
        if re.fullmatch(r"[\d.]+", text.get_text()):
            share = (text.get_position()[0] - bar[0]) / (bar[1] - bar[0])
            assert share == pytest.approx(float(text.get_text()) / top)


def test_with_a_scale_each_every_map_ends_at_its_own_maximum():
    figure = plot_cams(IMAGES, MAPS, scale="each")
    for i, row in enumerate(heats(figure)):
        for name, image in zip(MAPS, row, strict=True):
            assert image.get_clim() == (0, MAPS[name][i].max())
    assert "own maximum" in words(figure)[-1] and {"0", "max"} < set(words(figure))


def test_an_empty_map_shows_the_grey_image_and_no_heat():
    figure = plot_cams(IMAGES, {"full": np.zeros((2, 4, 4))}, scale="each")
    image = heats(figure, 1)[0][0]
    assert (image.to_rgba(image.get_array())[..., 3] == 0).all()


def test_opacity_rises_with_the_value():
    alphas = heatmap_colormap()(np.linspace(0, 1, 50))[:, 3]
    assert alphas[0] == 0 and (np.diff(alphas) >= 0).all() and alphas[-1] > 0.8


def test_grey_keeps_the_order_of_light_and_leaves_out_colour():
    image = np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0], [255, 255, 255]]], np.uint8)
    grey = _to_grey(image)
    assert grey.shape == (1, 4)
    assert (np.diff(grey[0]) > 0).all() and grey.max() == pytest.approx(1)


def test_titles_and_marks_stand_below():
    marks = {"full": [("Velaria montis", True), ("Corona alba", False)]}
    figure = plot_cams(IMAGES, MAPS, titles=["Velaria montis", "x"], marks=marks)
    written = {text.get_text(): text for text in figure.axes[0].texts}
    assert {"Velaria montis", "x", "\N{CHECK MARK} Velaria montis"} < set(written)
    wrong = written["\N{BALLOT X} Corona alba"]
    assert to_hex(wrong.get_color()) == style.WRONG
    below = rows(figure)[1][4].get_extent()
    assert wrong.get_position()[1] > below[2] and below[0] < wrong.get_position()[0] < below[1]


def test_masks_are_outlined_on_every_picture():
    assert len(plot_cams(IMAGES, MAPS, masks=MASKS).axes[0].collections) == 2 * 6  # two lines each
    assert not plot_cams(IMAGES, MAPS).axes[0].collections


def test_nested_tuples_and_tensors_are_maps_too():
    nested = tuple(tuple(tuple(row) for row in one.tolist()) for one in MAPS["full"])
    drawn = heats(plot_cams(torch.from_numpy(IMAGES), {"full": nested}), 1)[0][0]
    np.testing.assert_allclose(drawn.get_array(), resize_heatmap(MAPS["full"][0], (16, 16)))


@pytest.mark.parametrize(
    ("maps", "more", "message"),
    [
        ({}, {}, "no map"),
        ({"full": np.ones((3, 4, 4))}, {}, r"full: 2 images need maps \(2, h, w\), got \(3,"),
        (MAPS, {"scale": "own"}, '"shared" or "each"'),
        (MAPS, {"titles": ["a"]}, "2 images but 1 titles"),
        (MAPS, {"marks": {"full": []}}, "2 images but 0 full"),
    ],
)
def test_bad_input_is_named(maps, more, message):
    with pytest.raises(ValueError, match=message):
        plot_cams(IMAGES, maps, **more)


@pytest.mark.parametrize("images", [1, 2])
def test_everything_is_inside_the_figure_and_no_words_touch(images):
    maps = {name: values[:images] for name, values in MAPS.items()}
    figure = plot_cams(IMAGES[:images], maps, titles=["Velaria"] * images)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    boxes += [image.get_window_extent() for image in figure.axes[0].images]
    for box in boxes:
        assert box.y1 <= figure.bbox.y1 + 1 and box.y0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1 and box.x0 >= -1
    written = boxes[: len(figure.axes[0].texts)]
    assert not any(a.overlaps(b) for i, a in enumerate(written) for b in boxes[:i])


def test_no_figure_is_left_to_pyplot():
    plot_cams(IMAGES, MAPS)
    assert pyplot.get_fignums() == []
