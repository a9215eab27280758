"""Make a table run by run: finished runs are kept in files, and a stopped command goes on where it was."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import torch

from vtlab.data.tasks import Task
from vtlab.system.files import find_shipped_files, write_csv, write_text
from vtlab.system.fingerprints import list_fingerprint_differences
from vtlab.system.threads import THREADS

# what is run, as columns of its row; and what measures the other columns
Plan: TypeAlias = Iterable[tuple[dict, Callable[[], dict]]]


def resumable_row(path: Path, run: dict, measure: Callable[[], dict]) -> dict:
    """A row of a table: read where it was measured before, else measured and kept.

    Args:
        path: Of this run's file.
        run: What is run, as columns of the row.
        measure: Gives the other columns.

    Raises:
        ValueError: If the file is of another run; the columns that differ are named.
    """
    if path.exists():
        row = json.loads(path.read_text(encoding="utf-8"))
        if differences := list_fingerprint_differences(
            {column: row.get(column) for column in run}, run
        ):
            raise ValueError(
                f"{path} is of another run: {'; '.join(differences)}; delete it, or take another folder"
            )
        return row
    row = run | measure()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(row))
    print(path.stem, round(row["test_accuracy"], 3), flush=True)
    return row


def read_finished_rows(folder: Path) -> list[dict]:
    """The rows of all finished runs in a folder, in the order of the files' names.

    Raises:
        ValueError: If there is none.
    """
    rows = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    if not rows:
        raise ValueError(f"{folder} has no finished run")
    return rows


def resumable_row_on_task(base: Task, shots: int, seed: int, measure: Callable[..., dict]) -> dict:
    """Measure on a task with these shots, which are drawn now and not when the run is planned."""
    return measure(task=base.at(shots, seed), seed=seed)


def fill_table(plan: Plan, folder: Path) -> pd.DataFrame:
    """A row for each planned run; the values of its columns name its file in the folder."""
    rows = []
    for run, measure in plan:
        name = re.sub(r"[^\w.]+", "-", "-".join(map(str, run.values())))
        rows.append(resumable_row(folder / f"{name}.json", run, measure))
    return pd.DataFrame(rows)


def table_parser(name: str, about: str | None) -> argparse.ArgumentParser:
    """The command line of the script that makes this table: `--runs` says where finished runs are."""
    parser = argparse.ArgumentParser(prog=f"python data/make/{name}.py", description=about)
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("vtlab-runs") / name,
        help="finished runs (default: %(default)s)",
    )
    return parser


def write_rounded_table(table: pd.DataFrame, name: str) -> None:
    """Write a committed table to four decimals, but for the rates: 1e-5 would be none."""
    rounded = table.round(4)
    if "rate" in table:
        rounded = rounded.assign(rate=table.rate)
    write_csv(find_shipped_files("results") / f"{name}.csv", rounded)
    print(f"written: {name}.csv, {len(table)} rows")


def make_resumable_table(
    name: str, measure: Callable[[Path], pd.DataFrame], about: str | None
) -> None:
    """The whole of such a script: measure the table with the folder of finished runs, and write it."""
    arguments = table_parser(name, about).parse_args()
    torch.set_num_threads(THREADS)
    write_rounded_table(measure(arguments.runs), name)
