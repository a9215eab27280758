import pandas as pd
import pytest
import torch
import zoo

from vtlab.course import lesson_02 as lesson_02_
from vtlab.models.backbones import backbone


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
    counted = zoo.count_zoo_costs(network)
    assert counted["megaflops"] == pytest.approx(by_hand / 1e6, abs=0.1)
    assert counted["weights"] == network.count_weights() - 2 * 257 and counted["cells"] == 8


def test_a_network_compared_with_itself_has_ratio_one(monkeypatch):
    monkeypatch.setattr(zoo, "BATCH", 8)
    network = backbone("mini_resnet", classes=2)
    table = zoo.measure_zoo_speeds({"a": network, "b": network}, repeats=3)
    assert table.forward_ratio[0] == table.training_ratio[0] == 1
    assert (table.forward_images_s > table.training_images_s).all()
    assert all(p.grad is None for p in network.parameters())


def test_the_committed_table_has_every_small_backbone_and_agrees_with_the_files():
    table = lesson_02_.zoo_table().set_index("backbone")
    assert tuple(table.index) == lesson_02_.ZOO
    for name in lesson_02_.ZOO:
        counted = zoo.count_zoo_costs(backbone(name, weights=None))
        for column in ("weights", "megaflops", "megabytes", "cells"):
            assert table.loc[name, column] == pytest.approx(counted[column])
    assert table.loc["mini_resnet", ["forward_ratio", "training_ratio"]].tolist() == [1, 1]


def test_the_table_has_the_costs_and_the_results_of_every_backbone(monkeypatch, tmp_path):
    monkeypatch.setattr(
        zoo, "measure_zoo_accuracies", lambda name, folder: {"garden_probe": len(name) / 20}
    )
    monkeypatch.setattr(zoo, "REPEATS", 1)
    monkeypatch.setattr(zoo, "BATCH", 2)
    table = zoo.measure_zoo(tmp_path).set_index("backbone")
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
    row = zoo.measure_zoo_accuracies("mini_vgg", tmp_path)
    assert calls == [("garden", 5, 5, "mini_vgg"), ("digits", 5, 5, "mini_vgg")]
    assert row["digits_full"] == pytest.approx(0.6) and len(row) == 2 * 3 * 3
    assert row["garden_probe_low"] < 0.6 - 0.248 < row["garden_probe"]  # t: 4.30 * 0.1 / sqrt(3)
