"""Conclusions from a comparison, in sentences that claim no more than its runs show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from vtlab.results.comparison import Comparison
from vtlab.results.formatting import (
    format_percent,
    format_strategy_name,
    join_words,
)

MIN_SEEDS = 5
MIN_TEST_IMAGES = 300
MISTAKES_SHOWN = 10

READING_GUIDE = {
    "images per class": "Everything that a strategy had to learn from. Every choice was made "
    "with them or without any image of this task. The test images were read once, at the end, "
    "by all strategies alike, and the network after the last epoch is the one that was tested.",
    "seed": "A seed gives all strategies the same training images, the same start of the new "
    "head and the same order of batches, so that they can be compared pair by pair.",
    "95\N{NO-BREAK SPACE}% interval": "Of the mean over seeds: Student's t for what changes from "
    "seed to seed, joined in quadrature with the binomial error (Wilson's) of a test set of this size. "
    "With one seed only the second part is known.",
    "behind the best": "The mean over seeds of the paired difference, and its t interval on this "
    "test set, never narrower than one image in all seeds but one would make it. Where that includes 0, "
    "these runs do not tell the two apart. The best was picked after the fact, which flatters it a little.",
    "balanced accuracy": "Where test classes are uneven: the mean over classes of the share of each that "
    "is right, so that a rare class counts as much as a frequent one. Always naming one class of K gives 1/K.",
    "under-trained": "A run whose training images were not learnt at its end (less than 95\N{NO-BREAK SPACE}% "
    "right in its last epochs) while its loss still fell, or had hardly begun to. The solver of the linear "
    "probe ends where the solution is, so that it never is.",
    "diverged": "A run whose loss or outputs were no finite numbers any more, as at a rate that is too high. "
    "It has no accuracy.",
    "recipe": "How a strategy was trained: rates, the start of the head, steps. It is chosen for each "
    "run within its shots, out of a few, by short trials on a quarter of them held back; these few were "
    "found on other tasks, by one search for all strategies. Where features fit, a bolder one must be clearly "
    "better; where a class has one image, the most cautious is taken.",
    "chance": "The accuracy of always naming the most frequent class.",
    "R²": "Where a number is asked for: the share of the test numbers' variance that the predictions "
    "explain. 1 is all of it; always answering with their mean gives 0, and worse is below.",
    "mean error": "Where a number is asked for: how far the answers are from the true numbers on average, in "
    "the unit of the labels (the mean absolute error).",
    "nearest neighbour in pixels": "The class of the training image whose shrunk pixels are "
    "nearest: what can be had without any learning of features.",
    "seconds": "Of training, the median over runs. Times, and the last digits of accuracies, "
    "differ on other machines; the conclusions should not.",
}


def state_conclusion(comparison: Comparison) -> str:
    """What the runs say, in one sentence."""
    best, rest = comparison.differences.iloc[0], comparison.differences.iloc[1:]
    rest = rest[rest["mean"].notna()]  # what diverged is in no comparison
    if not comparison.tested:
        return f"With {comparison.learnt_from}, every run diverged: there is no accuracy."
    start, mean = (
        f"With {comparison.learnt_from}, {format_strategy_name(best.strategy)}",
        best["mean"],
    )
    if comparison.mean_errors:  # of numbers
        start = f"By {comparison.score}, {start[0].lower()}{start[1:]}"
    if not len(rest):
        others = "every other strategy diverged"
        if len(comparison.strategies) == 1:
            others = "nothing else was run to compare it with"
        return f"{start} reaches {comparison.format_score(mean)}; {others}."
    if (rest.pairs < 2).all():
        return (
            f"{start} comes out highest at {comparison.format_score(mean)}, but one seed cannot tell a lead "
            "from luck."
        )
    behind = rest.low > 0
    if behind.all():
        return (
            f"{start} leads at {comparison.format_score(mean)}: the 95\N{NO-BREAK SPACE}% interval of its "
            "lead over every other strategy excludes 0."
        )
    close = [
        f"{format_strategy_name(row['strategy'])} at {comparison.format_score(row['mean'])}"
        for _, row in rest[~behind].iterrows()
    ]
    ends = (
        "interval of the difference includes"
        if len(close) == 1
        else "intervals of the differences include"
    )
    return (
        f"{start} comes out highest at {comparison.format_score(mean)}, but {rest.pairs.max()} seeds do not "
        f"tell it apart from {join_words(close)}: the 95\N{NO-BREAK SPACE}% {ends} 0."
    )


def _find_worst_mistakes(
    comparison: Comparison, test_labels: Sequence[int], count: int = MISTAKES_SHOWN
) -> pd.DataFrame:
    """The mistakes that the best strategy was surest of, each image once.

    Args:
        comparison: Its runs were tested on N images.
        test_labels: Their classes, `(N,)`.
        count: How many at most.

    Returns:
        `image` (place in the test set), `true`, `predicted`, `confidence`; the surest first.
    """
    if not comparison.tested:
        return pd.DataFrame({name: [] for name in ("image", "true", "predicted", "confidence")})
    labels = np.asarray(test_labels)
    guesses = pd.concat(
        pd.DataFrame(
            {
                "image": np.arange(len(labels)),
                "true": labels,
                "predicted": run.predictions,
                "confidence": run.confidences,
            }
        )
        for run in comparison.tested
        if run.strategy == comparison.best
    )
    wrong = guesses[guesses.true != guesses.predicted]
    wrong = wrong.sort_values("confidence", ascending=False, kind="stable")
    return wrong.drop_duplicates("image").head(count).reset_index(drop=True)


def list_caveats(comparison: Comparison, train_counts: Sequence[int]) -> list[str]:
    """What should stop a reader from believing too much, a sentence each.

    Args:
        comparison: Of which the reader sees the numbers.
        train_counts: Training images of each class.
    """
    means, size, found = comparison.summary, comparison.test_images, [*comparison.training_notes]
    if not comparison.tested:
        return found
    planned = means.seeds + means.diverged
    means = means[means.seeds > 0]
    best, fewest = means.loc[means["mean"].idxmax()], means.seeds.min()
    if planned.min() < planned.max():
        found.append("Not every strategy has all its seeds: the study was not finished.")
    if fewest == 1:
        found.append(
            "One seed: the interval knows the size of the test set and nothing about "
            "another draw of training images."
        )
    elif fewest < MIN_SEEDS:
        found.append(
            f"{fewest} seeds: the intervals are wide because a spread estimated from "
            f"{fewest} values is uncertain. {MIN_SEEDS} or more would narrow them."
        )
    if comparison.mean_errors:
        found.append(
            f"The intervals know the seeds and not that the test set has {size} images: another one would "
            "give other numbers."
        )
    elif size < MIN_TEST_IMAGES:
        found.append(f"The test set has {size} images: one image is {format_percent(1 / size)}.")
    if max(train_counts) > 2 * min(train_counts):
        found.append(
            f"The training classes are uneven: {min(train_counts)} to {max(train_counts)} images."
        )
    if comparison.chance is not None and best.low <= comparison.chance:
        least = "what always answering with the mean gives" if comparison.mean_errors else "chance"
        found.append(f"Not even the best strategy is clearly above {least}.")
    if comparison.baseline is not None and best["mean"] <= comparison.baseline:
        found.append(
            "Comparing plain pixels does as well as the best strategy, or better: the task may be "
            "too easy, or the backbone no help."
        )
    return found
