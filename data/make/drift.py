"""What a learning rate does to pretrained weights: accuracy, drift, forgetting.

`python data/make/drift.py` fine-tunes in several ways, keeps each finished run and goes on where it
was, and writes `data/results/drift.csv`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
from kept import kept, write_table

from vtlab.analysis.likeness import measure_likeness
from vtlab.analysis.movement import measure_movement, snapshot
from vtlab.course.old_task import OldTask, fit_old_head
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, full, lp_ft, probe

SEEDS = 5
SHOTS = 5
RATES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
ALIKE = 240  # test images for the likeness of features

WAYS: dict[str, tuple[Strategy, ...]] = {
    "full": tuple(replace(full, rate=rate) for rate in RATES),
    "stage-wise": tuple(replace(full, rate=rate, stage_decay=0.5) for rate in (1e-3, 3e-3)),
    "probe first": tuple(replace(lp_ft, rate=rate) for rate in (1e-4, 3e-4, 1e-3)),
    "probe": (probe,),
}


def measure(folder: Path) -> pd.DataFrame:
    """Every way x rate x seed."""
    base, old, rows = make_task("garden", shots=1), OldTask.make(), []
    known = old.accuracy(old.start, old.head)
    for seed in range(SEEDS):
        for way, strategies in WAYS.items():
            for strategy in strategies:
                rate = None if strategy.convex else strategy.peak_rate
                run = {
                    "way": way,
                    "rate": rate,
                    "stage_decay": strategy.stage_decay,
                    "shots": SHOTS,
                    "seed": seed,
                }
                rows.append(
                    kept(
                        folder / f"{way.replace(' ', '-')}-{rate}-{seed}.json",
                        run,
                        lambda s=strategy, n=seed: (
                            one(s, base.at(SHOTS, n), old, n) | {"old_before": known}
                        ),
                    )
                )
    return pd.DataFrame(rows)


def one(strategy: Strategy, task: Task, old: OldTask, seed: int) -> dict[str, float]:
    """One training and what it did."""
    network = backbone("mini_resnet", classes=len(task.classes))
    before = snapshot(network)
    records = list(fit(network, task, strategy, seed=seed))
    moved, pixels = measure_movement(before, network), task.test.pixels[::5][:ALIKE]
    return {
        "test_accuracy": evaluate(network, task.test.pixels, task.test.labels),
        "train_accuracy": records[-1].train_accuracy,
        "old_accuracy": old.accuracy(network, old.head),
        "old_refit": old.accuracy(network, fit_old_head(network, old.train)),
        **{f"moved_{stage}": moved.weights[stage] for stage in network.stage_names},
        **{f"cka_{k}": value for k, value in measure_likeness(old.start, network, pixels).items()},
    }


if __name__ == "__main__":
    write_table("drift", measure, __doc__)
