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


def _split_by_decay(part: nn.Module, decay_norms: bool) -> list[dict]:
    """The weights of a part as parameter groups; some with a weight decay of their own."""
    # biases, and the scales and shifts of normalisation layers, are vectors; all other weights are not
    vectors = [w for w in part.parameters() if w.ndim <= 1 and not decay_norms]
    others = [w for w in part.parameters() if w.ndim > 1 or decay_norms]
    groups: list[dict] = [{"params": others}, {"params": vectors, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def make_optimiser(network: Network, strategy: Strategy) -> torch.optim.AdamW:
    """AdamW with a parameter group for each part that learns, at its stage-wise rate.

    Args:
        network: The network whose parts learn.
        strategy: Says which parts learn, and how fast.
    """
    parts = network.parts
    groups = [
        {**group, "lr": rate, "name": name}
        for name, rate in strategy.peak_rates(network).items()
        for group in _split_by_decay(parts[name], strategy.decay_norms)
    ]
    return make_adamw(groups, network.device, weight_decay=strategy.weight_decay)
