"""Records of trainings: plain values that can be written to a file and read again.

An `Epoch` is one line of a training, a `Run` one training with its test predictions, a table
of runs a tidy DataFrame. No torch here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import accumulate, dropwhile
from statistics import fmean
from typing import Any

import pandas as pd

from vtlab.results.labels import rank_label
from vtlab.system.printing import OneLine

# of trainings that ended too early, see `is_under_trained`
LEARNT_ACCURACY = 0.95  # of the training images: from here on they are learnt
LATE_FALL = 0.2  # share of the loss's fall that the second half of the way adds
LITTLE_FALL = 0.1  # share of the first loss


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


@dataclass(frozen=True, repr=False)
class Run(OneLine):
    """One training: what was trained on what, and what came out.

    A run that diverged has no accuracy: nan, and no prediction.

    Attributes:
        shots: Training images per class; None for all.
        val_accuracy: None where nothing was held back.
        test_accuracy: Share of the test images that were right, after the last epoch. Where a number is asked
            for, R² (`metrics.r_squared`), and the balanced one is the same.
        balanced_accuracy: The same as a mean over classes, each counting alike.
        seconds: Wall clock of training, without reading data and testing.
        steps: Of the optimiser; of the solver where that is all there was.
        diverged: Why nothing came of it, in a sentence; "" where something did.
        predictions: The class of every test image, or the number.
        confidences: The probability of that class; none of numbers.
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
    balanced_accuracy: float
    seconds: float
    trainable_weights: int
    total_weights: int
    steps: int
    diverged: str
    epochs: tuple[Epoch, ...]
    predictions: tuple[float, ...]
    confidences: tuple[float, ...]
    cams: tuple
    settings: dict[str, str | int | float | bool | None]

    def summarise(self) -> str:
        """What was trained on what, and what came out."""
        found = f"test score {self.test_accuracy:.3f}" if not self.diverged else self.diverged
        return f"{self.task}, {self.backbone}: {self.key}; {found}"

    @property
    def key(self) -> str:
        """The file stem of this run, which no other run of a study has."""
        return run_record_key(self.strategy, self.shots, self.seed)

    @property
    def train_loss(self) -> float:
        """The mean loss over the training images in the last epoch; nan where it diverged."""
        return self.epochs[-1].loss if self.epochs and not self.diverged else float("nan")

    @property
    def train_accuracy(self) -> float:
        """The share of the training images that were right in the last epoch; nan where it diverged."""
        return self.epochs[-1].train_accuracy if self.epochs and not self.diverged else float("nan")

    @property
    def under_trained(self) -> bool:
        """Whether more steps would probably have led further, see `is_under_trained`."""
        return not self.diverged and is_under_trained(self.epochs)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Run:
        """The run whose `asdict` went through JSON.

        Raises:
            RecordFieldsError: If a field is missing or unknown.
            ValueError: If one holds no list where one belongs.
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


def is_under_trained(epochs: Sequence[Epoch]) -> bool:
    """Whether a training ended before it had learnt its images, and while it still learnt.

    It had not learnt them where less than 95 % of the training images were right in the last tenth of the
    epochs. It still learnt where more than a fifth of the fall of the loss came in the second half of the
    way, or where the loss fell by less than a tenth in all. The way is the sum of the learning rates: where
    these end at 0 every loss is flat at the end, so that the last epochs alone say nothing. Losses are means
    over a fifth of the epochs, and the first epoch's.

    A solver ends where it has the solution, so that its records are never under-trained; where a training
    follows on them, that one is judged. A single epoch says nothing.
    """
    # the solver has no rate
    trained = list(dropwhile(lambda epoch: not epoch.learning_rate, epochs))
    if len(trained) < 2:
        return False
    count, tenth, fifth = len(trained), -(-len(trained) // 10), -(-len(trained) // 5)
    if fmean(epoch.train_accuracy for epoch in trained[-tenth:]) >= LEARNT_ACCURACY:
        return False
    way = list(accumulate(epoch.learning_rate for epoch in trained))
    half = next(i for i in range(count) if way[i] >= way[-1] / 2)
    losses = [epoch.loss for epoch in trained]
    middle, end = fmean(losses[max(0, half - fifth // 2) :][:fifth]), fmean(losses[-fifth:])
    fall = losses[0] - end
    return fall < LITTLE_FALL * losses[0] or middle - end > LATE_FALL * fall


def run_record_key(strategy: str, shots: int | None, seed: int) -> str:
    """The file stem of a run, safe on every file system."""
    name = re.sub(r"[^A-Za-z0-9_+-]", "_", strategy)
    return f"{name}-{'all' if shots is None else shots}-{seed}"


class RecordFieldsError(ValueError):
    """Values have other fields than a record: another version wrote them."""


def check_record_fields(kind: type, values: Mapping[str, object]) -> None:
    """Refuse values that are not exactly the fields of a dataclass.

    Raises:
        RecordFieldsError: Naming every field that is missing or unknown.
    """
    if odd := {field.name for field in fields(kind)}.symmetric_difference(values):
        raise RecordFieldsError(
            ", ".join(
                f"field {name!r} is {'unknown' if name in values else 'missing'}"
                for name in sorted(odd)
            )
        )


def _as_tuples(values: list) -> tuple:
    return tuple(_as_tuples(v) if isinstance(v, list) else v for v in values)


def summarise_runs(runs: Sequence[Run]) -> str:
    """Runs in one line: of what they are, which strategies, shots and seeds there are, and what diverged."""
    if not runs:
        return "no runs"
    words = (
        ", ".join(dict.fromkeys(map(str, values)))
        for values in (
            [run.strategy for run in runs],
            [_shots_cell(run) for run in runs],
            [run.seed for run in runs],
        )
    )
    strategies, shots, seeds = words
    lost = sum(bool(run.diverged) for run in runs)
    return (
        f"{runs[0].task}, {runs[0].backbone}: {len(runs)} runs; strategies {strategies}; shots {shots}; "
        f"seeds {seeds}" + (f"; {lost} diverged" if lost else "")
    )


RUN_COLUMNS = (
    "task backbone weights strategy shots seed val_accuracy test_accuracy balanced_accuracy seconds "
    "trainable_weights total_weights steps train_loss train_accuracy under_trained diverged"
).split()
EPOCH_COLUMNS = "strategy shots seed epoch loss train_accuracy learning_rate seconds".split()


def runs_to_table(runs: Iterable[Run]) -> pd.DataFrame:
    """Runs as a tidy table: a row each, in the course's order of strategies.

    `shots` is a number, or "all"; `val_accuracy` is nan where nothing was held back; `diverged`
    says only whether it did.
    """
    rows = [
        {name: getattr(run, name) for name in RUN_COLUMNS}
        | {"shots": _shots_cell(run), "diverged": bool(run.diverged)}
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
