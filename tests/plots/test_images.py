"""Image grids, confusion matrices and mistakes, read back from their artists."""

import itertools

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from matplotlib.colors import to_hex

from vtlab import names, style
from vtlab.plots import plot_confusion, plot_images, plot_mistakes

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 12, 12), dtype=np.uint8)
MASKS = np.zeros((5, 12, 12), bool)
MASKS[:4, 3:9, 3:9] = True
COUNTS = np.array([[9, 1, 0], [2, 6, 2], [0, 0, 0]])
CLASSES = ["Velaria montis", "Corona alba", "$5 & <b>"]


def shown(figure):
    return [ax for ax in figure.axes if ax.get_visible()]


def texts(ax):
    return {tuple(map(float, text.get_position())): text.get_text() for text in ax.texts}


def test_each_image_is_shown_as_it_is_in_its_order():
    axes = shown(plot_images(IMAGES, columns=3))
    assert len(axes) == 5
    for ax, image in zip(axes, IMAGES, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image.transpose(1, 2, 0))
        assert not len(ax.get_xticks()) and not len(ax.get_yticks())


def test_a_grid_has_the_columns_that_were_asked_for():
    figure = plot_images(IMAGES, columns=3)
    assert figure.axes[0].get_gridspec().get_geometry() == (2, 3)
    assert plot_images(IMAGES).axes[0].get_gridspec().get_geometry() == (1, 5)


def test_a_torch_tensor_is_as_good_as_an_array():
    axes = shown(plot_images(torch.from_numpy(IMAGES), masks=torch.from_numpy(MASKS)))
    np.testing.assert_array_equal(axes[1].images[0].get_array(), IMAGES[1].transpose(1, 2, 0))


def test_a_mask_is_outlined_where_its_edge_is_and_an_empty_one_is_not():
    axes = shown(plot_images(IMAGES, masks=MASKS))
    outline = np.concatenate([path.vertices for path in axes[0].collections[-1].get_paths()])
    np.testing.assert_allclose(outline.min(0), [2.5, 2.5])
    np.testing.assert_allclose(outline.max(0), [8.5, 8.5])
    assert not axes[4].collections


def test_a_mask_that_fills_the_image_is_outlined_at_its_border():
    ax = shown(plot_images(IMAGES[:1], masks=np.ones((1, 12, 12), bool)))[0]
    assert ax.collections
    assert ax.get_xlim() == (-0.5, 11.5) and ax.get_ylim() == (11.5, -0.5)


def test_titles_stand_above_and_are_cut_to_fit():
    titles = ["one", "Velaria montis", "x" * 80, "", "two\nlines"]
    figure = plot_images(IMAGES, titles=titles)
    found = [ax.get_title() for ax in shown(figure)]
    assert found[:2] == ["one", "Velaria montis"] and found[4] == "two\nlines"
    assert found[2].endswith("…")
    figure.draw_without_rendering()
    boxes = [ax.title.get_window_extent() for ax in shown(figure) if ax.get_title()]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


@pytest.mark.parametrize("wrong", [IMAGES[0], IMAGES[:0], IMAGES / 255, IMAGES[:, :1]])
def test_images_of_another_shape_or_type_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\) uint8"):
        plot_images(wrong)


def test_a_length_that_differs_is_named():
    with pytest.raises(ValueError, match="5 images but 2 titles"):
        plot_images(IMAGES, titles=["a", "b"])
    with pytest.raises(ValueError, match="5 images but 3 masks"):
        plot_images(IMAGES, masks=MASKS[:3])


def test_confusion_cells_are_shares_of_the_true_class_in_percent():
    (ax,) = shown(plot_confusion(COUNTS, CLASSES))
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.9, 0.1, 0], [0.2, 0.6, 0.2], [0] * 3])
    assert texts(ax) == {(0, 0): "90", (1, 0): "10", (0, 1): "20", (1, 1): "60", (2, 1): "20"}
    assert ax.images[0].get_clim() == (0, 1)


def test_confusion_classes_are_named_on_both_sides_and_dollars_stay():
    (ax,) = shown(plot_confusion(COUNTS, CLASSES))
    assert [tick.get_text() for tick in ax.get_yticklabels()] == CLASSES
    assert [tick.get_text() for tick in ax.get_xticklabels()] == CLASSES
    style.to_png(ax.figure, scale=1)


def test_strategies_stand_side_by_side_in_their_own_colours():
    figure = plot_confusion({"probe": COUNTS, "full": COUNTS}, CLASSES)
    assert [ax.get_title() for ax in shown(figure)] == ["Linear probe", "Full"]
    for ax, name in zip(shown(figure), ("probe", "full"), strict=True):
        assert to_hex(ax.images[0].get_cmap()(1.0)) == names.label(name).colour.lower()


def test_many_classes_on_one_page_keep_their_names_and_drop_numbers_that_would_not_fit():
    k = 60
    figure = plot_confusion({"probe": np.eye(k), "full": np.eye(k)}, [f"c{i}" for i in range(k)])
    assert all(not ax.texts for ax in shown(figure))
    assert len(shown(figure)[0].get_yticklabels()) == k


def test_an_unfilled_last_row_leaves_the_names_below_every_column():
    figure = plot_confusion(dict.fromkeys(("scratch", "probe", "full"), COUNTS), CLASSES, columns=2)
    below = [ax.xaxis.get_tick_params()["labelbottom"] for ax in shown(figure)]
    assert below == [False, True, True]


def test_counts_that_do_not_fit_the_classes_are_refused():
    with pytest.raises(ValueError, match=r"3 classes need counts \(3, 3\), got \(2, 2\)"):
        plot_confusion(np.eye(2), CLASSES)


def test_a_mistake_says_what_was_predicted_how_surely_and_what_it_is():
    axes = shown(plot_mistakes(IMAGES[:2], [0, 1], [1, 1], [0.97, 0.5], CLASSES))
    assert axes[0].get_title() == "Corona alba 97\N{NO-BREAK SPACE}%"
    assert axes[0].get_xlabel() == "is Velaria montis"
    assert to_hex(axes[0].title.get_color()) == style.WRONG
    assert to_hex(axes[1].title.get_color()) == style.RIGHT


@pytest.mark.parametrize(("confidence", "words"), [(0.9, "90"), (0.9961, ">99"), (1.0, "100")])
def test_a_probability_is_not_rounded_up_to_certainty(confidence, words):
    (ax,) = shown(plot_mistakes(IMAGES[:1], [0], [1], [confidence], CLASSES))
    assert ax.get_title() == f"Corona alba {words}\N{NO-BREAK SPACE}%"


def test_mistakes_need_an_entry_for_every_image():
    with pytest.raises(ValueError, match="2 images but 1 confidences"):
        plot_mistakes(IMAGES[:2], [0, 1], [1, 1], [0.97], CLASSES)


def test_no_figure_is_left_to_pyplot():
    plot_images(IMAGES)
    plot_confusion(COUNTS, CLASSES)
    assert pyplot.get_fignums() == []
