"""Heat maps over images: scales, marks, and the upsampling against torch's."""

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.colors import to_hex

from vtlab import style
from vtlab.plots import plot_cams
from vtlab.plots.heatmaps import greyed, heat, upsample

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)
MAPS = {"probe": RANDOM.random((2, 4, 4)), "full": 5 * RANDOM.random((2, 4, 4))}
MASKS = np.zeros((2, 16, 16), bool)
MASKS[:, 4:12, 4:12] = True


def grid(figure):
    """The pictures' axes `(images, 1 + strategies)`, without the colour bar's."""
    return np.array(figure.axes[:-1]).reshape(2, -1)


def heats(figure):
    return [[ax.images[-1] for ax in row[1:]] for row in grid(figure)]


@pytest.mark.parametrize(("h", "size"), [(4, (16, 16)), (7, (64, 64)), (8, (8, 8)), (3, (20, 31))])
def test_upsampling_agrees_with_torch(h, size):
    values = RANDOM.random((h, h))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=size, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(upsample(values, size), expected[0, 0].numpy(), atol=1e-12)


def test_an_image_is_a_row_and_a_strategy_a_column():
    figure = plot_cams(IMAGES, MAPS)
    assert grid(figure).shape == (2, 3)
    assert [ax.get_title() for ax in grid(figure)[0]] == ["image", "Linear probe", "Full"]
    np.testing.assert_array_equal(
        grid(figure)[1, 0].images[0].get_array(), IMAGES[1].transpose(1, 2, 0)
    )


def test_maps_are_drawn_at_the_images_size_and_not_rescaled():
    drawn = heats(plot_cams(IMAGES, MAPS))[1][1]
    np.testing.assert_allclose(drawn.get_array(), upsample(MAPS["full"][1], (16, 16)))


def test_a_shared_scale_is_one_for_all_maps_and_stands_on_the_colour_bar():
    figure = plot_cams(IMAGES, MAPS, scale="shared")
    top = MAPS["full"].max()
    assert {image.get_clim() for row in heats(figure) for image in row} == {(0, top)}
    assert figure.axes[-1].get_xlim() == (0, top)


def test_with_a_scale_each_every_map_ends_at_its_own_maximum():
    figure = plot_cams(IMAGES, MAPS, scale="each")
    for i, row in enumerate(heats(figure)):
        for name, image in zip(MAPS, row, strict=True):
            assert image.get_clim() == (0, MAPS[name][i].max())
    assert "own maximum" in figure.axes[-1].get_xlabel()


def test_an_empty_map_shows_the_grey_image_and_no_heat():
    figure = plot_cams(IMAGES, {"full": np.zeros((2, 4, 4))}, scale="each")
    image = heats(figure)[0][0]
    assert (image.to_rgba(image.get_array())[..., 3] == 0).all()


def test_opacity_rises_with_the_value():
    alphas = heat()(np.linspace(0, 1, 50))[:, 3]
    assert alphas[0] == 0 and (np.diff(alphas) >= 0).all() and alphas[-1] > 0.8


def test_grey_keeps_the_order_of_light_and_leaves_out_colour():
    image = np.array([[[0, 0, 0], [255, 0, 0], [0, 255, 0], [255, 255, 255]]], np.uint8)
    grey = greyed(image)
    assert grey.shape == (1, 4)
    assert (np.diff(grey[0]) > 0).all() and grey.max() == pytest.approx(1)


def test_titles_and_marks_stand_below():
    marks = {"full": [("Velaria montis", True), ("Corona alba", False)]}
    figure = plot_cams(IMAGES, MAPS, titles=["Velaria montis", "x"], marks=marks)
    axes = grid(figure)
    assert axes[0, 0].get_xlabel() == "Velaria montis"
    assert axes[0, 2].get_xlabel() == "\N{CHECK MARK} Velaria montis"
    assert axes[1, 2].get_xlabel() == "\N{BALLOT X} Corona alba"
    assert to_hex(axes[1, 2].xaxis.label.get_color()) == style.WRONG
    assert axes[0, 1].get_xlabel() == ""


def test_masks_are_outlined_on_every_picture():
    figure = plot_cams(IMAGES, MAPS, masks=MASKS)
    assert all(ax.collections for ax in grid(figure).flat)
    assert not any(ax.collections for ax in grid(plot_cams(IMAGES, MAPS)).flat)


def test_nested_tuples_and_tensors_are_maps_too():
    nested = tuple(tuple(tuple(row) for row in one.tolist()) for one in MAPS["full"])
    drawn = heats(plot_cams(torch.from_numpy(IMAGES), {"full": nested}))[0][0]
    np.testing.assert_allclose(drawn.get_array(), upsample(MAPS["full"][0], (16, 16)))


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


@pytest.mark.parametrize("rows", [1, 2])
def test_everything_is_inside_the_figure(rows):
    maps = {name: values[:rows] for name, values in MAPS.items()}
    figure = plot_cams(IMAGES[:rows], maps, titles=["Velaria"] * rows)
    for _ in range(2):
        figure.draw_without_rendering()
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert box.y1 <= figure.bbox.y1 + 1 and box.y0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1 and box.x0 >= -1


def test_no_figure_is_left_to_pyplot():
    plot_cams(IMAGES, MAPS)
    assert pyplot.get_fignums() == []
