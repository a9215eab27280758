"""The committed measurements: default rates, and accuracy against shots.

`python -m vtlab.sweeps rates` tunes the learning rates on three garden tasks that are no
lesson's task; `python -m vtlab.sweeps shots` makes the table that the lessons read. Both keep
each finished run and go on where they were.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from vtlab.backbones import weights_folder
from vtlab.garden.worlds import WORLDS, World
from vtlab.names import order
from vtlab.strategies import full, partial, scratch
from vtlab.study import compare

SHOTS = (1, 2, 5, 10, 20, 40, 80, 160, 320)
SEEDS = 5
RATES = (3e-4, 1e-3, 3e-3)
RATE_TASKS = {f"rates{i}": replace(WORLDS["garden"], name=f"rates{i}", seed=seed)
              for i, seed in enumerate((501, 502, 503))}  # fmt: skip


def results_folder() -> Path:
    """Where the committed tables are."""
    return weights_folder().parent / "results"


def shots_table(name: str = "garden") -> pd.DataFrame:
    """The committed table of accuracy against shots on a garden task, a row per run.

    Raises:
        FileNotFoundError: If there is none for this task.

    Lessons 01 and 05.
    """
    path = results_folder() / f"shots_{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"no committed shots table for {name!r}")
    return pd.read_csv(path)


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
                study = compare(_task(world), strategies=[replace(strategy, rate=rate)],
                                shots=(5, 20), seeds=1,
                                folder=folder / f"{name}-{strategy.name}-{rate:g}",
                                progress=False, say=print)  # fmt: skip
                rows.append(study.table().assign(task=name, rate=rate))
    return pd.concat(rows, ignore_index=True)


def _task(world: World):
    from vtlab.tasks import garden_task

    return garden_task(world, 64).at(5, 0)


def best_rates(table: pd.DataFrame) -> dict[str, float]:
    """The rate of each strategy with the best mean over tasks and shots."""
    means = table.groupby(["strategy", "rate"]).test_accuracy.mean().unstack()
    return means.idxmax(axis=1).to_dict()


def main() -> None:
    """Run one sweep and write its table."""
    parser = argparse.ArgumentParser(prog="python -m vtlab.sweeps", description=__doc__)
    parser.add_argument("which", choices=("rates", "shots"))
    parser.add_argument("--runs", type=Path, default=Path("vtlab-runs"), help="finished runs")
    parser.add_argument("--shots", default=",".join(map(str, SHOTS)), help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="(default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.which == "shots":
        numbers = [int(n) for n in arguments.shots.split(",")]
        table = _with_others(shots(arguments.runs, numbers, arguments.seeds), numbers)
    else:
        table = rates(arguments.runs)
    name = "shots_garden.csv" if arguments.which == "shots" else "rates.csv"
    table.round(4).to_csv(results_folder() / name, index=False)
    print("written:", name)


if __name__ == "__main__":
    main()
