"""Metrics and their uncertainty: counts, intervals over seeds, paired differences.

Accuracies are shares in [0, 1]. An interval joins two parts in quadrature: Student's t over
the seeds (another draw of shots, heads and batches), and the binomial error of a finite test
set (which all seeds share).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

# columns of a table of runs, beside the test accuracy, that a summary takes the mean or the number of
RUN_MEANS = ("balanced_accuracy", "steps", "train_accuracy")
RUN_COUNTS = ("diverged", "under_trained")

SAME = 1e-12  # numbers that differ by less, for their size, differ by rounding
MAX_STEPS = 1000  # images in the largest test set that is told from its accuracies


@dataclass(frozen=True)
class Interval:
    """A mean with its interval.

    Attributes:
        mean: Over the seeds.
        low: Lower end.
        high: Upper end.
        n: How many seeds.
        seeds_half: Half-width of the t part; nan for one seed.
        test_half: Half-width of the binomial part; 0 where it was not asked for.
    """

    mean: float
    low: float
    high: float
    n: int
    seeds_half: float
    test_half: float = 0.0

    @property
    def half(self) -> float:
        """Half-width of the whole interval, before it is cut to the possible range.

        nan where there is none: one seed says nothing about another.
        """
        if np.isnan(self.low):
            return float("nan")
        return float(np.hypot(np.nan_to_num(self.seeds_half), self.test_half))

    def __str__(self) -> str:
        """The mean and the half-width as text, such as 0.81 ± 0.04, or 0.812 ± 0.004: no width is ± 0.00."""
        digits = next((n for n in range(2, 7) if not 0 < self.half < 0.5 * 10**-n), 7)
        return f"{self.mean:z.{digits}f} ± {self.half:.{digits}f}"  # z: no -0.00

    @property
    def points(self) -> str:
        """A difference of accuracies as text, in points: +9.2 points (3.1 to 15.3)."""
        mean, low, high = (f"{100 * end:z.1f}" for end in (self.mean, self.low, self.high))
        sign = "+" if float(mean) > 0 else ""
        return f"{sign}{mean} points" + (f" ({low} to {high})" if self.n > 1 else " (one seed)")


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The share of predictions that are right.

    Raises:
        ValueError: If there is nothing to count or the lengths differ.
    """
    true, predicted = _check_pairs(labels, predictions)
    return float((true == predicted).mean())


def confusion(labels: ArrayLike, predictions: ArrayLike, classes: int) -> np.ndarray:
    """Counts `(K, K)`: row the true class, column the predicted one.

    Raises:
        ValueError: As `accuracy`, or if a class is not in 0 … K - 1.
    """
    true, predicted = _check_pairs(labels, predictions)
    found = np.concatenate([true, predicted])
    if found.min() < 0 or found.max() >= classes:
        raise ValueError(f"classes {found.min()} to {found.max()} do not fit into {classes}")
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    return counts


def balanced_accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The mean, over the classes that occur, of the share of each that is right.

    Raises:
        ValueError: As `accuracy`.
    """
    true, predicted = _check_pairs(labels, predictions)
    return float(np.mean([(predicted[true == k] == k).mean() for k in np.unique(true)]))


def r_squared(numbers: ArrayLike, predictions: ArrayLike) -> float:
    """The share of the numbers' variance that predictions explain: 1 is all of it, 0 what their mean does.

    Worse than the mean is below 0. Where all numbers are one, it is 1 for these and 0 for others.

    Raises:
        ValueError: As `accuracy`.
    """
    true, predicted = (part.astype(float) for part in _check_pairs(numbers, predictions))
    left, there = ((true - predicted) ** 2).sum(), ((true - true.mean()) ** 2).sum()
    return float(1 - left / there) if there else float(left == 0)


def mean_absolute_difference(numbers: ArrayLike, predictions: ArrayLike) -> float:
    """How far predictions are from the numbers on average, in their unit (the mean absolute error, MAE).

    Raises:
        ValueError: As `accuracy`.
    """
    true, predicted = (part.astype(float) for part in _check_pairs(numbers, predictions))
    return float(np.abs(true - predicted).mean())


def _check_pairs(labels: ArrayLike, predictions: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays `(N,)`, or one clear error."""
    true, predicted = np.asarray(labels), np.asarray(predictions)
    if true.shape != predicted.shape or not true.size:
        raise ValueError(f"{true.shape} labels against {predicted.shape} predictions")
    return true, predicted


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Student's t-interval of the mean of values, one per seed.

    Values that agree to the last digit agree by chance: they are shares of a finite test set. Their
    interval is the one that they would have if one of them were a step away: one image of the smallest
    set, up to 1,000 images, that can give such shares.

    Raises:
        ValueError: If there is no value, or the level is not between 0 and 1.
    """
    found = _spread_interval(values, level)
    return found if found.seeds_half != 0 else _widen_by(_find_step(values), found, level)


def _spread_interval(values: ArrayLike, level: float) -> Interval:
    """Student's t-interval from the spread of the values alone, without width where they agree."""
    per_seed = np.asarray(values, dtype=float)
    if not per_seed.size:
        raise ValueError("an interval needs at least one value")
    if not 0 < level < 1:
        raise ValueError(f"a level of confidence lies between 0 and 1, such as 0.95, not {level}")
    mean, n = float(per_seed.mean()), len(per_seed)
    if n == 1:
        return Interval(mean, float("nan"), float("nan"), 1, float("nan"))
    spread = per_seed.std(ddof=1)
    if spread <= SAME * max(1, np.abs(per_seed).max()):  # what rounding leaves is no spread
        spread = 0.0
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * spread / n**0.5)
    return Interval(mean, mean - half, mean + half, n, half)


