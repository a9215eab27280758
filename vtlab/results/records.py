"""Records of trainings: plain values that can be written to a file and read again.

An `Epoch` is one line of a training, a `Run` one training with its test predictions, a table
of runs a tidy DataFrame. No torch here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

import pandas as pd

from vtlab.results.labels import rank_label


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images (or one record of the probe's solver).

    Attributes:
        number: From 1.
        loss: Mean cross-entropy over the training images, in nats.
        train_accuracy: Share of the training images that were right when they were seen.
        learning_rate: Of the head at the end of the epoch; 0 for the solver.
        seconds: Wall clock.
    """

    number: int
    loss: float
    train_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Run:
    """One training: what was trained on what, and what came out.

    Attributes:
        shots: Training images per class; None for all.
        val_accuracy: None where nothing was held back.
        test_accuracy: Share of the test images that were right, after the last epoch.
        seconds: Wall clock of training, without reading data and testing.
        predictions: The class of every test image.
        confidences: The probability of that class.
        cams: Unscaled Grad-CAM maps of the study's shown test images, `(n, h, w)`.
        settings: Everything else that the result depends on.
    """

    task: str
    backbone: str
    weights: str
    strategy: str
    shots: int | None
    seed: int
    val_accuracy: float | None
    test_accuracy: float
    seconds: float
    trainable_weights: int
    total_weights: int
    epochs: tuple[Epoch, ...]
    predictions: tuple[int, ...]
    confidences: tuple[float, ...]
    cams: tuple
    settings: dict[str, str | int | float | bool | None]

    @property
    def key(self) -> str:
        """The file stem of this run, which no other run of a study has."""
        return run_record_key(self.strategy, self.shots, self.seed)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Run:
        """The run whose `asdict` went through JSON.

        Raises:
            ValueError: If a field is missing, unknown, or holds no list where one belongs.
        """
        check_record_fields(cls, values)
        for name in ("epochs", "predictions", "confidences", "cams"):
            if not isinstance(values[name], list):
                raise ValueError(f"field {name!r} holds no list")
        for epoch in values["epochs"]:
            if not isinstance(epoch, dict):
                raise ValueError("field 'epochs' holds something that is no epoch")
            check_record_fields(Epoch, epoch)
        values["epochs"] = tuple(Epoch(**epoch) for epoch in values["epochs"])
        for name in ("predictions", "confidences", "cams"):
            values[name] = _as_tuples(values[name])
        return cls(**values)


def run_record_key(strategy: str, shots: int | None, seed: int) -> str:
    """The file stem of a run, safe on every file system."""
    name = re.sub(r"[^A-Za-z0-9_+-]", "_", strategy)
    return f"{name}-{'all' if shots is None else shots}-{seed}"


def check_record_fields(kind: type, values: Mapping[str, object]) -> None:
    """Refuse values that are not exactly the fields of a dataclass.

    Raises:
        ValueError: Naming every field that is missing or unknown.
    """
    if odd := {field.name for field in fields(kind)}.symmetric_difference(values):
        raise ValueError(
            ", ".join(
                f"field {name!r} is {'unknown' if name in values else 'missing'}"
                for name in sorted(odd)
            )
        )


def _as_tuples(values: list) -> tuple:
    return tuple(_as_tuples(v) if isinstance(v, list) else v for v in values)


RUN_COLUMNS = (
    "task backbone weights strategy shots seed val_accuracy test_accuracy seconds trainable_weights "
    "total_weights"
).split()
EPOCH_COLUMNS = "strategy shots seed epoch loss train_accuracy learning_rate seconds".split()


def runs_to_table(runs: Iterable[Run]) -> pd.DataFrame:
    """Runs as a tidy table: a row each, in the course's order of strategies.

    `shots` is a number, or "all"; `val_accuracy` is nan where nothing was held back.
    """
    rows = [
        {name: getattr(run, name) for name in RUN_COLUMNS} | {"shots": _shots_cell(run)}
        for run in _sort_runs(runs)
    ]
    return pd.DataFrame(rows, columns=RUN_COLUMNS).astype({"val_accuracy": float})


def epochs_to_table(runs: Iterable[Run]) -> pd.DataFrame:
    """The epochs of runs as a tidy table: strategy, shots, seed, epoch, and its numbers."""
    rows = [
        (run.strategy, _shots_cell(run), run.seed, *astuple(epoch))
        for run in _sort_runs(runs)
        for epoch in run.epochs
    ]
    return pd.DataFrame(rows, columns=EPOCH_COLUMNS)


def _sort_runs(runs: Iterable[Run]) -> list[Run]:
    return sorted(runs, key=lambda r: (rank_label(r.strategy), r.shots or 10**9, r.seed))


def _shots_cell(run: Run) -> int | str:
    return "all" if run.shots is None else run.shots
