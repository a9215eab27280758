"""How alike two heat maps of one image are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor

WINDOW = 7  # side of the windows of the structural similarity


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation of each pair of maps `(N, h, w)`, `(N,)`.

    A map that is the same everywhere has no ranks: its correlation is 0.

    Raises:
        ValueError: If the shapes differ.
    """
    _check_shapes(first, second)
    # in double: newer SciPys rank in the precision that they are given
    ranks = [
        torch.from_numpy(rankdata(maps.flatten(1).double().numpy(), axis=1))
        for maps in (first, second)
    ]
    a, b = (r - r.mean(1, keepdim=True) for r in ranks)
    size = a.norm(dim=1) * b.norm(dim=1)
    return torch.where(size > 0, (a * b).sum(1) / size.clamp(min=1e-12), 0.0)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of each pair of maps, each scaled to [0, 1] first, `(N,)`.

    Means over windows of 7 x 7 (cut to the map), with the usual constants.
    Wang et al. (2004), https://doi.org/10.1109/TIP.2003.819861.

    Raises:
        ValueError: If the shapes differ.
    """
    _check_shapes(first, second)
    a, b = (_scale_to_unit(maps)[:, None].double() for maps in (first, second))
    side = min(WINDOW, *first.shape[1:])

    def mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, side, stride=1)

    share = side**2 / (side**2 - 1)  # sample covariance
    mean_a, mean_b = mean(a), mean(b)
    spread_a = share * (mean(a * a) - mean_a**2)
    spread_b = share * (mean(b * b) - mean_b**2)
    joint = share * (mean(a * b) - mean_a * mean_b)
    c1, c2 = 0.01**2, 0.03**2  # keep the quotient finite where maps are flat
    similarity = (
        (2 * mean_a * mean_b + c1)
        * (2 * joint + c2)
        / ((mean_a**2 + mean_b**2 + c1) * (spread_a + spread_b + c2))
    )
    return similarity.mean((1, 2, 3))


def pair_maps_of_other_images(maps: Tensor) -> Tensor:
    """Each map's partner for comparison: the map of another image, half the batch away."""
    return maps.roll(len(maps) // 2, 0)


def _scale_to_unit(maps: Tensor) -> Tensor:
    """Each map from its least to its highest value as 0 to 1."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-30)


def _check_shapes(first: Tensor, second: Tensor) -> None:
    """Refuses two batches that are not of the same maps."""
    if first.shape != second.shape or first.dim() != 3 or not len(first):
        raise ValueError(
            f"two batches of maps (N, h, w) are needed, not {tuple(first.shape)} "
            f"and {tuple(second.shape)}"
        )
