import math
from dataclasses import replace

import heads
import pytest
import torch
from heads import HEADS
from resumable_table import fill_table

from vtlab.course.lesson_03 import (
    HEAD_INITS,
    network_with_head_init,
)
from vtlab.data.tasks import task
from vtlab.models.backbones import backbone


@pytest.mark.parametrize("way", HEADS)
def test_every_head_fits_the_backbone_and_has_eight_outputs(way):
    make, pooling = HEADS[way]
    network = backbone("mini_resnet", classes=8, weights=None, head=make(), pooling=pooling)
    assert network.output_count == 8


def test_runs_say_what_they_measured(small_garden):
    solved = heads._measure_head("solved", small_garden, 0)
    assert solved["weights"] == 257 * 8
    assert solved["train_accuracy"] == 1 and 0 < solved["test_accuracy"] <= 1
    hidden = heads._measure_head("hidden 16", small_garden, 0, rate=1e-2)
    assert hidden["weights"] == 257 * 16 + 17 * 8
    begins = heads._measure_head_init(
        "zero", replace(small_garden, test=small_garden.test[torch.arange(8)]), 0
    )
    assert begins["first_loss"] == pytest.approx(math.log(8)) and begins["gradient"] == 0


def test_training_begins_at_the_start_that_was_measured(small_garden, monkeypatch):
    def prepared(network, task, strategy, seed):
        return {"head": strategy.prepare(network, seed).head.weight.detach().clone()}

    monkeypatch.setattr(heads, "_train_head", prepared)
    for way in HEAD_INITS:
        assert torch.equal(
            heads._measure_head_init(way, small_garden, 3)["head"],
            network_with_head_init(way, 3).head.weight,
        ), way


def test_counting_is_measured_in_petals():
    made = task("petals", shots=1)
    found = heads._measure_petal_count(
        "ridge", replace(made, test=made.test[torch.arange(0, 1200, 20)]), 0
    )
    assert 0 < found["error"] < found["error_of_the_mean"]


def test_finished_runs_are_read_and_not_trained_again(small_garden, tmp_path, monkeypatch):
    monkeypatch.setattr(heads, "make_task", lambda *name, **more: small_garden)  # nothing is drawn

    def parts(measure):
        return lambda: [("head", "solved", 1, None, measure)]

    monkeypatch.setattr(heads, "SEEDS", 2)
    monkeypatch.setattr(heads, "_parts", parts(lambda task, seed: {"test_accuracy": 0.5}))
    first = fill_table(heads.plan_heads(), tmp_path)
    monkeypatch.setattr(heads, "_parts", parts(lambda task, seed: pytest.fail("twice")))
    assert fill_table(heads.plan_heads(), tmp_path).equals(first) and list(first.seed) == [0, 1]
