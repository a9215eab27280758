"""What a report is written from: runs, and what is known about their data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from vtlab import __version__
from vtlab.results import conclusions
from vtlab.results.comparison import Comparison
from vtlab.system.device import choose_device, describe_machine

if TYPE_CHECKING:
    from vtlab.data.tasks import Task


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
