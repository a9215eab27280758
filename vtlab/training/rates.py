"""The learning-rate range test: the loss at each of many rates, which shows which rate to take."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd

from vtlab.data.tasks import Task
from vtlab.models.features import activations
from vtlab.models.heads import is_probe_solvable
from vtlab.models.losses import compute_loss, label_variance_loss
from vtlab.models.network import Network
from vtlab.system.randomness import seed_torch
from vtlab.training.optimisers import make_optimiser
from vtlab.training.probe import solve_probe
from vtlab.training.strategies import Strategy, as_strategy

MAX_RANGE_IMAGES = 64  # in a step
DIVERGENCE_FACTOR = 3.0  # times the first loss: higher losses say nothing more


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
        steps: How many rates are tried, one in a step.
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
    if strategy.convex and is_probe_solvable(network.head):
        raise ValueError(f"{strategy.name} is solved and has no learning rate")
    if not 0 < low < high or steps < 2:
        raise ValueError(f"{steps} steps from a rate of {low:g} to {high:g} do not rise")
    # The images lie class by class: every n-th one, for few images of all classes.
    sample = slice(None, None, -(-len(task.train) // MAX_RANGE_IMAGES))
    images, labels = task.train.pixels[sample], task.train.labels[sample]
    learner = strategy.prepare(copy.deepcopy(network), seed, labels)
    optimiser = make_optimiser(learner, strategy)
    shares = [group["lr"] / strategy.peak_rate for group in optimiser.param_groups]
    if strategy.solves_head_first(learner) and is_probe_solvable(learner.head):
        features = activations(learner, images, bfloat16=bfloat16)
        for _ in solve_probe(features, labels, learner.head, seed):
            pass
    learner.train()
    labels, unit = labels.to(learner.device), label_variance_loss(labels).to(learner.device)
    inputs = learner.normalise(images)
    rows: list[dict[str, float]] = []
    for rate in np.geomspace(low, high, steps).tolist():
        with seed_torch(seed, len(rows), learner.device), learner.autocast(bfloat16):
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
