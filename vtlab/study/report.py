"""The report of a study: one HTML file that holds everything, made to be sent and printed.

The answer comes first, then the numbers it rests on, then what a careful reader asks next. No
script, and nothing loaded from elsewhere: a report still opens in ten years and without the internet.
This module says what stands in it; `templates/report.html` says how it is laid out, and escapes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import ArrayLike

from vtlab import __version__, plots
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
from vtlab.system.device import choose_device, describe_machine
from vtlab.system.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vtlab.data.tasks import Task

BEHIND = "Behind the best, in points"  # the column with the paired differences
PHONE_WIDTH = 4.2  # inches: the width of a figure for phones


def write_report(folder: str | os.PathLike[str], data: ReportData) -> Path:
    """Write `report.html` into a folder, whole or not at all.

    Args:
        folder: Made where it is not there.
        data: The runs and what is known about them.

    Returns:
        The file.

    Raises:
        OSError: If the folder cannot be written to; an older report then stays as it was.

    Lesson 16.
    """
    path = Path(folder) / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_report(data))
    return path


def choose_report_images(
    comparison: Comparison, test_labels: Sequence[int], cam_indices: Sequence[int] = ()
) -> tuple[int, ...]:
    """Which test images a report shows: those with Grad-CAM maps and the worst mistakes."""
    if len(comparison.numbers):
        return tuple(map(int, cam_indices))
    mistakes = conclusions._find_worst_mistakes(comparison, test_labels).image
    return tuple(dict.fromkeys([*map(int, cam_indices), *map(int, mistakes)]))


@dataclass(frozen=True, eq=False)
class ReportData:
    """What a report is written from: a comparison of runs, and what is known about their data.

    Attributes:
        comparison: Runs that were tested on the same N images.
        classes: The K class names.
        train_counts: Training images of each class.
        test_labels: The class of every test image, or its number, `(N,)`.
        shown_images: The test images that may be shown, `(M, 3, H, W)` uint8.
        shown_indices: Which ones those are, M places in the test set; `choose_report_images` says
            which ones a report asks for.
        cam_indices: Which test images the runs' Grad-CAM maps explain, in their order.
        masks: Outlines for the shown images, `(M, H, W)` bool, or None.
        description: What is to be told apart, in a sentence.
        command: What to type to get these runs again.
        machine: What the runs were made on, such as `{"processor": "x86_64"}`.
        notes: What a reader should know about the data, a sentence each.
        skipped: The files that were left out, a sentence each.
    """

    comparison: Comparison
    classes: Sequence[str]
    train_counts: Sequence[int]
    test_labels: Sequence[Any]
    shown_images: ArrayLike
    shown_indices: Sequence[int]
    cam_indices: Sequence[int] = ()
    masks: ArrayLike | None = None
    description: str = ""
    command: str = ""
    machine: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    skipped: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse a comparison and data which do not belong together."""
        sizes = {self.comparison.test_images, len(self.test_labels)}
        if len(sizes) > 1 and self.comparison.tested:
            raise ValueError(f"runs and test set differ in size: {sorted(sizes)} images")
        shown = len(np.asarray(self.shown_images))
        if shown != len(self.shown_indices):
            raise ValueError(f"{shown} shown images but {len(self.shown_indices)} indices")

    @classmethod
    def of_task(
        cls, comparison: Comparison, task: Task, cam_indices: Sequence[int], command: str = ""
    ) -> ReportData:
        """What there is to say about runs on this task."""
        labels = task.test.labels.tolist()
        counts = task.at(comparison.shots, comparison.runs[0].seed).count_classes()
        asked = f"{len(task.classes)} classes"
        if task.asks_a_number:
            asked = f"A number, {task.classes[0]}"
        indices = choose_report_images(comparison, labels, cam_indices)
        shown = task.test[torch.tensor(indices, dtype=torch.long)]
        return cls(
            comparison=comparison,
            classes=task.classes,
            train_counts=counts,
            test_labels=labels,
            shown_images=shown.pixels.numpy(),
            shown_indices=indices,
            cam_indices=cam_indices,
            masks=None if shown.masks is None else shown.masks.numpy(),
            command=command,
            notes=task.notes,
            skipped=task.skipped,
            description=f"{asked}, {sum(counts):,} training images for each run, "
            f"{len(labels):,} test images of {task.image_size} px.",
            machine={
                **describe_machine(choose_device()),
                "cores": os.cpu_count(),
                "vtlab": __version__,
            },
        )

    def shown_rows(self, places: Iterable[int]) -> list[int]:
        """Where test images stand among the shown ones."""
        shown = [int(place) for place in self.shown_indices]
        return [shown.index(place) for place in places]

    def images_at(self, places: Iterable[int]) -> np.ndarray:
        """Test images by their places in the test set, `(n, 3, H, W)` uint8."""
        return np.asarray(self.shown_images)[self.shown_rows(places)]