def _find_step(*values: ArrayLike) -> float:
    """The share that an image is of the smallest test set that gives all these values, at least 1/1000."""
    shares = {
        Fraction(float(v)).limit_denominator(MAX_STEPS) for row in values for v in np.ravel(row)
    }
    return 1 / min(MAX_STEPS, lcm(*(share.denominator for share in shares)))


def _widen_by(step: float, found: Interval, level: float) -> Interval:
    """The wider of an interval and that of differences of one step in all seeds but one."""
    if found.n < 2:
        return found
    one = _spread_interval([0, *[step] * (found.n - 1)], level)
    return widen_interval_to_one_image(found, one)


def interval(values: Sequence[float], test_images: float, level: float = 0.95) -> Interval:
    """The interval of a test accuracy: the t part and the binomial part, in quadrature.

    The binomial part is Wilson's score interval about the mean, so that a test set without a mistake is no
    proof that there are none. With one seed it stands alone: it says how large the test set is, and
    nothing about another seed.

    Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953.

    Args:
        values: One accuracy per seed.
        test_images: How many images each was measured on.
        level: Of confidence.

    Raises:
        ValueError: As `t_interval`, or if an accuracy is no share, or there is no test image.
    """
    if not test_images > 0:
        raise ValueError(f"an accuracy needs at least one test image, not {test_images}")
    if odd := [value for value in values if not 0 <= value <= 1]:
        raise ValueError(f"an accuracy is a share in [0, 1], not {odd[0]}")
    over_seeds = _spread_interval(values, level)
    mean = over_seeds.mean
    lowest, highest = _wilson_interval(mean, test_images, level)
    seeds_half = np.nan_to_num(over_seeds.seeds_half)
    # each end by itself, since Wilson's interval is not symmetric about the mean
    low, high = (
        mean - np.hypot(seeds_half, mean - lowest),
        mean + np.hypot(seeds_half, highest - mean),
    )
    return Interval(
        mean,
        max(0.0, float(low)),
        min(1.0, float(high)),
        over_seeds.n,
        over_seeds.seeds_half,
        (highest - lowest) / 2,
    )


