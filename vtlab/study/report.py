"""The report of a study: one HTML file that holds everything, made to be sent and printed.

The answer comes first, then the numbers it rests on, then what a careful reader asks next. No
script, and nothing loaded from elsewhere: a report opens in ten years and without a network.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from vtlab import __version__, plots
from vtlab.data.baselines import pixel_neighbour
from vtlab.plots import style
from vtlab.results import conclusions as findings
from vtlab.results import labels as names
from vtlab.results import metrics, records
from vtlab.results.labels import percent
from vtlab.study import page
from vtlab.study.compare import Study
from vtlab.system.device import choose_device, describe_machine
from vtlab.system.files import write_csv, write_text


def needed(
    runs: Sequence[records.Run], test_labels: Sequence[int], cam_indices: Sequence[int] = ()
) -> tuple[int, ...]:
    """Which test images a report shows: those with Grad-CAM maps and the worst mistakes."""
    mistakes = findings.worst_mistakes(runs, test_labels).image
    return tuple(dict.fromkeys([*map(int, cam_indices), *map(int, mistakes)]))


def write(folder: str | os.PathLike[str], data: ReportData) -> Path:
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
    write_text(path, render(data))
    return path


def render(data: ReportData) -> str:
    """The report as one HTML page that loads nothing."""
    first = data.runs[0]
    title = f"{first.task}, {findings.shots_in_words(first.shots)}"
    return page.frame(title, [section(data) for section in SECTIONS])


def write_study(
    folder: str | os.PathLike[str], study: Study, shots: int | None, command: str = ""
) -> tuple[Path, str]:
    """Write `report.html` and `runs.csv` of a study's runs with one number of shots.

    Args:
        folder: Made where it is not there.
        study: From `study.compare`.
        shots: Images per class; None for all. The table has the runs of every number.
        command: What to type to get these runs again.

    Returns:
        The report, and its table as lines for a terminal.

    Raises:
        ValueError: If the study has no such run.
        OSError: If the folder cannot be written to.
    """
    runs = [run for run in study.runs if run.shots == shots]
    if not runs:
        raise ValueError(f"the study has no run with {findings.shots_in_words(shots)}")
    task, labels = study.task, study.task.test.labels.tolist()
    drawn = task.at(shots, runs[0].seed)
    counts = np.bincount(drawn.train.labels.numpy(), minlength=len(task.classes)).tolist()
    indices = needed(runs, labels, study.shown)
    shown = task.test[torch.tensor(indices, dtype=torch.long)]
    data = ReportData(
        runs=runs,
        classes=task.classes,
        train_counts=counts,
        test_labels=labels,
        shown_images=shown.pixels.numpy(),
        shown_indices=indices,
        cam_indices=study.shown,
        masks=None if shown.masks is None else shown.masks.numpy(),
        chance=task.chance,
        baseline=pixel_neighbour(drawn),
        command=command,
        notes=task.notes,
        skipped=task.skipped,
        description=f"{len(task.classes)} classes, {sum(counts):,} training images for each run, "
        f"{len(labels):,} test images of {task.image_size} px.",
        machine={
            **describe_machine(choose_device()),
            "cores": os.cpu_count(),
            "vtlab": __version__,
        },
    )
    path = write(folder, data)
    write_csv(path.with_name("runs.csv"), study.table())
    return path, findings.as_text(runs, data.chance, data.baseline)


@dataclass(frozen=True, eq=False)
class ReportData:
    """What a report is written from: runs of one task at one number of images per class.

    Attributes:
        runs: At least one; all tested on the same N images.
        classes: The K class names.
        train_counts: Training images of each class.
        test_labels: The class of every test image, `(N,)`.
        shown_images: The test images that may be shown, `(M, 3, H, W)` uint8.
        shown_indices: Which ones those are, M places in the test set; `needed` says which
            ones a report asks for.
        chance: Test accuracy without learning.
        cam_indices: Which test images the runs' Grad-CAM maps explain, in their order.
        masks: Outlines for the shown images, `(M, H, W)` bool, or None.
        baseline: Test accuracy of the nearest neighbour in plain pixels, or None.
        description: What is to be told apart, in a sentence.
        command: What to type to get these runs again.
        machine: What the runs were made on, such as `{"processor": "x86_64"}`.
        notes: What a reader should know about the data, a sentence each.
        skipped: The files that were left out, a sentence each.
    """

    runs: Sequence[records.Run]
    classes: Sequence[str]
    train_counts: Sequence[int]
    test_labels: Sequence[int]
    shown_images: ArrayLike
    shown_indices: Sequence[int]
    chance: float
    cam_indices: Sequence[int] = ()
    masks: ArrayLike | None = None
    baseline: float | None = None
    description: str = ""
    command: str = ""
    machine: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    skipped: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuses runs and data which do not belong together."""
        if not self.runs:
            raise ValueError("a report needs at least one run")
        if len({run.shots for run in self.runs}) > 1:
            raise ValueError("a report compares runs of one number of images per class")
        sizes = {len(run.predictions) for run in self.runs} | {len(self.test_labels)}
        if len(sizes) > 1:
            raise ValueError(f"runs and test set differ in size: {sorted(sizes)} images")
        if len(self.shown_images) != len(self.shown_indices):
            raise ValueError(
                f"{len(self.shown_images)} shown images but {len(self.shown_indices)} indices"
            )

    @property
    def strategies(self) -> list[str]:
        """The strategies' names in the course's order."""
        return list(dict.fromkeys(records.table(self.runs).strategy))

    @property
    def best(self) -> str:
        """The strategy with the highest mean."""
        return findings.differences(self.runs).strategy[0]

    def rows(self, places: Iterable[int]) -> list[int]:
        """Where test images stand among the shown ones."""
        shown = [int(place) for place in self.shown_indices]
        return [shown.index(place) for place in places]

    def images(self, places: Iterable[int]) -> np.ndarray:
        """Test images by their places in the test set."""
        return np.asarray(self.shown_images)[self.rows(places)]


