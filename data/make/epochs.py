"""Make epochs.csv: accuracy by number of epochs, on the tasks that the rates are tuned on.

`python data/make/epochs.py` keeps each finished run and goes on where it was. The table is not
committed; data/NOTES.md says what came out.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rates import STRATEGIES, rates_tuning_tasks
from resumable_table import make_resumable_table

from vtlab.study.compare import compare
from vtlab.study.setting import Setting

EPOCHS = (15, 30, 60)
SHOTS, SEEDS = 5, 2


def measure_epochs(folder: Path) -> pd.DataFrame:
    """Accuracy of every number of epochs on the tuning tasks."""
    tables = []
    for task in rates_tuning_tasks():
        for epochs in EPOCHS:
            study = compare(
                task,
                strategies=STRATEGIES,
                shots=SHOTS,
                seeds=SEEDS,
                setting=Setting(epochs=epochs),
                folder=folder / f"{task.name}-{epochs}-epochs",
                progress=False,
                say=print,
            )
            tables.append(study.table().assign(task=task.name, epochs=epochs))
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    make_resumable_table("epochs", measure_epochs, __doc__)
