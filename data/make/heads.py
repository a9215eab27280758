"""Make heads.csv: new heads compared by how they begin, what they are made of, and what they predict.

`python data/make/heads.py` trains them all, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task
from torch import nn

from vtlab.course.lesson_03 import HEAD_INITS, first_loss_and_gradient, network_with_head_init
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import compute_outputs, mean_absolute_error
from vtlab.models.losses import compute_loss, label_variance_loss
from vtlab.models.network import Network
from vtlab.study.run import train_and_test
from vtlab.training.strategies import Strategy, full, plain, probe
from vtlab.training.strategies import partial as last_stages

SEEDS = 5
START_RATES = (1e-3, 3e-3)  # of two starts, beside the plain recipe's rate
FEATURES, CELLS = 256, 8 * 8  # of mini_resnet's last maps
HEAD_RATES = (1e-3, 1e-2)  # for heads that are not solved
DESCENDED = replace(probe, batch_size=32, epochs=30)  # as `plain` has it: these heads take batches


def _hidden_head(
    width: int = 256, depth: int = 1, dropout: float = 0.0, classes: int = 8
) -> nn.Module:
    """A head with hidden layers: `(N, 256)` features to `(N, K)`."""
    layers: list[nn.Module] = []
    inputs = FEATURES
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


def _flattened_head(classes: int = 8) -> nn.Module:
    """A linear head on all cells of the last maps, which is how VGG's begins: `(N, 256, 8, 8)` to `(N, K)`."""
    return nn.Sequential(nn.Flatten(), nn.Linear(FEATURES * CELLS, classes))


def _block_head(classes: int = 8) -> nn.Module:
    """One more residual block, pooling and a linear layer: `(N, 256, 8, 8)` to `(N, K)`."""
    from torchvision.models.resnet import BasicBlock

    return nn.Sequential(
        BasicBlock(FEATURES, FEATURES),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(FEATURES, classes),
    )


# what makes a head (None: a linear one, solved), and whether it takes pooled features
HEADS: dict[str, tuple[Callable[[], nn.Module | None], bool]] = {
    "solved": (lambda: None, True),
    "linear": (lambda: nn.Sequential(nn.Linear(FEATURES, 8)), True),  # not solved: descended on
    "hidden 16": (lambda: _hidden_head(16), True),
    "hidden 256": (_hidden_head, True),
    "hidden 256, dropout": (lambda: _hidden_head(dropout=0.5), True),
    "hidden 1024": (lambda: _hidden_head(1024), True),
    "three hidden": (lambda: _hidden_head(depth=3), True),
    "flattened": (_flattened_head, False),
    "a block more": (_block_head, False),
}
HEAD_SHOTS = (5, 40)
NUMBERS: dict[str, Strategy] = {
    "ridge": probe,
    "partial": plain(last_stages(1)),
    "full": plain(full),
}
NUMBER_SHOTS = 5


def _measure_head_init(
    way: str, task: Task, seed: int, rate: float | None = None
) -> dict[str, float]:
    """One training of everything, from this start of the head; without a rate at the plain recipe's."""
    network = network_with_head_init(way, seed)
    loss, gradient = first_loss_and_gradient(network, task)
    return {
        "first_loss": loss,
        "gradient": gradient,
        **_train_head(network, task, plain(replace(full, head_start="kept", rate=rate)), seed),
    }


def _measure_head(way: str, task: Task, seed: int, rate: float | None = None) -> dict[str, float]:
    """One training of this head on frozen stages; without a rate it is solved."""
    make_head, pooling = HEADS[way]
    network = backbone("mini_resnet", classes=8, head=make_head(), pooling=pooling)
    return _train_head(network, task, replace(DESCENDED, rate=rate), seed)


def _measure_petal_count(way: str, task: Task, seed: int) -> dict[str, float]:
    """One training to count petals."""
    network = backbone("mini_resnet", classes=1)
    found = _train_head(network, task, NUMBERS[way], seed)
    error = mean_absolute_error(network, task.test.pixels, task.test.labels)
    always = (task.test.labels - task.train.labels.mean()).abs().mean().item()
    return found | {"error": error, "error_of_the_mean": always}


def _train_head(network: Network, task: Task, strategy: Strategy, seed: int) -> dict[str, float]:
    accuracies = train_and_test(network, task, strategy, seed)
    outputs, labels = compute_outputs(network, task.test.pixels), task.test.labels
    return {
        **accuracies,
        "test_loss": compute_loss(outputs, labels, label_variance_loss(labels)).item(),
        "weights": sum(p.numel() for p in network.head.parameters()),
    }


def plan_heads() -> Plan:
    """Every seed x part x way x shots x rate; a rate of None is the strategy's own."""
    garden, petals = make_task("garden", shots=1), make_task("petals", shots=1)
    for seed in range(SEEDS):
        for part, way, shots, rate, measure in _parts():
            run = {"part": part, "way": way, "shots": shots, "rate": rate, "seed": seed}
            base = petals if part == "number" else garden
            yield run, partial(resumable_row_on_task, base, shots, seed, measure)


def _parts() -> Iterator[tuple[str, str, int, float | None, Callable[..., dict]]]:
    """Part, way, shots, rate, and what measures a run of them."""
    for way in HEAD_INITS:
        for rate in (None, *START_RATES) if way in ("default", "large") else (None,):
            yield "start", way, 5, rate, partial(_measure_head_init, way, rate=rate)
    for shots in HEAD_SHOTS:
        for way in HEADS:
            for rate in (None,) if way == "solved" else HEAD_RATES:
                yield "head", way, shots, rate, partial(_measure_head, way, rate=rate)
    for way in NUMBERS:
        yield "number", way, NUMBER_SHOTS, None, partial(_measure_petal_count, way)


if __name__ == "__main__":
    make_resumable_table("heads", lambda folder: fill_table(plan_heads(), folder), __doc__)
