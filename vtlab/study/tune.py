"""The learning rate chosen within the shots: each candidate learns from a part and is judged on the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vtlab.data.tasks import Task
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy

CANDIDATE_RATES = (3e-4, 1e-3, 3e-3)
HELD_BACK_SHARE = 0.25  # of the shots of each class


def tune_rate(
    strategy: Strategy,
    task: Task,
    make_network: Callable[[], Network],
    seed: int,
    epochs: int | None,
) -> Strategy:
    """The strategy at the rate that does best on a quarter of the shots, held back.

    Args:
        strategy: Its own rate is not used.
        task: Its test images are not touched.
        make_network: Gives a new network at the pretrained start, for each rate.
        seed: As in `fit`.
        epochs: As in `fit`.

    Raises:
        ValueError: If a class has one image only.
    """
    split = task.hold_back(HELD_BACK_SHARE)
    assert split.val is not None
    scores = {}
    for rate in CANDIDATE_RATES:
        network = make_network()
        for _ in fit(network, split, replace(strategy, rate=rate), seed=seed, epochs=epochs):
            pass
        # the likelihood of the true classes: with so few images, accuracy has too many ties
        chances = predict(network, split.val.pixels)
        true = chances.gather(1, split.val.labels[:, None]).clamp(min=1e-9)
        scores[rate] = true.log().mean().item()
    return replace(strategy, rate=max(scores, key=scores.__getitem__))
