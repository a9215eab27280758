"""Image grids and mistakes, read back from their artists."""

import itertools

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.colors import to_hex

from vtlab.plots import style
from vtlab.plots.image_grids import plot_images, plot_mistakes

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 12, 12), dtype=np.uint8)
MASKS = np.zeros((5, 12, 12), bool)
MASKS[:4, 3:9, 3:9] = True
CLASSES = ["Velaria montis", "Corona alba", "$5 & <b>"]


def test_each_image_is_shown_as_it_is_in_its_order():
    ax = plot_images(IMAGES, columns=3).axes[0]
    assert len(ax.images) == 5
    for shown, image in zip(ax.images, IMAGES, strict=True):
        np.testing.assert_array_equal(shown.get_array(), image.transpose(1, 2, 0))
    assert not len(ax.get_xticks()) and not len(ax.get_yticks())


def test_a_grid_has_the_columns_that_were_asked_for():
    corners = [
        (i.get_extent()[0], i.get_extent()[3])
        for i in plot_images(IMAGES, columns=3).axes[0].images
    ]
    assert len({left for left, _ in corners}) == 3 and len({top for _, top in corners}) == 2
    assert corners == sorted(corners, key=lambda corner: corner[::-1])
    assert len({i.get_extent()[0] for i in plot_images(IMAGES).axes[0].images}) == 5


def test_a_torch_tensor_is_as_good_as_an_array():
    ax = plot_images(torch.from_numpy(IMAGES), masks=torch.from_numpy(MASKS)).axes[0]
    np.testing.assert_array_equal(ax.images[1].get_array(), IMAGES[1].transpose(1, 2, 0))
    assert len(ax.collections) == 8  # two lines a mask, but for the empty one


def test_titles_stand_above_and_are_cut_to_fit():
    titles = ["one", "Velaria montis", "x" * 80, "", "two\nlines"]
    figure = plot_images(IMAGES, titles=titles)
    written = figure.axes[0].texts
    found = [text.get_text() for text in written]
    assert found[:2] == ["one", "Velaria montis"] and found[4] == "two\nlines"
    assert found[2].endswith("…")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in written if text.get_text()]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))
    for text, image in zip(written, figure.axes[0].images, strict=True):
        assert text.get_position()[1] < image.get_extent()[3]  # y grows downward


@pytest.mark.parametrize("wrong", [IMAGES[0], IMAGES[:0], IMAGES / 255, IMAGES[:, :1]])
def test_images_of_another_shape_or_type_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\) uint8"):
        plot_images(wrong)


def test_a_length_that_differs_is_named():
    with pytest.raises(ValueError, match="5 images but 2 titles"):
        plot_images(IMAGES, titles=["a", "b"])
    with pytest.raises(ValueError, match="5 images but 3 masks"):
        plot_images(IMAGES, masks=MASKS[:3])


def test_a_mistake_says_what_was_predicted_how_surely_and_what_it_is():
    written = plot_mistakes(IMAGES[:2], [0, 1], [1, 1], [0.97, 0.5], CLASSES).axes[0].texts
    guess, truth, right, _ = written
    assert guess.get_text() == "Corona alba 97\N{NO-BREAK SPACE}%"
    assert truth.get_text() == "is Velaria montis"
    assert to_hex(guess.get_color()) == style.WRONG
    assert to_hex(right.get_color()) == style.RIGHT


@pytest.mark.parametrize(("confidence", "words"), [(0.9, "90"), (0.9961, ">99"), (1.0, "100")])
def test_a_probability_is_not_rounded_up_to_certainty(confidence, words):
    ax = plot_mistakes(IMAGES[:1], [0], [1], [confidence], CLASSES).axes[0]
    assert ax.texts[0].get_text() == f"Corona alba {words}\N{NO-BREAK SPACE}%"


def test_mistakes_need_an_entry_for_every_image():
    with pytest.raises(ValueError, match="2 images but 1 confidences"):
        plot_mistakes(IMAGES[:2], [0, 1], [1, 1], [0.97], CLASSES)


def test_no_figure_is_left_to_pyplot():
    plot_images(IMAGES)
    assert pyplot.get_fignums() == []
