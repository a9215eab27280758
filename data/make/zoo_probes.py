"""Make zoo_probes.csv: a linear probe on each small backbone, and the nearest shot in pixels, seed by seed.

`python data/make/zoo_probes.py` keeps each finished row and goes on where it was. All rows of a task and a seed
have the same shots and test images, so that differences can be paired.
"""

from __future__ import annotations

from functools import partial

from resumable_table import Plan, fill_table, make_resumable_table

from vtlab.course.tables import ZOO
from vtlab.data.baselines import pixel_neighbour
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.training.fit import fit
from vtlab.training.strategies import probe

TASKS = ("garden", "digits")
SHOTS, SEEDS = 5, 5
PIXELS = "pixels"  # in place of a backbone's name


def plan_probes() -> Plan:
    """Every task x seed x backbone, and pixels."""
    for name in TASKS:
        base = make_task(name, shots=1)
        for seed in range(SEEDS):
            for of in (*ZOO, PIXELS):
                run = {"task": name, "backbone": of, "shots": SHOTS, "seed": seed}
                yield run, partial(measure, of, base, seed)


def measure(name: str, base: Task, seed: int) -> dict:
    """The test accuracy of one probe, or of the nearest shot in pixels."""
    task = base.at(SHOTS, seed)
    if name == PIXELS:
        return {"test_accuracy": pixel_neighbour(task)}
    network = backbone(name, classes=len(task.classes))
    for _ in fit(network, task, probe, seed=seed):
        pass
    return {"test_accuracy": evaluate(network, task.test.pixels, task.test.labels)}


if __name__ == "__main__":
    make_resumable_table("zoo_probes", lambda folder: fill_table(plan_probes(), folder), __doc__)
