"""Recommend what to train for given images: strategies race on these images alone.

Ways to train race on the same splits: a quarter of the training images is held back, another one in every
split, and each way learns from the rest, by the recipe that it chooses within them. Ways that are clearly
behind leave the race. A leader is recommended only if it is clearly better than always naming the
most frequent class. The test images are not touched.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch

from vtlab.data.near_duplicates import near_duplicates
from vtlab.data.splits import MIN_IMAGES_PER_CLASS, stratified_split
from vtlab.data.tasks import Task
from vtlab.models.evaluation import NonFiniteOutputsError, predict
from vtlab.results.formatting import format_percent_range, format_table
from vtlab.results.labels import get_label
from vtlab.results.metrics import (
    Interval,
    accuracy,
    balanced_accuracy,
    interval,
    resampled_interval,
    widen_interval_to_one_image,
)
from vtlab.study.run import Runner
from vtlab.study.setting import Setting
from vtlab.study.tune import HELD_BACK_SHARE, count_trials
from vtlab.system.threads import THREADS
from vtlab.training.costs import count_training_operations
from vtlab.training.fit import fit
from vtlab.training.strategies import (
    FOUR,
    Strategy,
    as_strategies,
    full,
    lp_ft,
    partial,
    plain,
    probe,
    scratch,
    strategy_code,
)

DEFAULT_WAYS = (probe, partial(1), partial(2), lp_ft, full, scratch)
MIN_SPLITS = 3  # before a way may be dropped
MAX_SPLITS = 10
PILOT_IMAGES = 64  # of the timed epoch from which the time of each run is predicted
OVERHEAD_SECONDS = 0.4  # of a run beside its training: data, a new network, the held-back images

RECOMMENDATION_COLUMNS = (
    "",
    "rate",
    "held-back images",
    "95 % interval",
    "balanced",
    "behind the best",
    "splits",
    "seconds",
)


@dataclass(frozen=True, eq=False, repr=False)
class Recommendation:
    """What a race has found; printed, it is the table, the answer, the caveats and what carries it out.

    Attributes:
        best: The strategy with the highest mean, by the recipe that it chose within all the images.
        table: A row for each way, best first: `way`, `rate` (where the way had one), `mean`, `low`,
            `high` (95 % interval), `balanced` (balanced accuracy), `behind`, `behind_low`, `behind_high`
            (the best, less this one), `splits`, `seconds` (of a run).
        counts: Training images of each class, by its name.
        majority: The accuracy of always naming the most frequent class, on the same images held back.
        lead: How far the best is ahead of that, with its 95 % interval.
        close: Names of the ways that the race does not tell from the best, cheapest first.
        cheaper: Whether the first of them takes less time than the best.
        left_out: Why a way did not race, or left without an accuracy, by the way's name.
        images: How many each learnt from, and how many were held back.
        alike: Images held back in the first split that look the same as one learnt from.
        epochs: As in the setting.
        flip: Whether views were mirrored.
        shots: Training images per class of the task; None for all.
        seconds: How long the race took.
    """

    best: Strategy
    table: pd.DataFrame
    counts: Mapping[str, int]
    majority: float
    lead: Interval
    close: tuple[str, ...]
    cheaper: bool
    left_out: Mapping[str, str]
    images: tuple[int, int]
    alike: int
    epochs: int | None
    flip: bool
    shots: int | None
    seconds: float

    @property
    def learnt(self) -> bool:
        """Whether the best is clearly better than always naming the most frequent class."""
        return self.lead.low > 0

    @property
    def uneven(self) -> bool:
        """Whether classes have different numbers of images."""
        return len({*self.counts.values()}) > 1

    @property
    def code(self) -> str:
        """The line of Python that trains so."""
        epochs = f", epochs={self.epochs}" if self.epochs and not self.best.convex else ""
        flip = "" if self.flip or self.best.convex else ", augment=vt.Augment(flip=False)"
        return f"vt.fit(network, task, {strategy_code(self.best)}{epochs}{flip})"

    @property
    def caveats(self) -> list[str]:
        """What should stop a reader from believing too much, a sentence each."""
        splits = int(self.table.splits[0])
        more = len(self.table) > 1
        order = ", and the order may differ" if more else ""
        found = [
            f"Each way learnt from {self.images[0]} of the {sum(self.images)} images; with all of them "
            f"every accuracy may be a little higher{order}."
        ]
        if more:
            found.append(
                f"The best of {len(self.table)} was picked after the fact, which flatters it; from split "
                f"{MIN_SPLITS} on, ways that were clearly behind left the race."
            )
        else:
            found.append("It raced alone: whether another way is better was not asked.")
        if self.alike:
            found.append(
                f"{self.alike} of {self.images[1]} images held back look the same as one learnt from: "
                "every accuracy is flattered, and learning by heart with it."
            )
        if splits < 2:
            found.append("One split: no interval, and no way to tell a lead from luck.")
        elif self.close:
            cheapest = (
                f"{self.close[0]} is the cheapest" if self.cheaper else "it is the cheapest itself"
            )
            found.append(
                f"{splits} splits (fewer for those that left) do not tell it from "
                f"{', '.join(self.close)}: {cheapest}."
            )
        if self.best.rate and pd.isna(self.table.rate[0]):
            found.append(
                f"Its recipe was chosen within the {sum(self.images)} images; the accuracies are those of "
                "recipes that each split chose within the images it learnt from."
            )
        found.extend(f"Without {name}: {why}." for name, why in self.left_out.items())
        return found

    def __repr__(self) -> str:
        """The recommendation as lines for a terminal."""
        best = self.table.iloc[0]
        answer = f"Train so: {get_label(best.way).text}" if self.learnt else self._doubt()
        lines = [
            format_table(self._rows()),
            "",
            f"{answer} ({self.seconds:.0f} s were used)",
            *(f"  - {sentence}" for sentence in self.caveats),
        ]
        if not self.learnt:
            return "\n".join([*lines, *(f"  - {sentence}" for sentence in self._advice())])
        lines += ["", f"  {self.code}"]
        if pd.isna(best.rate):  # the command line takes no rates
            epochs = f" --epochs {self.epochs}" if self.epochs else ""
            flip = "" if self.flip else " --no-flip"
            shots = "all" if self.shots is None else self.shots
            lines.append(
                f"  vtlab compare … --strategies {shlex.quote(self.best.name)} --shots {shots}{epochs}"
                f"{flip} --save"
            )
        return "\n".join(lines)

    def _doubt(self) -> str:
        """That the race has shown no learning, and on which numbers that rests."""
        best, lead = self.table.iloc[0], self.lead
        most = max(self.counts, key=lambda name: self.counts[name])
        constant = f"always naming {most!r}, the most frequent class" if self.uneven else "chance"
        numbers = format_percent_range(lead.low, lead.high) or "one split has no interval"
        return (
            f"Nothing learnt was shown: {get_label(best.way).text}, the best, is right for "
            f"{100 * best['mean']:.1f} % of the images held back, and {constant} for "
            f"{100 * self.majority:.1f} % (ahead by {100 * lead.mean:.1f} points, 95 % interval {numbers})"
        )

    def _advice(self) -> list[str]:
        """What to do where nothing learnt was shown."""
        least = min(self.counts, key=lambda name: self.counts[name])
        of_least = f", of {least!r} above all, of which there are {self.counts[least]}"
        splits = (
            " More time (--budget) gives more splits." if self.table.splits[0] < MAX_SPLITS else ""
        )
        return [
            f"Give more images{of_least if self.uneven else ''}.{splits}",
            "Look whether the labels are right, and whether a person could tell the classes apart at the "
            "size that the network sees. If so, try another start (--backbone, --weights).",
        ]

    def _rows(self) -> list[tuple[str, ...]]:
        """The table's head and rows, as text; the column of balanced accuracies only where it says more."""
        rows: list[tuple[str, ...]] = [RECOMMENDATION_COLUMNS]
        for row in self.table.itertuples():
            apart = format_percent_range(row.behind_low, row.behind_high)
            behind = f"{100 * row.behind:.1f}" + (f" ({apart})" if apart else "")
            rows.append(
                (
                    get_label(row.way).text,
                    "" if pd.isna(row.rate) else f"{row.rate:.2g}",
                    f"{100 * row.mean:.1f} %",
                    format_percent_range(row.low, row.high),
                    f"{100 * row.balanced:.1f} %",
                    behind if row.Index else "",
                    str(row.splits),
                    f"{row.seconds:.1f}",
                )
            )
        chance = f"{100 / len(self.counts):.1f} %"
        if self.uneven:
            always = f"{100 * self.majority:.1f} %"
            rows.append(("Always the most frequent class", "", always, "", chance, "", "", ""))
        rows.append((f"Chance (1 of {len(self.counts)})", "", chance, "", chance, "", "", ""))
        empty = {"balanced"} if not self.uneven else set()
        if self.table.rate.isna().all():
            empty.add("rate")
        shown = [i for i, name in enumerate(RECOMMENDATION_COLUMNS) if name not in empty]
        return [tuple(row[i] for i in shown) for row in rows]


