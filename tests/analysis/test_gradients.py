"""Gradients by stage, against autograd and against receptive fields."""

import pytest
import torch
from torch import nn

from vtlab.analysis.architecture import anatomy, receptive_fields
from vtlab.analysis.gradients import gradient_lengths, gradient_sensitivity


def test_a_middle_cell_is_never_sensitive_outside_its_field(network):
    network.train()
    pixels = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    found, fields, table = (
        gradient_sensitivity(network, pixels),
        receptive_fields(network),
        anatomy(network),
    )
    for stage, values in found.items():
        first, last = fields[stage].pixels_of_cell(table.side[stage] // 2)
        outside = values.clone()
        outside[int(first) : int(last) + 1, int(first) : int(last) + 1] = 0
        assert values.sum() > 0 and not outside.any()
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert network.training and all(m.training for m in network.modules())
    assert all(p.grad is None for p in network.parameters())


def test_lengths_by_stage_are_autograds_and_leave_the_network_alone(network, toy):
    network.train()
    found = gradient_lengths(network, toy.train.pixels, toy.train.labels)
    assert list(found) == ["pixels", *network.stage_names]
    assert network.training and all(p.grad is None for p in network.parameters())
    network.eval()
    inputs = network.normalise(toy.train.pixels).requires_grad_()
    (3 * 4 * nn.functional.cross_entropy(network(inputs), toy.train.labels)).backward()
    wanted = inputs.grad.square().mean().sqrt().item()
    assert found["pixels"] == pytest.approx(wanted, rel=1e-3)


def test_a_gradient_of_one_image_does_not_depend_on_the_others(network, toy):
    pixels, labels = toy.train.pixels, toy.train.labels
    once = gradient_lengths(network, pixels, labels)
    twice = gradient_lengths(network, torch.cat([pixels, pixels]), torch.cat([labels, labels]))
    assert once == pytest.approx(twice, rel=1e-4)
