"""Make repairs.csv: a network meets a changed world, and one part of it is changed, at several rates.

`python data/make/repairs.py` trains each part for thirty steps after each of three shifts, and controls of
what stage 1 does against noise; it keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

from resumable_table import Plan, fill_table, make_resumable_table

from vtlab.course.lesson_06 import (
    FEW_OF_STAGE4,
    KEPT_STAGE1,
    PARTS,
    RATES,
    SHIFTS,
    STATISTICS_OF_STAGE1,
    STATISTICS_THEN_STAGE1,
    measure_repair,
    shifted_task,
    source_network,
)
from vtlab.models.evaluation import evaluate
from vtlab.models.network import STAGE_NAMES

SEEDS = 3
CONTROLS = (
    FEW_OF_STAGE4,
    KEPT_STAGE1,
    STATISTICS_THEN_STAGE1,
    STATISTICS_OF_STAGE1,
)  # against noise
# where the best of RATES was the smallest or the largest one, the grid goes on by one
LOWER, HIGHER = (3e-4, *RATES), (*RATES, 3e-2)
GRIDS: dict[tuple[str, str], tuple[float, ...]] = {
    **dict.fromkeys(
        [("noise", part) for part in ("stage1", KEPT_STAGE1, STATISTICS_THEN_STAGE1)], LOWER[:3]
    ),
    ("noise", "stage2"): LOWER,
    ("noise", "everything"): (1e-4, *LOWER[:3]),
    **dict.fromkeys([("species", part) for part in ("stage2", "stage3")], HIGHER),
    ("species", "everything"): LOWER,
    **dict.fromkeys([("names", part) for part in STAGE_NAMES[1:]], HIGHER),
    ("names", "head by steps"): (*HIGHER, 1e-1),
}

_source = lru_cache(maxsize=SEEDS)(source_network)  # trained once for all repairs of a seed


@lru_cache(maxsize=len(SHIFTS) * SEEDS)
def _accuracy_before(shift: str, seed: int) -> float:
    task = shifted_task(shift, seed)
    return evaluate(_source(seed), task.test.pixels, task.test.labels)


def measure_run(shift: str, part: str, rate: float | None, seed: int) -> dict[str, float]:
    """The source's network before and after one part of it was changed for a shift."""
    task = shifted_task(shift, seed)
    found = measure_repair(part, _source(seed), task, seed, rate or RATES[0])
    return {"before": _accuracy_before(shift, seed)} | found


def list_arms(shift: str) -> Iterator[tuple[str, float | None]]:
    """The parts that are changed after a shift, each with its rates; None where nothing takes steps."""
    controls = {"noise": CONTROLS, "names": ("head by steps",)}.get(shift, ())
    for part in (*PARTS, *controls):
        if part in ("head", "statistics", STATISTICS_OF_STAGE1):
            yield part, None
        else:
            yield from ((part, rate) for rate in GRIDS.get((shift, part), RATES))


def plan_repairs() -> Plan:
    """All arms of all shifts, with each seed."""
    for shift in SHIFTS:
        for seed in range(SEEDS):
            for part, rate in list_arms(shift):
                run = {"shift": shift, "part": part, "rate": rate, "seed": seed}
                yield run, partial(measure_run, shift, part, rate, seed)


if __name__ == "__main__":
    make_resumable_table("repairs", lambda folder: fill_table(plan_repairs(), folder), __doc__)
