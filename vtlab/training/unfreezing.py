"""Unfreezing a network stage by stage while it learns."""

from __future__ import annotations

from vtlab.data.tasks import Task
from vtlab.models.network import Network
from vtlab.training.fit import fit
from vtlab.training.strategies import partial, plain, probe


def gradual_unfreezing(
    network: Network, task: Task, seed: int, epochs: int = 40, rate: float = 1e-3
) -> Network:
    """Train the head first, then one stage more at a time, each for its share of the epochs.

    The stages are unfrozen from the head to the image.

    Howard and Ruder (2018), https://arxiv.org/abs/1801.06146. Lesson 06.

    Args:
        network: Trained in place.
        task: What is learnt.
        seed: Of the head, the order and the augmentation.
        epochs: Of all stages together.
        rate: Peak learning rate of what is unfrozen.
    """
    stages = len(network.stage_names)
    for k in range(stages + 1):
        strategy = probe if k == 0 else plain(partial(k, head_start="kept", rate=rate))
        epochs_each = max(1, epochs // stages) if k else None  # a head is solved
        for _ in fit(network, task, strategy, seed=seed, epochs=epochs_each):
            pass
    return network
