"""Make augmentation.csv: what augmentation does to accuracy, by kind, strategy and number of images.

`python data/make/augmentation.py` trains everything, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.course.lesson_08 import KINDS, NEAREST, probe_on_views
from vtlab.data.augment import Augment, Augmentation
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.results import metrics
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, Strategy, plain
from vtlab.training.views import VIEWS_PER_IMAGE

# activations of test images by task and whether mirrored, as `predict` fills them
Memos = dict[tuple[str, int], dict[int, torch.Tensor]]

SEEDS = 5
MIXUP = 0.2
EVERYTHING = Augment(crop=0.2, rotate=15.0, turn=True, hue=0.1, noise=10.0, erase=0.3)
WAYS: dict[str, tuple[Augmentation | None, float]] = {  # and mixup's alpha
    "none": (None, 0.0),
    "default": (Augment(), 0.0),
    **{k: (a, 0.0) for k, a in KINDS.items()},
    **{f"{k}, nearest": (a, 0.0) for k, a in NEAREST.items()},
    "mixup": (None, MIXUP),
    "all": (EVERYTHING, MIXUP),
    "default, no flip": (Augment(flip=False), 0.0),
}
NONE_AND_DEFAULT = ("none", "default")


@dataclass(frozen=True)
class _AugmentationPart:
    """A part of the plan: ways to augment one task's images, by several strategies.

    Attributes:
        task: The task's name.
        shots: Images per class.
        ways: For each strategy's name, which ways.
        epochs: For each strategy's name, how many; those of `plain` where it is not named.
        views: How many views take turns where stages are frozen.
        own_recipe: Whether strategies have the library's recipe and not the plain one.
    """

    task: str
    shots: int
    ways: dict[str, tuple[str, ...]]
    epochs: dict[str, int] = field(default_factory=dict)
    views: int = VIEWS_PER_IMAGE
    own_recipe: bool = False


ROTATIONS = ("rotate", "rotate, nearest")
WHOLE_PIXELS = ("flip", "shift", "turn", "hue", "erase", "noise", "mixup")
WAYS_OF_FEW = (*NONE_AND_DEFAULT, *WHOLE_PIXELS, "crop", "crop, nearest", *ROTATIONS, "all")
PARTS: dict[str, _AugmentationPart] = {
    "few": _AugmentationPart(
        "garden",
        5,
        {
            "probe": tuple(way for way in WAYS_OF_FEW if way != "mixup"),
            "partial": tuple(way for way in WAYS_OF_FEW if way not in ("flip", "shift")),
            "full": (*NONE_AND_DEFAULT, *ROTATIONS),
            "scratch": NONE_AND_DEFAULT,
        },
    ),
    "own recipe": _AugmentationPart("garden", 5, {"full": ("none", *ROTATIONS)}, own_recipe=True),
    "arrows": _AugmentationPart(
        "arrows",
        10,
        {
            "partial": (*NONE_AND_DEFAULT, "default, no flip"),
            "full": (*NONE_AND_DEFAULT, "default, no flip", "turn"),
        },
    ),
    "new views": _AugmentationPart("garden", 5, {"partial": ("default",)}, views=30),
    "many": _AugmentationPart(
        "garden",
        40,
        dict.fromkeys(("probe", "partial", "full", "scratch"), NONE_AND_DEFAULT),
        {"full": 10, "scratch": 15},
    ),
}


def _train_augmented(
    network: Network,
    task: Task,
    strategy: Strategy,
    way: str,
    seed: int,
    epochs: int | None = None,
    views: int = VIEWS_PER_IMAGE,
) -> float:
    """Train in one of the `WAYS`; gives the accuracy on the shots, or nan for a probe on views."""
    augment, mixup = WAYS[way]
    if strategy.convex and augment is not None:
        probe_on_views(network, task, augment, seed)
        return float("nan")
    how: dict[str, Any] = {"augment": augment, "mixup": mixup, "epochs": epochs, "views": views}
    return list(fit(network, task, strategy, seed=seed, **how))[-1].train_accuracy


def measure_augmentation(
    part: _AugmentationPart, strategy: Strategy, way: str, task: Task, seed: int, memos: Memos
) -> dict[str, float | None]:
    """One training and what it gave; `memos` keeps what frozen stages make of the test images."""
    network = backbone("mini_resnet", classes=len(task.classes))
    started = time.process_time()
    epochs = part.epochs.get(strategy.name)
    known = _train_augmented(network, task, strategy, way, seed, epochs, part.views)
    seconds = time.process_time() - started
    # the images as they are, and mirrored where a mirror image has the same class
    labels, frozen = task.test.labels, network.frozen_prefix > 0
    pixels = [task.test.pixels]
    if task.name == "garden" and frozen and way in NONE_AND_DEFAULT:
        pixels.append(pixels[0].flip(3))
    answers = [
        predict(network, images, memos.setdefault((task.name, i), {}) if frozen else None)
        for i, images in enumerate(pixels)
    ]
    shares = [
        metrics.accuracy(labels.tolist(), answer.argmax(1).tolist())
        for answer in (answers[0], torch.stack(answers).sum(0))
    ]
    return {
        "cpu_seconds": seconds,
        "train_accuracy": known,
        "test_accuracy": shares[0],
        "mirrored_accuracy": shares[1] if len(answers) > 1 else None,
    }


def plan_augmentation() -> Plan:
    """Every part x strategy x seed x way."""
    tasks = {part.task: make_task(part.task, shots=1) for part in PARTS.values()}
    strategies, memos = {s.name: s for s in FOUR}, Memos()
    for name, part in PARTS.items():
        for strategy_name, ways in part.ways.items():
            strategy = strategies[strategy_name]
            strategy = strategy if part.own_recipe else plain(strategy)
            for seed in range(SEEDS):
                for way in ways:
                    run = {
                        "part": name,
                        "task": part.task,
                        "shots": part.shots,
                        "strategy": strategy.name,
                        "way": way,
                        "rate": None if strategy.convex else strategy.peak_rate,
                        "seed": seed,
                    }
                    measure = partial(measure_augmentation, part, strategy, way, memos=memos)
                    yield (
                        run,
                        partial(resumable_row_on_task, tasks[part.task], part.shots, seed, measure),
                    )


if __name__ == "__main__":
    make_resumable_table(
        "augmentation", lambda folder: fill_table(plan_augmentation(), folder), __doc__
    )