def render_report(data: ReportData) -> str:
    """The report as one HTML page that loads nothing."""
    environment = Environment(
        loader=PackageLoader("vtlab.study"),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    comparison, first = data.comparison, data.comparison.runs[0]
    shots = comparison.learnt_from
    sections = [_curves_section, _confusion_section, _mistakes_section, _cams_section]
    if len(comparison.numbers):
        sections = [_curves_section, _answers_section, _cams_section]
    return environment.get_template("report.html").render(
        title=f"{first.task}, {shots}",
        kicker=" · ".join([first.task, shots, first.backbone]),
        answer=conclusions.state_conclusion(comparison),
        description=data.description,
        caveats=conclusions.list_caveats(comparison, data.train_counts),
        numbers=_numbers_section(data),
        pictures=[part for section in sections if (part := section(data))],
        how_to_read=conclusions.READING_GUIDE,
        command=data.command,
        settings=_settings_section(data),
        notes=data.notes,
        skipped=data.skipped,
        machine={key.replace("_", " "): _format_setting(v) for key, v in data.machine.items()},
    )


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


def _numbers_section(data: ReportData) -> dict[str, Any]:
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
    values: dict[str, list[float]] = {name: [] for name in comparison.strategies}
    for run in comparison.tested:
        values[run.strategy].append(run.test_accuracy)
    known = {name: own for name, own in values.items() if own} or {"none": [0.0]}
    marks = comparison.reference_accuracies
    return plots.intervals({"": known}, what="R²", percent=False, marks=marks), None


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


def _curves_section(data: ReportData) -> dict[str, Any] | None:
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


def _answers_section(data: ReportData) -> dict[str, Any] | None:
    """The numbers that strategies answer with against the true ones, and where the best is off most."""
    comparison = data.comparison
    if not comparison.tested:
        return None
    answers: dict[str, list[Sequence[float]]] = {}
    for run in comparison.tested:
        answers.setdefault(run.strategy, []).append(run.predictions)
    answers = {name: answers[name] for name in comparison.strategies if name in answers}
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


def _confusion_section(data: ReportData) -> dict[str, Any] | None:
    """Confusion matrices side by side, and the most frequent mistake of the best strategy."""
    counts: dict[str, np.ndarray] = {}
    if not data.comparison.tested:
        return None
    for run in data.comparison.tested:
        found = metrics.confusion(data.test_labels, run.predictions, len(data.classes))
        counts[run.strategy] = counts.get(run.strategy, 0) + found
    counts = {name: counts[name] for name in data.comparison.strategies if name in counts}
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


def _mistakes_section(data: ReportData) -> dict[str, Any] | None:
    """The mistakes that the best strategy was surest of."""
    if not data.comparison.tested:
        return None
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


def _cams_section(data: ReportData) -> dict[str, Any] | None:
    """Grad-CAM of all strategies on the same test images, of the first seed that has maps."""
    title, runs = "What each one looks at", dict[str, records.Run]()
    # in this order, the first run of a strategy that has maps is that of the first such seed
    for run in sorted(
        data.comparison.runs, key=lambda run: (names.rank_label(run.strategy), run.seed)
    ):
        if len(run.cams):
            runs.setdefault(run.strategy, run)
    if not (len(data.cam_indices) and data.comparison.tested):
        return None
    if not runs:
        words = (
            "The last stage gives no map of more than one cell, so there is no place to look at."
        )
        return {"title": title, "figure": None, "caption": words}
    places, labels = list(data.cam_indices), data.test_labels
    if len(data.comparison.numbers):
        marks = {
            name: [(format_number(run.predictions[i]), True) for i in places]
            for name, run in runs.items()
        }
        titles = [format_number(labels[i]) for i in places]
    else:
        marks = {
            name: [
                (data.classes[int(run.predictions[i])], run.predictions[i] == labels[i])
                for i in places
            ]
            for name, run in runs.items()
        }
        titles = [data.classes[labels[i]] for i in places]
    masks = None if data.masks is None else np.asarray(data.masks)[data.shown_rows(places)]
    figure = plots.cams(
        data.images_at(places),
        {name: run.cams for name, run in runs.items()},
        masks=masks,
        scale="each",  # places are to be compared, not brightness
        titles=titles,
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


def _settings_section(data: ReportData) -> dict[str, Any]:
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
                values.setdefault(key, {}).setdefault(run.strategy, {})[_format_setting(value)] = (
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


def _format_setting(value: object) -> str:
    """A setting's value as a person writes it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
