"""Images that look the same on both sides of a split, though their files differ.

A photograph saved twice, scaled, or brightened is known by heart from the training set and counts
as right in the test set.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BITS = 10  # of 64 that may differ
SHAPE = 8.0  # of 255: the root mean square difference of two thumbnails, each without its mean colour …
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
    grey = torch.cat([F.adaptive_avg_pool2d(part.float().mean(1, keepdim=True), (8, 9))
                      for part in _parts(pixels)])  # fmt: skip
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
            alike = (away <= (OWN * own).clamp(1, SHAPE)) \
                & ((colours[1][i] - colours[0][j]).abs().amax(1) <= COLOUR)  # fmt: skip
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
