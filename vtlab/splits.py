"""What is held out of a set of labelled images, class by class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vtlab.randomness import generator

LEAST_PER_CLASS = 4  # so that a hold-out leaves two images to learn from and two to test on


def enough(name: str | int, count: int) -> None:
    """Refuse a class that is too small to be split.

    Raises:
        ValueError: Naming it and its count.
    """
    if count < LEAST_PER_CLASS:
        images = "image" if count == 1 else "images"
        raise ValueError(f"class {name!r} has {count} {images}; the least is {LEAST_PER_CLASS}, "
                         "two to learn from and two to test on")  # fmt: skip


def holdout(labels: Tensor, share: float, seed: int,
            classes: Sequence[str] = ()) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Places kept to learn from and places held out, a share of each class, at least two each.

    Args:
        labels: `(N,)` int64.
        share: In (0, 1).
        seed: Which are held out.
        classes: Names for the message.

    Raises:
        ValueError: If a class has fewer than `LEAST_PER_CLASS` images, or no such share exists.
    """
    if not 0 < share < 1:
        raise ValueError(f"a share of {share} cannot be held out; it lies between 0 and 1")
    random, kept, held = generator(seed, "holdout"), [], []
    for k in labels.unique().tolist():
        index = (labels == k).nonzero()[:, 0]
        enough(classes[k] if classes else k, len(index))
        index = index[torch.randperm(len(index), generator=random)]
        cut = min(max(2, round(share * len(index))), len(index) - 2)
        held.append(index[:cut].sort().values)
        kept.append(index[cut:].sort().values)
    return torch.cat(kept), torch.cat(held)
