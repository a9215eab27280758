"""Splitting labelled images in two, with the same share of each class on each side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vtlab.data.images import image_places_by_class
from vtlab.system.randomness import make_generator

MIN_IMAGES_PER_CLASS = 4  # so that a split leaves two images to learn from and two to test on


def stratified_split(
    labels: Tensor, share: float, seed: int, classes: Sequence[str] = ()
) -> tuple[Tensor, Tensor]:
    """Places to learn from and places to test on: a share of each class, at least two each.

    Args:
        labels: `(N,)` int64.
        share: Of each class that is held out, between 0 and 1.
        seed: Which images are held out.
        classes: Names for the message.

    Returns:
        Places in `labels` of the images that are kept and of those held out, sorted within each class.

    Raises:
        ValueError: If a class has fewer than `MIN_IMAGES_PER_CLASS` images, or no such share exists.
    """
    if not 0 < share < 1:
        raise ValueError(f"a share of {share} cannot be held out; it lies between 0 and 1")
    for k, count in zip(*(x.tolist() for x in labels.unique(return_counts=True)), strict=True):
        check_class_size(classes[k] if classes else k, count)
    return split_each_class(labels, share, make_generator(seed, "holdout"), least=2)


def split_each_class(
    labels: Tensor, share: float, random: torch.Generator, least: int
) -> tuple[Tensor, Tensor]:
    """Do what `stratified_split` does, unchecked, with at least so many images of each class on each side."""
    kept, held = [], []
    for places in image_places_by_class(labels, labels.unique().tolist(), random):
        cut = min(max(least, round(share * len(places))), len(places) - least)
        held.append(places[:cut].sort().values)
        kept.append(places[cut:].sort().values)
    return torch.cat(kept), torch.cat(held)


def check_class_size(name: str | int, count: int) -> None:
    """Refuse a class that is too small to be split.

    Raises:
        ValueError: Naming it and its count.
    """
    if count < MIN_IMAGES_PER_CLASS:
        images = "image" if count == 1 else "images"
        raise ValueError(
            f"class {name!r} has {count} {images}; the least is {MIN_IMAGES_PER_CLASS}, "
            "two to learn from and two to test on"
        )
