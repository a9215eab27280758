"""Images that look the same as another one: the same photograph, saved again, scaled or brightened.

Candidates are found by a perceptual hash, then their thumbnails are compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MAX_HASH_DISTANCE = 10  # of 64 signs that may differ
# Root mean square difference of two thumbnails, each without its mean colour: at most so many of 255,
MAX_SHAPE_DIFFERENCE = 8.0
# and at most this share of their own contrast, or small things on a plain ground are alike.
MAX_SHARE_OF_CONTRAST = 0.5
MAX_COLOUR_DIFFERENCE = 24.0  # of 255, between their mean colours
CANDIDATES = 50  # hashes that are looked at more closely, of each image
PAIRS_AT_A_TIME = 2**22  # whose hashes are compared
NUMBERS_AT_A_TIME = 2**22  # made of bytes


def near_duplicates(first: Tensor, second: Tensor) -> list[tuple[int, int]]:
    """Pairs that look the same: places in `first` and in `second`.

    An image of `second` is in one pair at most, with the image that is most like it. Two images are alike
    if their hashes differ in at most 10 of 64 signs, and their thumbnails of 16 x 16 differ by no more than
    8 of 255 and by no more than half of their own contrast; their mean colours may differ by 24. The hash
    alone does not tell plain areas apart. For each image the 50 nearest hashes are looked at.

    Args:
        first: Bytes `(N, 3, H, W)`.
        second: Bytes `(M, 3, H, W)`.

    Lesson 16.
    """
    likest: dict[int, tuple[float, int]] = {}
    for i, j, away in _find_pairs(first, second):
        likest[j] = min(likest.get(j, (away, i)), (away, i))
    return [(i, j) for j, (_, i) in sorted(likest.items())]


def join_near_duplicates(pixels: Tensor) -> list[int]:
    """The number of a group for each image: images that look the same, or look as a third one does, share it.

    A burst, or a film of which little moves, is a chain of images each like the next.

    Args:
        pixels: Bytes `(N, 3, H, W)`.

    Lesson 16.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.array([(i, j) for i, j, _ in _find_pairs(pixels, pixels) if i != j])
    pairs = pairs.reshape(-1, 2).T
    links = coo_array((np.ones(pairs.shape[1]), tuple(pairs)), shape=(len(pixels), len(pixels)))
    return connected_components(links, directed=False)[1].tolist()


def _find_pairs(first: Tensor, second: Tensor) -> Iterator[tuple[int, int, float]]:
    """All pairs that look the same: places in `first` and in `second`, and how much the images differ."""
    if not len(first) or not len(second):
        return
    signs, shapes, colours = zip(*map(_describe, (first, second)), strict=True)
    part = max(1, min(2048, PAIRS_AT_A_TIME // len(first)))
    for start in range(0, len(second), part):
        # unequal signs of each pair, from the product of hashes of -1 and 1
        distances = (64 - signs[1][start : start + part] @ signs[0].T) / 2  # (m, N)
        nearest = distances.topk(min(CANDIDATES, len(first)), largest=False)  # (m, 50)
        for pair in (nearest.values <= MAX_HASH_DISTANCE).nonzero().split(8192):
            i, j = pair[:, 0] + start, nearest.indices[pair[:, 0], pair[:, 1]]
            one, other = shapes[1][i].float(), shapes[0][j].float()
            difference = _root_mean_square(one - other)
            contrast = torch.maximum(_root_mean_square(one), _root_mean_square(other))
            alike = (
                difference <= (MAX_SHARE_OF_CONTRAST * contrast).clamp(1, MAX_SHAPE_DIFFERENCE)
            ) & ((colours[1][i] - colours[0][j]).abs().amax(1) <= MAX_COLOUR_DIFFERENCE)
            yield from zip(*(x[alike].tolist() for x in (j, i, difference)), strict=True)


def _gradient_hash(pixels: Tensor) -> Tensor:
    """64 signs: whether a grey image of 8 x 9 grows brighter to the right, `(N, 64)`, as -1.0 or 1.0.

    The "difference hash", a perceptual hash: scaling, compression and light hardly change it, and the
    number of unequal signs (the Hamming distance) is small where two images look alike.

    Args:
        pixels: Bytes `(N, 3, H, W)`.

    Lesson 16.
    """
    grey = [
        F.adaptive_avg_pool2d(part.float().mean(1, keepdim=True), (8, 9)) for part in _parts(pixels)
    ]
    return (torch.cat(grey).diff(dim=3).flatten(1) > 0).float() * 2 - 1


def _describe(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The hash `(N, 64)`, the thumbnail without its mean colour `(N, 3, 16, 16)`, that colour `(N, 3)`."""
    shapes, colours = [], []
    for part in _parts(pixels):
        small = F.adaptive_avg_pool2d(part.float(), 16)
        colours.append(small.mean((2, 3)))
        shapes.append((small - colours[-1][:, :, None, None]).half())  # many thumbnails stay small
    return _gradient_hash(pixels), torch.cat(shapes), torch.cat(colours)


def _parts(pixels: Tensor) -> tuple[Tensor, ...]:
    """Images a few at a time: they may be more than memory."""
    return pixels.split(max(1, NUMBERS_AT_A_TIME // pixels[0].numel()))


def _root_mean_square(shapes: Tensor) -> Tensor:
    """The root mean square of each image of `(n, 3, 16, 16)`, `(n,)`."""
    return shapes.square().mean((1, 2, 3)).sqrt()
