"""Make faults.csv: what each fault of a training loop costs, alone and beside the others.

`python data/make/faults.py` trains them all, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

import itertools
from functools import partial

from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.course.lesson_04 import FAULTS, train_head
from vtlab.data.tasks import task as make_task

SEEDS = 8
SHOTS, TESTS = 5, 75  # images per class


def plan_faults() -> Plan:
    """Every seed x with or without each fault."""
    garden = make_task("garden", shots=1, tests=TESTS)
    for seed in range(SEEDS):
        for has in itertools.product((False, True), repeat=len(FAULTS)):
            run = dict(zip(FAULTS, has, strict=True)) | {"seed": seed}
            measure = partial(train_head, faults=list(itertools.compress(FAULTS, has)))
            yield run, partial(resumable_row_on_task, garden, SHOTS, seed, measure)


if __name__ == "__main__":
    make_resumable_table("faults", lambda folder: fill_table(plan_faults(), folder), __doc__)
