"""The sections of a report: their titles, figures and words, as `templates/report.html` lays them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vtlab import plots
from vtlab.plots import export, style
from vtlab.results import conclusions, metrics, records
from vtlab.results import labels as names
from vtlab.results.comparison import Comparison
from vtlab.results.formatting import (
    format_accuracy,
    format_number,
    format_percent,
    format_strategy_name,
    join_words,
)
from vtlab.study.report_data import ReportData

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEHIND = "Behind the best, in points"  # the column with the paired differences
PHONE_WIDTH = 4.2  # inches: the width of a figure for phones


def _embed_figure(
    figure: Figure, alt: str, *, narrow: Figure | None = None, photographs: bool = False
) -> dict[str, Any]:
    """A figure for the page.

    Args:
        figure: What is shown.
        alt: What it says, in words, for those who cannot see it.
        narrow: What phones show instead; without it they scroll sideways.
        photographs: Whether most of it is pictures.
    """
    width, height = (round(inches * style.DPI) for inches in figure.get_size_inches())
    return {
        "source": export.data_uri(figure, photographs=photographs),
        "width": width,
        "height": height,
        "alt": alt,
        "narrow": None if narrow is None else _embed_figure(narrow, alt),
    }


def describe_numbers(data: ReportData) -> dict[str, Any]:
    """The table, and the same as a figure."""
    comparison = data.comparison
    gaps = comparison.differences.set_index("strategy")
    total = {run.strategy: run.total_weights for run in comparison.runs}
    uneven = comparison.uneven  # accuracy flatters who names the frequent classes
    errors = comparison.mean_errors  # of numbers
    score = f"{comparison.score[0].upper()}{comparison.score[1:]}"
    behind = "Behind the best" if errors else BEHIND
    rows: list[dict[str, Any]] = []
    for row in comparison.summary.to_dict("records"):
        name, label, gap = (
            row["strategy"],
            names.get_label(row["strategy"]),
            gaps.loc[row["strategy"]],
        )
        share = row["trainable_weights"] / total[name]
        weights = f"{row['trainable_weights']:,} ({format_percent(share, 1 if share < 0.1 else 0)})"
        diverged = f" of {row['seeds'] + row['diverged']}" if row["diverged"] else ""
        balanced = format_accuracy(row["balanced_accuracy"])
        cells = {
            score: comparison.format_score(row["mean"]),
            "95\N{NO-BREAK SPACE}% interval": _format_interval(comparison, row["low"], row["high"]),
            **({"Mean error": format_number(errors[name])} if errors else {}),
            **({"Balanced accuracy": balanced} if uneven else {}),
            "Weights that learn": weights,
            behind: _format_gap(comparison, gap, best=name == comparison.best),
            "Seeds": f"{row['seeds']}{diverged}",
            "Seconds a run": f"{row['seconds']:.1f}" if row["seeds"] else "",
        }
        paired = name != comparison.best and gap["pairs"] > 1
        interval = _format_interval(comparison, gap["low"], gap["high"]) if paired else ""
        rows.append(
            {"name": label.text, "colour": label.colour, "cells": cells, "interval": interval}
        )
    figure, narrow = _draw_scores(comparison)
    alt = f"{score} of each seed, with mean and interval: " + ", ".join(
        f"{format_strategy_name(row['strategy'])} {comparison.format_score(row['mean'])}"
        for row in comparison.summary.to_dict("records")
    )
    return {
        "columns": ["Strategy", *rows[0]["cells"]],
        "behind": behind,
        "strategies": rows,
        "references": {
            name: comparison.format_score(share)
            for name, share in comparison.reference_accuracies.items()
        },
        "figure": _embed_figure(figure, alt, narrow=narrow),
    }


def _draw_scores(comparison: Comparison) -> tuple[Figure, Figure | None]:
    """The numbers as a figure, and as one for phones."""
    if not len(comparison.numbers):
        wide, narrow = (
            plots.accuracy(
                comparison.table,
                chance=comparison.chance,
                baseline=comparison.baseline,
                test_images=comparison.test_images,
                width=width,
            )
            for width in (style.WIDE, PHONE_WIDTH)
        )
        return wide, narrow
    runs = _group_tested_runs(comparison)
    scores = {name: [run.test_accuracy for run in own] for name, own in runs.items()}
    marks = comparison.reference_accuracies
    return plots.intervals(
        {"": scores or {"none": [0.0]}}, what="R²", percent=False, marks=marks
    ), None


def _group_tested_runs(comparison: Comparison) -> dict[str, list[records.Run]]:
    """The tested runs of each strategy that has some."""
    runs = {
        name: [run for run in comparison.tested if run.strategy == name]
        for name in comparison.strategies
    }
    return {name: own for name, own in runs.items() if own}


def _format_gap(comparison: Comparison, gap: Mapping[str, float], *, best: bool) -> str:
    """How far behind the best, in points of accuracy or in R²."""
    if np.isnan(gap["mean"]):
        return ""
    if best:
        return "the best"
    if not gap["pairs"]:
        return "no common seed"
    return f"{gap['behind']:.3f}" if len(comparison.numbers) else f"{100 * gap['behind']:.1f}"


def _format_interval(comparison: Comparison, low: float, high: float) -> str:
    """The ends of an interval as a page shows them."""
    return comparison.format_score_range(low, high).replace("-", "\N{MINUS SIGN}")


def describe_curves(data: ReportData) -> dict[str, Any] | None:
    """Loss and training accuracy while the strategies learn."""
    table = records.epochs_to_table(data.comparison.runs)
    if not len(table):
        return None
    alt = "Training loss and training accuracy of each strategy over the training."
    return {
        "title": "While learning",
        "figure": _embed_figure(plots.curves(table), alt),
        "caption": "Thin lines are seeds, thick lines their mean. The linear probe is solved, not "
        "trained by epochs: its steps are the solver's. With few images, high training "
        "accuracy says nothing about test accuracy.",
    }


def describe_answers(data: ReportData) -> dict[str, Any] | None:
    """The numbers that strategies answer with against the true ones, and where the best is off most."""
    comparison = data.comparison
    runs = _group_tested_runs(comparison)
    answers = {name: [run.predictions for run in own] for name, own in runs.items()}
    errors = comparison.mean_errors
    alt = f"Answers against the true {data.classes[0]}: " + ", ".join(
        f"{format_strategy_name(name)} off by {format_number(errors[name])} on average"
        for name in answers
    )
    off = np.abs(np.asarray(answers[comparison.best]) - np.asarray(comparison.numbers)).mean(0)
    worst = int(off.argmax())
    caption = (
        "All seeds together: on the line an answer is right. "
        f"{format_strategy_name(comparison.best)} is off most where the true number is "
        f"{format_number(comparison.numbers[worst])}: by {format_number(off[worst])} on average."
    )
    figure = plots.answers(comparison.numbers, answers, what=data.classes[0])
    return {
        "title": "Answers against the true numbers",
        "figure": _embed_figure(figure, alt),
        "caption": caption,
    }


def describe_confusion(data: ReportData) -> dict[str, Any] | None:
    """Confusion matrices side by side, and the most frequent mistake of the best strategy."""
    count = len(data.classes)
    counts: dict[str, np.ndarray] = {
        name: np.sum(
            [metrics.confusion(data.test_labels, run.predictions, count) for run in runs], axis=0
        )
        for name, runs in _group_tested_runs(data.comparison).items()
    }
    best = data.comparison.best
    shares = counts[best] / np.maximum(counts[best].sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    true, taken = np.unravel_index(shares.argmax(), shares.shape)
    alt = f"Confusion matrices of {join_words([format_strategy_name(n) for n in counts])}."
    caption = "All seeds together. Rows are the true classes, and each row sums to 100."
    if shares[true, taken] > 0:
        caption += (
            f" The commonest mistake of {format_strategy_name(best)}: "
            f"{data.classes[true]} taken for {data.classes[taken]}, "
            f"{format_percent(shares[true, taken])} of the time."
        )
    figure = _embed_figure(plots.confusion(counts, data.classes), alt)
    return {"title": "What is taken for what", "figure": figure, "caption": caption}


def describe_mistakes(data: ReportData) -> dict[str, Any] | None:
    """The mistakes that the best strategy was surest of."""
    title, best = "Worst mistakes", format_strategy_name(data.comparison.best)
    size = len(data.test_labels)
    wrong = conclusions._find_worst_mistakes(data.comparison, data.test_labels, size)
    shown = wrong[wrong.image.isin(data.shown_indices)].head(conclusions.MISTAKES_SHOWN)
    if not len(wrong):
        return {"title": title, "figure": None, "caption": f"{best} made none."}
    if not len(shown):
        return None
    figure = plots.mistakes(
        data.images_at(shown.image),
        shown.true.tolist(),
        shown.predicted.tolist(),
        shown.confidence.tolist(),
        data.classes,
    )
    alt = "Mistakes: " + "; ".join(
        f"{data.classes[row.true]} taken for {data.classes[row.predicted]}"
        for row in shown.itertuples()
    )
    caption = (
        f"What {best} got wrong and was surest of, over all its seeds. Above each image "
        "the class that was predicted, with its probability; below it the true one. "
        f"{len(wrong):,} of {size:,} test images were wrong for at least one seed."
    )
    return {
        "title": title,
        "figure": _embed_figure(figure, alt, photographs=True),
        "caption": caption,
    }


def describe_cams(data: ReportData) -> dict[str, Any] | None:
    """Grad-CAM of all strategies on the same test images, of the first seed that has maps."""
    title, runs = "What each one looks at", dict[str, records.Run]()
    # in this order, the first run of a strategy that has maps is that of the first such seed
    for run in sorted(
        data.comparison.runs, key=lambda run: (names.rank_label(run.strategy), run.seed)
    ):
        if len(run.cams):
            runs.setdefault(run.strategy, run)
    if not len(data.cam_indices):
        return None
    if not runs:
        words = (
            "The last stage gives no map of more than one cell, so there is no place to look at."
        )
        return {"title": title, "figure": None, "caption": words}
    places, labels = list(data.cam_indices), data.test_labels
    is_number = len(data.comparison.numbers) > 0

    def name_answer(answer: Any) -> str:
        return format_number(answer) if is_number else data.classes[int(answer)]

    marks = {}
    for name, run in runs.items():
        answers = [(run.predictions[i], labels[i]) for i in places]
        marks[name] = [(name_answer(a), is_number or a == true) for a, true in answers]
    masks = None if data.masks is None else np.asarray(data.masks)[data.shown_rows(places)]
    figure = plots.cams(
        data.images_at(places),
        {name: run.cams for name, run in runs.items()},
        masks=masks,
        scale="each",  # places are to be compared, not brightness
        titles=[name_answer(labels[i]) for i in places],
        marks=marks,
    )
    alt = (
        f"Grad-CAM heat maps of {join_words([format_strategy_name(n) for n in runs])} on "
        f"{len(places)} test images."
    )
    outline = "" if masks is None else " The outline is the object's true mask."
    empty = [
        f"{format_strategy_name(name)} in {count} of {len(places)}"
        for name, run in runs.items()
        if (count := sum(not np.any(values) for values in run.cams))
    ]
    nothing = f" No evidence for it was found by {join_words(empty)} images." if empty else ""
    caption = (
        "Bright is where the evidence for the predicted class lies (Grad-CAM at the last "
        f"stage, first seed).{nothing}{outline} Every map has its own scale: compare places, not "
        "brightness. A map describes one prediction; it does not prove a reason."
    )
    return {
        "title": title,
        "figure": _embed_figure(figure, alt, photographs=True),
        "caption": caption,
    }


def describe_settings(data: ReportData) -> dict[str, Any]:
    """The data and what all runs share, and a table of what differs between strategies."""
    run, counts = data.comparison.runs[0], list(data.train_counts)
    strategies = data.comparison.strategies
    each = str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    numbers = len(data.comparison.numbers)
    asked = "a number" if numbers else f"{len(data.classes)} classes"
    share = "" if numbers else f", {each} of each class"
    facts = {
        "task": f"{run.task}: {asked} ({', '.join(data.classes)})",
        "training images": f"{sum(counts):,} for each run{share}",
        "test images": f"{len(data.test_labels):,}, the same for all runs",
        "backbone": run.backbone,
        "weights": run.weights,
    }
    # by setting and strategy the different values, in the order of the runs
    values: dict[str, dict[str, dict[str, None]]] = {}
    for run in data.comparison.runs:
        for key, value in (run.settings | _training_settings(run)).items():
            if key not in data.machine and key != "recipe":  # its parts are named or the default
                values.setdefault(key, {}).setdefault(run.strategy, {})[format_setting(value)] = (
                    None
                )
    differing = {}
    for key, by_strategy in values.items():
        cells = [", ".join(by_strategy.get(name, {"": None})) for name in strategies]
        key = key.replace("_", " ")
        if len(set(cells)) == 1:
            facts[key] = cells[0]
        else:
            differing[key] = cells
    columns = ["Setting", *(format_strategy_name(name) for name in strategies)]
    return {"facts": facts, "columns": columns, "differing": differing}


def _training_settings(run: records.Run) -> dict[str, str | int]:
    """How long a run was, and where its training ended."""
    if not run.epochs:
        return {}
    end = format_accuracy(run.train_accuracy)
    return {
        "steps": run.steps,
        "training images right at the end": f"{end} (under-trained)" if run.under_trained else end,
    }


def format_setting(value: object) -> str:
    """A setting's value as a person writes it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