def opening(data: ReportData) -> str:
    """The answer in one sentence, and what should stop a reader from trusting it too far."""
    run = data.runs[0]
    kicker = " · ".join([run.task, findings.shots_in_words(run.shots), run.backbone])
    warnings = findings.caveats(data.runs, data.train_counts, data.chance, data.baseline)
    parts = [
        f"<header><p class='kicker'>{escape(kicker)}</p>",
        f"<h1>{escape(findings.answer(data.runs))}</h1>",
        page.paragraph(data.description),
        "</header>",
    ]
    if warnings:
        parts += ["<aside><h2>Before you rely on it</h2>", page.bullets(warnings), "</aside>"]
    return "\n".join(parts)


def results(data: ReportData) -> str:
    """The table, and the same as a figure."""
    size = len(data.test_labels)
    table = records.table(data.runs)
    means = metrics.summary(table, size).to_dict("records")
    gaps = findings.differences(data.runs).set_index("strategy")
    total = {run.strategy: run.total_weights for run in data.runs}
    uneven = len(set(np.unique(data.test_labels, return_counts=True)[1])) > 1
    rows = []
    for row in means:
        name, label = row["strategy"], names.label(row["strategy"])
        share = row["trainable_weights"] / total[name]
        cells = [
            f"<b>{percent(row['mean'])}</b>",
            _range(row["low"], row["high"]),
            *([percent(_balanced(data, name))] if uneven else []),
            f"{row['trainable_weights']:,} ({percent(share, 1 if share < 0.1 else 0)})",
            _gap(gaps.loc[name], best=name == gaps.index[0]),
            str(row["seeds"]),
            f"{row['seconds']:.1f}",
        ]
        rows.append(page.row(label.text, cells, colour=label.colour))
    for name, value in (("Chance", data.chance), ("Nearest neighbour in pixels", data.baseline)):
        if value is not None:
            rows.append(page.row(name, [percent(value), *[""] * (5 + uneven)], reference=True))
    columns = [
        "Strategy",
        "Test accuracy",
        "95\N{NO-BREAK SPACE}% interval",
        *(["Balanced accuracy"] if uneven else []),
        "Weights that learn",
        "Behind the best, in points",
        "Seeds",
        "Seconds a run",
    ]
    figure, narrow = (
        plots.accuracy(
            table, chance=data.chance, baseline=data.baseline, test_images=size, width=width
        )
        for width in (style.WIDE, 4.2)
    )
    alt = "Test accuracy of each seed, with mean and interval: " + ", ".join(
        f"{findings.text(row['strategy'])} {percent(row['mean'])}" for row in means
    )
    return page.section(
        "The numbers", page.grid(columns, rows), page.picture(figure, alt, narrow=narrow)
    )


