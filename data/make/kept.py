"""Committed tables, and the finished runs that a table in the making is put together from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from vtlab.system.files import find_shipped_folder, write_text
from vtlab.system.threads import THREADS

if TYPE_CHECKING:
    import pandas as pd


def kept(path: Path, run: dict, measure: Callable[[], dict]) -> dict:
    """A row of a table: read where it was measured before, else measured and kept.

    Args:
        path: Of this run's file.
        run: What is run, as columns of the row.
        measure: Gives the other columns.

    Raises:
        ValueError: If the file is of another run; the first column that differs is named.
    """
    if path.exists():
        row = json.loads(path.read_text(encoding="utf-8"))
        if odd := [column for column in run if row.get(column) != run[column]]:
            raise ValueError(
                f"{path} is of another run: {odd[0]} is {row.get(odd[0])!r} there and "
                f"{run[odd[0]]!r} here; delete it, or take another folder"
            )
        return row
    row = run | measure()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(row))
    print(path.stem, round(row["test_accuracy"], 3), flush=True)
    return row


def write_table(name: str, measure: Callable[[Path], pd.DataFrame], about: str) -> None:
    """The command of a module that measures a committed table: measure it and write it.

    Args:
        name: Of the table, and of the module.
        measure: Gives the table, with a column `rate`, from a folder of finished runs.
        about: For `--help`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m vtlab.{name}", description=about)
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("vtlab-runs") / name,
        help="finished runs (default: %(default)s)",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    table = measure(arguments.runs)
    rounded = table.round(4).assign(rate=table.rate)  # four decimals would make a rate of 1e-5 none
    rounded.to_csv(find_shipped_folder("results") / f"{name}.csv", index=False)
    print(f"written: {name}.csv")
