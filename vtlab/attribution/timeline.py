"""Where a network looks while it learns: maps of the same images at every epoch, as records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from vtlab.attribution.maps import explain
from vtlab.features import predict
from vtlab.network import Network
from vtlab.strategies import Strategy, chosen
from vtlab.tasks import Task
from vtlab.training import fit


@dataclass(frozen=True)
class Look:
    """Where a network looked in some images after an epoch.

    Attributes:
        epoch: From 1; 0 is the network before any training, with its new head.
        loss: Of that epoch's training images; None before any training.
        predictions: The class of each image.
        confidences: The probability of that class.
        maps: Unscaled, `(n, h, w)`.
    """

    epoch: int
    loss: float | None
    predictions: tuple[int, ...]
    confidences: tuple[float, ...]
    maps: tuple


def watch(network: Network, task: Task, strategy: Strategy | str, pixels: Tensor, *, seed: int = 0,
          epochs: int | None = None, stage: str | nn.Module | None = None,
          targets: str | Tensor = "predicted") -> Iterator[Look]:  # fmt: skip
    """Train a network as `fit` does, and look at the same images after each epoch.

    Looking changes nothing: the network learns exactly what it would learn unwatched.

    Args:
        network: Trained in place.
        task: Its `train` images are learnt from.
        strategy: What learns, or its name.
        pixels: The images that are looked at, bytes `(n, 3, H, W)`.
        seed: As in `fit`.
        epochs: As in `fit`.
        stage: As in `explain`.
        targets: As in `explain`; true classes keep the question the same in every epoch.

    Raises:
        ValueError: As `fit` and `explain`.

    Lesson 09.
    """
    strategy = chosen(strategy)
    strategy.prepare(network, seed)  # as `fit` does at its start: the network of epoch 0
    yield _look(network, pixels, 0, None, stage, targets)
    for number, epoch in enumerate(fit(network, task, strategy, seed=seed, epochs=epochs), 1):
        yield _look(network, pixels, number, epoch.loss, stage, targets)


def _look(network: Network, pixels: Tensor, number: int, loss: float | None,
          stage: str | nn.Module | None, targets: str | Tensor) -> Look:  # fmt: skip
    confidences, predictions = predict(network, pixels).max(1)
    maps = explain(network, pixels, stage=stage, targets=targets)
    return Look(number, loss, tuple(predictions.tolist()),
                tuple(round(c, 4) for c in confidences.tolist()),
                tuple(tuple(tuple(row) for row in one) for one in maps.tolist()))  # fmt: skip