def _wilson_interval(share: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's interval of a share that need not count whole hits: it may be a mean over seeds."""
    unit = stats.norm.ppf((1 + level) / 2) ** 2 / n
    middle, half = share + unit / 2, np.sqrt(unit * (share * (1 - share) + unit / 4))
    return float((middle - half) / (1 + unit)), float((middle + half) / (1 + unit))


def widen_interval_to_one_image(found: Interval, one: Interval) -> Interval:
    """The wider of an interval and that of differences of one image in all seeds but one.

    On a few test images seeds agree by chance: no spread below one image is believed.
    """
    half = max(found.seeds_half, one.seeds_half)  # nan of one seed stays nan
    return Interval(found.mean, found.mean - half, found.mean + half, found.n, half)


def paired_difference(
    a: Sequence[float], b: Sequence[float], test_images: float | None = None, level: float = 0.95
) -> Interval:
    """The t-interval of the differences a - b of runs that share their seeds.

    Args:
        a: One accuracy per seed.
        b: The others', in the same order.
        test_images: How many images they were measured on: no interval is narrower than that of
            differences of one image. Where it is not given, that holds for differences that all agree,
            and the image is one of the smallest test set that gives such accuracies (see `t_interval`).
        level: Of confidence.

    Raises:
        ValueError: If the lengths differ, there is no value or no test image, or the level is not
            between 0 and 1.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} values cannot be paired with {len(b)}")
    if test_images is not None and not test_images > 0:
        raise ValueError(f"an accuracy needs at least one test image, not {test_images}")
    found = _spread_interval(np.asarray(a, float) - np.asarray(b, float), level)
    if test_images is not None:
        return _widen_by(1 / test_images, found, level)
    return found if found.seeds_half != 0 else _widen_by(_find_step(a, b), found, level)


def resampled_interval(
    values: Sequence[float], train: int, test: int, level: float = 0.95
) -> Interval:
    """The interval of a mean over random splits of the same images, which overlap.

    The variance of the mean is taken as (1/n + test/train) times that of the values, in place of 1/n times:
    Nadeau and Bengio (2003), https://doi.org/10.1023/A:1024068626366.

    Args:
        values: One per split.
        train: Images that a split learns from.
        test: Images that it holds back.
        level: Of confidence.

    Raises:
        ValueError: As `t_interval`, or if a count is not above 0.

    Lesson 16.
    """
    if not (train > 0 and test > 0):
        raise ValueError(f"a split has images on both sides, not {train} and {test}")
    plain = _spread_interval(values, level)
    if plain.seeds_half == 0:  # equal values: one image of a split would have changed one of them
        plain = _widen_by(1 / test, plain, level)
    half = plain.seeds_half * (1 + plain.n * test / train) ** 0.5
    return Interval(plain.mean, plain.mean - half, plain.mean + half, plain.n, half)


def _t_interval_to_one(values: ArrayLike) -> Interval:
    """The t-interval of values that are 1 at most, as R² is."""
    found = t_interval(values)
    return replace(found, high=min(1.0, found.high))


def shots_to_reach(runs: pd.DataFrame, strategy: str, accuracy: float) -> list[float]:
    """How many images per class a strategy needs for a test accuracy, one number per seed.

    Between two numbers of shots the accuracy is taken to be linear in their logarithm; the
    first crossing counts.

    Args:
        runs: From `records.runs_to_table`, with several numbers of shots.
        strategy: Its name there.
        accuracy: In [0, 1].

    Returns:
        In the order of the seeds; inf where the accuracy is never reached, and the least number
        of shots where that is enough.

    Raises:
        ValueError: If there are no such runs, or some on "all" images, which is no number.

    Lesson 05.
    """
    rows = runs[runs.strategy == strategy]
    if rows.empty:
        raise ValueError(f"no runs of {strategy!r}; there are {', '.join(runs.strategy.unique())}")
    if (rows.shots == "all").any():
        raise ValueError(
            f"{strategy!r} has runs on all images, of which no number per class is known"
        )
    found = []
    for _, seed in rows.sort_values("shots").groupby("seed"):
        logs, reached = np.log2(seed.shots.to_numpy(float)), seed.test_accuracy.to_numpy()
        i = int(np.argmax(reached >= accuracy))  # 0 also where none does
        if reached[i] < accuracy:
            found.append(float("inf"))
        elif i == 0:
            found.append(float(2 ** logs[0]))
        else:
            found.append(
                float(2 ** np.interp(accuracy, reached[i - 1 : i + 1], logs[i - 1 : i + 1]))
            )
    return found


def summarise_metrics(
    runs: pd.DataFrame, test_images: float, *, shares: bool = True
) -> pd.DataFrame:
    """One row per strategy and number of shots, in the table's order.

    Args:
        runs: From `records.runs_to_table`.
        test_images: Size of the test set; infinite for the intervals of the seeds alone.
        shares: Whether the test accuracy is a share; else it is R², with an interval of the seeds alone.

    Returns:
        strategy, shots, mean, low, high, half, seeds, seconds (median), trainable_weights. Where the runs
        say so: balanced_accuracy, steps and train_accuracy (means); and `diverged` and `under_trained`,
        the numbers of such runs. Runs without an accuracy, which diverged, count in no other column.
    """
    rows, nan = [], float("nan")
    for (strategy, shots), every in runs.groupby(["strategy", "shots"], sort=False):
        group = every[every.test_accuracy.notna()]
        values, of = group.test_accuracy.to_numpy(), Interval(nan, nan, nan, 0, nan)
        if len(group):
            of = interval(values, test_images) if shares else _t_interval_to_one(values)
        rows.append(
            {
                "strategy": strategy,
                "shots": shots,
                "mean": of.mean,
                "low": of.low,
                "high": of.high,
                "half": of.half,
                "seeds": of.n,
                "seconds": float(group.seconds.median()),
                "trainable_weights": int(every.trainable_weights.iloc[0]),
                **{name: group[name].mean() for name in RUN_MEANS if name in every},
                **{name: int(every[name].sum()) for name in RUN_COUNTS if name in every},
            }
        )
    return pd.DataFrame(rows)
