import pandas as pd
import pytest
import torch
import zoo

from vtlab.course import lesson_02 as lesson_02_
from vtlab.models.backbones import backbone
from vtlab.results import labels as names


def test_operations_are_those_counted_by_hand():
    """Convolutions alone count: 2 x weights x cells of the map that they make."""
    network = backbone("mini_resnet", classes=2)
    cells = {"stem": 32, "stage1": 32, "stage2": 16, "stage3": 8, "stage4": 8}
    by_hand = sum(
        2 * module.weight.numel() * cells[name] ** 2
        for name, stage in network.stages.items()
        for module in stage.modules()
        if isinstance(module, torch.nn.Conv2d)
    )
    counted = zoo.size(network)
    assert counted["megaflops"] == pytest.approx(by_hand / 1e6, abs=0.1)
    assert counted["weights"] == network.count_weights() - 2 * 257 and counted["cells"] == 8


def test_a_network_compared_with_itself_has_ratio_one(monkeypatch):
    monkeypatch.setattr(zoo, "BATCH", 8)
    network = backbone("mini_resnet", classes=2)
    table = zoo.speeds({"a": network, "b": network}, repeats=3)
    assert table.forward_ratio[0] == table.training_ratio[0] == 1
    assert (table.forward_images_s > table.training_images_s).all()
    assert all(p.grad is None for p in network.parameters())


def test_the_committed_table_has_every_small_backbone_and_agrees_with_the_files():
    table = lesson_02_.zoo_table().set_index("backbone")
    assert tuple(table.index) == lesson_02_.ZOO
    for name in lesson_02_.ZOO:
        counted = zoo.size(backbone(name, weights=None))
        for column in ("weights", "megaflops", "megabytes", "cells"):
            assert table.loc[name, column] == pytest.approx(counted[column])
    assert table.loc["mini_resnet", ["forward_ratio", "training_ratio"]].tolist() == [1, 1]


def test_committed_accuracies_lie_inside_their_intervals_and_above_chance():
    table = lesson_02_.zoo_table().set_index("backbone")
    for key in (column.removesuffix("_low") for column in table if column.endswith("_low")):
        there = table[table[key].notna()]
        assert tuple(there.index) == lesson_02_.ZOO
        assert (there[f"{key}_low"] <= there[key]).all()
        assert (there[key] <= there[f"{key}_high"]).all()
        assert (there[f"{key}_low"] > 0.125).all()


def test_every_log_ends_where_the_recipe_does_and_at_the_tables_accuracy():
    curves, table = lesson_02_.zoo_curves(), lesson_02_.zoo_table().set_index("backbone")
    assert tuple(curves.backbone.unique()) == lesson_02_.ZOO
    for name, log in curves.groupby("backbone"):
        assert log.images.iloc[-1] == 200_000 // 128 * 128
        assert log.test_accuracy.iloc[-1] == pytest.approx(table.loc[name].pretraining_accuracy)
        assert log.loss.iloc[-1] < log.loss.iloc[0]


def test_the_table_has_the_costs_and_the_results_of_every_backbone(monkeypatch, tmp_path):
    monkeypatch.setattr(zoo, "accuracies", lambda name, *asked: {"garden_probe": len(name) / 20})
    monkeypatch.setattr(zoo, "REPEATS", 1)
    monkeypatch.setattr(zoo, "BATCH", 2)
    table = zoo.measure(tmp_path).set_index("backbone")
    assert tuple(table.index) == lesson_02_.ZOO
    assert (table.training_images_s > 0).all() and (table.weights > 0).all()
    assert table.garden_probe.tolist() == [len(name) / 20 for name in lesson_02_.ZOO]
    assert table.pretraining_accuracy.between(0.5, 1).all()


def test_a_row_of_accuracies_has_an_interval_for_every_task_and_strategy(monkeypatch, tmp_path):
    calls = []

    def compare(task, **asked):
        calls.append((task, asked["shots"], asked["seeds"], asked["setting"].backbone))
        runs = pd.DataFrame(
            [
                {"strategy": s.name, "test_accuracy": 0.5 + 0.1 * seed}
                for seed in range(3)
                for s in asked["strategies"]
            ]
        )
        return type(
            "Study",
            (),
            {"table": lambda self: runs, "task": type("Task", (), {"test": range(1000)})},
        )()

    monkeypatch.setattr(zoo, "compare", compare)
    row = zoo.accuracies("mini_vgg", tmp_path, lambda line: None)
    assert calls == [("garden", 5, 5, "mini_vgg"), ("digits", 5, 5, "mini_vgg")]
    assert row["digits_full"] == pytest.approx(0.6) and len(row) == 2 * 3 * 3
    assert row["garden_probe_low"] < 0.6 - 0.248 < row["garden_probe"]  # t: 4.30 * 0.1 / sqrt(3)


def test_every_backbone_of_the_zoo_has_a_label_and_a_colour_of_its_own():
    assert set(lesson_02_.ZOO) <= set(names.BACKBONES)
    everything = [*names.BACKBONES.values(), *names.STRATEGIES.values()]
    assert len({label.colour for label in everything}) == len(everything)
    assert names.label("mini_vgg").text == "mini VGG"
