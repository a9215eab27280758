"""The data that figures of runs are drawn from: a study, its runs, or a table of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeAlias

import numpy as np
import pandas as pd

from vtlab.results import metrics, records


class _HasRuns(Protocol):
    """Whatever holds finished runs, such as the study that `vt.compare` gives."""

    @property
    def runs(self) -> Iterable[records.Run]:
        """The runs."""


Runs: TypeAlias = "_HasRuns | Iterable[records.Run] | pd.DataFrame"


def figure_runs(runs: Runs, test_images: int | None = None) -> tuple[pd.DataFrame, int | None]:
    """The table of runs, and the size of their test set, where it is given or the runs know it.

    Raises:
        ValueError: If there is no run, or it is neither a study nor runs nor their table.
    """
    given = _unwrap(runs)
    if isinstance(given, pd.DataFrame):
        table = given
    else:
        table = records.runs_to_table(given)
        sizes = {len(run.predictions) for run in given if not run.diverged}
        test_images = test_images or (sizes.pop() if len(sizes) == 1 else None)
    return _check(table, "run", ("strategy", "shots", "seed", "test_accuracy")), test_images


def figure_epochs(epochs: Runs, *, required: bool = True) -> pd.DataFrame:
    """The table of the runs' epochs, or the table itself; `required` asks for a row at least.

    Raises:
        ValueError: If there is no epoch, or it is neither a study nor runs nor a table of epochs.
    """
    given = _unwrap(epochs)
    table = given if isinstance(given, pd.DataFrame) else records.epochs_to_table(given)
    if required or len(table):
        _check(table, "epoch", ("strategy", "epoch", "loss", "train_accuracy"))
    return table


def _unwrap(given: Runs) -> list[records.Run] | pd.DataFrame:
    """A table, or a list of runs."""
    runs = given if isinstance(given, pd.DataFrame) else getattr(given, "runs", given)
    if isinstance(runs, pd.DataFrame):
        return runs
    found = list(runs) if isinstance(runs, Iterable) else [runs]
    if others := [item for item in found if not isinstance(item, records.Run)]:
        kind = type(others[0] if isinstance(runs, list | tuple) else given).__name__
        raise ValueError(f"this draws a study, its runs or their table, got a value of type {kind}")
    return found


def _check(table: pd.DataFrame, row: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """The table, if it has a row and these columns."""
    if not len(table):
        raise ValueError(f"there is no {row} to draw")
    if missing := [name for name in columns if name not in table]:
        raise ValueError(f"this is no table of {row}s: it has no column {missing[0]!r}")
    return table


def require_one_figure_value(table: pd.DataFrame, column: str, otherwise: str) -> None:
    """Refuses a table with several values in a column that the figure does not show."""
    found = list(dict.fromkeys(table[column]))
    if len(found) > 1:
        listed = ", ".join(str(value) for value in found)
        raise ValueError(f"this figure shows one value of {column}, got {listed}; {otherwise}")


def summarise_figure_runs(table: pd.DataFrame, test_images: int | None) -> pd.DataFrame:
    """`metrics.summarise_metrics`, with intervals of the seeds alone where the test set's size is not known."""
    return metrics.summarise_metrics(table, test_images or np.inf)
