"""Accuracy figures, read back from their artists."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from runs_made_up import diverged, made_up
from tests_support import artist

from vtlab.plots import style
from vtlab.plots.comparison import plot_accuracy
from vtlab.results import labels as names
from vtlab.results import metrics, records
from vtlab.results.formatting import format_percent

SEEDS = {"scratch": [0.2, 0.25, 0.24], "probe": [0.8, 0.78, 0.81], "partial(1)": [0.84, 0.8, 0.82]}


def runs(shots=5):
    return [
        replace(made_up(strategy, shots, seed, images=200), test_accuracy=accuracy)
        for strategy, values in SEEDS.items()
        for seed, accuracy in enumerate(values)
    ]


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_each_strategy_is_a_row_in_the_courses_order():
    ax = plot_accuracy(list(reversed(runs()))).axes[0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [
        "From scratch",
        "Linear probe",
        "Partial (1)",
    ]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first one is on top


def test_every_seed_is_a_dot_at_its_accuracy():
    ax = plot_accuracy(runs()).axes[0]
    for place, (strategy, values) in enumerate(SEEDS.items()):
        dots = artist(ax, f"seeds {strategy}")
        np.testing.assert_allclose(dots.get_xdata(), values)
        assert np.abs(np.asarray(dots.get_ydata()) - place).max() < 0.3
        assert len(set(dots.get_ydata())) == len(values)
        assert dots.get_marker() == names.get_label(strategy).marker


def test_bar_and_line_are_the_interval_and_mean_of_the_metrics():
    ax = plot_accuracy(runs()).axes[0]
    for strategy, values in SEEDS.items():
        expected = metrics.interval(values, 200)
        bar = artist(ax, f"interval {strategy}")
        assert bar.get_x() == pytest.approx(expected.low)
        assert bar.get_x() + bar.get_width() == pytest.approx(expected.high)
        assert artist(ax, f"mean {strategy}").get_xdata()[0] == pytest.approx(expected.mean)
        assert format_percent(expected.mean) in words(ax)


def test_colours_are_those_of_the_strategies():
    ax = plot_accuracy(runs()).axes[0]
    for strategy in SEEDS:
        colour = to_hex(artist(ax, f"seeds {strategy}").get_color())
        assert colour == names.get_label(strategy).colour.lower()


def test_a_table_without_its_test_set_gets_the_interval_of_the_seeds():
    ax = plot_accuracy(records.runs_to_table(runs())).axes[0]
    expected = metrics.t_interval(SEEDS["probe"])
    assert artist(ax, "interval probe").get_x() == pytest.approx(expected.low)
    ax = plot_accuracy(records.runs_to_table(runs()), test_images=200).axes[0]
    assert artist(ax, "interval probe").get_x() == pytest.approx(
        metrics.interval(SEEDS["probe"], 200).low
    )


def test_chance_is_dotted_the_baseline_dashed_and_both_are_named():
    ax = plot_accuracy(runs(), chance=0.125, baseline=0.19).axes[0]
    chance, baseline = artist(ax, "chance"), artist(ax, "nearest in pixels")
    assert chance.get_xdata()[0] == 0.125
    assert baseline.get_xdata()[0] == 0.19
    assert chance._dash_pattern != baseline._dash_pattern
    assert f"chance {format_percent(0.125)}" in words(ax)
    assert f"nearest in pixels {format_percent(0.19)}" in words(ax)


def test_the_axis_runs_from_nothing_to_everything():
    assert plot_accuracy(runs()).axes[0].get_xlim() == (0, 1)


@pytest.mark.parametrize("width", [style.WIDE, 4.2])
@pytest.mark.parametrize("chance", [0.02, 0.5, 0.97])
def test_no_word_overlaps_another_or_leaves_the_figure(width, chance):
    figure = plot_accuracy(runs(), chance=chance, baseline=chance + 0.01, width=width)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    for box in boxes:
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1


def test_one_seed_is_drawn():
    one = runs()[3:4]
    ax = plot_accuracy(one).axes[0]
    assert list(artist(ax, "seeds probe").get_xdata()) == [0.8]
    plot_accuracy(records.runs_to_table(one))


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="no run"):
        plot_accuracy([])


def test_several_shots_in_one_accuracy_figure_are_refused():
    with pytest.raises(ValueError, match="one value of shots, got 5, 10"):
        plot_accuracy(runs(5) + runs(10))


def test_no_figure_is_left_to_pyplot():
    plot_accuracy(runs())
    assert pyplot.get_fignums() == []


def test_runs_that_diverged_are_words_and_no_dot():
    made = [diverged(of) if (of.strategy, of.seed) == ("probe", 1) else of for of in runs()]
    made = [diverged(of) if of.strategy == "scratch" else of for of in made]
    for given in (made, records.runs_to_table(made)):
        ax = plot_accuracy(given, test_images=200).axes[0]
        labels = [tick.get_text() for tick in ax.get_yticklabels()]
        assert labels == [
            "From scratch\n3 of 3 diverged",
            "Linear probe\n1 of 3 diverged",
            "Partial (1)",
        ]
        assert "diverged" in words(ax) and "nan" not in " ".join(words(ax))
        np.testing.assert_allclose(artist(ax, "seeds probe").get_xdata(), [0.8, 0.81])
        with pytest.raises(AssertionError):
            artist(ax, "seeds scratch")
        assert format_percent(0.805) in words(ax)
