"""What augmentation does to accuracy: kinds, strategies, few and many images, and where it hurts.

`python data/make/augmentation.py` trains everything, keeps each finished run and goes on where it was,
and writes `data/results/augmentation.csv`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from kept import kept, write_table

from vtlab.course.lesson_08 import KINDS, probe_on_views
from vtlab.data.augment import Augment, Augmentation
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, Strategy
from vtlab.training.views import VIEWS_PER_IMAGE

SEEDS = 5
MIXUP = 0.2
EVERYTHING = Augment(crop=0.2, rotate=15.0, turn=True, hue=0.1, noise=10.0, erase=0.3)
WAYS: dict[str, tuple[Augmentation | None, float]] = {  # and mixup's alpha
    "none": (None, 0.0),
    "default": (Augment(), 0.0),
    **{k: (a, 0.0) for k, a in KINDS.items()},
    "mixup": (None, MIXUP),
    "all": (EVERYTHING, MIXUP),
    "default, no flip": (Augment(flip=False), 0.0),
}
BOTH = ("none", "default")


@dataclass(frozen=True)
class Part:
    """A part of the plan: ways to augment one task's images, by several strategies.

    Attributes:
        task: Its name.
        shots: Images per class.
        ways: For each strategy's name, which ways.
        epochs: For each strategy's name, how many; the default where it is not named.
        views: How many views take turns where stages are frozen.
    """

    task: str
    shots: int
    ways: dict[str, tuple[str, ...]]
    epochs: dict[str, int] = field(default_factory=dict)
    views: int = VIEWS_PER_IMAGE


FEW = (*BOTH, *KINDS, "mixup", "all")
PARTS: dict[str, Part] = {
    "few": Part(
        "garden",
        5,
        {
            "probe": tuple(way for way in FEW if way != "mixup"),
            "partial": tuple(way for way in FEW if way not in ("flip", "shift")),
            "full": (*BOTH, "rotate"),
            "scratch": BOTH,
        },
    ),
    "arrows": Part(
        "arrows",
        10,
        {"partial": (*BOTH, "default, no flip"), "full": (*BOTH, "default, no flip", "turn")},
    ),
    "new views": Part("garden", 5, {"partial": ("default",)}, views=30),
    "many": Part(
        "garden",
        40,
        dict.fromkeys(("probe", "partial", "full", "scratch"), BOTH),
        {"full": 10, "scratch": 15},
    ),
}


def train(
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
    return list(
        fit(
            network,
            task,
            strategy,
            seed=seed,
            augment=augment,
            mixup=mixup,
            epochs=epochs,
            views=views,
        )
    )[-1].train_accuracy


def one(part: Part, strategy: Strategy, way: str, task: Task, seed: int, memos: dict) -> dict:
    """One training and what it gave; `memos` keeps what frozen stages make of the test images."""
    network = backbone("mini_resnet", classes=len(task.classes))
    began = time.process_time()
    known = train(network, task, strategy, way, seed, part.epochs.get(strategy.name), part.views)
    row = {"cpu_seconds": time.process_time() - began, "train_accuracy": known}
    labels, frozen = task.test.labels, network.frozen_prefix > 0
    asked = [task.test.pixels]
    if task.name == "garden" and frozen and way in BOTH:
        asked.append(asked[0].flip(3))
    said = [
        predict(network, pixels, memos.setdefault((task.name, i), {}) if frozen else None)
        for i, pixels in enumerate(asked)
    ]
    shares = [(each.argmax(1) == labels).double().mean().item() for each in (said[0], sum(said))]
    return row | {
        "test_accuracy": shares[0],
        "mirrored_accuracy": shares[1] if len(said) > 1 else None,
    }


def plan() -> Iterator[tuple[str, Part, int, Strategy, str]]:
    """Name of the part, the part, seed, strategy and way of each run."""
    strategies = {s.name: s for s in FOUR}
    for name, part in PARTS.items():
        for strategy, ways in part.ways.items():
            for seed in range(SEEDS):
                for way in ways:
                    yield name, part, seed, strategies[strategy], way


def measure(folder: Path) -> pd.DataFrame:
    """All of the plan."""
    tasks = {part.task: make_task(part.task, shots=1) for part in PARTS.values()}
    memos, rows = {}, []
    for name, part, seed, strategy, way in plan():
        rate = None if strategy.convex else strategy.peak_rate
        run = {
            "part": name,
            "task": part.task,
            "shots": part.shots,
            "strategy": strategy.name,
            "way": way,
            "rate": rate,
            "seed": seed,
        }
        path = folder / f"{name}-{strategy.name}-{way}-{seed}.json".replace(" ", "-").replace(
            ",", ""
        )
        rows.append(
            kept(
                path,
                run,
                lambda p=part, s=strategy, w=way, n=seed: one(
                    p, s, w, tasks[p.task].at(p.shots, n), n, memos
                ),
            )
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    write_table("augmentation", measure, __doc__)
