"""Trainings that take seconds and have all there is to lose: BatchNorm, dropout, a schedule."""

from dataclasses import replace

import torch
from conftest import tiny_network
from torch import nn

from vtlab.data.augment import Augment
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.models.network import Network
from vtlab.training.fit import Training, fit
from vtlab.training.strategies import Strategy, full, lp_ft, partial, probe, scratch, surgical

# batches from the first step on, without a solver before them
descent = replace(full, name="descent", head_start="random", statistics="batch")
EVERY = (
    scratch,
    probe,
    partial(1),
    partial(2, stage_decay=0.5),
    full,
    descent,
    lp_ft,
    surgical("stage2"),
    surgical("stage3.0"),
)

LEFT_OUT = ("seconds", "machine", "begun", "solving")  # the last two follow from the steps


def dropping_network() -> Network:
    """The tiny network with dropout in its last two stages; always the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = tiny_network()
    for name in ("stage3", "stage4"):
        network.stages[name].append(nn.Dropout(0.3))
    return network


def noise_task(shots: int = 17, seed: int = 3) -> Task:
    """Three classes of coloured noise, 16 px; 51 images are four batches, the last one small."""
    random = torch.Generator().manual_seed(seed)

    def images(count: int) -> Images:
        labels = torch.arange(3).repeat_interleave(count)
        noise = torch.randint(0, 200, (3 * count, 3, 16, 16), generator=random)
        noise[torch.arange(3 * count), labels] += 30
        return Images(noise.to(torch.uint8), labels)

    return Task(
        "noise",
        ("red", "green", "blue"),
        images(shots),
        images(4),
        shots,
        0,
        lambda shots, seed: images(shots),
    )


def training(strategy: Strategy, **changes) -> Training:
    """64 batches in 16 epochs (and the solver's records before, where there are any)."""
    options = {"epochs": 16, "seed": 5, "augment": Augment(crop=0.1, noise=2)} | changes
    if strategy.convex:  # it is solved
        del options["epochs"], options["augment"]
    return fit(dropping_network(), noise_task(), strategy, **options)


def same(one, other) -> bool:
    """Whether two states are equal to the bit, wall-clock seconds left out."""
    return (
        one.tensors.keys() == other.tensors.keys()
        and all(torch.equal(v, other.tensors[k]) for k, v in one.tensors.items())
        and timeless(one.values) == timeless(other.values)
    )


def timeless(values):
    """JSON values without seconds."""
    if isinstance(values, dict):
        return {k: timeless(v) for k, v in values.items() if k not in LEFT_OUT}
    return [timeless(v) for v in values] if isinstance(values, list) else values


def reached(made: Training, reference: list) -> bool:
    """Whether a training is where the uninterrupted one was after as many steps."""
    return made.steps == 0 or same(made.state(), reference[made.steps])


def states_of(made) -> list:
    """The state after every step, the one before the first included."""
    states = [made.state()]
    while not made.done:
        before = made.steps
        made.step()
        if made.steps > before:
            states.append(made.state())
    return states


def cloud(n, d, k, seed=0):
    """Features `(n, d)` of k classes that overlap, and labels."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % k
    centres = torch.randn(k, d, generator=random)
    return centres[labels] + 1.5 * torch.randn(n, d, generator=random), labels
