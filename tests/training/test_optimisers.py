import copy
from dataclasses import replace

import torch
from torch import nn

from vtlab.training.optimisers import make_optimiser
from vtlab.training.strategies import full, partial


def test_the_optimiser_has_a_group_per_learning_part(network):
    partial(1).prepare(network, 0)
    groups = make_optimiser(network, partial(1)).param_groups
    assert [g["name"] for g in groups] == ["stage4", "head"]


def test_biases_and_norms_may_be_left_out_of_weight_decay(network):
    strategy = replace(full, decay_norms=False, weight_decay=0.3)
    groups = make_optimiser(strategy.prepare(network, 0), strategy).param_groups
    decayed = {id(w) for g in groups if g["weight_decay"] == 0.3 for w in g["params"]}
    left = {id(w) for g in groups if g["weight_decay"] == 0 for w in g["params"]}
    convolutions = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert decayed == {id(w) for w in convolutions}
    assert left == {id(w) for w in network.parameters()} - decayed
    for group in groups:
        assert group["lr"] == strategy.peak_rates(network)[group["name"]]


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
