"""Make repairs.csv: after the classes' names were swapped, parts of a network trained at several rates.

`python data/make/repairs.py` trains each part for as many steps as depth.csv, with the same seeds; it keeps
each finished run and goes on where it was.
"""

from __future__ import annotations

from functools import lru_cache, partial

from resumable_table import Plan, fill_table, make_resumable_table

from vtlab.course.lesson_06 import RATE, shifted_task, source_network, unfreeze_one_part

SEEDS = 3
SHIFT = "names"
RATES = {
    "head by steps": (RATE, 3e-3, 1e-2, 3e-2, 1e-1),  # it wants the largest
    **dict.fromkeys(("stage4", "stage1", "everything"), (RATE, 3e-3, 1e-2)),
}

_source = lru_cache(maxsize=1)(source_network)  # trained once for all repairs of a seed


def measure_repair(part: str, rate: float, seed: int) -> dict[str, float]:
    """One part trained by thirty steps at a rate."""
    return unfreeze_one_part(part, _source(seed), shifted_task(SHIFT, seed), seed, rate)


def plan_repairs() -> Plan:
    """All rates of all parts."""
    for seed in range(SEEDS):
        for part, rates in RATES.items():
            for rate in rates:
                run = {"shift": SHIFT, "part": part, "rate": rate, "seed": seed}
                yield run, partial(measure_repair, part, rate, seed)


if __name__ == "__main__":
    make_resumable_table("repairs", lambda folder: fill_table(plan_repairs(), folder), __doc__)
