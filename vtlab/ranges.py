"""The learning-rate range test: one short descent at rates that rise from step to step."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd

from vtlab.features import activations
from vtlab.network import Network
from vtlab.precision import autocast
from vtlab.randomness import drawing
from vtlab.schedules import optimiser_for
from vtlab.solver import fit_head, solvable
from vtlab.strategies import Strategy, chosen
from vtlab.targets import aim, cost, variance
from vtlab.tasks import Task

MOST = 64  # images in a step
LOST = 3.0  # times the first loss: what follows says nothing more


def rate_range(network: Network, task: Task, strategy: Strategy | str, *, seed: int = 0,
               low: float = 1e-6, high: float = 1.0, steps: int = 40,
               bfloat16: bool | None = None) -> pd.DataFrame:  # fmt: skip
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
    strategy = chosen(strategy)
    if strategy.convex and solvable(network.head):
        raise ValueError(f"{strategy.name} is solved and has no learning rate")
    if not 0 < low < high or steps < 2:
        raise ValueError(f"{steps} steps from a rate of {low:g} to {high:g} do not rise")
    learner = strategy.prepare(copy.deepcopy(network), seed)
    optimiser = optimiser_for(learner, strategy)
    shares = [group["lr"] / strategy.peak_rate for group in optimiser.param_groups]
    some = slice(None, None, -(-len(task.train) // MOST))  # images lie class by class
    images, labels = task.train.pixels[some], task.train.labels[some]
    if strategy.head_start == "probe":
        for _ in fit_head(activations(learner, images, bfloat16=bfloat16), labels, learner.head, seed):
            pass
    elif task.asks_a_number and strategy.head_start == "random":
        aim(learner.head, labels)
    learner.train()
    labels, unit = labels.to(learner.device), variance(labels).to(learner.device)
    inputs, rows = learner.normalise(images), []
    for rate in np.geomspace(low, high, steps).tolist():
        with drawing(seed, len(rows), learner.device), autocast(bfloat16, learner.device):
            logits = learner(inputs)
        loss = cost(logits.float(), labels, unit)
        rows.append({"rate": rate, "loss": loss.item()})
        if not loss.isfinite() or loss > LOST * rows[0]["loss"]:
            break
        for group, share in zip(optimiser.param_groups, shares, strict=True):
            group["lr"] = rate * share
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return pd.DataFrame(rows)
