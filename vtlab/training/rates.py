"""How often and how fast: default epochs, the optimiser, and how its rate rises and falls."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch

from vtlab.data.tasks import Task
from vtlab.models.features import activations
from vtlab.models.network import Network
from vtlab.models.targets import compute_loss, label_variance, start_head_at_mean
from vtlab.system.device import autocast
from vtlab.system.randomness import seed_torch
from vtlab.training.probe import is_solvable, solve_probe
from vtlab.training.strategies import Strategy, as_strategy

MIN_EPOCHS = {"pretrained": 12, "random": 30}
WARMUP_SHARE = 0.1  # share of the steps in which the rate rises


def default_epochs(images: int, start: str = "pretrained") -> int:
    """How often so many training images are seen: 30 times up to 320 images, then less often.

    The number falls with the root of the number of images, to no less than 12; from a random
    start it stays at 30, since that needs longer to get as far (He et al. 2019). It is fixed
    before training and the last epoch is the one reported. `python data/make/sweeps.py epochs`
    compares 15, 30 and 60 on other tasks.

    Args:
        images: In the training set.
        start: Of the strategy, "pretrained" or "random".
    """
    return int(max(MIN_EPOCHS[start], min(30, 30 * (320 / images) ** 0.5)))


def make_adamw(parameters: Iterable, device: torch.device, **options: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019) with the implementation that is the fastest on this device.

    On a CPU that goes over the weights once, rather than once for each of its operations.
    """
    once = device.type == "cpu"
    return torch.optim.AdamW(parameters, foreach=not once, fused=once, **options)


def make_optimiser(network: Network, strategy: Strategy) -> torch.optim.AdamW:
    """AdamW with one group per learning part, at its stage-wise rate.

    Args:
        network: Whose parts.
        strategy: Which of them learn, and how fast.
    """
    parts = {**network.stages, "head": network.head}
    groups = [
        {"params": list(parts[name].parameters()), "lr": rate, "name": name}
        for name, rate in strategy.peak_rates(network).items()
    ]
    return make_adamw(groups, network.device, weight_decay=strategy.weight_decay)


def warmup_cosine(step: int, steps: int) -> float:
    """The share of the peak rate at a step of so many: a rise, then half a cosine down to 0."""
    warm = max(1, round(WARMUP_SHARE * steps))
    if step < warm:
        return (step + 1) / warm
    progress = (step - warm) / max(1, steps - warm)
    return 0.5 * (1 + torch.cos(torch.tensor(torch.pi * min(1.0, progress))).item())


MAX_IMAGES = 64  # images in a step
DIVERGENCE_FACTOR = 3.0  # times the first loss: what follows says nothing more


def rate_range(
    network: Network,
    task: Task,
    strategy: Strategy | str,
    *,
    seed: int = 0,
    low: float = 1e-6,
    high: float = 1.0,
    steps: int = 40,
    bfloat16: bool | None = None,
) -> pd.DataFrame:
    """The loss at each step, while the learning rate rises evenly in its logarithm.

    A copy is trained, on 64 training images of all classes at most, all in every step and without
    augmentation. Stage-wise rates keep their proportions; the rate named is the head's.

    Args:
        network: Left as it is.
        task: Its training images are all that is used.
        strategy: What learns, or its name; its own rate is not used.
        seed: Of the new head, and of random stages.
        low: First rate.
        high: Last rate.
        steps: How many.
        bfloat16: As in `fit`.

    Returns:
        Columns `rate`, `loss` (before the step at that rate). It ends early where the loss is
        three times the first, or no number any more.

    Raises:
        ValueError: If the strategy is the probe of a linear head, which has no rate, no strategy has
            that name, or the rates do not rise.

    After Smith (2017), https://arxiv.org/abs/1506.01186, who raises the rate linearly and
    watches the accuracy. Lesson 07.
    """
    strategy = as_strategy(strategy)
    if strategy.convex and is_solvable(network.head):
        raise ValueError(f"{strategy.name} is solved and has no learning rate")
    if not 0 < low < high or steps < 2:
        raise ValueError(f"{steps} steps from a rate of {low:g} to {high:g} do not rise")
    learner = strategy.prepare(copy.deepcopy(network), seed)
    optimiser = make_optimiser(learner, strategy)
    shares = [group["lr"] / strategy.peak_rate for group in optimiser.param_groups]
    some = slice(None, None, -(-len(task.train) // MAX_IMAGES))  # images lie class by class
    images, labels = task.train.pixels[some], task.train.labels[some]
    if strategy.head_start == "probe":
        for _ in solve_probe(
            activations(learner, images, bfloat16=bfloat16), labels, learner.head, seed
        ):
            pass
    elif task.asks_a_number and strategy.head_start == "random":
        start_head_at_mean(learner.head, labels)
    learner.train()
    labels, unit = labels.to(learner.device), label_variance(labels).to(learner.device)
    inputs, rows = learner.normalise(images), []
    for rate in np.geomspace(low, high, steps).tolist():
        with seed_torch(seed, len(rows), learner.device), autocast(bfloat16, learner.device):
            logits = learner(inputs)
        loss = compute_loss(logits.float(), labels, unit)
        rows.append({"rate": rate, "loss": loss.item()})
        if not loss.isfinite() or loss > DIVERGENCE_FACTOR * rows[0]["loss"]:
            break
        for group, share in zip(optimiser.param_groups, shares, strict=True):
            group["lr"] = rate * share
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return pd.DataFrame(rows)
