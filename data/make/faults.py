"""Make faults.csv: what each fault of a training loop costs, alone and beside the others.

On handwritten digits, which are far from the source, only what moving statistics cost.

`python data/make/faults.py` trains them all, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.course.lesson_04 import FAULTS, train_head
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task

SEEDS = 8
SHOTS, TESTS = 5, 75  # images per class


def plan_faults() -> Plan:
    """Every seed x with or without each fault; on digits the first fault alone."""
    garden = make_task("garden", shots=1, tests=TESTS)
    digits = make_task("digits", shots=1, tests=TESTS)
    for seed in range(SEEDS):
        for has in itertools.product((False, True), repeat=len(FAULTS)):
            yield _plan_run("garden", garden, has, seed)
        for moving in (False, True):
            yield _plan_run("digits", digits, (moving, *[False] * (len(FAULTS) - 1)), seed)


def _plan_run(
    name: str, base: Task, has: Sequence[bool], seed: int
) -> tuple[dict, Callable[[], dict]]:
    """A run's columns, and what measures it."""
    run = {"task": name} | dict(zip(FAULTS, has, strict=True)) | {"seed": seed}
    measure = partial(train_head, faults=list(itertools.compress(FAULTS, has)))
    return run, partial(resumable_row_on_task, base, SHOTS, seed, measure)


if __name__ == "__main__":
    make_resumable_table("faults", lambda folder: fill_table(plan_faults(), folder), __doc__)
