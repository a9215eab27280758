"""The recipe chosen within the shots: each candidate learns from a part and is judged on the rest.

One rate cannot serve all tasks. On images like those of the pretraining, small steps keep what is good; on
others, large steps are needed to learn anything. A short trial of two or three recipes tells which it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from vtlab.data.tasks import Task
from vtlab.models.evaluation import NonFiniteOutputsError, compute_outputs
from vtlab.models.network import Network
from vtlab.training.fit import fit
from vtlab.training.schedules import choose_epochs, count_batches
from vtlab.training.strategies import Strategy

HELD_BACK_SHARE = 0.25  # of the shots of each class
MIN_HELD_IMAGES = 10  # on which a recipe is chosen; of few images parts are held back several times
TRIAL_SHARE = 1 / 3  # of the epochs that the chosen recipe will take
MAX_TRIAL_STEPS = 80  # or one epoch: with many images held back, less training tells as much
TEMPERATURES = tuple(2 ** (step / 4) for step in range(-4, 17))  # from 1/2 to 16
TUNING_FACTORS = (1 / 3, 1, 3)  # of each candidate's rate, which `tune` tries with whole trainings


def list_candidates(strategy: Strategy, recipe: str) -> tuple[Strategy, ...]:
    """The recipes that a study tries for a strategy; one where nothing is to be chosen.

    Args:
        strategy: Its candidates, or its own rate where that is given.
        recipe: As in `Setting`.
    """
    if recipe == "chosen":
        return strategy.candidates()
    if recipe == "tuned" and not strategy.convex:
        around = (
            replace(one, rate=one.peak_rate * factor)
            for factor in TUNING_FACTORS
            for one in strategy.candidates()
        )
        return tuple(dict.fromkeys(around))
    return (strategy,)


def trial_epochs(images: int, strategy: Strategy, recipe: str, epochs: int | None = None) -> int:
    """How many epochs a trial takes on so many images."""
    whole = epochs or choose_epochs(images, strategy)
    if recipe != "chosen":
        return whole
    most = MAX_TRIAL_STEPS // count_batches(images, strategy.batch_size)
    return max(1, min(round(TRIAL_SHARE * whole), most))


def count_trials(strategy: Strategy, images: int, recipe: str, epochs: int | None = None) -> float:
    """How much all trials of a run take, in trainings of that strategy on all its images."""
    candidates = list_candidates(strategy, recipe)
    if len(candidates) == 1:
        return 0.0
    kept = max(1, round(images * (1 - HELD_BACK_SHARE)))
    trials = sum(trial_epochs(kept, one, recipe, epochs) for one in candidates)
    passes = count_hold_outs(images) * trials * kept
    return passes / (images * (epochs or choose_epochs(images, strategy)))


def count_hold_outs(images: int) -> int:
    """How often a part is held back: as often as makes ten images, all together."""
    return math.ceil(MIN_HELD_IMAGES / (HELD_BACK_SHARE * images))


def choose_recipe(
    candidates: Sequence[Strategy],
    task: Task,
    make_network: Callable[[], Network],
    seed: int,
    recipe: str = "chosen",
    epochs: int | None = None,
) -> Strategy:
    """The candidate that does best on a quarter of the shots, held back.

    Of few images another quarter is held back as well, and so on: on two images all recipes do alike.

    Args:
        candidates: Strategies of one name. A single one is taken as it is.
        task: Its test images are not touched.
        make_network: Gives a new network at the pretrained start, for each candidate.
        seed: As in `fit`.
        recipe: "chosen" for short trials, "tuned" for whole ones.
        epochs: As in `fit`.

    Raises:
        ValueError: If a class has one image only.
    """
    if len(candidates) == 1:
        return candidates[0]
    hold_outs = range(count_hold_outs(len(task.train)))
    splits = [task.hold_back(HELD_BACK_SHARE, number) for number in hold_outs]
    scores: dict[Strategy, float] = {}
    for candidate in candidates:
        try:
            tried = [
                _try_recipe(candidate, one, make_network, seed, recipe, epochs) for one in splits
            ]
        except NonFiniteOutputsError:
            scores[candidate] = -math.inf
        else:
            outputs, labels = (torch.cat(parts) for parts in zip(*tried, strict=True))
            scores[candidate] = score_outputs(outputs, labels)
    return max(scores, key=scores.__getitem__)


def _try_recipe(
    candidate: Strategy,
    split: Task,
    make_network: Callable[[], Network],
    seed: int,
    recipe: str,
    epochs: int | None,
) -> tuple[Tensor, Tensor]:
    """Outputs and labels of the images held back, after a trial.

    Raises:
        NonFiniteOutputsError: If it diverged.
    """
    assert split.val is not None
    network = make_network()
    length = trial_epochs(len(split.train), candidate, recipe, epochs)
    trial = fit(network, split, candidate, seed=seed, epochs=length, say=lambda line: None)
    for _ in trial:
        pass
    if trial.diverged:
        raise NonFiniteOutputsError(trial.diverged)
    return compute_outputs(network, split.val.pixels), split.val.labels


def score_outputs(outputs: Tensor, labels: Tensor) -> float:
    """How good outputs are: the larger, the better.

    Of classes it is the mean log-likelihood of the true ones at the temperature that makes it largest; of
    numbers it is less the squared error.

    With few images accuracy has too many ties. The likelihood has none, but as it stands it punishes large
    rates: a network that has learnt more is also too sure of itself. Temperature scaling (Guo et al. 2017)
    takes that out.

    Args:
        outputs: `(N, K)`, as the head gives them.
        labels: `(N,)`.
    """
    if labels.is_floating_point():
        return -mse_loss(outputs[:, 0], labels).item()
    return max(-cross_entropy(outputs / t, labels).item() for t in TEMPERATURES)
