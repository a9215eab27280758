from dataclasses import replace

import augmentation
import pytest
import torch
from augmentation import PARTS, _train_augmented, plan_augmentation
from resumable_table import fill_table

from vtlab.course.lesson_08 import (
    augmentation_table,
)
from vtlab.models.backbones import backbone
from vtlab.training.fit import fit
from vtlab.training.strategies import full, probe


@pytest.fixture
def small(small_garden):
    """Two images per class."""
    return small_garden.at(2, 0)


def test_a_run_says_what_it_measured(small):
    memos = {}
    part = replace(PARTS["few"], epochs={"partial": 1})
    run = augmentation.measure_augmentation(part, probe, "default", small, 0, memos)
    assert 0 < run["test_accuracy"] <= 1 and 0 < run["mirrored_accuracy"] <= 1
    assert (
        run["train_accuracy"] != run["train_accuracy"] and run["cpu_seconds"] > 0
    )  # nan: a probe on views
    assert set(memos) == {("garden", 0), ("garden", 1)}


def test_a_way_is_what_fit_is_given(small):
    networks = [backbone("mini_resnet", classes=8) for _ in range(2)]
    _train_augmented(networks[0], small, full, "mixup", seed=0, epochs=1)
    list(fit(networks[1], small, full, seed=0, epochs=1, augment=None, mixup=0.2))
    assert torch.equal(*(network.head.weight for network in networks))


def test_finished_runs_are_read_and_not_trained_again(small_garden, tmp_path, monkeypatch):
    monkeypatch.setattr(
        augmentation, "make_task", lambda *name, **more: small_garden
    )  # nothing is drawn
    few = replace(PARTS["few"], shots=1, ways={"probe": ("none", "flip")})
    monkeypatch.setattr(augmentation, "SEEDS", 2)
    monkeypatch.setattr(augmentation, "PARTS", {"few": few})
    monkeypatch.setattr(
        augmentation, "measure_augmentation", lambda *run, **more: {"test_accuracy": 0.5}
    )
    first = fill_table(plan_augmentation(), tmp_path)
    monkeypatch.setattr(
        augmentation, "measure_augmentation", lambda *run, **more: pytest.fail("twice")
    )
    assert fill_table(plan_augmentation(), tmp_path).equals(first)
    assert list(first.seed) == [0, 0, 1, 1] and list(first.way) == ["none", "flip"] * 2


def test_the_committed_table_has_every_run_of_the_plan(small_garden, monkeypatch):
    monkeypatch.setattr(
        augmentation, "make_task", lambda *name, **more: small_garden
    )  # nothing is drawn
    wanted = {
        (run["part"], run["strategy"], run["way"], run["seed"]) for run, _ in plan_augmentation()
    }
    table = augmentation_table()
    found = set(zip(table.part, table.strategy, table.way, table.seed, strict=True))
    assert found == wanted and len(table) == len(wanted)
