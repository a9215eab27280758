import copy
import math

import pytest
import torch

from vtlab.training.rates import default_epochs, make_optimiser, warmup_cosine
from vtlab.training.strategies import full, partial


def test_more_images_are_seen_less_often():
    counts = [default_epochs(n) for n in (8, 40, 320, 640, 1280, 10**6)]
    assert counts[0] == counts[1] == counts[2] == 30 and counts[-1] == 12
    assert counts == sorted(counts, reverse=True) and counts[4] == 15
    assert [default_epochs(n, "random") for n in (80, 320, 2560)] == [30, 30, 30]


def test_the_optimiser_has_a_group_per_learning_part(network):
    partial(1).prepare(network, 0)
    groups = make_optimiser(network, partial(1)).param_groups
    assert [g["name"] for g in groups] == ["stage4", "head"]


def test_the_optimiser_takes_the_steps_of_a_plain_adamw_at_once(network):
    twin = copy.deepcopy(full.prepare(network, 0))
    plain = torch.optim.AdamW(
        twin.parameters(), weight_decay=full.weight_decay, foreach=False, fused=False
    )
    for one, optimiser in ((network, make_optimiser(network, full)), (twin, plain)):
        for group in optimiser.param_groups:
            assert bool(group["fused"]) is (one is network)
            group["lr"] = 0.01
        for step in range(3):
            for parameter in one.parameters():
                parameter.grad = torch.sin(parameter.detach() * 50 + step)
            optimiser.step()
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_the_rate_rises_for_a_tenth_and_falls_along_half_a_cosine():
    shares = [warmup_cosine(i, 40) for i in range(40)]
    assert shares[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert shares[4] == pytest.approx(1.0) and shares[22] == pytest.approx(0.5)
    assert shares[31] == pytest.approx((1 + math.cos(math.pi * 27 / 36)) / 2)
    assert warmup_cosine(40, 40) == pytest.approx(0, abs=1e-7) and warmup_cosine(0, 1) == 1.0
