"""Data sets and starts in small figures, read back from the artists."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import stats
from tests_support import artist

from vtlab.course.exercise import check
from vtlab.course.lesson_16 import (
    list_decisions,
    list_gains,
    list_hands,
    list_leads_of_best_start,
    measure_own_curve,
    plot_decisions,
    plot_own_curve,
    plot_photo_to_sketch,
    plot_starts,
    predict_gain,
    probe_with_shots,
    score_pixels,
    score_start,
    write_photographs,
)
from vtlab.data.images import Images
from vtlab.data.tasks import task as make_task

RUNS = [
    ("photo", "garden", "scratch", 20, 0, 0.5),
    ("photo", "garden", "scratch", 5, 0, 0.3),
    ("photo", "garden", "probe", 5, 0, 0.40),
    ("photo", "garden", "probe", 5, 1, 0.44),
    ("photo", "garden", "full", 5, 0, 0.50),
    ("photo", "garden", "full", 5, 1, 0.50),
    ("photo", "garden", "partial", 5, 0, 0.60),
    ("photo", "natural", "probe", 5, 0, 0.6),
    ("sketch", "natural", "probe", 5, 0, 0.7),
]


def runs(test_images=400):
    columns = ["data", "start", "strategy", "shots", "seed", "test_accuracy"]
    return pd.DataFrame(RUNS, columns=columns).assign(chance=0.25, test_images=test_images)


def marks(ax, gid):
    """The places and heights of all marks with that name."""
    return [tuple(map(float, line.get_xydata()[0])) for line in ax.lines if line.get_gid() == gid]


def test_a_row_for_each_start_and_a_column_for_each_data_set():
    photo_garden, sketch_garden, photo_natural, sketch_natural = plot_starts(runs()).axes
    assert (photo_garden.get_title(loc="left"), sketch_garden.get_title(loc="left")) == (
        "photo",
        "sketch",
    )
    assert [ax.texts[0].get_text() for ax in (photo_garden, photo_natural)] == [
        "from garden",
        "from natural",
    ]
    assert marks(photo_natural, "mean probe")[0][1] == pytest.approx(0.6)
    assert marks(sketch_natural, "mean probe")[0][1] == pytest.approx(0.7)
    assert artist(photo_natural, "chance").get_ydata()[0] == 0.25
    assert not sketch_garden.lines  # not measured


def test_in_a_group_no_two_strategies_stand_in_one_place_and_groups_are_apart():
    ax, _, lowest, _ = plot_starts(runs()).axes
    few = [marks(ax, f"mean {name}")[0][0] for name in ("scratch", "probe", "partial", "full")]
    assert few == sorted(few) and len({round(x, 6) for x in few}) == 4 and max(few) < 0.5
    many = marks(ax, "mean scratch")[1]
    assert many[0] == pytest.approx(few[0] + 1) and many[1] == pytest.approx(0.5)
    assert [label.get_text() for label in lowest.get_xticklabels()] == ["5", "20"]


def test_a_start_without_runs_from_scratch_shows_those_of_the_start_above():
    photo_garden, _, photo_natural, sketch_natural = plot_starts(runs()).axes
    heights = [y for _, y in marks(photo_natural, "mean scratch")]
    assert heights == [y for _, y in marks(photo_garden, "mean scratch")] == [0.3, 0.5]
    assert not marks(sketch_natural, "mean scratch")


def test_bars_hold_the_spread_that_the_strategies_of_a_group_share():
    endless = 10**12  # test images: the seeds alone
    ax = plot_starts(runs(endless)).axes[0]
    # squares .0004 + .0004 of probe, none of full; one seed each of scratch and partial
    spread = (0.0008 / 2) ** 0.5
    for name, seeds in {"probe": 2, "full": 2, "partial": 1}.items():
        low, high = artist(ax, f"interval {name}").get_ydata()
        half = stats.t.ppf(0.975, 2) * spread / seeds**0.5
        assert (high - low) / 2 == pytest.approx(half, abs=1e-5)


def test_where_each_strategy_has_one_seed_bars_are_of_the_test_set():
    ax = plot_starts(runs()).axes[2]
    low, high = artist(ax, "interval probe").get_ydata()
    assert low < 0.6 < high and high - low == pytest.approx(
        2 * 1.96 * (0.24 / 400) ** 0.5, rel=0.01
    )


def test_no_run_is_refused():
    with pytest.raises(ValueError, match="no run"):
        plot_starts(runs()[:0])


def test_a_curve_has_a_row_for_each_split_and_each_number_of_images(network, toy):
    ten = replace(toy, train=toy.test)  # ten of each class
    curve = measure_own_curve(network, ten, range(3))
    assert curve.groupby("images").seed.apply(list).to_dict() == {
        6: [0, 1, 2],
        15: [0, 1, 2],
        24: [0, 1, 2],
    }
    assert curve.accuracy.between(0, 1).all()
    with pytest.raises(ValueError, match="so few images"):
        measure_own_curve(network, toy, range(3))


def straight_curve(slope, *, bend=0.0):
    """Accuracies that rise by a slope for each doubling, two splits a little apart."""
    rows = [
        (n, seed, 0.5 + slope * np.log2(n / 40) + 0.01 * seed + bend * (n == 40))
        for n in (40, 80, 160)
        for seed in range(2)
    ]
    return pd.DataFrame(rows, columns=["images", "seed", "accuracy"])


# least squares: the places are -1, 0 and 1 doublings, so that a dent of the first counts by half
@pytest.mark.parametrize(("bend", "points"), [(0.0, 5), (-0.2, 15)])
def test_a_gain_continues_the_straight_line_through_the_curve(bend, points):
    gain = predict_gain(straight_curve(0.05, bend=bend), images=200, more=200)
    assert gain.mean == pytest.approx(points) and gain.low < gain.mean < gain.high
    with pytest.raises(ValueError, match="two numbers"):
        predict_gain(straight_curve(0.05)[:2], 200, 40)


def test_the_figure_of_a_curve_ends_where_the_gain_does():
    curve = straight_curve(0.05)
    ax = plot_own_curve(curve, 160, 160).axes[0]
    assert artist(ax, "means").get_ydata() == pytest.approx([0.505, 0.555, 0.605])
    low, high = artist(ax, "interval").get_ydata()
    assert (low + high) / 2 == pytest.approx(0.655)
    assert any("160 more: +5.0 points" in text.get_text() for text in ax.texts)


def test_no_accuracy_is_drawn_beyond_one():
    curve = straight_curve(0.2).assign(accuracy=lambda rows: rows.accuracy + 0.05)
    ax = plot_own_curve(curve, 160, 160).axes[0]
    assert artist(ax, "interval").get_ydata() == pytest.approx([1, 1])
    assert ax.get_ylim()[1] <= 1.02


def test_gains_are_paired_by_seed_and_one_for_each_data_set():
    table = runs()
    few = table[(table.shots == 5) & (table.start == "garden")]
    found = list_gains(few, "strategy", "full", "probe")
    assert found.to_dict() == pytest.approx({"photo": 8})


def test_the_best_start_under_a_probe_is_held_against_full_from_the_others():
    table = pd.concat(
        [
            real_runs({"probe": 0.7}, start="efficientnet_lite0"),
            real_runs({"full": 0.6}),
            real_runs({"full": 0.8}, start="garden"),
        ]
    )
    found = list_leads_of_best_start(table)
    assert list(found) == ["natural", "garden"]
    assert found["natural"].to_dict() == pytest.approx({"a": 10, "b": 9.8, "c": 10, "d": 9.8})
    assert (found["garden"] < 0).all()


def real_runs(means, start="natural", shots=5):
    """One run in each of four data sets, for each strategy, which differ little between them."""
    rows = [
        (data, start, name, shots, 0, mean + 0.01 * place + 0.002 * (place % 2) * (name == "full"))
        for place, data in enumerate("abcd")
        for name, mean in means.items()
    ]
    return pd.DataFrame(
        rows, columns=["data", "start", "strategy", "shots", "seed", "test_accuracy"]
    )


NO_GARDEN = real_runs({"probe": 0.5})[:0]


def test_the_cheapest_of_those_not_clearly_worse_comes_first():
    (one,) = list_decisions(real_runs({"probe": 0.3, "partial": 0.6, "full": 0.5995}), NO_GARDEN)
    assert (one.first, one.best, one.worse, one.cases) == ("partial", "full", ("probe",), 4)
    assert one.accuracy == pytest.approx(0.615) and one.behind == pytest.approx(0.0005)


def test_scratch_of_the_garden_is_that_of_the_natural_weights_too():
    table = pd.concat(
        [real_runs({"probe": 0.3}), real_runs({"probe": 0.2, "scratch": 0.8}, start="garden")]
    )
    found = {one.near: one.best for one in list_decisions(table, NO_GARDEN)}
    assert found == {"natural": "scratch", "garden": "scratch"}


def test_a_cell_of_the_chart_names_the_first_and_the_best():
    near = real_runs({"probe": 0.7}, shots=1).assign(seed=range(4))
    decisions = list_decisions(real_runs({"probe": 0.6, "full": 0.6005}), near)
    ax = plot_decisions(decisions).axes[0]
    assert [one.near for one in decisions] == ["same", "natural"]
    assert artist(ax, "same 1") and artist(ax, "natural 5")
    words = [text.get_text() for text in ax.texts]
    assert words.count("Linear probe") == 2 and "Full +0" in words
    assert artist(ax, "unknown same 5").get_hatch() and artist(ax, "unknown natural 1").get_hatch()
    with pytest.raises(ValueError, match="no decision"):
        plot_decisions([])


def test_photographs_and_sketches_are_joined_for_each_strategy():
    table = runs().assign(shifted_accuracy=0.1)
    table.loc[table.start == "natural", "shifted_accuracy"] = float("nan")
    (ax,) = plot_photo_to_sketch(table).axes
    assert artist(ax, "mean probe").get_ydata() == pytest.approx([0.42, 0.1])
    with pytest.raises(ValueError, match="sketches"):
        plot_photo_to_sketch(table[table.start == "natural"])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({0: 0.9, 0.4: 0.8}, "right"),
        ({0: 0.9, 0.2: 0.85, 0.4: 0.78}, "right"),
        (0.8, "not yet. The answer is a dict"),
        ({0: 0.9}, "not yet. The answer is a dict"),
        ({0: 0.5, 0.4: 0.4}, "not yet. Without wrong labels"),
        ({0: 0.9, 0.4: 0.9}, "not yet. Are the labels"),
        ({0: 0.9, 0.4: 0.5}, "not yet. So much is lost only if"),
    ],
)
def test_exercise_3_is_judged_by_what_the_wrong_labels_cost(answer, words, capsys):
    check("16.3", answer)
    assert f"exercise 16.3: {words}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((0.74, 0.94), "right. Forty test images may as well say 74% as 94%"),
        (np.array([0.7, 0.95]), "right"),
        ((0.8, 0.9), "not yet. So narrow"),
        ((0.5, 1.0), "not yet. So wide"),
        ((0.9, 0.8), "not yet. Both are shares"),
        ((74, 94), "not yet. Both are shares"),
        (0.85, "not yet. The answer is a pair"),
    ],
)
def test_exercise_1_is_judged_by_the_width_that_forty_images_have(answer, words, capsys):
    check("16.1", answer)
    assert f"exercise 16.1: {words}" in capsys.readouterr().out


def test_photographs_lie_in_folders_of_the_classes_that_are_kept(toy, tmp_path):
    write_photographs(toy.train, toy.classes, toy.classes[1:], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(toy.classes[1:])
    paths = [path for path in tmp_path.rglob("*.jpg")]
    assert len(paths) == len({path.name for path in paths}) == 8  # a name moves to any folder
    with Image.open(tmp_path / toy.classes[1] / "004.jpg") as image:
        assert image.size == (16, 16)


def test_pixels_name_what_looks_alike_and_nothing_else(network):
    grey = torch.tensor([0, 120, 240]).repeat_interleave(4).to(torch.uint8)
    pixels = grey.view(-1, 1, 1, 1).expand(-1, 3, 16, 16)
    alike = Images(pixels, torch.arange(3).repeat_interleave(4))
    assert score_pixels(alike, range(3)) == [1, 1, 1]
    assert score_start(network, alike, range(3)) == [1, 1, 1]
    mixed = Images(pixels, torch.arange(3).repeat(4))  # a label says nothing of the grey
    assert max(score_pixels(mixed, range(3))) < 1


def test_random_weights_are_the_mean_of_several_networks(network, toy):
    network.reset_stages(0)
    assert network.origin == "random"
    found = score_start(network, toy.at(4, 0).train, range(2))
    assert found == score_start(network, toy.at(4, 0).train, range(2))


def test_a_probe_learns_some_species_only():
    names = sorted(make_task("garden", shots=1, tests=1).classes)[:2]
    few, many = (probe_with_shots(names, shots, range(2), tests=5) for shots in (1, 8))
    assert len(few) == 2 and np.mean(many) >= np.mean(few) and np.mean(many) > 60


def test_hands_stand_beside_their_controls():
    columns = ["data", "start", "strategy", "shots", "seed", "test_accuracy"]
    starts = ("garden", "natural", "efficientnet_lite0")
    real = [("hands", start, way, 5, 0, 0.5) for start in starts for way in ("full", "probe")]
    real += [("hands", "garden", "scratch", 20, 0, 0.9)]
    free = [
        ("hands", way, 5, seed, 0.7 + 0.1 * seed) for way in ("pixels", "random") for seed in (0, 1)
    ]
    free += [("hands", "patient", 20, 0, 0.8)]
    table = list_hands(
        pd.DataFrame(real, columns=columns),
        pd.DataFrame(free, columns=["data", "way", "shots", "seed", "test_accuracy"]),
    )
    assert table["5 per class"]["nearest in plain pixels"] == "75 (2)"
    assert table["20 per class"]["from scratch"] == "90 (1)"
    assert table["20 per class"]["full, the garden's weights"] == ""
