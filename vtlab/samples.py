"""A few images to look at: of each class in turn, with their augmented views, from one file."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vtlab.augment import Augment
from vtlab.decoding import decode
from vtlab.tasks import Images


def few(images: Images, classes: Sequence[int], count: int) -> Images:
    """The first `count` images at most of these classes, as many of each as have room."""
    each = -(-count // len(classes))
    places = [(images.labels == k).nonzero()[:each, 0] for k in classes]
    return images[torch.cat(places)[:count]]


def views(images: Images, augment: Augment, seed: int, count: int) -> Tensor:
    """Each image as it is, followed by `count` augmented views: bytes `(N * (1 + count), 3, H, W)`."""
    index = torch.arange(len(images))
    numbers = range(count + 1)  # view 0 is the image as it is
    return torch.stack([augment.view(images.pixels, index, seed, v) for v in numbers], 1).flatten(0, 1)


def photograph(content: bytes, size: int, name: str) -> Tensor:
    """An image file as bytes `(1, 3, size, size)`.

    Raises:
        ValueError: If it cannot be read; the message names it.
    """
    return torch.from_numpy(decode(content, size, name)).permute(2, 0, 1)[None]
