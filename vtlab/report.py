"""The report of a study: one HTML file that holds everything, made to be sent and printed.

The answer comes first, then the numbers it rests on, then what a careful reader asks next. No
script, and nothing loaded from elsewhere: a report opens in ten years and without a network.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from vtlab import __version__, findings, page, records, sections
from vtlab.bench import machine
from vtlab.files import write_csv, write_text
from vtlab.precision import best_device
from vtlab.sections import ReportData as ReportData
from vtlab.study import Study
from vtlab.tasks import pixel_neighbour


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
    return page.frame(title, [section(data) for section in sections.SECTIONS])


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
        runs=runs, classes=task.classes, train_counts=counts, test_labels=labels,
        shown_images=shown.pixels.numpy(), shown_indices=indices, cam_indices=study.shown,
        masks=None if shown.masks is None else shown.masks.numpy(), chance=task.chance,
        baseline=pixel_neighbour(drawn), command=command, notes=task.notes, skipped=task.skipped,
        description=f"{len(task.classes)} classes, {sum(counts):,} training images for each run, "
        f"{len(labels):,} test images of {task.image_size} px.",
        machine={**machine(best_device()), "cores": os.cpu_count(), "vtlab": __version__},
    )  # fmt: skip
    path = write(folder, data)
    write_csv(path.with_name("runs.csv"), study.table())
    return path, findings.as_text(runs, data.chance, data.baseline)
