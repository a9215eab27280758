"""Make depth.csv: accuracy on a new task by how many pretrained stages are kept.

`python data/make/depth.py` trains it all, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.course.lesson_06 import RATE
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone_with_first_stages
from vtlab.models.network import STAGE_NAMES
from vtlab.study.run import train_and_test
from vtlab.training.strategies import plain, probe, surgical

SEEDS, SHOTS, EPOCHS = 5, 5, 20
MAX_TEST_IMAGES = 600
TARGETS = ("garden", "digits")


def _thin_tests(task: Task) -> Task:
    """The task with at most `MAX_TEST_IMAGES` test images: every second or third where there are more."""
    step = -(-len(task.test) // MAX_TEST_IMAGES)
    return replace(task, test=task.test[torch.arange(0, len(task.test), step)])


def measure_depth(way: str, stages: int, task: Task, seed: int) -> dict[str, float]:
    """One training with so many transferred stages, frozen or fine-tuned."""
    network = backbone_with_first_stages(stages, len(task.classes), seed)
    learning = STAGE_NAMES if way == "fine-tuned" else STAGE_NAMES[stages:]
    strategy = plain(surgical(*learning, rate=RATE)) if learning else probe
    found = train_and_test(network, task, strategy, seed, epochs=EPOCHS)
    return found | {"weights": network.count_learning_weights()}


def plan_depth() -> Plan:
    """All depths of both targets, frozen and fine-tuned."""
    bases = {target: _thin_tests(make_task(target, shots=1)) for target in TARGETS}
    for seed in range(SEEDS):
        for target, base in bases.items():
            for stages in range(len(STAGE_NAMES) + 1):
                for way in ("frozen", "fine-tuned") if stages else ("fine-tuned",):
                    run: dict[str, str | float] = {"target": target, "way": way, "stages": stages}
                    run |= {"shots": SHOTS, "rate": RATE, "seed": seed}
                    measure = partial(measure_depth, way, stages)
                    yield run, partial(resumable_row_on_task, base, SHOTS, seed, measure)


if __name__ == "__main__":
    make_resumable_table("depth", lambda folder: fill_table(plan_depth(), folder), __doc__)
