"""A recommendation: what a race of ways to train has found, and the words in which it is told."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from vtlab.data.tasks import Task
from vtlab.results.formatting import (
    format_number,
    format_percent,
    format_score,
    format_score_range,
    format_table,
    join_words,
)
from vtlab.results.labels import get_label
from vtlab.results.metrics import Interval
from vtlab.study.setting import Setting
from vtlab.study.tune import list_candidates
from vtlab.training.strategies import Strategy, plain, strategy, strategy_code

RECOMMENDATION_COLUMNS = (
    "",
    "rate",
    "held-back images",
    "95 % interval",
    "balanced",
    "mean error",
    "behind the best",
    "splits",
    "seconds",
)


@dataclass(frozen=True, eq=False, repr=False)
class Recommendation:
    """What a race has found; printed, it is the table, the answer, the caveats and what carries it out.

    Attributes:
        leader: The way with the highest mean, as it was given.
        best: The same by the recipe that it chose within all the images.
        table: A row for each way, best first: `way`, `rate` (where the way had one), `mean`, `low`,
            `high` (accuracy, with its 95 % interval; of numbers R², the share of their variance that is
            explained, and no less than -1 in any split), `balanced` (balanced accuracy), `mean_error` (of
            numbers), `behind`, `behind_low`, `behind_high` (the best, less this one), `splits`,
            `under_trained` (in how many of them), `seconds` (of a run).
        majority: The same of always naming the most frequent class, or the mean, of the images learnt from.
        lead: How far the best is ahead of that, with its 95 % interval.
        left_out: Why a way did not race, or left without an accuracy, by the way's label (`label_way`).
        images: How many each learnt from, and how many were held back.
        alike: Images held back in the first split that look the same as one learnt from.
        task: Whose training images were learnt from.
        setting: Of all runs.
        more_splits: Whether more time would have given more splits.
        seconds: How long the race took.
        path: Where the task lies, for the command line; None where that is not known.
    """

    leader: Strategy
    best: Strategy
    table: pd.DataFrame
    majority: float
    lead: Interval
    left_out: Mapping[str, str]
    images: tuple[int, int]
    alike: int
    task: Task
    setting: Setting
    more_splits: bool
    seconds: float
    path: str | None = None

    @property
    def learnt(self) -> bool:
        """Whether the best is clearly better than always naming the most frequent class, or the mean."""
        return self.lead.low > 0

    @cached_property
    def counts(self) -> dict[str, int]:
        """Training images of each class, by its name; where a number is asked for, of all."""
        return dict(zip(self.task.classes, self.task.count_classes(), strict=True))

    @property
    def score(self) -> str:
        """What ways are compared by."""
        return "R²" if self.task.asks_a_number else "accuracy"

    @property
    def uneven(self) -> bool:
        """Whether classes have different numbers of images."""
        return len({*self.counts.values()}) > 1

    @property
    def close(self) -> tuple[str, ...]:
        """Labels of the ways that the race does not tell from the best, cheapest first."""
        rows = self._close_rows
        return tuple(label_way(row.way, row.rate) for row in rows.itertuples())

    @property
    def _close_rows(self) -> pd.DataFrame:
        """Their rows: an interval that includes 0, or is unknown, does not tell two ways apart."""
        rest = self.table.iloc[1:]
        return rest[~(rest.behind_low > 0)].sort_values("seconds", kind="stable")

    @property
    def code(self) -> str:
        """The call of `vt.fit` that trains so."""
        epochs = ""
        if self.setting.epochs and not self.best.convex:
            epochs = f", epochs={self.setting.epochs}"
        flip = "" if self.task.flip or self.best.convex else ", augment=vt.Augment(flip=False)"
        return f"vt.fit(network, task, {strategy_code(self.best)}{epochs}{flip})"

    @property
    def command(self) -> str:
        """The line for a shell that trains the leader with several seeds, tests it and keeps a network.

        Empty where the command line has no words for it: a strategy, or a network, of one's own.
        """
        known = None
        with contextlib.suppress(ValueError):
            known = strategy(self.leader.name)
        if known is not None and self.setting.recipe == "plain":
            known = plain(known)
        setting = replace(self.setting, image_size=self.task.image_size, resize=self.task.resize)
        if self.leader.convex:  # what it does not use
            setting = replace(setting, epochs=None, recipe="chosen", flip=None)
        elif not self.task.flip:
            setting = replace(setting, flip=False)
        options = _format_setting(setting)
        if self.leader != known or options is None:
            return ""
        shots = "all" if self.task.shots is None else str(self.task.shots)
        seed = ["--seed", str(self.task.seed)] if self.task.seed else []
        words = ["--strategies", self.leader.name, "--shots", shots, *seed, *options, "--save"]
        place = "…" if self.path is None else shlex.quote(self.path)
        return f"vtlab compare {place} {shlex.join(words)}"

    @property
    def caveats(self) -> list[str]:
        """What should stop a reader from believing too much, a sentence each."""
        table, splits, found = self.table, int(self.table.splits[0]), []
        alone = len(table) == 1
        order = "" if alone else ", and the order may differ"
        found.append(
            f"Each way learnt from {self.images[0]} of the {sum(self.images)} images; with all of them "
            f"every {self.score} may be a little higher{order}."
        )
        if not alone:
            found.append(f"The best of {len(table)} was picked after the fact, which flatters it.")
        elif not self.left_out:
            found.append("No other way was given.")
        if len(gone := table[table.splits < splits]):
            labels = join_words([label_way(row.way, row.rate) for row in gone.itertuples()])
            found.append(f"Clearly behind, and so out of the race before its end: {labels}.")
        if self.alike:
            found.append(
                f"{self.alike} of {self.images[1]} images held back look the same as one learnt from: "
                f"every {self.score} is flattered, and learning by heart with it."
            )
        if splits < 2:
            found.append("One split: no interval, and no way to tell a lead from luck.")
        elif self.close:
            cheaper = self._close_rows.seconds.iloc[0] < table.seconds[0]
            cheapest = (
                f"{self.close[0]} is the cheapest" if cheaper else "it is the cheapest itself"
            )
            found.append(
                f"{splits} splits do not tell it from {', '.join(self.close)}: {cheapest}."
            )
        if len(short := table[table.under_trained > 0]):
            listed = join_words(
                [
                    f"{label_way(row.way, row.rate)} (in {row.under_trained} of {row.splits} splits)"
                    for row in short.itertuples()
                ]
            )
            found.append(f"Under-trained: {listed}. With more epochs they may do better.")
        several = len(list_candidates(self.leader, self.setting.recipe)) > 1
        if several and not self.task.has_two_per_class:
            found.append(
                "No recipe was tried: the images of a class lie in one group, which leaves none to try it on; "
                "the most cautious is taken."
            )
        elif several:
            found.append(
                f"Its recipe was chosen within the {sum(self.images)} images; the table's numbers are those "
                "of recipes that each split chose within the images it learnt from."
            )
        found.extend(f"Without {label}: {why}." for label, why in self.left_out.items())
        return found

    def __repr__(self) -> str:
        """The recommendation as lines for a terminal."""
        return "\n".join(self._lines()).replace("\N{NO-BREAK SPACE}", " ")

    def _lines(self) -> list[str]:
        lines = [
            format_table(self._rows()),
            "",
            f"{self._answer()} ({self.seconds:.0f} s were used)",
            *(f"  - {sentence}" for sentence in self.caveats),
        ]
        if not self.learnt:
            return [*lines, *(f"  - {sentence}" for sentence in self._advice())]
        lines += ["", f"  for epoch in {self.code}: print(epoch)"]
        return [*lines, *([f"  {self.command}"] if self.command else [])]

    def _answer(self) -> str:
        """What to train; or that no other way raced, or that the race has shown no learning."""
        best, lead = self.table.iloc[0], self.lead
        name, most = get_label(best.way).text, max(self.counts, key=self.counts.__getitem__)
        constant = f"always naming {most!r} (the most frequent class)" if self.uneven else "chance"
        number = self.task.asks_a_number
        if number:
            constant = f"always answering with the mean {most}"
        if not self.learnt:
            interval = (
                format_score_range(lead.low, lead.high, number) or "one split has no interval"
            )
            reached, least = (format_score(one, number) for one in (best["mean"], self.majority))
            found = f"is right for {reached} of the images held back, and {constant} for {least}"
            if number:
                found = (
                    f"has an R² of {reached} on the images held back, and {constant} has {least}"
                )
            points = "" if number else " points"
            return (
                f"Nothing learnt was shown: {name}, the best, {found} (ahead by "
                f"{self._format_difference(lead.mean)}{points}, 95 % interval {interval})"
            )
        if len(self.table) == 1:
            return (
                f"{name} raced alone: it is better than {constant}, and whether another way is better "
                "still was not asked"
            )
        return f"Train so: {name}"

    def _advice(self) -> list[str]:
        """What to do where nothing learnt was shown."""
        least = min(self.counts, key=self.counts.__getitem__)
        of_least = f", of {least!r} above all, of which there are {self.counts[least]}"
        splits = " More time (--budget) gives more splits." if self.more_splits else ""
        see = "see the number" if self.task.asks_a_number else "tell the classes apart"
        return [
            f"Give more images{of_least if self.uneven else ''}.{splits}",
            f"Look whether the labels are right, and whether a person could {see} at the size that the "
            "network sees. If so, try another start (--backbone, --weights).",
        ]

    def _format_difference(self, value: float) -> str:
        """A difference of two scores, in points of a percent or as it is."""
        return f"{value:.3f}" if self.task.asks_a_number else f"{100 * value:.1f}"

    def _rows(self) -> list[tuple[str, ...]]:
        """The table's head and rows, as text; the column of balanced accuracies only where it says more."""
        number = self.task.asks_a_number
        rows: list[tuple[str, ...]] = [RECOMMENDATION_COLUMNS]
        for row in self.table.itertuples():
            apart = format_score_range(row.behind_low, row.behind_high, number)
            behind = self._format_difference(row.behind) + (f" ({apart})" if apart else "")
            rows.append(
                (
                    get_label(row.way).text,
                    "" if pd.isna(row.rate) else f"{row.rate:g}",
                    format_score(row.mean, number),
                    format_score_range(row.low, row.high, number),
                    format_percent(row.balanced),
                    format_number(row.mean_error),
                    behind if row.Index else "",
                    str(row.splits),
                    f"{row.seconds:.1f}",
                )
            )
        always = format_score(self.majority, number)
        chance = format_percent(1 / len(self.counts))
        rest = ["" for _ in RECOMMENDATION_COLUMNS[5:]]
        if number:
            rows[0] = tuple("R²" if cell == "held-back images" else cell for cell in rows[0])
            rows.append(("Always their mean", "", always, "", "", *rest))
        if self.uneven:
            rows.append(("Always the most frequent class", "", always, "", chance, *rest))
        if not number:
            rows.append((f"Chance (1 of {len(self.counts)})", "", chance, "", chance, *rest))
        empty = {"balanced"} if not self.uneven else set()
        if not number:
            empty.add("mean error")
        if self.table.rate.isna().all():
            empty.add("rate")
        shown = [i for i, name in enumerate(RECOMMENDATION_COLUMNS) if name not in empty]
        return [tuple(row[i] for i in shown) for row in rows]


def label_way(name: str, rate: float | None) -> str:
    """A way by its strategy's name, and its rate where it was given one."""
    return name if pd.isna(rate) else f"{name} at {rate:g}"


def _format_setting(setting: Setting) -> list[str] | None:
    """The options of the command line that say what a setting says; None where it holds an object."""
    words: list[str] = []
    for field in fields(setting):
        value, option = getattr(setting, field.name), field.name.replace("_", "-")
        if field.name == "task" or value == field.default:
            continue
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, str | int | float | Path):
            words += [f"--{option}", str(value)]
        else:
            return None
    return words