def _balanced(data: ReportData, strategy: str) -> float:
    """A strategy's balanced accuracy, mean over its seeds."""
    return float(
        np.mean(
            [
                metrics.balanced_accuracy(data.test_labels, run.predictions)
                for run in data.runs
                if run.strategy == strategy
            ]
        )
    )


def _gap(gap: Mapping[str, float], *, best: bool) -> str:
    """How far behind the best, with its interval where there are pairs."""
    if best:
        return "the best"
    if not gap["pairs"]:
        return "no common seed"
    interval = f" <span class='quiet'>({_range(gap['low'], gap['high'])})</span>"
    return f"{100 * gap['behind']:.1f}" + (interval if gap["pairs"] > 1 else "")


def _range(low: float, high: float) -> str:
    """Two shares as percent, without the sign."""
    return f"{100 * low:.1f} to {100 * high:.1f}".replace("-", "\N{MINUS SIGN}")


def curves(data: ReportData) -> str:
    """Loss and training accuracy while the strategies learn."""
    table = records.epochs_table(data.runs)
    if not len(table):
        return ""
    alt = "Training loss and training accuracy of each strategy over the training."
    caption = (
        "Thin lines are seeds, thick lines their mean. The linear probe is solved, not "
        "trained by epochs: its steps are the solver's. With few images, high training "
        "accuracy says nothing about test accuracy."
    )
    return page.section("While learning", page.picture(plots.curves(table), alt, caption))


