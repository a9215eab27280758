"""How often and how fast: default epochs, the optimiser, and how its rate rises and falls."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from vtlab.network import Network
from vtlab.strategies import Strategy

LEAST_EPOCHS = {"pretrained": 12, "random": 30}
WARM_UP = 0.1  # share of the steps in which the rate rises


def default_epochs(images: int, start: str = "pretrained") -> int:
    """How often so many training images are seen: 30 times up to 320 images, then less often.

    The number falls with the root of the number of images, to no less than 12; from a random
    start it stays at 30, since that needs longer to get as far (He et al. 2019). It is fixed
    before training and the last epoch is the one reported. `python -m vtlab.sweeps epochs`
    compares 15, 30 and 60 on other tasks.

    Args:
        images: In the training set.
        start: Of the strategy, "pretrained" or "random".
    """
    return int(max(LEAST_EPOCHS[start], min(30, 30 * (320 / images) ** 0.5)))


def adamw(parameters: Iterable, device: torch.device, **options: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) with the implementation that is the fastest on this device.

    On a CPU that goes over the weights once, rather than once for each of its operations.
    """
    once = device.type == "cpu"
    return torch.optim.AdamW(parameters, foreach=not once, fused=once, **options)


def optimiser_for(network: Network, strategy: Strategy) -> torch.optim.AdamW:
    """AdamW with one group per learning part, at its stage-wise rate.

    Args:
        network: Whose parts.
        strategy: Which of them learn, and how fast.
    """
    parts = {**network.stages, "head": network.head}
    groups = [
        {"params": list(parts[name].parameters()), "lr": rate, "name": name}
        for name, rate in strategy.rates(network).items()
    ]
    return adamw(groups, network.device, weight_decay=strategy.weight_decay)


def warm_cosine(step: int, steps: int) -> float:
    """The share of the peak rate at a step of so many: a rise, then half a cosine down to 0."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    progress = (step - warm) / max(1, steps - warm)
    return 0.5 * (1 + torch.cos(torch.tensor(torch.pi * min(1.0, progress))).item())
