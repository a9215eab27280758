"""The optimiser of every training: AdamW, with one learning rate per stage."""

from __future__ import annotations

from collections.abc import Iterable

import torch

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


def make_optimiser(network: Network, strategy: Strategy) -> torch.optim.AdamW:
    """AdamW with a parameter group for each part that learns, at its stage-wise rate.

    Args:
        network: The network whose parts learn.
        strategy: Says which parts learn, and how fast.
    """
    parts = network.parts
    groups = [
        {"params": list(parts[name].parameters()), "lr": rate, "name": name}
        for name, rate in strategy.peak_rates(network).items()
    ]
    return make_adamw(groups, network.device, weight_decay=strategy.weight_decay)
