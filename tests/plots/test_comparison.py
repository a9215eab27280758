"""Accuracy figures, read back from their artists."""

import itertools

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex
from matplotlib.text import Text
from tests_support import artist

from vtlab.plots import comparison as comparison
from vtlab.plots import style as style
from vtlab.plots.comparison import plot_accuracy, plot_shots
from vtlab.results import labels as labels_
from vtlab.results import labels as names
from vtlab.results import metrics as metrics
from vtlab.results import records as records

SEEDS = {"scratch": [0.2, 0.25, 0.24], "probe": [0.8, 0.78, 0.81], "partial(1)": [0.84, 0.8, 0.82]}


def run(strategy, seed, accuracy, shots=5, test=200):
    return records.Run(
        task="garden",
        backbone="mini_resnet",
        weights="w",
        strategy=strategy,
        shots=shots,
        seed=seed,
        val_accuracy=None,
        test_accuracy=accuracy,
        seconds=1.0,
        trainable_weights=10,
        total_weights=20,
        epochs=(),
        predictions=(0,) * test,
        confidences=(1.0,) * test,
        cams=(),
        settings={},
    )


def runs(shots=5):
    return [run(s, i, a, shots) for s, values in SEEDS.items() for i, a in enumerate(values)]


def sweep(numbers=(1, 2, 5, 10, 20, 40, 80, 160, 320)):
    shift = np.linspace(-0.1, 0.1, len(numbers))
    return [
        run(s, i, a + d, n)
        for n, d in zip(numbers, shift, strict=True)
        for s, values in SEEDS.items()
        for i, a in enumerate(values)
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
        assert dots.get_marker() == names.label(strategy).marker


def test_bar_and_line_are_the_interval_and_mean_of_the_metrics():
    ax = plot_accuracy(runs()).axes[0]
    for strategy, values in SEEDS.items():
        expected = metrics.interval(values, 200)
        bar = artist(ax, f"interval {strategy}")
        assert bar.get_x() == pytest.approx(expected.low)
        assert bar.get_x() + bar.get_width() == pytest.approx(expected.high)
        assert artist(ax, f"mean {strategy}").get_xdata()[0] == pytest.approx(expected.mean)
        assert labels_.percent(expected.mean) in words(ax)


def test_colours_are_those_of_the_strategies():
    ax = plot_accuracy(runs()).axes[0]
    for strategy in SEEDS:
        colour = to_hex(artist(ax, f"seeds {strategy}").get_color())
        assert colour == names.label(strategy).colour.lower()


def test_a_table_without_its_test_set_gets_the_interval_of_the_seeds():
    ax = plot_accuracy(records.table(runs())).axes[0]
    expected = metrics.t_interval(SEEDS["probe"])
    assert artist(ax, "interval probe").get_x() == pytest.approx(expected.low)
    ax = plot_accuracy(records.table(runs()), test_images=200).axes[0]
    assert artist(ax, "interval probe").get_x() == pytest.approx(
        metrics.interval(SEEDS["probe"], 200).low
    )


def test_chance_is_dotted_the_baseline_dashed_and_both_are_named():
    ax = plot_accuracy(runs(), chance=0.125, baseline=0.19).axes[0]
    chance, baseline = artist(ax, "chance"), artist(ax, "nearest in pixels")
    assert chance.get_xdata()[0] == 0.125
    assert baseline.get_xdata()[0] == 0.19
    assert chance._dash_pattern != baseline._dash_pattern
    assert f"chance {labels_.percent(0.125)}" in words(ax)
    assert f"nearest in pixels {labels_.percent(0.19)}" in words(ax)


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
    ax = plot_accuracy([run("probe", 0, 0.8)]).axes[0]
    assert list(artist(ax, "seeds probe").get_xdata()) == [0.8]
    plot_accuracy(records.table([run("probe", 0, 0.8)]))


def test_several_shots_in_one_accuracy_figure_are_refused():
    with pytest.raises(ValueError, match="one value of shots, got 5, 10"):
        plot_accuracy(runs(5) + runs(10))


@pytest.mark.parametrize("plot", [plot_accuracy, plot_shots])
def test_nothing_to_draw_is_said(plot):
    with pytest.raises(ValueError, match="no run"):
        plot([])


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


def test_spread_keeps_the_order_the_gap_and_the_limits():
    places = comparison.spread([0.5, 0.9, 0.52, 0.95], 0.1, 0.05, 1.0)
    assert list(np.argsort(places)) == [0, 2, 1, 3]
    assert np.diff(np.sort(places)).min() >= 0.1 - 1e-12
    assert places.max() <= 1.0 + 1e-12
    np.testing.assert_allclose(sorted(places)[:2], [0.46, 0.56])  # moved by the same little


def test_spread_leaves_alone_what_is_apart_already():
    np.testing.assert_allclose(comparison.spread([0.8, 0.2], 0.1, 0, 1), [0.8, 0.2])


def test_no_figure_is_left_to_pyplot():
    plot_accuracy(runs())
    plot_shots(sweep())
    assert pyplot.get_fignums() == []
