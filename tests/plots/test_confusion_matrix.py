"""Confusion matrices, read back from their artists."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex

from vtlab.plots import export
from vtlab.plots.confusion_matrix import plot_confusion
from vtlab.results import labels as names

COUNTS = np.array([[9, 1, 0], [2, 6, 2], [0, 0, 0]])
CLASSES = ["Velaria montis", "Corona alba", "$5 & <b>"]


def shown(figure):
    return [ax for ax in figure.axes if ax.get_visible()]


def texts(ax):
    return {tuple(map(float, text.get_position())): text.get_text() for text in ax.texts}


def test_confusion_cells_are_shares_of_the_true_class_in_percent():
    (ax,) = shown(plot_confusion(COUNTS, CLASSES))
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.9, 0.1, 0], [0.2, 0.6, 0.2], [0] * 3])
    assert texts(ax) == {(0, 0): "90", (1, 0): "10", (0, 1): "20", (1, 1): "60", (2, 1): "20"}
    assert ax.images[0].get_clim() == (0, 1)


def test_confusion_classes_are_named_on_both_sides_and_dollars_stay():
    (ax,) = shown(plot_confusion(COUNTS, CLASSES))
    assert [tick.get_text() for tick in ax.get_yticklabels()] == CLASSES
    assert [tick.get_text() for tick in ax.get_xticklabels()] == CLASSES
    export.to_png(ax.figure, scale=1)


def test_strategies_stand_side_by_side_in_their_own_colours():
    figure = plot_confusion({"probe": COUNTS, "full": COUNTS}, CLASSES)
    assert [ax.get_title() for ax in shown(figure)] == ["Linear probe", "Full"]
    for ax, name in zip(shown(figure), ("probe", "full"), strict=True):
        assert to_hex(ax.images[0].get_cmap()(1.0)) == names.get_label(name).colour.lower()


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


def test_no_figure_is_left_to_pyplot():
    plot_confusion(COUNTS, CLASSES)
    assert pyplot.get_fignums() == []
