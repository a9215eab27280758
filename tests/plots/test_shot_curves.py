"""Accuracy by images per class, read back from the artists."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.text import Text
from runs_made_up import diverged, made_up
from tests_support import artist

from vtlab.plots.shot_curves import plot_shots
from vtlab.results import metrics

SEEDS = {"scratch": [0.2, 0.25, 0.24], "probe": [0.8, 0.78, 0.81], "partial(1)": [0.84, 0.8, 0.82]}


def run(strategy, seed, accuracy, shots):
    return replace(made_up(strategy, shots, seed, images=200), test_accuracy=accuracy)


def runs(shots):
    return [run(s, i, a, shots) for s, values in SEEDS.items() for i, a in enumerate(values)]


def sweep(numbers=(1, 2, 5, 10, 20, 40, 80, 160, 320)):
    shift = np.linspace(-0.1, 0.1, len(numbers))
    return [
        run(s, i, a + d, n)
        for n, d in zip(numbers, shift, strict=True)
        for s, values in SEEDS.items()
        for i, a in enumerate(values)
    ]


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="no run"):
        plot_shots([])


def test_shots_are_the_ticks_of_a_logarithmic_axis():
    ax = plot_shots(sweep(), chance=0.125).axes[0]
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [
        "1",
        "2",
        "5",
        "10",
        "20",
        "40",
        "80",
        "160",
        "320",
    ]
    assert not len(ax.xaxis.get_minorticklocs())
    low, high = ax.get_ylim()
    assert low == 0 and 1 <= high < 1.05


def test_lines_are_means_and_bands_intervals():
    ax = plot_shots(sweep((1, 10))).axes[0]
    line = artist(ax, "mean probe")
    np.testing.assert_allclose(line.get_xdata(), [1, 10])
    values = np.asarray(SEEDS["probe"])
    np.testing.assert_allclose(line.get_ydata(), [values.mean() - 0.1, values.mean() + 0.1])
    band = artist(ax, "interval probe").get_paths()[0].vertices
    expected = metrics.interval(values + 0.1, 200)
    assert band[:, 1].max() == pytest.approx(expected.high)
    assert len(artist(ax, "seeds probe").get_xdata()) == 6


def test_all_images_stand_beyond_the_largest_number():
    ax = plot_shots(runs(5) + runs(20) + runs(None)).axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["5", "20", "all"]
    assert list(artist(ax, "mean probe").get_xdata()) == [5, 20, 40]


def test_labels_at_the_lines_ends_never_overlap():
    same = [
        run(s, i, 0.9 + 0.001 * i, n)
        for n in (1, 10)
        for i in range(3)
        for s in ("scratch", "probe", "partial(1)", "full", "lp_ft")
    ]
    figure = plot_shots(same, chance=0.9)
    figure.draw_without_rendering()
    texts = figure.axes[0].texts
    assert len(texts) == 6
    boxes = [Text.get_window_extent(text) for text in texts]  # without the line to its point
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(box.x1 <= figure.bbox.x1 and box.y0 >= 0 for box in boxes)


def test_no_figure_is_left_to_pyplot():
    plot_shots(sweep())
    assert pyplot.get_fignums() == []


def test_runs_that_diverged_are_named_and_the_lines_are_of_the_others():
    made = [diverged(of) if (of.strategy, of.seed) == ("probe", 1) else of for of in sweep((5, 10))]
    made = [diverged(of) if (of.strategy, of.shots) == ("scratch", 10) else of for of in made]
    ax = plot_shots(made, chance=0.125).axes[0]
    written = [text.get_text() for text in ax.texts]
    note = "runs that diverged and are not drawn: From scratch 3 of 6, Linear probe 2 of 6"
    assert note in written and "Linear probe" in written and "From scratch" in written
    means = artist(ax, "mean probe").get_ydata()
    np.testing.assert_allclose(means, [np.mean([0.7, 0.71]), np.mean([0.9, 0.91])])
    everything = plot_shots([diverged(of) for of in sweep((5, 10))]).axes[0]
    assert any("From scratch 6 of 6" in text.get_text() for text in everything.texts)
