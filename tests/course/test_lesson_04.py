import itertools
import warnings
from dataclasses import replace

import pandas as pd
import pytest
import torch

from vtlab.course import lesson_04
from vtlab.course.exercise import check
from vtlab.course.lesson_04 import (
    FAULTS,
    fault_difference,
    fault_interaction,
    fault_prices,
    faults_table,
    find_forecast_errors,
    forgetting_by_way,
    forgetting_table,
    full_ahead_of_probe,
    plot_cost_forecast,
    plot_fault_prices,
    plot_namings,
    plot_ways_back,
    price_on_digits,
    sample_photographs,
    train_head,
)
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate

COSTS = dict(zip(FAULTS, (0.02, 0.2, 0.05, 0.1), strict=True))


def made_up_table(seeds=3):
    """Every fault costs what `COSTS` says, on digits nothing; seeds differ by as much in all runs."""
    rows = []
    for seed, has in itertools.product(
        range(seeds), itertools.product((False, True), repeat=len(FAULTS))
    ):
        lost = sum(itertools.compress(COSTS.values(), has))
        row = dict(zip(FAULTS, has, strict=True)) | {"seed": seed, "printed_accuracy": 1.0}
        rows.append(row | {"task": "garden", "test_accuracy": 0.9 + 0.05 * seed - lost})
        if not any(has[1:]):
            rows.append(row | {"task": "digits", "test_accuracy": 0.5 + 0.05 * seed})
    return pd.DataFrame(rows)


def test_the_price_of_a_fault_is_what_its_loop_loses_on_the_same_seeds():
    prices = fault_prices(made_up_table())
    for fault, cost in COSTS.items():
        assert prices[fault].mean == pytest.approx(100 * cost)
    assert prices["ten steps, small rate"].mean == pytest.approx(15)
    assert prices["all four"].mean == pytest.approx(100 * sum(COSTS.values()))
    assert fault_prices(made_up_table().sample(frac=1, random_state=0)) == prices


def test_faults_that_add_up_do_not_interact_and_those_that_do_are_told_by_how_much():
    table = made_up_table()
    assert fault_interaction(table, "ten steps", "small rate").mean == pytest.approx(0, abs=1e-9)
    assert fault_difference(table, "one batch", "small rate").mean == pytest.approx(10)
    assert price_on_digits(table).mean == pytest.approx(0, abs=1e-9)
    both = table["ten steps"] & table["small rate"]
    table.loc[both, "test_accuracy"] -= 0.3
    assert fault_interaction(table, "ten steps", "small rate").mean == pytest.approx(30)


def test_the_bars_are_as_long_as_the_prices_and_the_hollow_dots_stand_where_the_loop_prints():
    left, right = plot_fault_prices(made_up_table()).axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx(
        [100 * cost for cost in (*COSTS.values(), 0.15, sum(COSTS.values()))]
    )
    assert [text.get_text() for text in left.texts][:2] == ["2.0 points", "20.0 points"]
    hollow = [line for line in right.lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 7 and all(line.get_xdata()[0] == 1 for line in hollow)


@pytest.fixture(scope="module")
def forty(garden):
    """The default task with five images per class, and a test set of 48."""
    return replace(garden.at(5, 0), test=garden.test[torch.arange(0, 1200, 25)])


@pytest.fixture(scope="module")
def trained(forty):
    return {has: train_head(forty, has) for has in ((), FAULTS)}


def test_the_loop_with_all_faults_is_worse_than_the_one_without(trained):
    assert trained[()]["test_accuracy"] > trained[FAULTS]["test_accuracy"] + 0.2


def test_a_frozen_loop_trains_the_head_alone_and_equals_the_loop_through_the_whole_network(
    trained, forty
):
    """Features are computed once where nothing moves: by hand, each step runs all stages in evaluation."""
    task, network = forty, backbone("mini_resnet", classes=8)
    network.reset_head(0)
    network.requires_grad_(False).eval().head.requires_grad_(True)
    batches = list(lesson_04._choose_batches(40, False, 0))
    optimiser = torch.optim.SGD(network.head.parameters(), lesson_04.GOOD_RATE, momentum=0.9)
    for index in batches:
        logits = network(network.normalise(task.train.pixels[index]))
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits, task.train.labels[index]).backward()
        optimiser.step()
    by_hand = evaluate(network, task.test.pixels, task.test.labels)
    assert trained[()]["test_accuracy"] == pytest.approx(by_hand, abs=0.051)  # two images of forty


def test_an_epoch_is_every_image_once_and_the_one_batch_is_always_the_same():
    epochs = list(lesson_04._choose_batches(40, False, 3))
    assert len(epochs) == 30
    for first, second in zip(epochs[::2], epochs[1::2], strict=True):
        assert sorted([*first.tolist(), *second.tolist()]) == list(range(40))
    fixed = list(lesson_04._choose_batches(40, True, 3))
    assert len(fixed) == 30 and all(torch.equal(index, fixed[0]) for index in fixed)
    assert len(set(fixed[0].tolist())) == 16


def test_an_unknown_fault_is_refused(small_garden):
    with pytest.raises(ValueError, match="no fault is called 'dropout'; there are statistics move"):
        train_head(small_garden, ["dropout"])


def test_the_committed_table_has_every_combination_with_eight_seeds():
    table = faults_table()
    assert len(table) == (16 + 2) * 8
    assert (table.groupby(["task", *FAULTS]).seed.nunique() == 8).all()
    assert table.test_accuracy.between(0, 1).all() and table.printed_accuracy.between(0, 1).all()


