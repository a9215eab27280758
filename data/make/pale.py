"""Make pale.csv: a network whose images have a wrong normalisation, and what repairs it.

`python data/make/pale.py` measures everything, keeps each finished run and goes on where it was.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from resumable_table import Plan, fill_table, make_resumable_table, resumable_row_on_task

from vtlab.course.lesson_03 import (
    IMAGENET_NORMALISATION,
    PALE,
    find_batchnorms,
    renew_statistics,
)
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.network import Network
from vtlab.models.normalisation import GARDEN_NORMALISATION
from vtlab.study.run import train_and_test
from vtlab.system.randomness import make_generator
from vtlab.training.fit import fit
from vtlab.training.strategies import full, plain, probe

SEEDS = 5
SHOTS, TESTS = 5, 50  # images per class
NETWORK, OTHERS = "mini_resnet", ("mini_vgg", "mini_inception", "mini_mobilenet")
NORMALISATIONS = {  # "healthy": the network's own, which are the garden's
    "pale": PALE,
    "ImageNet's": IMAGENET_NORMALISATION,
    "no mean": replace(PALE, std=GARDEN_NORMALISATION.std),
    "no spread": replace(PALE, mean=GARDEN_NORMALISATION.mean),
}
RENEWED = {  # which BatchNorm layers, from the image on
    "none": slice(0, 0),
    "first": slice(0, 1),
    "last": slice(-1, None),
    "others": slice(1, None),
    "all": slice(None),
}
COUNTS = (1, 2, 5, 10, 20)  # images to renew the first layer from, beside all of them
RATES = (3e-4, 1e-3, 3e-3)  # of fine-tuning everything


def measure_pale(
    task: Task,
    seed: int,
    backbone_name: str,
    images: str,
    head: str,
    renewed: str,
    count: int,
    rate: float | None,
) -> dict[str, float]:
    """One network: its head, then its normalisation, then its statistics; tested once."""
    network = backbone(backbone_name, classes=len(task.classes))
    if head == "healthy":
        _solve_head(network, task, seed)
    network.normalisation = NORMALISATIONS.get(images, network.normalisation)
    if head == "pale":
        _solve_head(network, task, seed)
    if head == "fine-tuned":
        return train_and_test(network, task, plain(replace(full, rate=rate)), seed)
    if renewed != "none":
        order = torch.randperm(len(task.train), generator=make_generator(seed, "renew"))
        pixels = task.train.pixels[order[:count]]
        renew_statistics(network, find_batchnorms(network)[RENEWED[renewed]], pixels)
    return {"test_accuracy": evaluate(network, task.test.pixels, task.test.labels)}


def _solve_head(network: Network, task: Task, seed: int) -> None:
    for _ in fit(network, task, probe, seed=seed):
        pass


def _list_ways(shots_in_all: int) -> Iterator[tuple[str, str, str, str, int, float | None]]:
    """Backbone, images, head, renewed, images to renew from, rate."""
    everything = shots_in_all
    for name in (NETWORK, *OTHERS):
        yield name, "healthy", "healthy", "none", 0, None
        yield name, "pale", "healthy", "none", 0, None
        for renewed in ("first", "all"):
            yield name, "pale", "healthy", renewed, everything, None
    yield NETWORK, "ImageNet's", "healthy", "none", 0, None
    for images in ("healthy", "no mean", "no spread"):
        yield NETWORK, images, "healthy", "first", everything, None
    yield NETWORK, "healthy", "healthy", "all", everything, None
    for renewed in ("last", "others"):
        yield NETWORK, "pale", "healthy", renewed, everything, None
    yield NETWORK, "pale", "pale", "none", 0, None
    for count in COUNTS:
        yield NETWORK, "pale", "healthy", "first", count, None
    for rate in RATES:
        yield NETWORK, "pale", "fine-tuned", "none", 0, rate


def plan_pale() -> Plan:
    """Every seed x way; what is fine-tuned comes last."""
    garden = make_task("garden", shots=1, tests=TESTS)
    ways = list(_list_ways(SHOTS * len(garden.classes)))
    tuned = [way for way in ways if way[2] == "fine-tuned"]
    for some in ([way for way in ways if way not in tuned], tuned):
        for seed, way in itertools.product(range(SEEDS), some):
            name, images, head, renewed, count, rate = way
            run = {"backbone": name, "images": images, "head": head, "renewed": renewed} | {
                "count": count,
                "rate": rate,
                "seed": seed,
            }
            measure = partial(
                measure_pale,
                backbone_name=name,
                images=images,
                head=head,
                renewed=renewed,
                count=count,
                rate=rate,
            )
            yield run, partial(resumable_row_on_task, garden, SHOTS, seed, measure)


if __name__ == "__main__":
    make_resumable_table("pale", lambda folder: fill_table(plan_pale(), folder), __doc__)
