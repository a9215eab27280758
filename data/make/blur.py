"""Make blur.csv: what a blur costs a probe, and what views with the same blur give back.

`python data/make/blur.py` trains everything, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task
from torch import Tensor

from vtlab.course.lesson_08 import (
    KINDS,
    NEAREST,
    NO_CHANGE,
    blur,
    blur_at_random,
    change_test_images,
    probe_on_views,
)
from vtlab.data.augment import Augmentation, augment_with
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.features import activations
from vtlab.results import metrics

SEEDS = 5
SHOTS = 5
TEST_PLANTS = 150  # per species
WAYS: dict[str, Augmentation] = {
    "sharp": NO_CHANGE,
    "blurred": NO_CHANGE,  # of images that are blurred once for all
    "sharp and blurred": augment_with(blur_at_random, "blur"),
    "bilinear": KINDS["rotate"],
    "nearest": NEAREST["rotate"],
}


def measure_blur(way: str, features: dict[str, Tensor], task: Task, seed: int) -> dict[str, float]:
    """One probe, and its accuracy on each kind of test images, whose features are given."""
    if way == "blurred":
        train = task.train
        task = replace(task, train=Images(blur(train.pixels), train.labels, train.masks))
    network = probe_on_views(
        backbone("mini_resnet", classes=len(task.classes)), task, WAYS[way], seed
    )
    labels = task.test.labels.tolist()
    found = {
        name: metrics.accuracy(labels, network.head(of).argmax(1).tolist())
        for name, of in features.items()
    }
    return {"test_accuracy": found["as drawn"], **found}


def plan_blur() -> Plan:
    """Every way x seed."""
    base, network = make_task("garden", shots=1), backbone("mini_resnet")
    features = {
        name: activations(network, images)
        for name, images in change_test_images(TEST_PLANTS).items()
    }
    for seed in range(SEEDS):
        for way in WAYS:
            measure = partial(measure_blur, way, features)
            yield (
                {"way": way, "seed": seed},
                partial(resumable_row_on_task, base, SHOTS, seed, measure),
            )


if __name__ == "__main__":
    make_resumable_table("blur", lambda folder: fill_table(plan_blur(), folder), __doc__)
