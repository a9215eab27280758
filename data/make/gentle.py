"""Make gentle.csv: what each way to go easy on pretrained weights brings, one at a time.

`python data/make/gentle.py` trains everything on forty images by the plain recipe, but for what a row names;
it keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.course.lesson_07 import SCHEDULES, RatesByPart, fine_tune, list_rates
from vtlab.course.old_task import OldTask
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.network import Network
from vtlab.study.run import train_and_test
from vtlab.training.strategies import Strategy, full, lp_ft, plain

SEEDS = 5  # of the order of rates, and of statistics
LOOP_SEEDS = 3  # of schedules and pulls
SHOTS = 5
RATE = 1e-3  # of the seven in drift.csv among the best three
LARGE_RATE = 1e-2  # too large for pretrained weights
PULL = 30.0  # over sixty steps at that rate it takes back six tenths of the way
KEPT_RATE = 1e-4  # of the three in drift.csv the best under a solved head


def plan_gentle() -> Plan:
    """The rows of all parts."""
    base, old = make_task("garden", shots=1), OldTask.make()

    def row(
        part: str, way: str, rate: float | None, pull: float, seed: int, measure: partial
    ) -> tuple:
        run = {"part": part, "way": way, "rate": rate, "pull": pull, "shots": SHOTS, "seed": seed}
        return run, partial(resumable_row_on_task, base, SHOTS, seed, measure)

    for seed in range(SEEDS):
        for way in ("reversed", "slow body"):
            strategy = RatesByPart(**vars(plain(full)), rates=list_rates(way, RATE))
            yield row("order", way, RATE, 0, seed, partial(measure_fit, strategy, old))
    for seed in range(SEEDS):
        gentle = replace(plain(lp_ft), rate=KEPT_RATE, statistics="kept")
        measure = partial(measure_fit, gentle, old)
        yield row("statistics", "solved head, kept statistics", KEPT_RATE, 0, seed, measure)
    for seed in range(LOOP_SEEDS):
        for way, rate, pull in (("zero", RATE, PULL), ("start", RATE, PULL), ("none", 3e-4, 0.0)):
            how = {"rate": rate, "pull": pull, "to": way}
            yield row("pull", way, rate, pull, seed, partial(measure_loop, how, old))
        for rate, way in [(LARGE_RATE, way) for way in SCHEDULES] + [
            (RATE, "constant"),
            (RATE, "warm-up and cosine"),
        ]:
            how = {"rate": rate, "schedule": SCHEDULES[way]}
            yield row("schedule", way, rate, 0, seed, partial(measure_loop, how, old))


def measure_fit(strategy: Strategy, old: OldTask, task: Task, seed: int) -> dict[str, float]:
    """One training by `fit`: the new task and the old one."""
    network = backbone("mini_resnet", classes=len(task.classes))
    accuracies = train_and_test(network, task, strategy, seed)
    return accuracies | _measure_old(old, network)


def measure_loop(how: dict, old: OldTask, task: Task, seed: int) -> dict[str, float]:
    """One training by the loop of lesson 07: the new task and the old one."""
    network = fine_tune(task, seed, **how)
    return {
        "train_accuracy": evaluate(network, task.train.pixels, task.train.labels),
        "test_accuracy": evaluate(network, task.test.pixels, task.test.labels),
    } | _measure_old(old, network)


def _measure_old(old: OldTask, network: Network) -> dict[str, float]:
    return {"old_accuracy": old.accuracy(network, old.head)}


if __name__ == "__main__":
    make_resumable_table("gentle", lambda folder: fill_table(plan_gentle(), folder), __doc__)
