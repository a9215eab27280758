"""Make recipes.csv: the search for the recipes of the strategies, on tasks that no table reports.

`python data/make/recipes.py FOLDER` keeps each finished run and goes on where it was; the folder holds the
photographs (data/README.md). Every strategy gets the same procedure and the same number of rounds. In the
first, every recipe of its grid trains on every case (a task from a start) with 5 images per class. Those
that go on are the best few taken together: the best on average, then the one that adds most where that one is
weak, and so on (successive halving, over sets of recipes). The last order is what `DEFAULT_RATES` and
`ALTERNATIVES` in `vtlab/training/strategies.py` hold: a study tries the first of it within the shots. The last
part changes one thing at a time around the first recipe of each strategy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import joblib
import pandas as pd
import torch
from photographs import read_search_pools
from resumable_table import resumable_row, table_parser, write_rounded_table

from vtlab.data.tasks import Task, garden_task
from vtlab.data.tasks import task as make_task
from vtlab.garden.worlds import WORLDS
from vtlab.models.backbones import backbone
from vtlab.models.network import Network
from vtlab.study.run import train_and_test
from vtlab.system.threads import THREADS
from vtlab.training.schedules import choose_epochs
from vtlab.training.strategies import Strategy, full, partial, scratch

MAX_TEST_IMAGES = 800
TUNING_WORLDS = {f"garden{seed}": seed for seed in (501, 502, 503)}
STARTS = {
    "garden": ("mini_resnet", "default", 64),
    "natural": ("mini_resnet", "natural", 64),
    "efficientnet_lite0": ("efficientnet_lite0", "default", 96),
}
# a task, and the start that it is learnt from: near ones, far ones, and some between
FIRST_CASES = (
    ("garden501", "garden"),
    ("digits", "garden"),
    ("insects", "natural"),
    ("sounds", "natural"),
)
CASES = (
    *FIRST_CASES,
    ("garden502", "garden"),
    ("insects", "garden"),
    ("pets", "efficientnet_lite0"),
    ("sounds", "efficientnet_lite0"),
)
SCRATCH_CASES = tuple((task, "garden") for task in ("garden501", "digits", "insects"))  # no weights
VARIED_CASES = (("digits", "garden"), ("insects", "natural"))  # far and near
RATES = {"batch": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2), "kept": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)}
DECAYS = {"batch": (0.5, 0.7, 1.0), "kept": (0.35, 0.5, 1.0)}
GRIDS: dict[str, list[Strategy]] = {
    "full": [
        replace(full, rate=rate, stage_decay=decay, statistics=statistics)
        for statistics, rates in RATES.items()
        for rate, decay in itertools.product(rates, DECAYS[statistics])
    ],
    "partial": [
        partial(1, rate=rate, stage_decay=decay, statistics=statistics)
        for statistics, rates, decays in (
            ("batch", RATES["batch"], (0.5, 1.0, 2.0)),
            ("kept", RATES["kept"][:-1], (0.25, 0.5, 1.0)),
        )
        for rate, decay in itertools.product(rates, decays)
    ],
    # one knob is left: a random start has no head to solve, no stages to go easy on, no statistics to keep
    "scratch": [replace(scratch, rate=rate) for rate in (*RATES["batch"], 1e-1)],
}
MAX_SHOTS = {
    "garden": 20,
    "natural": 20,
    "efficientnet_lite0": 5,
}  # two cores train the last slowly
# of each round: cases, shots and seeds, and how many recipes go on after it
ROUNDS = (
    (FIRST_CASES, ((5, 0),), 6),
    (CASES, ((5, 0), (20, 0)), 3),
    (CASES, ((5, 1), (20, 1)), 3),
)
SEARCHED = ["rate", "stage_decay", "weight_decay", "statistics"]


class Case(NamedTuple):
    """A task with its shots, and the start it is learnt from."""

    task: str
    start: str
    shots: int
    seed: int


@cache
def _find_task(folder: Path, name: str, size: int) -> Task:
    """A drawn task at its own size."""
    if name in TUNING_WORLDS:
        world = replace(WORLDS["garden"], name=name, seed=TUNING_WORLDS[name])
        return garden_task(world, size)
    return make_task(name, image_size=size)


def make_case_task(folder: Path, case: Case) -> Task:
    """The task of a case with its shots, and as many test images as are enough."""
    size = STARTS[case.start][2]
    if case.task in TUNING_WORLDS or case.task == "digits":
        task = _find_task(folder, case.task, size).at(case.shots, case.seed)
    else:
        task = read_search_pools(folder, size)[case.task].task(case.shots, case.seed)
    step = -(-len(task.test) // MAX_TEST_IMAGES)
    return replace(task, test=task.test[torch.arange(0, len(task.test), step)])


def make_case_network(case: Case, classes: int) -> Network:
    """A new network at the start of a case."""
    name, weights, _ = STARTS[case.start]
    return backbone(name, classes=classes, weights=weights)


def measure_recipe(folder: Path, runs: Path, case: Case, recipe: Strategy, length: float) -> dict:
    """One training, tested once; `length` is the number of epochs, as a share of the default."""
    torch.set_num_threads(THREADS)
    recorded = {
        "strategy": recipe.name,
        "rate": recipe.peak_rate,
        "stage_decay": recipe.stage_decay,
        "weight_decay": recipe.weight_decay,
        "statistics": recipe.statistics,
        "head_start": recipe.head_start,
        "batch_size": recipe.batch_size,
        "length": length,
    } | case._asdict()
    path = runs / f"{'-'.join(map(str, recorded.values()))}.json"

    def measure() -> dict[str, float]:
        task = make_case_task(folder, case)
        network = make_case_network(case, len(task.classes))
        epochs = max(1, round(length * choose_epochs(len(task.train), recipe)))
        return train_and_test(network, task, recipe, case.seed, epochs=epochs)

    return resumable_row(path, recorded, measure)


def order_recipes(table: pd.DataFrame, grid: Sequence[Strategy]) -> list[Strategy]:
    """Recipes that are best taken together: each adds most to the best of those before it.

    Those at an edge of their grid are there to show that the best lies inside, and are not taken.

    Args:
        table: Rows of one strategy; only recipes that trained on every case are looked at.
        grid: The recipes.
    """
    cases = [*Case._fields]
    scores = table.pivot_table(index=SEARCHED, columns=cases, values="test_accuracy").dropna()
    inside = {
        tuple(getattr(one, name) for name in SEARCHED): one for one in grid if is_inside(one, grid)
    }
    scores = scores[[key in inside for key in scores.index]]
    chosen: list[tuple] = []
    while len(chosen) < len(scores):
        best = scores.loc[chosen].max() if chosen else scores.min()
        left = scores.drop(index=chosen)
        gain = left.clip(lower=best, axis=1).mean(axis=1)
        if chosen and gain.max() <= best.mean():  # nothing adds any more: the best alone come next
            gain = left.mean(axis=1)
        chosen.append(gain.idxmax())
    return [inside[key] for key in chosen]


def is_inside(recipe: Strategy, grid: Sequence[Strategy]) -> bool:
    """Whether other recipes of a grid lie on both sides of this one, in everything that is searched."""
    alike = [one for one in grid if one.statistics == recipe.statistics]
    for name in ("rate", "stage_decay"):
        values = {getattr(one, name) for one in alike}
        if len(values) > 1 and not min(values) < getattr(recipe, name) < max(values):
            return False
    return True


def find_recipes(table: pd.DataFrame, name: str) -> list[Strategy]:
    """The recipes of a strategy that the search has found, best first.

    Args:
        table: As recipes.csv.
        name: The strategy; "lp_ft" is `full` with one rate for all stages, as the first round has it.
    """
    rows = table[(table.length == 1) & (table.batch_size == Strategy("any").batch_size)]
    grid = GRIDS.get(name) or [one for one in GRIDS["full"] if one.stage_decay == 1]
    rows = rows[(rows.strategy == grid[0].name) & (rows.head_start == grid[0].head_start)]
    if name not in GRIDS:
        cases, ((shots, seed),), _ = ROUNDS[0]
        rows = rows[(rows.shots == shots) & (rows.seed == seed)]
        rows = rows[[place in cases for place in zip(rows.task, rows.start, strict=True)]]
    return order_recipes(rows, grid)


def search_recipes(folder: Path, runs: Path, jobs: int) -> Iterator[dict]:
    """All rounds of all strategies, then the neighbours of each first recipe."""
    parallel = joblib.Parallel(n_jobs=jobs)
    call = joblib.delayed(measure_recipe)
    first: list[Strategy] = []
    for name, grid in GRIDS.items():
        rows: dict[tuple, dict] = {}
        left = grid
        for places, draws, count in ROUNDS:
            planned = [
                (Case(*place, *drawn), recipe)
                for drawn in draws
                # a random start knows no weights
                for place in (SCRATCH_CASES if name == "scratch" else places)
                if drawn[0] <= MAX_SHOTS[place[1]]
                for recipe in left
            ]
            measured = parallel(call(folder, runs, *one, 1.0) for one in planned)
            rows |= dict(zip(planned, measured, strict=True))
            left = order_recipes(pd.DataFrame(rows.values()), grid)[:count]
            print(name, *((r.rate, r.stage_decay, r.statistics) for r in left), flush=True)
        yield from rows.values()
        first.append(left[0])
    yield from parallel(
        call(folder, runs, Case(*place, 5, 0), changed, length)
        for recipe in first
        for changed, length in vary_recipe(recipe)
        for place in VARIED_CASES
    )


def vary_recipe(recipe: Strategy) -> Iterator[tuple[Strategy, float]]:
    """One thing changed at a time: head, batches, weight decay, number of steps."""
    if recipe.start == "pretrained":
        yield replace(recipe, head_start="random"), 1.0
    for batch in (8, 32):
        yield replace(recipe, batch_size=batch), batch / recipe.batch_size
    if recipe.start == "pretrained":
        yield replace(recipe, weight_decay=0.1), 1.0
    for length in (0.5, 2.0):
        yield recipe, length


def main() -> None:
    """Search, and write the table."""
    parser = table_parser("recipes", __doc__)
    parser.add_argument("folder", type=Path, help="with the photographs")
    parser.add_argument("--jobs", type=int, default=1, help="worker processes")
    given = parser.parse_args()
    rows = search_recipes(given.folder, given.runs.absolute(), given.jobs)
    write_rounded_table(pd.DataFrame(rows), "recipes")


if __name__ == "__main__":
    from recipes import main as search  # worker processes find its functions by the module's name

    search()