def confusion(data: ReportData) -> str:
    """Confusion matrices side by side, and the best strategy's commonest mistake."""
    counts = {
        name: sum(
            metrics.confusion(data.test_labels, run.predictions, len(data.classes))
            for run in data.runs
            if run.strategy == name
        )
        for name in data.strategies
    }
    shares = counts[data.best] / np.maximum(counts[data.best].sum(1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    true, taken = np.unravel_index(shares.argmax(), shares.shape)
    alt = f"Confusion matrices of {findings.listed([findings.text(n) for n in counts])}."
    caption = "All seeds together. Rows are the true classes, and each row sums to 100."
    if shares[true, taken] > 0:
        caption += (
            f" The commonest mistake of {findings.text(data.best)}: "
            f"{data.classes[true]} taken for {data.classes[taken]}, "
            f"{percent(shares[true, taken])} of the time."
        )
    figure = plots.confusion(counts, data.classes)
    return page.section("What is taken for what", page.picture(figure, alt, caption))


def mistakes(data: ReportData) -> str:
    """The mistakes that the best strategy was surest of."""
    best, size = findings.text(data.best), len(data.test_labels)
    wrong = findings.worst_mistakes(data.runs, data.test_labels, size)
    shown = wrong[wrong.image.isin(data.shown_indices)].head(findings.MISTAKES)
    if not len(wrong):
        return page.section("Worst mistakes", page.paragraph(f"{best} made none."))
    if not len(shown):
        return ""
    figure = plots.mistakes(
        data.images(shown.image),
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
    return page.section("Worst mistakes", page.picture(figure, alt, caption, photographs=True))


def cams(data: ReportData) -> str:
    """Grad-CAM of all strategies on the same test images, of the first seed that has maps."""
    runs: dict[str, records.Run] = {}
    for run in sorted(data.runs, key=lambda run: (names.order(run.strategy), run.seed)):
        if len(run.cams):
            runs.setdefault(run.strategy, run)
    if not len(data.cam_indices):
        return ""
    if not runs:
        return page.section(
            "What each one looks at",
            page.paragraph(
                "The last stage gives no map of more than one cell, so there is no place to look at."
            ),
        )
    places, labels = list(data.cam_indices), data.test_labels
    marks = {
        name: [(data.classes[run.predictions[i]], run.predictions[i] == labels[i]) for i in places]
        for name, run in runs.items()
    }
    masks = None if data.masks is None else np.asarray(data.masks)[data.rows(places)]
    figure = plots.cams(
        data.images(places),
        {name: run.cams for name, run in runs.items()},
        masks=masks,
        scale="each",
        titles=[data.classes[labels[i]] for i in places],
        marks=marks,
    )
    alt = (
        f"Grad-CAM heat maps of {findings.listed([findings.text(n) for n in runs])} on "
        f"{len(places)} test images."
    )
    outline = "" if masks is None else " The outline is the object's true mask."
    caption = (
        "Bright is where the evidence for the predicted class lies (Grad-CAM at the last "
        f"stage, first seed).{outline} Every map has its own scale: compare places, not "
        "brightness. A map describes one prediction; it does not prove a reason."
    )
    return page.section(
        "What each one looks at", page.picture(figure, alt, caption, photographs=True)
    )


def reading(data: ReportData) -> str:
    """What the words and numbers mean."""
    return page.section("How to read this", page.pairs(findings.HOW_TO_READ))


def what_was_run(data: ReportData) -> str:
    """The command, the settings, the data."""
    run, counts = data.runs[0], list(data.train_counts)
    each = str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    facts = {
        "task": f"{run.task}: {len(data.classes)} classes ({', '.join(data.classes)})",
        "training images": f"{sum(counts):,} for each run, {each} of each class",
        "test images": f"{len(data.test_labels):,}, the same for all runs",
        "backbone": run.backbone,
        "weights": run.weights,
    }
    common, differing = _settings(data)
    columns = ["Setting", *(findings.text(name) for name in data.strategies)]
    table = (
        page.grid(
            columns,
            [page.row(key, [escape(cell) for cell in cells]) for key, cells in differing.items()],
        )
        if differing
        else ""
    )
    return page.section(
        "What was run",
        page.command(data.command),
        table,
        page.pairs(facts | common),
        page.bullets(data.notes),
    )


def left_out(data: ReportData) -> str:
    """Every file that could not be used, by name."""
    if not data.skipped:
        return ""
    count = (
        f"{len(data.skipped)} {'file was' if len(data.skipped) == 1 else 'files were'} left out."
    )
    return page.section(
        "The files that were left out", page.paragraph(count), page.bullets(data.skipped)
    )


def _settings(data: ReportData) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What all runs share, and what differs between strategies: a cell for each."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for run in data.runs:
        steps = {"epochs or solver steps": len(run.epochs)} if run.epochs else {}
        for key, value in (run.settings | steps).items():
            if key not in data.machine and key != "recipe":  # its parts are named or the default
                found.setdefault(key, {}).setdefault(run.strategy, {})[_value(value)] = None
    common, differing = {}, {}
    for key, by_strategy in found.items():
        cells = [", ".join(by_strategy.get(name, {"": None})) for name in data.strategies]
        key = key.replace("_", " ")
        if len(set(cells)) == 1:
            common[key] = cells[0]
        else:
            differing[key] = cells
    return common, differing


def _value(value: object) -> str:
    """A setting as a person writes it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def on_what_machine(data: ReportData) -> str:
    """What the runs were made on."""
    facts = {key.replace("_", " "): _value(value) for key, value in data.machine.items()}
    return page.section("On what machine", page.pairs(facts))


SECTIONS = (
    opening,
    results,
    curves,
    confusion,
    mistakes,
    cams,
    reading,
    what_was_run,
    left_out,
    on_what_machine,
)
