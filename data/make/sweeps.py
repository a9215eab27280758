"""The committed measurements: default rates, accuracy against shots, and the zoo.

`python data/make/sweeps.py rates` tunes the learning rates on three garden tasks that are no
lesson's task, `python data/make/sweeps.py epochs` how often the images are seen;
`python data/make/sweeps.py shots` makes the table that the lessons read;
`python data/make/sweeps.py zoo` measures every backbone that ships (`vtlab.zoo`). All keep each
finished run and go on where they were.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import zoo

from vtlab.course.tables import shots_table
from vtlab.garden.worlds import WORLDS, World
from vtlab.results.labels import order
from vtlab.study.compare import compare
from vtlab.study.run import Setting
from vtlab.system.files import find_shipped_folder
from vtlab.training.strategies import full, partial, scratch

SHOTS = (1, 2, 5, 10, 20, 40, 80, 160, 320)
SEEDS = 5
RATES = (3e-4, 1e-3, 3e-3)
EPOCHS = (15, 30, 60)
EPOCH_SHOTS = 5
RATE_TASKS = {
    f"rates{i}": replace(WORLDS["garden"], name=f"rates{i}", seed=seed)
    for i, seed in enumerate((501, 502, 503))
}


def shots(folder: Path, numbers: Sequence[int] = SHOTS, seeds: int = SEEDS) -> pd.DataFrame:
    """Accuracy of the four strategies against shots on the default task."""
    study = compare("garden", shots=numbers, seeds=seeds, folder=folder / "shots", say=print)
    return study.table()


def _with_others(fresh: pd.DataFrame, numbers: Sequence[int]) -> pd.DataFrame:
    """The committed table with these numbers of shots measured anew."""
    kept = shots_table()
    both = pd.concat([kept[~kept.shots.isin(numbers)], fresh])
    return both.sort_values(["strategy", "shots", "seed"], key=_in_order, kind="stable")


def _in_order(column: pd.Series) -> pd.Series:
    return column.map(order) if column.name == "strategy" else column


def rates(folder: Path) -> pd.DataFrame:
    """Accuracy of every rate on the rate tasks, at 5 and 20 shots."""
    rows = []
    for name, world in RATE_TASKS.items():
        for strategy in (scratch, partial(1), full):
            for rate in RATES:
                study = compare(
                    _task(world),
                    strategies=[replace(strategy, rate=rate)],
                    shots=(5, 20),
                    seeds=1,
                    folder=folder / f"{name}-{strategy.name}-{rate:g}",
                    progress=False,
                    say=print,
                )
                rows.append(study.table().assign(task=name, rate=rate))
    return pd.concat(rows, ignore_index=True)


def epochs(folder: Path) -> pd.DataFrame:
    """Accuracy of every number of epochs on the rate tasks, where there are few images."""
    tables = []
    for name, world in RATE_TASKS.items():
        for number in EPOCHS:
            study = compare(
                _task(world),
                strategies=[scratch, partial(1), full],
                shots=EPOCH_SHOTS,
                seeds=2,
                setting=Setting(epochs=number),
                folder=folder / f"{name}-{number}-epochs",
                progress=False,
                say=print,
            )
            tables.append(study.table().assign(task=name, epochs=number))
    return pd.concat(tables, ignore_index=True)


def _task(world: World):
    from vtlab.data.tasks import garden_task

    return garden_task(world, 64).at(5, 0)


def best_rates(table: pd.DataFrame) -> dict[str, float]:
    """The rate of each strategy with the best mean over tasks and shots."""
    means = table.groupby(["strategy", "rate"]).test_accuracy.mean().unstack()
    return means.idxmax(axis=1).to_dict()


def main() -> None:
    """Run one sweep and write its table."""
    parser = argparse.ArgumentParser(prog="python data/make/sweeps.py", description=__doc__)
    parser.add_argument("which", choices=("rates", "epochs", "shots", "zoo"))
    parser.add_argument("--runs", type=Path, default=Path("vtlab-runs"), help="finished runs")
    parser.add_argument("--shots", default=",".join(map(str, SHOTS)), help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="(default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.which == "shots":
        numbers = [int(n) for n in arguments.shots.split(",")]
        table = _with_others(shots(arguments.runs, numbers, arguments.seeds), numbers)
    elif arguments.which == "zoo":
        table = zoo.measure(arguments.runs)
    else:
        table = {"rates": rates, "epochs": epochs}[arguments.which](arguments.runs)
    name = "shots_garden.csv" if arguments.which == "shots" else f"{arguments.which}.csv"
    table.round(4).to_csv(find_shipped_folder("results") / name, index=False)
    print("written:", name)


if __name__ == "__main__":
    main()
