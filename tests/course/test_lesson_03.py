import math
from dataclasses import replace

import heads
import pytest
import torch
from heads import HEADS

from vtlab.course.lesson_03 import (
    HEAD_INITS,
    first_loss_and_gradient,
    heads_table,
    network_with_head_init,
)
from vtlab.data.tasks import task
from vtlab.models.backbones import backbone


@pytest.fixture(scope="module")
def small():
    """One image per class, and a test set of 48."""
    made = task("garden", shots=1, seed=0)
    return replace(made, test=made.test[torch.arange(0, 1200, 25)])


@pytest.mark.parametrize(
    ("way", "variance"),
    [
        ("default", 1 / (3 * 256)),
        ("xavier", 2 / (256 + 8)),
        ("he", 2 / 256),
        ("zero", 0),
        ("large", 1),
    ],
)
def test_a_head_begins_with_the_variance_of_its_rule(way, variance):
    weight = network_with_head_init(way, 0).head.weight
    assert weight.var().item() == pytest.approx(variance, rel=0.08)
    assert torch.equal(weight, network_with_head_init(way, 0).head.weight)
    assert way == "zero" or not torch.equal(weight, network_with_head_init(way, 1).head.weight)


def test_a_start_is_drawn_where_its_generator_is(monkeypatch):
    """A generator can fill no other memory; here the network lies elsewhere."""
    places = []
    monkeypatch.setattr(
        heads, "backbone", lambda *given, **more: backbone(*given, **more).to("meta")
    )
    monkeypatch.setitem(
        HEAD_INITS, "he", lambda weight, random: places.append((weight.device, random.device))
    )
    assert network_with_head_init("he", 0).device.type == "meta"
    assert places == [(torch.device("cpu"), torch.device("cpu"))]


def test_every_start_is_tried():
    assert set(HEAD_INITS) == {"default", "xavier", "he", "zero", "large"}
    with pytest.raises(KeyError):
        network_with_head_init("orthogonal", 0)


def test_a_zero_head_costs_ln_k_and_sends_no_gradient_down(small):
    network = network_with_head_init("zero", 0)
    loss, gradient = first_loss_and_gradient(network, small)
    assert loss == pytest.approx(math.log(8)) and gradient == 0
    assert all(p.grad is None for p in network.parameters())


def test_the_first_gradient_is_autograds(small):
    network = network_with_head_init("he", 0).eval()
    loss = torch.nn.functional.cross_entropy(
        network(network.normalise(small.train.pixels)), small.train.labels
    )
    grads = torch.autograd.grad(loss, list(network.stages.parameters()))
    wanted = sum(g.square().sum() for g in grads).sqrt().item()
    assert first_loss_and_gradient(network, small) == pytest.approx((loss.item(), wanted), rel=1e-2)


@pytest.mark.parametrize("way", HEADS)
def test_every_head_fits_the_backbone_and_has_eight_outputs(way):
    make, pooling = HEADS[way]
    network = backbone("mini_resnet", classes=8, weights=None, head=make(), pooling=pooling)
    assert network.output_count == 8


def test_runs_say_what_they_measured(small):
    solved = heads.headed("solved", small, 0)
    assert solved["weights"] == 257 * 8
    assert solved["train_accuracy"] == 1 and 0 < solved["test_accuracy"] <= 1
    hidden = heads.headed("hidden 16", small, 0, rate=1e-2)
    assert hidden["weights"] == 257 * 16 + 17 * 8
    begins = heads.started("zero", replace(small, test=small.test[torch.arange(8)]), 0)
    assert begins["first_loss"] == pytest.approx(math.log(8)) and begins["gradient"] == 0


def test_training_begins_at_the_start_that_was_measured(small, monkeypatch):
    def prepared(network, task, strategy, seed):
        return {"head": strategy.prepare(network, seed).head.weight.detach().clone()}

    monkeypatch.setattr(heads, "_trained", prepared)
    for way in HEAD_INITS:
        assert torch.equal(
            heads.started(way, small, 3)["head"], network_with_head_init(way, 3).head.weight
        ), way


def test_counting_is_measured_in_petals():
    made = task("petals", shots=1)
    found = heads.counted("ridge", replace(made, test=made.test[torch.arange(0, 1200, 20)]), 0)
    assert 0 < found["error"] < found["error_of_the_mean"]


def test_finished_runs_are_read_and_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr(heads, "SEEDS", 2)
    monkeypatch.setattr(
        heads, "plan", lambda: [("head", "solved", 1, None, lambda *g: {"test_accuracy": 0.5})]
    )
    first = heads.measure(tmp_path)
    monkeypatch.setattr(
        heads, "plan", lambda: [("head", "solved", 1, None, lambda *g: pytest.fail("twice"))]
    )
    assert heads.measure(tmp_path).equals(first) and list(first.seed) == [0, 1]


def test_the_committed_table_has_five_seeds_of_everything():
    counts = heads_table().groupby(["part", "way", "shots", "rate"], dropna=False).seed.nunique()
    assert (counts == 5).all() and len(counts) == 5 + 2 * (1 + 2 * 8) + 3
