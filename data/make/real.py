"""Make real.csv: the strategies on photographs; six data sets, three starts, three numbers of shots.

`python data/make/real.py FOLDER` keeps each finished run and goes on where it was. All runs of a seed come
before the next seed's, the cheap ones first, so that the table is balanced wherever Ctrl-C ends it. It is
written from all finished runs in `--runs`, and called like that folder: `--seeds 100 101 102 --runs
vtlab-runs/real_again` is a second draw of photographs, `--recipe plain --runs vtlab-runs/real_plain` the
table of the plain recipe; without a word about it every strategy is trained as by `vtlab compare`. The folder
holds the zips of `photographs.SETS`, which are no part of the project (data/README.md).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from photographs import read_pools
from resumable_table import read_finished_rows, resumable_row, table_parser, write_rounded_table

from vtlab.data.tasks import Task
from vtlab.models.evaluation import predict
from vtlab.results.labels import RECIPES
from vtlab.results.metrics import accuracy
from vtlab.study.run import Runner
from vtlab.study.setting import Setting
from vtlab.study.tune import list_candidates
from vtlab.system.threads import THREADS
from vtlab.training.strategies import FOUR, Strategy, lp_ft

SHOTS = (5, 20, 40)
SEEDS = range(5)
STRATEGIES = (*FOUR, lp_ft)
STARTS = {
    "garden": Setting(backbone="mini_resnet", image_size=64),
    "natural": Setting(backbone="mini_resnet", weights="natural", image_size=64),
    # smaller than the 224 px of its own: two cores train it
    "efficientnet_lite0": Setting(backbone="efficientnet_lite0", image_size=96),
}
SETS = ("photo", "sketch", "hymenoptera", "flowers", "eurosat", "hands")
SHIFT = ("photo", "sketch")  # learnt from the first, also tested on the second
# of a `Run`, as columns
MEASURED = (
    "test_accuracy balanced_accuracy steps train_loss train_accuracy under_trained diverged seconds"
).split()


class RealRun(NamedTuple):
    """A run that is planned."""

    data: str
    start: str
    strategy: Strategy
    shots: int
    seed: int


def plan_real(
    starts: Iterable[str] = STARTS,
    data: Iterable[str] = SETS,
    shots: Iterable[int] = SHOTS,
    seeds: Iterable[int] = SEEDS,
    strategies: Iterable[Strategy] = STRATEGIES,
) -> Iterator[RealRun]:
    """Every run: all of a seed before the next; within a seed small images and few shots first.

    Training from scratch knows no start: "natural" has the network of "garden", and so its runs.
    """
    for seed in seeds:
        runs = [
            RealRun(of, start, strategy, number, seed)
            for number, start, of, strategy in itertools.product(shots, starts, data, strategies)
            if not (strategy.start == "random" and start == "natural")
        ]
        yield from sorted(runs, key=_cost)


def _cost(run: RealRun) -> tuple[bool, int, int]:
    return not run.strategy.convex, STARTS[run.start].size, run.shots


def describe_recipe(strategy: Strategy, recipe: str) -> str:
    """All that a strategy may be trained by: runs of another recipe are other runs."""
    tried = (one.fingerprint() for one in list_candidates(strategy, recipe))
    return f"{recipe}: {'; '.join(tried)}"


def measure_real_run(folder: Path, run: RealRun, recipe: str) -> dict:
    """One training by a recipe (one of `RECIPES`), tested once: the columns that are measured."""
    setting = replace(STARTS[run.start], recipe=recipe)
    pools = read_pools(folder, setting.size)
    task: Task = pools[run.data].task(run.shots, run.seed)
    runner = Runner.build(setting, task)
    record, network = runner.run(run.strategy, run.shots, run.seed)
    found = {name: getattr(record, name) for name in MEASURED}
    found |= {"rate": record.settings["rate"], "chance": task.chance, "test_images": len(task.test)}
    if run.data == SHIFT[0] and not record.diverged:
        other = pools[SHIFT[1]].images
        named = predict(network, other.pixels).argmax(1)
        found["shifted_accuracy"] = accuracy(other.labels.tolist(), named.tolist())
    return found


def real_row(folder: Path, runs_folder: Path, run: RealRun, recipe: str = "chosen") -> dict:
    """The row of a run: measured now, or read where it is finished.

    Raises:
        ValueError: If it is finished by another recipe.
    """
    columns = run._asdict() | {"strategy": run.strategy.name}
    path = runs_folder / f"{'-'.join(map(str, columns.values()))}.json"
    columns |= {"recipe": describe_recipe(run.strategy, recipe)}
    return resumable_row(path, columns, lambda: measure_real_run(folder, run, recipe))


def read_real_table(runs_folder: Path) -> pd.DataFrame:
    """The table of all finished runs in a folder, by data, start, strategy, shots and seed.

    Raises:
        ValueError: If there is none, or a strategy has runs of two recipes.
    """
    rows = read_finished_rows(runs_folder)
    recipes = Counter(
        strategy for strategy, _ in {(row["strategy"], row["recipe"]) for row in rows}
    )
    if mixed := [strategy for strategy, count in recipes.items() if count > 1]:
        raise ValueError(
            f"{runs_folder} has runs of {mixed[0]} by two recipes: take another folder"
        )
    orders = (SETS, [*STARTS], [strategy.name for strategy in STRATEGIES])
    rows.sort(
        key=lambda row: (
            *(order.index(row[of]) for of, order in zip(RealRun._fields, orders, strict=False)),
            row["shots"],
            row["seed"],
        )
    )
    return pd.DataFrame(rows).drop(columns="recipe")


def main() -> None:
    """Measure, and write the table."""
    parser = table_parser("real", __doc__)
    parser.add_argument("folder", type=Path, help="with the zips")
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=[*STARTS])
    parser.add_argument("--data", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--shots", nargs="+", type=int, default=SHOTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--recipe", choices=RECIPES, default="chosen")
    names = {strategy.name: strategy for strategy in STRATEGIES}
    parser.add_argument("--strategies", nargs="+", choices=names, default=[*names])
    given = parser.parse_args()
    torch.set_num_threads(THREADS)
    strategies = [names[name] for name in given.strategies]
    plan = [*plan_real(given.starts, given.data, given.shots, given.seeds, strategies)]
    try:
        for run in plan:
            real_row(given.folder, given.runs, run, given.recipe)
    except KeyboardInterrupt:
        print("stopped")
    write_rounded_table(read_real_table(given.runs), given.runs.name)
    print(f"{len(plan)} runs were asked for")


if __name__ == "__main__":
    main()
