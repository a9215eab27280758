"""Make elsewhere.csv: what is learnt from plants by day, tested on plants that look otherwise.

`python data/make/elsewhere.py` trains on forty images by the plain recipe, with a random and a solved head; it
keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.course.lesson_07 import draw_elsewhere
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.study.run import train_and_test
from vtlab.training.strategies import Strategy, full, lp_ft, plain, probe

SEEDS, SHOTS = 5, 5
# each at the best of its rates in drift.csv
WAYS: tuple[tuple[str, Strategy], ...] = (
    ("probe", probe),
    ("random head", replace(plain(full), rate=1e-3)),
    ("solved head", replace(plain(lp_ft), rate=1e-4)),
)


def plan_elsewhere() -> Plan:
    """Every seed x way."""
    base, elsewhere = make_task("garden", shots=1), draw_elsewhere()
    for seed in range(SEEDS):
        for way, strategy in WAYS:
            rate = 0.0 if strategy.convex else strategy.peak_rate
            run = {"way": way, "rate": rate, "shots": SHOTS, "seed": seed}
            measure = partial(measure_elsewhere, strategy, elsewhere)
            yield run, partial(resumable_row_on_task, base, SHOTS, seed, measure)


def measure_elsewhere(
    strategy: Strategy, elsewhere: Mapping[str, Images], task: Task, seed: int
) -> dict[str, float]:
    """One training, tested on its own world and on each other one."""
    network = backbone("mini_resnet", classes=len(task.classes))
    accuracies = train_and_test(network, task, strategy, seed)
    return accuracies | {
        name: evaluate(network, images.pixels, images.labels) for name, images in elsewhere.items()
    }


if __name__ == "__main__":
    make_resumable_table("elsewhere", lambda folder: fill_table(plan_elsewhere(), folder), __doc__)
