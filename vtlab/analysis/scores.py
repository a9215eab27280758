"""How well a heat map finds an object whose mask is known exactly.

Every score is one number per image, measured at the masks' resolution. A map with no evidence
anywhere finds nothing: it scores 0.
"""

from __future__ import annotations

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.system.randomness import make_generator

SCORES = ("hit", "mass", "overlap")


def cam_scores(maps: Tensor, masks: Tensor, tolerance: float = 0) -> pd.DataFrame:
    """The three scores of each map, a row per image.

    Args:
        maps: `(N, h, w)`, not rescaled, of any resolution.
        masks: `(N, H, W)` bool, true on the object.
        tolerance: Of the pointing game, in pixels of the mask.

    Returns:
        hit (0 or 1), mass and overlap, in [0, 1].

    Raises:
        ValueError: If the numbers or proportions differ, a mask is empty, or there is none.

    Lesson 09.
    """
    values = {
        "hit": hits(maps, masks, tolerance).float(),
        "mass": mass_inside(maps, masks),
        "overlap": overlap(maps, masks),
    }
    return pd.DataFrame({name: scores.double().numpy() for name, scores in values.items()})


def hits(maps: Tensor, masks: Tensor, tolerance: float = 0) -> Tensor:
    """The pointing game: whether the map's maximum lies on the object, `(N,)` bool.

    Args:
        maps: `(N, h, w)`.
        masks: `(N, H, W)` bool.
        tolerance: How many pixels beside the object still count as a hit.

    Zhang et al. (2018), https://arxiv.org/abs/1608.00507.
    """
    maps, masks = _paired(maps, masks)
    best = maps.flatten(1).argmax(1)
    row, column = best // maps.shape[2], best % maps.shape[2]
    rows = torch.arange(maps.shape[1])[None, :, None] - row[:, None, None]
    columns = torch.arange(maps.shape[2])[None, None] - column[:, None, None]
    near = rows.square() + columns.square() <= tolerance**2  # (N, H, W)
    return (near & masks).flatten(1).any(1) & (maps.flatten(1).amax(1) > 0)


def mass_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """The share of the map's sum that lies on the object, `(N,)`."""
    maps, masks = _paired(maps, masks)
    inside, everywhere = (maps * masks).sum((1, 2)), maps.sum((1, 2))
    return torch.where(everywhere > 0, inside / everywhere.clamp(min=1e-30), 0.0)


def overlap(maps: Tensor, masks: Tensor) -> Tensor:
    """Intersection over union of the object and the map's top pixels, as many as it has, `(N,)`.

    The threshold is thus no free choice: an object of 300 pixels is compared with the 300
    pixels of the highest values.
    """
    maps, masks = _paired(maps, masks)
    flat, mask = maps.flatten(1), masks.flatten(1)
    place = flat.argsort(dim=1, descending=True, stable=True).argsort(1)  # 0: the highest
    top = (place < mask.sum(1, keepdim=True)) & (flat > 0)
    return (top & mask).sum(1) / (top | mask).sum(1)


def enlarge(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps `(N, h, w)` at another size, bilinear, pixel areas aligned and not corners."""
    if tuple(maps.shape[1:]) == tuple(size):
        return maps
    return F.interpolate(maps[:, None], size=tuple(size), mode="bilinear", align_corners=False)[
        :, 0
    ]


def _paired(maps: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Maps without negative values at the masks' size, and the masks."""
    maps, masks = torch.as_tensor(maps).float(), torch.as_tensor(masks)
    if maps.dim() != 3 or masks.dim() != 3 or len(maps) != len(masks) or not len(maps):
        raise ValueError(
            f"maps (N, h, w) and masks (N, H, W) are needed, "
            f"not {tuple(maps.shape)} and {tuple(masks.shape)}"
        )
    (height, width), (tall, wide) = maps.shape[1:], masks.shape[1:]
    if abs(width - wide * height / tall) > 1:
        raise ValueError(f"masks of {tall} x {wide} do not belong to maps of {height} x {width}")
    if masks.dtype != torch.bool:
        raise ValueError(f"masks are true or false, not {masks.dtype}")
    if not torch.isfinite(maps).all():
        raise ValueError(f"maps {tuple(maps.shape)} hold values that are no numbers")
    if not (filled := masks.flatten(1).any(1)).all():
        raise ValueError(f"mask {(~filled).nonzero()[0].item()} of {len(masks)} is empty")
    return enlarge(maps.clamp(min=0), (tall, wide)), masks


BASELINES = ("centre", "random", "edges")
CENTRE_WIDTH = 0.25  # deviation of the centre's bump, as a share of the side


def baseline(name: str, pixels: Tensor, size: tuple[int, int] = (8, 8), seed: int = 0) -> Tensor:
    """Maps of a baseline for these images, `(N, h, w)`.

    Args:
        name: "centre" (a bump in the middle), "random" (uniform numbers) or "edges" (how fast
            grey levels change, Sobel).
        pixels: Bytes `(N, 3, H, W)`; only "edges" looks at them.
        size: `(h, w)`, the resolution of the maps to compare with.
        seed: Of "random".

    Raises:
        ValueError: If there is no such baseline.

    Adebayo et al. (2018) compare with edges. Lesson 09.
    """
    if name == "centre":
        rows, columns = (torch.arange(n) - (n - 1) / 2 for n in size)
        far = (rows[:, None] / size[0]).square() + (columns / size[1]).square()
        return torch.exp(-far / (2 * CENTRE_WIDTH**2)).expand(len(pixels), -1, -1)
    if name == "random":
        return torch.rand((len(pixels), *size), generator=make_generator(seed, "random maps"))
    if name == "edges":
        return F.adaptive_avg_pool2d(edges(pixels)[:, None], size)[:, 0]
    raise ValueError(f"unknown baseline {name!r}; there are {', '.join(BASELINES)}")


def edges(pixels: Tensor) -> Tensor:
    """How fast grey levels change at each pixel (Sobel), `(N, H, W)`."""
    grey = pixels.float().mean(1, keepdim=True) / 255
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=pixels.device) / 8
    kernels = torch.stack([kernel, kernel.T])[:, None]  # (2, 1, 3, 3)
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().sum(1).sqrt()
