import math

import pytest
import torch

from vtlab.course import lesson_03
from vtlab.course.lesson_03 import (
    HEAD_INITS,
    first_loss_and_gradient,
    heads_table,
    network_with_head_init,
)
from vtlab.models.backbones import backbone


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
        lesson_03, "backbone", lambda *given, **more: backbone(*given, **more).to("meta")
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


def test_a_zero_head_costs_ln_k_and_sends_no_gradient_down(small_garden):
    network = network_with_head_init("zero", 0)
    loss, gradient = first_loss_and_gradient(network, small_garden)
    assert loss == pytest.approx(math.log(8)) and gradient == 0
    assert all(p.grad is None for p in network.parameters())


def test_the_first_gradient_is_autograds(small_garden):
    network = network_with_head_init("he", 0).eval()
    loss = torch.nn.functional.cross_entropy(
        network(network.normalise(small_garden.train.pixels)), small_garden.train.labels
    )
    grads = torch.autograd.grad(loss, list(network.stages.parameters()))
    wanted = sum(g.square().sum() for g in grads).sqrt().item()
    assert first_loss_and_gradient(network, small_garden) == pytest.approx(
        (loss.item(), wanted), rel=1e-2
    )


def test_the_committed_table_has_five_seeds_of_everything():
    counts = heads_table().groupby(["part", "way", "shots", "rate"], dropna=False).seed.nunique()
    assert (counts == 5).all() and len(counts) == 5 + 2 * (1 + 2 * 8) + 3
