"""How far stages moved, by hand and to the bit."""

import math

import pytest
import torch

from vtlab.analysis.movement import measure_movement, take_snapshot


def test_movement_is_the_length_of_the_change_over_the_length_before(network):
    with torch.no_grad():
        network.head.weight.fill_(3.0)
        network.head.bias.zero_()
        before = take_snapshot(network)
        network.head.weight[0, 0] = 7.0  # 4 of a length of 3 * sqrt(30)
    moved = measure_movement(before, network)
    assert moved.weights["head"] == pytest.approx(4 / (3 * math.sqrt(30)))
    assert math.isnan(moved.statistics["head"])
    assert list(moved.index) == [*network.stage_names, "head"]


def test_what_differs_in_no_bit_is_exactly_zero_and_the_least_change_is_not(network):
    before = take_snapshot(network)
    assert (measure_movement(before, network).fillna(0) == 0).all(axis=None)
    variance = network.stages["stage2"][1].running_var
    variance[0] = torch.nextafter(variance[0], torch.tensor(2.0))
    moved = measure_movement(before, network)
    assert 0 < moved.statistics["stage2"] < 1e-6
    assert moved.statistics.drop("stage2").fillna(0).eq(0).all() and not moved.weights.any()


def test_a_forward_pass_in_training_mode_moves_statistics_without_any_gradient(network):
    network.requires_grad_(False).train()
    before = take_snapshot(network)
    network(torch.randn(4, 3, 16, 16))
    moved = measure_movement(before, network)
    assert (moved.statistics.drop("head") > 0).all() and not moved.weights.any()
    network.requires_grad_(True).freeze(("head",))
    before = take_snapshot(network)
    network(torch.randn(4, 3, 16, 16))
    assert not measure_movement(before, network).fillna(0).any(axis=None)


def test_a_snapshot_of_another_network_is_refused(network):
    before = take_snapshot(network)
    before.pop("head.bias")
    with pytest.raises(ValueError, match=r"another network: head\.bias"):
        measure_movement(before, network)
