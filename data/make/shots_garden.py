"""Make shots_garden.csv: accuracy of the strategies against images per class on the default task.

`python data/make/shots_garden.py` keeps each finished run and goes on where it was; with `--shots 5,10`
it measures those numbers of shots anew and takes the other rows from the committed table. `--again` draws
another eight species, which nothing was chosen on or looked at before: shots_garden_again.csv; `--plain`
trains the four by the plain recipe: shots_plain.csv; `--task digits` learns another task: shots_digits.csv.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from resumable_table import table_parser, write_rounded_table

from vtlab.course.tables import shots_table
from vtlab.data.tasks import garden_task
from vtlab.garden.worlds import WORLDS
from vtlab.results.labels import rank_label
from vtlab.study.compare import compare
from vtlab.study.setting import Setting
from vtlab.training.strategies import FOUR, lp_ft

SHOTS = (1, 2, 5, 10, 20, 40, 80, 160, 320)
SEEDS = 5
AGAIN = replace(WORLDS["garden"], name="garden again", seed=2027)


def _replace_shots(fresh: pd.DataFrame, shots: Sequence[int]) -> pd.DataFrame:
    """The committed table with these numbers of shots measured anew."""
    committed = shots_table()
    both = pd.concat([committed[~committed.shots.isin(shots)], fresh])

    def in_order(column: pd.Series) -> pd.Series:
        return column.map(rank_label) if column.name == "strategy" else column

    return both.sort_values(["strategy", "shots", "seed"], key=in_order, kind="stable")


def main() -> None:
    """Measure and write the table."""
    parser = table_parser("shots_garden", __doc__)
    parser.add_argument("--shots", default=",".join(map(str, SHOTS)), help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="(default: %(default)s)")
    parser.add_argument("--again", action="store_true", help="another eight species")
    parser.add_argument("--plain", action="store_true", help="by the plain recipe")
    parser.add_argument("--task", default="garden", help="(default: %(default)s)")
    parser.add_argument("--strategies", nargs="+", default=[s.name for s in (*FOUR, lp_ft)])
    given = parser.parse_args()
    shots = [int(number) for number in given.shots.split(",")]
    name = "shots_plain" if given.plain else f"shots_{given.task}{'_again' * given.again}"
    study = compare(
        garden_task(AGAIN, 64).at(1, 0) if given.again else given.task,
        strategies=given.strategies,
        shots=shots,
        seeds=given.seeds,
        setting=Setting(recipe="plain" if given.plain else "chosen"),
        folder=given.runs.with_name(name),
        say=print,
    )
    table = study.table()
    write_rounded_table(_replace_shots(table, shots) if name == "shots_garden" else table, name)


if __name__ == "__main__":
    main()
