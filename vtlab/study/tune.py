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
from torch.nn.functional import cross_entropy

from vtlab.data.tasks import Task
from vtlab.models.evaluation import NonFiniteOutputsError, compute_outputs
from vtlab.models.heads import is_probe_solvable
from vtlab.models.network import Network
from vtlab.training.fit import fit
from vtlab.training.schedules import choose_epochs, count_batches
from vtlab.training.strategies import Strategy, probe

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


def trial_epochs(
    images: int, strategy: Strategy, recipe: str, epochs: int | None = None, fitted: bool = True
) -> int:
    """How many epochs a trial takes on so many images; `fitted` as in `choose_epochs`."""
    whole = epochs or choose_epochs(images, strategy, fitted)
    if recipe != "chosen":
        return whole
    most = MAX_TRIAL_STEPS // count_batches(images, strategy.batch_size)
    return max(1, min(round(TRIAL_SHARE * whole), most))


def count_trials(
    strategy: Strategy, images: int, recipe: str, epochs: int | None = None, fitted: bool = True
) -> float:
    """How much all trials of a run take, in trainings of that strategy on all its images."""
    candidates = list_candidates(strategy, recipe)
    if len(candidates) == 1:
        return 0.0
    kept = max(1, round(images * (1 - HELD_BACK_SHARE)))
    trials = sum(trial_epochs(kept, one, recipe, epochs, fitted) for one in candidates)
    passes = count_hold_outs(images) * trials * kept
    return passes / (images * (epochs or choose_epochs(images, strategy, fitted)))


def count_hold_outs(images: int) -> int:
    """How often a part is held back: as often as makes ten images, all together."""
    return math.ceil(MIN_HELD_IMAGES / (HELD_BACK_SHARE * images))


def learns_on_frozen_features(network: Network, task: Task, seed: int) -> bool:
    """Whether a linear head on the frozen stages learns the training images: `Training.fitted` of a probe."""
    if not is_probe_solvable(network.head):
        return True
    solved = fit(network, task, probe, seed=seed)
    for _ in solved:
        pass
    return solved.fitted


def most_cautious(candidates: Sequence[Strategy]) -> Strategy:
    """The candidate that stays nearest to the pretrained network."""
    return _sort_by_caution(candidates)[0]


def _sort_by_caution(candidates: Sequence[Strategy]) -> list[Strategy]:
    return sorted(candidates, key=lambda one: (one.statistics != "kept", one.peak_rate))


def choose_recipe(
    candidates: Sequence[Strategy],
    task: Task,
    make_network: Callable[[], Network],
    seed: int,
    recipe: str = "chosen",
    epochs: int | None = None,
) -> Strategy:
    """The candidate that does best on a quarter of the shots, held back.

    Of few images another quarter is held back as well, and so on: on two images all recipes do alike. On ten
    a lucky one looks best. So each candidate must be ahead of the one before it by a standard error (as of
    trees, Breiman et al. 1984). Where the features of the start fit the task, the most cautious comes first,
    since a rate that is too large destroys them; where they do not, the boldest, since they must be learnt.

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
    # this also says how long the whole training will be, of which a trial takes a part
    network = make_network()
    fitted = not candidates[0].solves_head_first(network) or learns_on_frozen_features(
        network, task, seed
    )
    in_order = _sort_by_caution(candidates)[:: 1 if fitted else -1]
    chosen: tuple[Strategy, Tensor] | None = None
    for candidate in in_order:
        length = trial_epochs(len(splits[0].train), candidate, recipe, epochs, fitted)
        try:
            tried = [_try_recipe(candidate, one, make_network, seed, length) for one in splits]
        except NonFiniteOutputsError:
            continue
        outputs, labels = (torch.cat(parts) for parts in zip(*tried, strict=True))
        scores = score_images(outputs, labels)
        if chosen is None or is_ahead(scores, chosen[1]):
            chosen = candidate, scores
    return chosen[0] if chosen else in_order[0]


def is_ahead(scores: Tensor, others: Tensor) -> bool:
    """Whether scores `(N,)` are higher than others of the same images, by a standard error at least."""
    difference = (scores - others).double()
    return bool(difference.mean() > difference.std() / math.sqrt(len(difference)))


def _try_recipe(
    candidate: Strategy, split: Task, make_network: Callable[[], Network], seed: int, epochs: int
) -> tuple[Tensor, Tensor]:
    """Outputs and labels of the images held back, after a trial.

    Raises:
        NonFiniteOutputsError: If it diverged.
    """
    assert split.val is not None
    network = make_network()
    trial = fit(network, split, candidate, seed=seed, epochs=epochs, say=lambda line: None)
    for _ in trial:
        pass
    if trial.diverged:
        raise NonFiniteOutputsError(trial.diverged)
    return compute_outputs(network, split.val.pixels), split.val.labels


def score_images(outputs: Tensor, labels: Tensor) -> Tensor:
    """How good the output for each image is, `(N,)`: the larger, the better.

    Of classes it is the log-likelihood of the true one, at the temperature that makes its mean largest; of
    numbers it is less the squared error.

    With few images accuracy has too many ties. The likelihood has none, but as it stands it punishes large
    rates: a network that has learnt more is also too sure of itself. Temperature scaling (Guo et al. 2017)
    takes that out.

    Args:
        outputs: `(N, K)`, as the head gives them.
        labels: `(N,)`.
    """
    if labels.is_floating_point():
        return -(outputs[:, 0] - labels).square()
    scaled = (-cross_entropy(outputs / t, labels, reduction="none") for t in TEMPERATURES)
    return max(scaled, key=lambda scores: scores.mean().item())
