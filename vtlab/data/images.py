"""Labelled images in memory, and which of them belong to which class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vtlab.system.printing import OneLine

MIN_IMAGE_SIDE, MAX_IMAGE_SIDE = 16, 1024  # pixels


@dataclass(frozen=True, eq=False, repr=False)
class Images(OneLine):
    """Labelled images.

    Attributes:
        pixels: `(N, 3, H, W)` uint8.
        labels: `(N,)` int64; float where a number is asked for.
        masks: `(N, H, W)` bool, true on the object; None where outlines are not known.
        files: The N file names; empty where the images come from no files.
        groups: The N names of groups that no split may divide, such as patients, animals or films;
            empty where every image stands alone.
    """

    pixels: Tensor
    labels: Tensor
    masks: Tensor | None = None
    files: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def summarise(self) -> str:
        """How many images of which size, and what their labels are."""
        kinds = len(self.labels.unique())
        labels = "numbers" if self.labels.is_floating_point() else f"{kinds} classes"
        groups = f", {len({*self.groups})} groups" if self.groups else ""
        height, width = self.pixels.shape[2:]
        return f"{len(self):,} images, {width} x {height} px; {labels}{groups}"

    def __len__(self) -> int:
        """How many images."""
        return len(self.labels)

    def __getitem__(self, index: Tensor) -> Images:
        """The images at these places, `(n,)`."""
        masks = None if self.masks is None else self.masks[index]
        chosen = index.tolist() if self.files or self.groups else ()
        files, groups = (
            tuple(of[i] for i in chosen) if of else () for of in (self.files, self.groups)
        )
        return Images(self.pixels[index], self.labels[index], masks, files, groups)

    @property
    def strata(self) -> Tensor:
        """The class of each image, `(N,)`; where a number is asked for, all are of one kind."""
        numbers = self.labels.is_floating_point()
        return torch.zeros_like(self.labels, dtype=torch.long) if numbers else self.labels

    def first_of_classes(self, classes: Sequence[int], count: int) -> Images:
        """The first `count` images at most of these classes, as many of each as have room."""
        each = -(-count // len(classes))
        places = [own[:each] for own in image_places_by_class(self.labels, classes)]
        return self[torch.cat(places)[:count]]


def image_places_by_class(
    labels: Tensor, classes: Iterable[int], random: torch.Generator | None = None
) -> list[Tensor]:
    """Where the images of each class are.

    Args:
        labels: `(N,)`.
        classes: Which classes.
        random: Shuffles the places within each class; None to keep their order.

    Returns:
        For each class the places in `labels` that have it, `(n,)` int64.
    """
    places = [(labels == k).nonzero()[:, 0] for k in classes]
    if random is None:
        return places
    return [own[torch.randperm(len(own), generator=random)] for own in places]


def check_size_of_images(image_size: int) -> None:
    """Refuse images that are too small or too large, before anything is made for them.

    Raises:
        ValueError: If the side is not from 16 to 1024 pixels.
    """
    if image_size < MIN_IMAGE_SIDE:
        raise ValueError(f"images of {image_size} px are too small; the least is {MIN_IMAGE_SIDE}")
    if image_size > MAX_IMAGE_SIDE:
        raise ValueError(f"images of {image_size} px are too large; the most is {MAX_IMAGE_SIDE}")
