"""Recommend what to train for given images: strategies race on these images alone.

Ways to train race on the same splits: a quarter of the training images is held back, another one in every
split, and each way learns from the rest, by the recipe that it chooses within them. Ways that are clearly
behind leave the race. A leader is recommended only if it is clearly better than always naming the
most frequent class, or, of numbers, their mean. The test images are not touched.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

import pandas as pd
import torch

from vtlab.data.images import Images
from vtlab.data.near_duplicates import near_duplicates
from vtlab.data.splits import MIN_IMAGES_PER_CLASS, count_groups, stratified_split
from vtlab.data.tasks import Task
from vtlab.models.evaluation import NonFiniteOutputsError, compute_outputs, predict
from vtlab.models.losses import label_variance_loss
from vtlab.models.network import Network
from vtlab.results.formatting import format_score
from vtlab.results.metrics import (
    Interval,
    accuracy,
    balanced_accuracy,
    interval,
    resampled_interval,
    widen_interval_to_one_image,
)
from vtlab.results.records import is_under_trained
from vtlab.study.recommendation import Recommendation, label_way
from vtlab.study.run import Runner
from vtlab.study.setting import Setting
from vtlab.study.tune import (
    HELD_BACK_SHARE,
    count_trials,
    learns_on_frozen_features,
    list_candidates,
)
from vtlab.system.threads import THREADS
from vtlab.training.costs import count_training_operations
from vtlab.training.fit import fit
from vtlab.training.schedules import choose_epochs
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
)

DEFAULT_WAYS = (probe, partial(1), partial(2), lp_ft, full, scratch)
LEAST_R_SQUARED = -1.0  # of a split
MIN_SPLITS = 3  # before a way may be dropped
MAX_SPLITS = 10
PILOT_IMAGES = 64  # of the timed epoch from which the time of each run is predicted
OVERHEAD_SECONDS = 0.4  # of a run beside its training: data, a new network, the held-back images


def recommend(
    task: Task,
    *,
    budget: float = 300,
    setting: Setting | None = None,
    ways: Strategy | str | Sequence[Strategy | str] = DEFAULT_WAYS,
    splits: int | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Recommendation:
    """Race ways to train on a task's training images, within a time.

    Args:
        task: Its `train` images, and no others, are used.
        budget: Seconds. A run that would probably end later is not begun.
        setting: Backbone, weights, epochs and recipe; its `task` is not used.
        ways: The strategies that race, at their rates; or their names.
        splits: At most so many; None for ten. With few of them and a long budget the race is the same on a slow
            machine and on a fast one.
        seed: Of the first split.
        say: Called with lines for a person: what they begin from, what is to be known of the data and what
            of the setting is not used, what will be done and how long that takes, then each split.

    Raises:
        ValueError: If a class has too few images, a way is none for this network or given twice, splits are
            fewer than three, the time is too short for any way, or every way diverges.

    Splits overlap, so that intervals of their means are widened as Nadeau and Bengio (2003) propose,
    https://doi.org/10.1023/A:1024068626366. Lesson 16.
    """
    ways = as_strategies(ways)
    setting = replace(setting or Setting(), task=task.name)
    if setting.recipe == "plain":
        ways = tuple(map(plain, ways))
    most = MAX_SPLITS if splits is None else splits
    if most < MIN_SPLITS:
        raise ValueError(f"a race takes {MIN_SPLITS} splits or more, not {splits}")
    race = RecommendationRace(task, budget, setting, seed, ways, most)
    race.runner.describe(setting, race.ways, say)
    for line in _describe_groups(task):
        say(f"  {line}")
    say(race.plan(race.ways))
    if untried := race.describe_untried():
        say(f"  {untried}")
    for line in race.run():
        say(line)
    return race.result(setting)


def _describe_groups(task: Task) -> list[str]:
    """What whole groups on one side of a split mean for the numbers of a race."""
    if not task.train.groups:
        return []
    counts = count_groups(task.train.strata, task.train.groups)
    lines = [
        "whole groups are held back; intervals count images, and those of one group are alike: they are too "
        "narrow"
    ]
    if single := [task.classes[k] for k, count in sorted(counts.items()) if count == 1]:
        lines.append(
            f"all images of {', '.join(map(repr, single))} are of one group: none of them is ever held back"
        )
    return lines


class SplitScore(NamedTuple):
    """What a way has reached on the images that a split held back, and what always one answer reaches there.

    Attributes:
        score: Accuracy; of numbers the share of their variance (that of all training images) explained, R²,
            which is `LEAST_R_SQUARED` at least: one split that goes wrong must not outweigh all others.
        balanced: Balanced accuracy; nan of numbers.
        mean_error: Mean absolute error; nan of classes.
        constant: The score of the most frequent class, or the mean, of the images learnt from.
        under_trained: Whether it ended too early.
        seconds: How long it took.
    """

    score: float
    balanced: float
    mean_error: float
    constant: float
    under_trained: bool
    seconds: float


class RecommendationRace:
    """Scores of every way on every split so far, and the time that is left."""

    def __init__(
        self,
        task: Task,
        budget: float,
        setting: Setting,
        seed: int,
        ways: Sequence[Strategy],
        most_splits: int = MAX_SPLITS,
    ) -> None:
        """Begin the time, read the weights, and measure how fast this machine trains.

        Raises:
            ValueError: If a class has too few images, or a way is none for this network or given twice.
        """
        self.started, self.budget, self.seed = time.perf_counter(), budget, seed
        self.most_splits = most_splits
        torch.set_num_threads(THREADS)
        self.runner = Runner.build(setting, task)
        self.task = self.runner.task
        # a network of one stage has no two to train
        if [way.name for way in ways] == [way.name for way in DEFAULT_WAYS]:
            count = len(self.runner.make_network().stage_names)
            ways = [way for way in ways if not isinstance(way.stages, int) or way.stages <= count]
        self.ways = ways
        self.runner.check_strategies(ways)
        for label, number in Counter(map(_label, ways)).items():
            if number > 1:
                raise ValueError(
                    f"{label} is asked for twice: ways of one name differ in their rates, or have names of "
                    "their own, as in replace(vt.full, name='slow', stage_decay=0.9)"
                )
        for name, count in zip(task.classes, task.count_classes(), strict=True):
            if count < MIN_IMAGES_PER_CLASS:
                raise ValueError(
                    f"{'' if task.asks_a_number else 'class '}{name!r} has {count} training images; a "
                    f"recommendation takes {MIN_IMAGES_PER_CLASS} or more of each"
                )
        kept, held = self._split(0)
        self.images = len(kept), len(held)
        self.alike = len(near_duplicates(task.train.pixels[kept], task.train.pixels[held]))
        self.scores: dict[Strategy, list[SplitScore]] = {}
        self.left_out: dict[Strategy, str] = {}
        # seconds that choosing the leader's recipe within all images will take
        self.last_choice = 0.0
        self.fitted = learns_on_frozen_features(
            self.runner.make_network(), self._task_with(kept), seed
        )
        self.seconds_per_operation = self._time_pilot(kept)

    def _split(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Places of the training images to learn from and of those held back."""
        train, seed = self.task.train, self.seed + number
        return stratified_split(
            train.strata, HELD_BACK_SHARE, seed, self.task.classes, train.groups
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

    def _count_operations(self, way: Strategy, images: int, epochs: int) -> int:
        return count_training_operations(
            self.runner.make_network(), way, images, epochs=epochs, image_size=self.task.image_size
        )

    def expected_seconds(self, way: Strategy) -> float:
        """Seconds of a run: as measured before, or else predicted from its operations."""
        if way in self.scores:
            return max(score.seconds for score in self.scores[way])
        return OVERHEAD_SECONDS + self._predict_seconds(way, self.images[0], trainings=1)

    def _predict_seconds(self, way: Strategy, images: int, trainings: int) -> float:
        """Seconds of choosing its recipe within so many images, and of so many trainings by it."""
        setting = self.runner.setting
        trials = count_trials(way, images, setting.recipe, setting.epochs, self.fitted)
        epochs = setting.epochs or choose_epochs(images, way, self.fitted)
        operations = self._count_operations(way, images, epochs)
        return self.seconds_per_operation * operations * (trainings + trials)

    @property
    def seconds_left(self) -> float:
        """Seconds of the budget that are left before the last choice of a recipe."""
        return self.budget - (time.perf_counter() - self.started) - self.last_choice

    def plan(self, ways: Sequence[Strategy]) -> str:
        """Choose the ways for which there is time, and say what will be done."""
        everything = sum(self.images)
        self.last_choice = max(self._predict_seconds(way, everything, trainings=0) for way in ways)
        # the four first, then the others, each from quick to slow
        four = {way.name for way in FOUR}
        seconds = {way: self.expected_seconds(way) for way in ways}
        order = sorted(ways, key=lambda way: (way.name not in four, seconds[way]))
        self.racing, left = [], self.seconds_left
        for way in order:
            needed = MIN_SPLITS * seconds[way]
            if needed <= left:
                self.racing.append(way)
                left -= needed
            else:
                self.left_out[way] = (
                    f"it needs some {needed:.0f} s on {MIN_SPLITS} splits, and {left:.0f} s were left for it"
                )
        if not self.racing:
            quickest = min(ways, key=lambda way: seconds[way])
            raise ValueError(
                f"{self.budget:.0f} s are too short: {max(0, self.seconds_left):.0f} s of them are left for "
                f"the race, and {_label(quickest)} alone would take some "
                f"{MIN_SPLITS * seconds[quickest]:.0f} s on {MIN_SPLITS} splits"
            )
        self.racing.sort(key=lambda way: seconds[way])
        split = sum(seconds[way] for way in self.racing)
        self.splits = int(min(self.most_splits, max(MIN_SPLITS, self.seconds_left / split)))
        short = "".join(f"\nwithout {_label(way)}: {why}" for way, why in self.left_out.items())
        return (
            f"{', '.join(map(_label, self.racing))} on up to {self.splits} splits of {self.images[0]} "
            f"images to learn from and {self.images[1]} held back: some "
            f"{min(self.seconds_left, self.splits * split):.0f} s, at most "
            f"{self.budget:.0f}{short}"
        )

    def describe_untried(self) -> str:
        """A sentence where splits leave no image of a class to try recipes on; "" where none does, or need."""
        recipe = self.runner.setting.recipe
        if all(len(list_candidates(way, recipe)) == 1 for way in self.racing):
            return ""
        numbers = range(self.splits)
        untried = sum(not self._task_with(self._split(n)[0]).has_two_per_class for n in numbers)
        group = "group" if self.task.train.groups else "image"
        return (
            f"in {untried} of {self.splits} splits a class has one {group} to learn from and none to try "
            "recipes on: the most cautious is taken there"
            if untried
            else ""
        )

    def run(self) -> Iterator[str]:
        """Race, and say after each split who leads."""
        for number in range(self.splits):
            for way in list(self.racing):
                if self.expected_seconds(way) > self.seconds_left:
                    self._drop_split(number)
                    return
                if diverged := self._score(way, number):
                    self.racing.remove(way)
                    self.scores.pop(way, None)
                    self.left_out[way] = diverged
                    yield f"{_label(way)} leaves the race: {diverged}"
            if not self.racing:
                return
            if number + 1 >= MIN_SPLITS:
                self.racing = [way for way in self.racing if not self._lead_over(way).low > 0]
            leader = self.leader
            mean = format_score(self._mean(leader), self.task.asks_a_number)
            yield f"split {number + 1}: {_label(leader)} leads at {mean}".replace(
                "\N{NO-BREAK SPACE}", " "
            )

    def _drop_split(self, number: int) -> None:
        """Drop a split that not all ways have, unless it is the only one."""
        for way in self.racing:
            if way not in self.scores:
                self.left_out[way] = (
                    f"its first run would take some {self.expected_seconds(way):.0f} s, and "
                    f"{max(0, self.seconds_left):.0f} s were left for it"
                )
        for way in self.scores if number else ():
            del self.scores[way][number:]

    def _score(self, way: Strategy, number: int) -> str:
        """Train on a split and test on what was held back; the words of a way that diverges."""
        started, seed = time.perf_counter(), self.seed + number
        kept, held = self._split(number)
        some, images = self._task_with(kept), self.task.train[held]
        network, epochs = self.runner.make_network(), self.runner.setting.epochs
        chosen = self.runner.choose_recipe(way, some, seed)
        training = fit(network, some, chosen, seed=seed, epochs=epochs, say=lambda line: None)
        for _ in training:
            pass
        if training.diverged:
            return training.diverged
        try:
            measured = self._measure(network, some.train.labels, images)
        except NonFiniteOutputsError as error:
            return str(error)
        short = is_under_trained(training.history)
        score = SplitScore(*measured, short, time.perf_counter() - started)
        self.scores.setdefault(way, []).append(score)
        return ""

    def _measure(
        self, network: Network, learnt: torch.Tensor, images: Images
    ) -> tuple[float, float, float, float]:
        """The first four numbers of `SplitScore`, of a network that learnt from images with these labels."""
        labels, nan = images.labels, float("nan")
        if not self.task.asks_a_number:
            guesses = predict(network, images.pixels).argmax(1)
            most = torch.bincount(learnt.long()).argmax()
            majority = (labels == most).double().mean().item()
            return accuracy(labels, guesses), balanced_accuracy(labels, guesses), nan, majority
        # the few that are held back may be all alike: their own variance would be no unit
        unit = label_variance_loss(self.task.train.labels)
        off = compute_outputs(network, images.pixels)[:, 0] - labels
        score, constant = (
            max(LEAST_R_SQUARED, 1 - (errors.square().mean() / unit).item())
            for errors in (off, learnt.mean() - labels)
        )
        return score, nan, off.abs().mean().item(), constant

    def _mean(self, way: Strategy) -> float:
        return fmean(one.score for one in self.scores[way])

    @property
    def leader(self) -> Strategy:
        """The way with the highest mean, of those that have as many splits as any."""
        most = max(map(len, self.scores.values()))
        return max((way for way in self.scores if len(self.scores[way]) == most), key=self._mean)

    def _lead_over(self, way: Strategy) -> Interval:
        """The leader's score less this way's, over the splits that both have."""
        pairs = zip(self.scores[self.leader], self.scores[way], strict=False)
        return self._interval([a.score - b.score for a, b in pairs])

    def _interval(self, values: Sequence[float]) -> Interval:
        """The interval of a mean over overlapping splits."""
        if self.task.asks_a_number:
            return resampled_interval(values, *self.images)
        # equal values have no spread: no interval is narrower than one image makes it
        one = [0, *[1 / self.images[1]] * (len(values) - 1)]
        return widen_interval_to_one_image(
            *(resampled_interval(some, *self.images) for some in (values, one))
        )

    def _find_lead(self) -> Interval:
        """How far the leader is ahead of always giving one answer.

        Three splits say little of their own spread. So the interval is the one over splits, or that of the
        images of a single split, whichever lies higher: a mean over splits is no less certain than one.
        """
        scores = self.scores[self.leader]
        over_splits = self._interval([one.score - one.constant for one in scores])
        if len(scores) < MIN_SPLITS or self.task.asks_a_number:
            return over_splits
        of_images = interval([self._mean(self.leader)], self.images[1])
        majority = fmean(one.constant for one in scores)
        low, high = of_images.low - majority, of_images.high - majority
        return over_splits if over_splits.low > low else replace(over_splits, low=low, high=high)

    def result(self, setting: Setting) -> Recommendation:
        """The table, and what it says.

        Args:
            setting: As it was given, its backbone perhaps not named.

        Raises:
            ValueError: If no way has a score.
        """
        if not (self.scores or self.racing):
            raise ValueError(f"every way left the race: {'; '.join(self.left_out.values())}")
        if not self.scores:
            raise ValueError(
                f"{self.budget:.0f} s are too short: the first run of {_label(self.racing[0])} would "
                "have ended later"
            )
        leader, rows = self.leader, []
        for way, scores in self.scores.items():
            own, behind = self._interval([one.score for one in scores]), self._lead_over(way)
            least = LEAST_R_SQUARED if self.task.asks_a_number else 0.0
            rows.append(
                {
                    "way": way.name,
                    "rate": None if way.convex else way.rate,
                    "mean": own.mean,
                    "low": max(own.low, least),
                    "high": min(own.high, 1.0),
                    "balanced": fmean(one.balanced for one in scores),
                    "mean_error": fmean(one.mean_error for one in scores),
                    "behind": behind.mean,
                    "behind_low": max(behind.low, least - 1),
                    "behind_high": min(behind.high, 1 - least),
                    "splits": len(scores),
                    "under_trained": sum(one.under_trained for one in scores),
                    "seconds": sorted(one.seconds for one in scores)[len(scores) // 2],
                    "leads": way == leader,
                }
            )
        # the leader stands first, even if a way that was dropped early has a higher mean
        table = pd.DataFrame(rows).sort_values(["leads", "mean"], ascending=False, kind="stable")
        return Recommendation(
            leader=leader,
            best=self.runner.choose_recipe(leader, self.task, self.seed),
            table=table.drop(columns="leads").reset_index(drop=True),
            majority=fmean(one.constant for one in self.scores[leader]),
            lead=self._find_lead(),
            left_out={_label(way): why for way, why in self.left_out.items()},
            images=self.images,
            alike=self.alike,
            task=self.task,
            setting=setting,
            more_splits=len(self.scores[leader]) < self.most_splits,
            seconds=time.perf_counter() - self.started,
        )


def _label(way: Strategy) -> str:
    """A way by its name, and the rate that it was given."""
    return label_way(way.name, None if way.convex else way.rate)
