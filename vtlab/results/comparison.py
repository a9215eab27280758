"""A comparison of strategies: runs of one task, their table, and how far each is behind the best.

Differences are paired over seeds: seed s gives all strategies the same shots, so what is left
of a difference is the strategy. Where the interval of a difference includes 0, the runs do not
tell the two apart, whatever the means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from vtlab.results import metrics, records
from vtlab.results.formatting import (
    format_accuracy,
    format_number,
    format_score,
    format_score_range,
    format_shots,
    format_strategy_name,
    format_table,
    join_words,
)
from vtlab.system.printing import OneLine


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(OneLine):
    """Runs of one task at one number of images per class. Every table is computed once.

    Attributes:
        runs: At least one; all tested on the same images.
        chance: Test accuracy without learning, if known.
        baseline: Test accuracy of the nearest neighbour in plain pixels, if known.
        numbers: Of the test images, where a number is asked for and no class; then every "accuracy" is R².
    """

    runs: Sequence[records.Run]
    chance: float | None = None
    baseline: float | None = None
    numbers: Sequence[float] = ()

    def summarise(self) -> str:
        """What was compared on what."""
        return records.summarise_runs(self.runs)

    def __post_init__(self) -> None:
        """Refuse runs that cannot stand in one table.

        Raises:
            ValueError: If there is none, or they differ in shots or in the size of the test set.
        """
        if not self.runs:
            raise ValueError("a comparison needs at least one run")
        if len({run.shots for run in self.runs}) > 1:
            raise ValueError("a comparison is of runs with one number of images per class")
        sizes = {len(run.predictions) for run in self.tested}
        if len(sizes) > 1:
            raise ValueError(f"runs and test set differ in size: {sorted(sizes)} images")

    @property
    def shots(self) -> int | None:
        """Training images per class; None for all."""
        return self.runs[0].shots

    @property
    def tested(self) -> list[records.Run]:
        """The runs that did not diverge, so that they have an accuracy."""
        return [run for run in self.runs if not run.diverged]

    @property
    def test_images(self) -> int:
        """The size of the test set; 0 if every run diverged."""
        return max(len(run.predictions) for run in self.runs)

    @property
    def uneven(self) -> bool:
        """Whether accuracy and balanced accuracy differ, as they do where test classes are uneven."""
        apart = (run.test_accuracy - run.balanced_accuracy for run in self.tested)
        return any(abs(difference) > 1e-9 for difference in apart)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per run, as `records.runs_to_table` gives it."""
        return records.runs_to_table(self.runs)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row per strategy with its interval, as `metrics.summarise_metrics` gives it."""
        shares = not len(self.numbers)
        return metrics.summarise_metrics(self.table, self.test_images, shares=shares)

    @property
    def score(self) -> str:
        """What the runs are compared by."""
        return "R²" if len(self.numbers) else "test accuracy"

    def format_score(self, value: float) -> str:
        """An accuracy in percent, or R² as a number; "diverged" for nan."""
        return format_score(value, bool(len(self.numbers)))

    def format_score_range(self, low: float, high: float) -> str:
        """The ends of an interval; nothing where there is none."""
        return format_score_range(low, high, bool(len(self.numbers)))

    @property
    def learnt_from(self) -> str:
        """How many images each run learnt from, in words."""
        if len(self.numbers) and self.shots is not None:
            return f"{self.shots} training images"
        return format_shots(self.shots)

    @cached_property
    def mean_errors(self) -> dict[str, float]:
        """How far each strategy's numbers are from the true ones on average; empty of classes."""
        if not len(self.numbers):
            return {}
        errors: dict[str, list[float]] = {name: [] for name in self.strategies}
        for run in self.tested:
            error = metrics.mean_absolute_difference(self.numbers, run.predictions)
            errors[run.strategy].append(error)
        return {name: float(np.mean(own)) if own else np.nan for name, own in errors.items()}

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Each strategy against the one with the highest mean, paired over the seeds both have.

        Columns strategy, mean, behind, low, high, pairs; the best first. `behind` is how far the best
        is ahead, `low` and `high` are its 95 % interval, nan where there are fewer than two pairs.
        Runs that diverged are in no pair; a strategy of which all did stands last, its mean nan.
        """
        by_seed = self.table.pivot_table(
            index="seed", columns="strategy", values="test_accuracy", sort=False, dropna=False
        )
        means = by_seed.mean().sort_values(ascending=False, kind="stable")
        rows = []
        for strategy, mean in means.items():
            pairs = by_seed[[means.index[0], strategy]].dropna().to_numpy()
            if len(pairs):
                size = None if len(self.numbers) else self.test_images
                gap = metrics.paired_difference(pairs[:, 0], pairs[:, -1], size)
                rows.append((strategy, mean, gap.mean, gap.low, gap.high, gap.n))
            else:
                rows.append((strategy, mean, np.nan, np.nan, np.nan, 0))
        return pd.DataFrame(rows, columns=["strategy", "mean", "behind", "low", "high", "pairs"])

    @property
    def reference_accuracies(self) -> dict[str, float]:
        """What a strategy should beat, by its name: the accuracies that take no training."""
        least = "Always their mean" if len(self.numbers) else "Chance"
        known = {least: self.chance, "Nearest neighbour in pixels": self.baseline}
        return {name: share for name, share in known.items() if share is not None}

    @property
    def strategies(self) -> list[str]:
        """The strategies' names in the course's order."""
        return list(dict.fromkeys(self.table.strategy))

    @property
    def best(self) -> str:
        """The strategy with the highest mean."""
        return self.differences.strategy[0]

    @cached_property
    def training_notes(self) -> list[str]:
        """Which runs diverged and which were under-trained, a sentence each; none where all is well."""
        notes, runs = [], self.table.groupby("strategy").size()
        for column, word, meaning in (
            (
                "diverged",
                "Diverged",
                "These have no accuracy, and no mean and no difference counts them",
            ),
            (
                "under_trained",
                "Under-trained",
                "Such a run ended before its training images were learnt, and while its loss still fell: "
                "with more steps it may do better",
            ),
        ):
            counts = self.summary.set_index("strategy")[column]
            listed = [
                f"{count} of {runs[name]} runs of {format_strategy_name(name)}"
                for name, count in counts[counts > 0].items()
            ]
            if listed:
                notes.append(f"{word}: {join_words(listed)}. {meaning}.")
        if first := next((run.diverged for run in self.runs if run.diverged), ""):
            notes[0] += f" The first of them: {first}."
        return notes


def format_comparison(comparison: Comparison) -> str:
    """A comparison as lines for a terminal: a row per strategy, what takes no training, and notes.

    Balanced accuracy stands beside accuracy where the two differ.
    """
    balanced = ("balanced accuracy",) if comparison.uneven else ()
    errors = comparison.mean_errors
    off = ("mean error",) if errors else ()
    rows: list[tuple[str, ...]] = [
        ("", "weights that learn", comparison.score, "95 % interval", *balanced, *off, "seconds")
    ]
    for row in comparison.summary.to_dict("records"):
        rows.append(
            (
                format_strategy_name(row["strategy"]),
                f"{row['trainable_weights']:,}",
                comparison.format_score(row["mean"]),
                comparison.format_score_range(row["low"], row["high"]),
                *(format_accuracy(row["balanced_accuracy"]) for _ in balanced),
                *(format_number(errors[row["strategy"]]) for _ in off),
                f"{row['seconds']:.1f}" if row["seeds"] else "",
            )
        )
    for name, share in comparison.reference_accuracies.items():
        rows.append((name, "", comparison.format_score(share), *["" for _ in rows[0][3:]]))
    notes = "".join(f"\n\n{note}" for note in comparison.training_notes)
    return (format_table(rows) + notes).replace("\N{NO-BREAK SPACE}", " ")