def recommend(
    task: Task,
    *,
    budget: float = 300,
    setting: Setting | None = None,
    ways: Strategy | str | Sequence[Strategy | str] = DEFAULT_WAYS,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Recommendation:
    """Race ways to train on a task's training images, within a time.

    Args:
        task: Its `train` images, and no others, are used.
        budget: Seconds. A run that would probably end later is not begun.
        setting: Backbone, weights, epochs and recipe; its `task` is not used.
        ways: The strategies that race, at their rates; or their names.
        seed: Of the first split.
        say: Called with lines for a person: what they begin from, what will be done and how long that
            takes, then each split.

    Raises:
        ValueError: If a class has too few images, the task asks for a number, a way is none for this
            network, the time is too short for any way, or every way diverges.

    Splits overlap, so that intervals of their means are widened as Nadeau and Bengio (2003) propose,
    https://doi.org/10.1023/A:1024068626366. Lesson 16.
    """
    ways = as_strategies(ways)
    setting = replace(setting or Setting(), task=task.name)
    if setting.recipe == "plain":
        ways = tuple(map(plain, ways))
    race = RecommendationRace(task, budget, setting, seed, ways)
    say(setting.describe_start(task))
    plan = race.plan(ways)
    say(plan)
    for line in race.run():
        say(line)
    return race.result()


class RecommendationRace:
    """Scores of every way on every split so far, and the time that is left."""

    def __init__(
        self, task: Task, budget: float, setting: Setting, seed: int, ways: Sequence[Strategy]
    ) -> None:
        """Begin the time, read the weights, and measure how fast this machine trains.

        Raises:
            ValueError: If a class has too few images, or a way is none for this network.
        """
        self.started, self.budget, self.seed = time.perf_counter(), budget, seed
        torch.set_num_threads(THREADS)
        self.runner = Runner.build(setting, task)
        self.task = self.runner.task
        self.runner.check_strategies(ways)
        counts = torch.bincount(task.train.labels.long(), minlength=len(task.classes)).tolist()
        self.counts = dict(zip(task.classes, counts, strict=True))
        if (least := min(counts)) < MIN_IMAGES_PER_CLASS:
            raise ValueError(
                f"class {task.classes[counts.index(least)]!r} has {least} training images; a "
                f"recommendation takes {MIN_IMAGES_PER_CLASS} or more of each"
            )
        kept, held = self._split(0)
        self.images = len(kept), len(held)
        self.alike = len(near_duplicates(task.train.pixels[kept], task.train.pixels[held]))
        self.scores: dict[Strategy, list[float]] = {}
        self.balanced: dict[Strategy, list[float]] = {}
        self.majority: dict[int, float] = {}  # by split
        self.took: dict[Strategy, list[float]] = {}
        self.diverged: dict[Strategy, str] = {}
        self.left_out: dict[str, str] = {}
        self.last_choice = (
            0.0  # seconds that choosing the leader's recipe within all images will take
        )
        self.seconds_per_operation = self._time_pilot(kept)

    def _split(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Places of the training images to learn from and of those held back."""
        train, seed = self.task.train, self.seed + number
        return stratified_split(
            train.labels, HELD_BACK_SHARE, seed, self.task.classes, train.groups
        )

    def _task_with(self, places: torch.Tensor) -> Task:
        """The task with only these training images."""
        return replace(self.task, train=self.task.train[places], val=None)

    def _time_pilot(self, kept: torch.Tensor) -> float:
        """Seconds for each multiply-add, from an epoch of full fine-tuning with some images.

        It is the second one: the first also finds memory and chooses algorithms.
        """
        order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(0))
        some = kept[order[:PILOT_IMAGES]]
        network, some_task = self.runner.make_network(), self._task_with(some)
        training = fit(network, some_task, full, epochs=2, say=lambda line: None)
        for _ in training:
            pass
        one, two = (self._count_operations(full, len(some), epochs) for epochs in (1, 2))
        return training.history[-1].seconds / (two - one)

    def _count_operations(self, way: Strategy, images: int, epochs: int | None) -> int:
        return count_training_operations(
            self.runner.make_network(), way, images, epochs=epochs, image_size=self.task.image_size
        )

    def expected_seconds(self, way: Strategy) -> float:
        """Seconds of a run: as measured before, or else predicted from its operations."""
        if way in self.took:
            return max(self.took[way])
        images, setting = self.images[0], self.runner.setting
        trainings = 1 + count_trials(way, images, setting.recipe, setting.epochs)
        operations = self._count_operations(way, images, setting.epochs)
        return OVERHEAD_SECONDS + self.seconds_per_operation * operations * trainings

    def _expected_choice(self, way: Strategy) -> float:
        """Seconds that choosing its recipe within all the images would take."""
        images, setting = sum(self.images), self.runner.setting
        trainings = count_trials(way, images, setting.recipe, setting.epochs)
        operations = self._count_operations(way, images, setting.epochs)
        return self.seconds_per_operation * operations * trainings

    @property
    def seconds_left(self) -> float:
        """Seconds of the budget that are left before the last choice of a recipe."""
        return self.budget - (time.perf_counter() - self.started) - self.last_choice

    def plan(self, ways: Sequence[Strategy]) -> str:
        """Choose the ways for which there is time, and say what will be done."""
        self.last_choice = max(map(self._expected_choice, ways))
        # the four first, then the others, each from quick to slow
        four, seconds = (
            {way.name for way in FOUR},
            {way: self.expected_seconds(way) for way in ways},
        )
        order = sorted(ways, key=lambda way: (way.name not in four, seconds[way]))
        self.racing, left = [], self.seconds_left
        for way in order:
            needed = MIN_SPLITS * seconds[way]
            if needed <= left:
                self.racing.append(way)
                left -= needed
            else:
                self.left_out[way.name] = (
                    f"it needs some {needed:.0f} s on {MIN_SPLITS} splits, and {left:.0f} s were left for it"
                )
        if not self.racing:
            quickest = min(ways, key=lambda way: seconds[way])
            raise ValueError(
                f"{self.budget:.0f} s are too short: {quickest.name} alone would take some "
                f"{MIN_SPLITS * seconds[quickest]:.0f} s on {MIN_SPLITS} splits"
            )
        self.racing.sort(key=lambda way: seconds[way])
        split = sum(seconds[way] for way in self.racing)
        self.splits = int(min(MAX_SPLITS, max(MIN_SPLITS, self.seconds_left / split)))
        short = "".join(f"\nwithout {name}: {why}" for name, why in self.left_out.items())
        return (
            f"{', '.join(way.name for way in self.racing)} on up to {self.splits} splits of {self.images[0]} "
            f"images to learn from and {self.images[1]} held back: some "
            f"{min(self.seconds_left, self.splits * split):.0f} s, at most "
            f"{self.budget:.0f}{short}"
        )

    def run(self) -> Iterator[str]:
        """Race, and say after each split who leads."""
        for number in range(self.splits):
            if not all(self._score(way, number) for way in self.racing):
                self._drop_split(number)
                return
            for way in [way for way in self.racing if way in self.diverged]:
                self.left_out[way.name] = self.diverged[way]
                yield f"{way.name} leaves the race: {self.diverged[way]}"
                self.racing.remove(way)
            if not self.racing:
                return
            if number + 1 >= MIN_SPLITS:
                self.racing = [way for way in self.racing if not self._lead_over(way).low > 0]
            yield f"split {number + 1}: {self.leader.name} leads at {100 * self._mean(self.leader):.1f} %"

    def _drop_split(self, number: int) -> None:
        """Drop a split that not all ways have, unless it is the only one."""
        for way in self.racing:
            if way not in self.scores and way not in self.diverged:
                self.left_out[way.name] = (
                    f"its first run would take some {self.expected_seconds(way):.0f} s, and "
                    f"{max(0, self.seconds_left):.0f} s were left for it"
                )
        for way in self.scores if number else ():
            self.scores[way] = self.scores[way][:number]
            self.balanced[way] = self.balanced[way][:number]

    def _score(self, way: Strategy, number: int) -> bool:
        """Train on a split and test on what was held back; False where the time would not do.

        A way that diverges loses all its scores, and is not trained again.
        """
        if way in self.diverged:
            return True
        if self.expected_seconds(way) > self.seconds_left:
            return False
        started = time.perf_counter()
        kept, held = self._split(number)
        network, epochs = self.runner.make_network(), self.runner.setting.epochs
        some, images = self._task_with(kept), self.task.train[held]
        seed = self.seed + number
        chosen = self.runner.choose_recipe(way, some, seed)
        training = fit(network, some, chosen, seed=seed, epochs=epochs, say=lambda line: None)
        for _ in training:
            pass
        diverged = training.diverged
        if not diverged:
            try:
                guesses = predict(network, images.pixels).argmax(1)
            except NonFiniteOutputsError as error:
                diverged = str(error)
        if diverged:
            self.diverged[way] = diverged
            self.scores.pop(way, None)
            return True
        most = torch.bincount(some.train.labels.long()).argmax()
        self.majority[number] = (images.labels == most).double().mean().item()
        self.scores.setdefault(way, []).append(accuracy(images.labels, guesses))
        self.balanced.setdefault(way, []).append(balanced_accuracy(images.labels, guesses))
        self.took.setdefault(way, []).append(time.perf_counter() - started)
        return True

    def _mean(self, way: Strategy) -> float:
        return sum(self.scores[way]) / len(self.scores[way])

    @property
    def complete_ways(self) -> list[Strategy]:
        """The ways with as many splits as any has: those that were not overtaken, nor cut short."""
        most = max(map(len, self.scores.values()))
        return [way for way, scores in self.scores.items() if len(scores) == most]

    @property
    def leader(self) -> Strategy:
        """The way with the highest mean, of those that have all splits."""
        return max(self.complete_ways, key=self._mean)

    def _lead_over(self, way: Strategy) -> Interval:
        """The leader's accuracy less this way's, over the splits that both have."""
        apart = [a - b for a, b in zip(self.scores[self.leader], self.scores[way], strict=False)]
        return self._interval(apart)

    def _interval(self, values: Sequence[float]) -> Interval:
        """The interval of a mean over overlapping splits."""
        # equal values have no spread: no interval is narrower than one image makes it
        one = [0, *[1 / self.images[1]] * (len(values) - 1)]
        return widen_interval_to_one_image(
            *(resampled_interval(some, *self.images) for some in (values, one))
        )

    def _find_lead(self, ahead: Sequence[float]) -> Interval:
        """How far the leader is ahead of naming the most frequent class.

        Three splits say little of their own spread. So the interval is the one over splits, or that of the
        images of a single split, whichever lies higher: a mean over splits is no less certain than one.
        """
        over_splits = self._interval(ahead)
        if len(ahead) < MIN_SPLITS:
            return over_splits
        mean = self._mean(self.leader)
        of_images, majority = interval([mean], self.images[1]), mean - over_splits.mean
        low, high = of_images.low - majority, of_images.high - majority
        return over_splits if over_splits.low > low else replace(over_splits, low=low, high=high)

    def result(self) -> Recommendation:
        """The table, and what it says."""
        if not (self.scores or self.racing):
            raise ValueError(f"every way left the race: {'; '.join(self.diverged.values())}")
        if not self.scores:
            raise ValueError(
                f"{self.budget:.0f} s are too short: the first run of {self.racing[0].name} would "
                "have ended later"
            )
        rows, close = [], []
        for way, scores in self.scores.items():
            own, behind = self._interval(scores), self._lead_over(way)
            seconds = sorted(self.took[way])[len(self.took[way]) // 2]
            rate = None if way.convex else way.rate
            rows.append(
                {
                    "way": way.name,
                    "rate": rate,
                    "mean": own.mean,
                    "low": max(own.low, 0.0),
                    "high": min(own.high, 1.0),
                    "balanced": sum(self.balanced[way]) / len(scores),
                    "behind": behind.mean,
                    "behind_low": behind.low,
                    "behind_high": behind.high,
                    "splits": len(scores),
                    "seconds": seconds,
                    "best": way == self.leader,
                }
            )
            # an interval that includes 0 does not tell the way from the leader
            if way != self.leader and not behind.low > 0:
                close.append((seconds, f"{way.name} at {rate:.2g}" if rate else way.name))
        # the leader stands first, even if a way that was dropped early has a higher mean
        table = pd.DataFrame(rows).sort_values(["best", "mean"], ascending=False, kind="stable")
        close.sort()
        cheaper = bool(close) and close[0][0] < table.seconds.iloc[0]
        constant = [self.majority[number] for number in range(len(self.scores[self.leader]))]
        ahead = [a - b for a, b in zip(self.scores[self.leader], constant, strict=True)]
        return Recommendation(
            self.runner.choose_recipe(self.leader, self.task, self.seed),
            table.drop(columns="best").reset_index(drop=True),
            self.counts,
            sum(constant) / len(constant),
            self._find_lead(ahead),
            tuple(name for _, name in close),
            cheaper,
            self.left_out,
            self.images,
            self.alike,
            self.runner.setting.epochs,
            self.task.flip,
            self.task.shots,
            time.perf_counter() - self.started,
        )
