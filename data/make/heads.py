"""New heads compared: how they begin, what they are made of, and what they predict.

`python data/make/heads.py` trains them all, keeps each finished run and goes on where it was, and
writes `data/results/heads.csv`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
from kept import kept, write_table
from torch import nn

from vtlab.course.lesson_03 import HEAD_INITS, first_loss_and_gradient, network_with_head_init
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import compute_outputs, evaluate, mean_absolute_error
from vtlab.models.losses import compute_loss, label_variance
from vtlab.models.network import Network
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, full, probe
from vtlab.training.strategies import partial as last_stages

SEEDS = 5
FEATURES, CELLS = 256, 8 * 8  # of mini_resnet's last maps
HEAD_RATES = (1e-3, 1e-2)  # for heads that are not solved


def mlp(width: int = 256, depth: int = 1, dropout: float = 0.0, classes: int = 8) -> nn.Module:
    """A head with hidden layers: `(N, 256)` features to `(N, K)`."""
    layers, inputs = [], FEATURES
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


def flattened(classes: int = 8) -> nn.Module:
    """A linear head on all cells of the last maps, which is how VGG's begins: `(N, 256, 8, 8)` to `(N, K)`."""
    return nn.Sequential(nn.Flatten(), nn.Linear(FEATURES * CELLS, classes))


def deeper(classes: int = 8) -> nn.Module:
    """One more residual block, pooling and a linear layer: `(N, 256, 8, 8)` to `(N, K)`."""
    from torchvision.models.resnet import BasicBlock

    return nn.Sequential(
        BasicBlock(FEATURES, FEATURES),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(FEATURES, classes),
    )


HEADS: dict[str, tuple[Callable[[], nn.Module | None], bool]] = {
    "solved": (lambda: None, True),
    "linear": (lambda: nn.Sequential(nn.Linear(FEATURES, 8)), True),  # not solved: descended on
    "hidden 16": (lambda: mlp(16), True),
    "hidden 256": (mlp, True),
    "hidden 256, dropout": (lambda: mlp(dropout=0.5), True),
    "hidden 1024": (lambda: mlp(1024), True),
    "three hidden": (lambda: mlp(depth=3), True),
    "flattened": (flattened, False),
    "a block more": (deeper, False),
}
HEAD_SHOTS = (5, 40)
NUMBERS: dict[str, Strategy] = {"ridge": probe, "partial": last_stages(1), "full": full}
NUMBER_SHOTS = 5


def started(way: str, task: Task, seed: int) -> dict[str, float]:
    """One training of everything, from this start of the head."""
    network = network_with_head_init(way, seed)
    loss, gradient = first_loss_and_gradient(network, task)
    return {
        "first_loss": loss,
        "gradient": gradient,
        **_trained(network, task, replace(full, head_start="kept"), seed),
    }


def headed(way: str, task: Task, seed: int, rate: float | None = None) -> dict[str, float]:
    """One training of this head on frozen stages; without a rate it is solved."""
    make, pooling = HEADS[way]
    network = backbone("mini_resnet", classes=8, head=make(), pooling=pooling)
    return _trained(network, task, replace(probe, rate=rate), seed)


def counted(way: str, task: Task, seed: int) -> dict[str, float]:
    """One training to count petals."""
    network = backbone("mini_resnet", classes=1)
    found = _trained(network, task, NUMBERS[way], seed)
    error = mean_absolute_error(network, task.test.pixels, task.test.labels)
    always = (task.test.labels - task.train.labels.mean()).abs().mean().item()
    return found | {"error": error, "error_of_the_mean": always}


def _trained(network: Network, task: Task, strategy: Strategy, seed: int) -> dict[str, float]:
    records = list(fit(network, task, strategy, seed=seed))
    found = compute_outputs(network, task.test.pixels)
    return {
        "train_accuracy": records[-1].train_accuracy,
        "test_accuracy": evaluate(network, task.test.pixels, task.test.labels),
        "test_loss": compute_loss(found, task.test.labels, label_variance(task.test.labels)).item(),
        "weights": sum(p.numel() for p in network.head.parameters()),
    }


def plan() -> Iterator[tuple[str, str, int, float | None, Callable[[Task, int], dict]]]:
    """Part, way, shots, rate (where it is not the strategy's own), and what makes the run."""
    for way in HEAD_INITS:
        yield "start", way, 5, None, partial(started, way)
    for shots in HEAD_SHOTS:
        for way in HEADS:
            for rate in (None,) if way == "solved" else HEAD_RATES:
                yield "head", way, shots, rate, partial(headed, way, rate=rate)
    for way in NUMBERS:
        yield "number", way, NUMBER_SHOTS, None, partial(counted, way)


def measure(folder: Path) -> pd.DataFrame:
    """All of the plan with all seeds."""
    tasks, rows = (
        {"garden": make_task("garden", shots=1), "petals": make_task("petals", shots=1)},
        [],
    )
    for seed in range(SEEDS):
        for part, way, shots, rate, run in plan():
            base = tasks["petals" if part == "number" else "garden"]
            this = {"part": part, "way": way, "shots": shots, "rate": rate, "seed": seed}
            name = f"{part}-{way}-{shots}-{rate}-{seed}.json".replace(" ", "-")
            rows.append(
                kept(folder / name, this, lambda r=run, b=base, n=shots, s=seed: r(b.at(n, s), s))
            )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    write_table("heads", measure, __doc__)
