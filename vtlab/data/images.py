"""What is held out of a set of labelled images, class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.system.randomness import generator

LEAST_PER_CLASS = 4  # so that a hold-out leaves two images to learn from and two to test on


def enough(name: str | int, count: int) -> None:
    """Refuse a class that is too small to be split.

    Raises:
        ValueError: Naming it and its count.
    """
    if count < LEAST_PER_CLASS:
        images = "image" if count == 1 else "images"
        raise ValueError(
            f"class {name!r} has {count} {images}; the least is {LEAST_PER_CLASS}, "
            "two to learn from and two to test on"
        )


def holdout(
    labels: Tensor, share: float, seed: int, classes: Sequence[str] = ()
) -> tuple[Tensor, Tensor]:
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


BITS = 10  # of 64 that may differ
SHAPE = (
    8.0  # of 255: the root mean square difference of two thumbnails, each without its mean colour …
)
OWN = 0.5  # … and no more than this share of their own contrast, or small things on a plain ground are alike
COLOUR = 24.0  # of 255: the difference of their mean colours
COMPARED = 2**22  # pairs of images that are compared at a time
NEAREST = 50  # hashes that are looked at more closely, of each image
FLOATS = 2**22  # numbers made of bytes at a time


def gradient_hash(pixels: Tensor) -> Tensor:
    """64 signs: whether a grey image of 8 x 9 grows brighter to the right, `(N, 64)`, as -1.0 or 1.0.

    The "difference hash", a perceptual hash: scaling, compression and light hardly change it, and the
    number of unequal signs (the Hamming distance) is small where two images look alike.

    Args:
        pixels: Bytes `(N, 3, H, W)`.

    Lesson 16.
    """
    grey = torch.cat(
        [
            F.adaptive_avg_pool2d(part.float().mean(1, keepdim=True), (8, 9))
            for part in _parts(pixels)
        ]
    )
    return (grey.diff(dim=3).flatten(1) > 0).float() * 2 - 1


def near(first: Tensor, second: Tensor) -> list[tuple[int, int]]:
    """Pairs that look the same: places in `first (N, 3, H, W)` and in `second (M, 3, H, W)`, bytes.

    Of each image of `second` at most one pair is named, the likest. Two images are alike if at most 10 of
    64 signs of their hashes differ, and their thumbnails of 16 x 16 differ by no more than 8 of 255 and
    than half of their own contrast, beside a difference of 24 in the mean colour: the hash alone takes all
    plain areas for one. Of each image the 50 nearest hashes are looked at.

    Lesson 16.
    """
    if not len(first) or not len(second):
        return []
    signs, shapes, colours = zip(*(_described(pixels) for pixels in (first, second)), strict=True)
    likest: dict[int, tuple[float, int]] = {}
    part = max(1, min(2048, COMPARED // len(first)))
    for start in range(0, len(second), part):
        differ = (64 - signs[1][start : start + part] @ signs[0].T) / 2  # (m, N)
        nearest = differ.topk(min(NEAREST, len(first)), largest=False)  # (m, 50)
        for pair in (nearest.values <= BITS).nonzero().split(8192):
            i, j = pair[:, 0] + start, nearest.indices[pair[:, 0], pair[:, 1]]
            one, other = shapes[1][i].float(), shapes[0][j].float()
            away, own = _size(one - other), torch.maximum(_size(one), _size(other))
            alike = (away <= (OWN * own).clamp(1, SHAPE)) & (
                (colours[1][i] - colours[0][j]).abs().amax(1) <= COLOUR
            )
            for of, distance, to in zip(*(x[alike].tolist() for x in (i, away, j)), strict=True):
                likest[of] = min(likest.get(of, (distance, to)), (distance, to))
    return [(j, i) for i, (_, j) in sorted(likest.items())]


def _parts(pixels: Tensor) -> tuple[Tensor, ...]:
    return pixels.split(max(1, FLOATS // pixels[0].numel()))


def _size(shapes: Tensor) -> Tensor:
    """Root mean square of each of `(n, 3, 16, 16)`."""
    return shapes.square().mean((1, 2, 3)).sqrt()


def _described(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The hash `(N, 64)`, the thumbnail without its mean colour `(N, 3, 16, 16)`, that colour `(N, 3)`."""
    shapes, colours = [], []
    for part in _parts(pixels):
        small = F.adaptive_avg_pool2d(part.float(), 16)
        colours.append(small.mean((2, 3)))
        shapes.append((small - colours[-1][:, :, None, None]).half())  # many thumbnails stay small
    return gradient_hash(pixels), torch.cat(shapes), torch.cat(colours)


def few(images: Images, classes: Sequence[int], count: int) -> Images:
    """The first `count` images at most of these classes, as many of each as have room."""
    each = -(-count // len(classes))
    places = [(images.labels == k).nonzero()[:each, 0] for k in classes]
    return images[torch.cat(places)[:count]]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Decoded images: `pixels (N, 3, S, S)` uint8, `labels (N,)` int64, and the files' names."""

    pixels: Tensor
    labels: Tensor
    files: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images: `pixels (N, 3, H, W)` uint8, `labels (N,)`, `masks (N, H, W)` or None."""

    pixels: Tensor
    labels: Tensor
    masks: Tensor | None = None
    files: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """How many images."""
        return len(self.labels)

    def __getitem__(self, index: Tensor) -> Images:
        """The images at these places, `(n,)`."""
        masks = None if self.masks is None else self.masks[index]
        files = None if self.files is None else tuple(self.files[i] for i in index.tolist())
        return Images(self.pixels[index], self.labels[index], masks, files)


def _first(images: Images, per_class: int, classes: int) -> Images:
    """The first so many images of each class, in the order that they have."""
    places = [(images.labels == k).nonzero()[:per_class, 0] for k in range(classes)]
    return images[torch.cat(places).sort().values]
