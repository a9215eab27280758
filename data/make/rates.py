"""Make rates.csv: the learning rates, tuned on three garden tasks that are no lesson's task.

`python data/make/rates.py` keeps each finished run and goes on where it was; `DEFAULT_RATES` in
`vtlab/training/strategies.py` holds what came out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
from resumable_table import make_resumable_table

from vtlab.data.tasks import Task, garden_task
from vtlab.garden.worlds import WORLDS
from vtlab.study.compare import compare
from vtlab.training.strategies import full, partial, scratch

RATES = (3e-4, 1e-3, 3e-3)
STRATEGIES = (scratch, partial(1), full)
TUNING_WORLDS = [
    replace(WORLDS["garden"], name=f"rates{i}", seed=seed) for i, seed in enumerate((501, 502, 503))
]


def rates_tuning_tasks() -> list[Task]:
    """The tasks that rates and numbers of epochs are tuned on."""
    return [garden_task(world, 64).at(5, 0) for world in TUNING_WORLDS]


def measure_rates(folder: Path) -> pd.DataFrame:
    """Accuracy of every rate on the tuning tasks, at 5 and 20 shots."""
    tables = []
    for task in rates_tuning_tasks():
        for strategy in STRATEGIES:
            for rate in RATES:
                study = compare(
                    task,
                    strategies=[replace(strategy, rate=rate)],
                    shots=(5, 20),
                    seeds=1,
                    folder=folder / f"{task.name}-{strategy.name}-{rate:g}",
                    progress=False,
                    say=print,
                )
                tables.append(study.table().assign(task=task.name, rate=rate))
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    make_resumable_table("rates", measure_rates, __doc__)
