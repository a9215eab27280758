"""Make drift.csv: what a learning rate does to pretrained weights, in accuracy, drift and forgetting.

`python data/make/drift.py` fine-tunes in several ways, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.analysis.feature_similarity import measure_similarity
from vtlab.analysis.movement import measure_movement, take_snapshot
from vtlab.course.old_task import OldTask, fit_old_head
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.study.run import train_and_test
from vtlab.training.strategies import Strategy, full, lp_ft, plain, probe

SEEDS = 5
SHOTS = 5
RATES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
LIKENESS_IMAGES = 240  # test images for the likeness of features

WAYS: dict[str, tuple[Strategy, ...]] = {
    "full": tuple(replace(plain(full), rate=rate) for rate in RATES),
    "stage-wise": tuple(replace(plain(full), rate=rate, stage_decay=0.5) for rate in (1e-3, 3e-3)),
    "probe first": tuple(replace(plain(lp_ft), rate=rate) for rate in (1e-4, 3e-4, 1e-3)),
    "probe": (probe,),
}


def plan_drift() -> Plan:
    """Every seed x way x rate."""
    base, old = make_task("garden", shots=1), OldTask.make()
    for seed in range(SEEDS):
        for way, strategies in WAYS.items():
            for strategy in strategies:
                run = {
                    "way": way,
                    "rate": None if strategy.convex else strategy.peak_rate,
                    "stage_decay": strategy.stage_decay,
                    "shots": SHOTS,
                    "seed": seed,
                }
                measure = partial(measure_drift, strategy, old=old)
                yield run, partial(resumable_row_on_task, base, SHOTS, seed, measure)


def measure_drift(strategy: Strategy, task: Task, old: OldTask, seed: int) -> dict[str, float]:
    """One training and what it did to accuracy, weights, features and the old task."""
    network = backbone("mini_resnet", classes=len(task.classes))
    before = take_snapshot(network)
    accuracies = train_and_test(network, task, strategy, seed)
    moved, pixels = measure_movement(before, network), task.test.pixels[::5][:LIKENESS_IMAGES]
    likeness = measure_similarity(old.start, network, pixels)
    return {
        **accuracies,
        "old_before": old.accuracy(old.start, old.head),
        "old_accuracy": old.accuracy(network, old.head),
        "old_refit": old.accuracy(network, fit_old_head(network, old.train)),
        **{f"moved_{stage}": moved.weights[stage] for stage in network.stage_names},
        **{f"cka_{stage}": value for stage, value in likeness.items()},
    }


if __name__ == "__main__":
    make_resumable_table("drift", lambda folder: fill_table(plan_drift(), folder), __doc__)
