"""The optimiser of every training: AdamW, with one learning rate per stage."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from vtlab.models.network import Network
from vtlab.training.strategies import Strategy


def make_adamw(
    parameters: Iterable, device: torch.device, weight_decay: float = 0.01
) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) in torch's fastest implementation for this device.

    Args:
        parameters: Weights, or torch's parameter groups.
        device: Where they are. On a CPU the fused implementation goes over the weights once.
        weight_decay: Decoupled from the gradient.
    """
    fused = device.type == "cpu"
    return torch.optim.AdamW(parameters, weight_decay=weight_decay, foreach=not fused, fused=fused)


def _split_by_decay(part: nn.Module, decay_norms: bool) -> list[tuple[list, dict]]:
    """The weights of a part with their own weight decay, where it is not the strategy's."""
    weights = list(part.parameters())
    if decay_norms:
        return [(weights, {})]
    # biases, and the scales and shifts of normalisation layers, are vectors; all other weights are not
    halves = (
        ([w for w in weights if w.ndim > 1], {}),
        (
            [w for w in weights if w.ndim <= 1],
            {"weight_decay": 0.0},
        ),
    )
    return [half for half in halves if half[0]]


def make_optimiser(network: Network, strategy: Strategy) -> torch.optim.AdamW:
    """AdamW with a parameter group for each part that learns, at its stage-wise rate.

    Args:
        network: The network whose parts learn.
        strategy: Says which parts learn, and how fast.
    """
    parts = network.parts
    groups = [
        {"params": weights, "lr": rate, "name": name} | decay
        for name, rate in strategy.peak_rates(network).items()
        for weights, decay in _split_by_decay(parts[name], strategy.decay_norms)
    ]
    return make_adamw(groups, network.device, weight_decay=strategy.weight_decay)
