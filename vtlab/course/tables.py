"""Committed tables that several lessons read; a table of one lesson is read in its module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vtlab.results.records import read_committed_table

if TYPE_CHECKING:
    import pandas as pd


def shots_table(name: str = "garden") -> pd.DataFrame:
    """The committed table of accuracy against shots on a garden task, a row per run.

    Raises:
        FileNotFoundError: If there is none for this task.

    Lessons 01, 04 and 05.
    """
    return read_committed_table(f"shots_{name}")