def test_the_table_of_forgetting_has_three_draws_of_each_kind_and_size():
    counts = forgetting_table().groupby(["kind", "size"]).seed.nunique().to_dict()
    assert counts.pop(("none", 0)) == 1 and set(counts.values()) == {3} and len(counts) == 4


def test_ways_to_forget_stand_with_the_networks_own_kind_and_size_first_and_are_in_percent():
    ways = forgetting_by_way()
    first, *_, last = ways
    assert (first, last) == ("photographs, 224 px", "no batch")
    assert all(0 < values.min() and values.max() < 50 for values in ways.values())


def test_full_is_held_against_the_probe_within_each_set():
    rows = [
        {
            "data": data,
            "shots": shots,
            "strategy": strategy,
            "seed": seed,
            "test_accuracy": accuracy,
        }
        for data, shots, seed, strategy, accuracy in (
            ("a", 5, 0, "probe", 0.5),
            ("a", 5, 1, "probe", 0.6),
            ("a", 5, 0, "full", 0.7),
            ("a", 5, 1, "full", 0.6),
            ("a", 20, 0, "full", 1.0),
            ("b", 5, 0, "probe", 0.5),
        )
    ]
    assert full_ahead_of_probe(pd.DataFrame(rows), "data").to_dict() == pytest.approx({"a": 10})


def test_the_error_of_a_forecast_is_that_of_the_worst_strategy():
    cost = {"learn": 10.0, "step": 100.0, "optimiser": 40.0, "activations": 8.0}
    predicted = {"probe": cost, "full": cost}
    errors = find_forecast_errors(predicted, {"probe": cost, "full": cost | {"activations": 10.0}})
    assert errors == {"learn": 0, "step": 0, "optimiser": 0, "activations": 0.25}


def test_photographs_are_two_square_pictures():
    photographs = sample_photographs(32)
    assert photographs.shape == (2, 3, 32, 32) and photographs.dtype == torch.uint8
    assert photographs.float().std((1, 2, 3)).min() > 10


def test_namings_show_the_three_most_probable_names_of_before():
    images = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    before, after = torch.tensor([[0.1, 0.5, 0.15, 0.25]]), torch.tensor([[0.7, 0.1, 0.1, 0.1]])
    figure = plot_namings(images, {"before": before, "after": after}, ["a", "b", "c", "d"])
    ax = figure.axes[1]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "d", "c"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(
        [0.5, 0.25, 0.15, 0.1, 0.1, 0.1]
    )


def test_gradients_go_back_to_the_first_part_that_learns_and_no_further():
    ways = {"probe": ["head"], "surgical(stage1)": ["stage1", "head"]}
    ax = plot_ways_back(["stem", "stage1", "stage2", "head"], ways).axes[0]
    arrows = [text for text in ax.texts if not text.get_text()]
    back = [arrow for arrow in arrows if arrow.xy[0] < arrow.get_position()[0]]
    assert len(arrows) - len(back) == 2 * 3  # forward, between four parts, twice
    assert [round(arrow.xy[1]) for arrow in back] == [1, 1]  # none for the probe


def test_forecast_bars_are_predicted_and_dots_measured():
    costs = {"step": 2e6, "activations": 5e6, "seconds": 0.01}
    figure = plot_cost_forecast({"probe": costs}, {"probe": costs | {"step": 3e6}})
    operations = figure.axes[0]
    assert operations.patches[0].get_width() == pytest.approx(2)
    assert operations.lines[0].get_xdata()[0] == pytest.approx(3)


def said(number, answer, capsys):
    check(number, answer)
    return capsys.readouterr().out.partition(": ")[2]


def test_the_best_two_repairs_are_those_after_which_the_table_has_most(monkeypatch, capsys):
    monkeypatch.setattr(lesson_04, "faults_table", made_up_table)
    best = ("one batch", "small rate", 0.84)
    assert said("04.4", best, capsys).startswith("right")
    assert said("04.4", ("small rate", "one batch", 0.8), capsys).startswith("right")
    assert "another pair" in said("04.4", ("ten steps", "small rate", 0.69), capsys)
    assert "far from" in said("04.4", (*best[:2], 0.5), capsys)
    assert "Two different ones" in said("04.4", ("one batch", "one batch", 0.8), capsys)
    assert "The answer is" in said("04.4", "one batch", capsys)


def test_what_is_not_frozen_has_gradients_or_trains(capsys):
    def both(module):
        return [
            name
            for name, layer in module.named_modules()
            if any(p.requires_grad for p in layer.parameters(recurse=False))
            or (isinstance(layer, torch.nn.BatchNorm2d) and layer.training)
        ]

    def gradients_only(module):
        return [name for name, p in module.named_parameters() if p.requires_grad]

    assert said("04.2", both, capsys).startswith("right")
    assert "both BatchNorms train" in said("04.2", gradients_only, capsys)
    assert said("04.2", lambda module: ..., capsys) == "not attempted yet\n"


def test_a_head_that_has_hardly_begun_fits_neither_its_images_nor_others(capsys):
    assert [said("04.3", letter, capsys)[:5] for letter in "abc"] == ["not y", "right", "not y"]


def test_a_warning_is_heard_each_time():
    def old(size):
        warnings.warn("old is deprecated", stacklevel=1)
        return size

    assert [lesson_04.call_and_listen(old, size=3) for _ in range(2)] == [
        (3, ["old is deprecated"])
    ] * 2
