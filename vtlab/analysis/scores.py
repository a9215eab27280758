"""How well a heat map finds an object whose mask is known exactly.

Every score is one number per image, measured at the masks' resolution. A map with no evidence
anywhere finds nothing: it scores 0.
"""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor

from vtlab.analysis.cams import resize_maps
from vtlab.models.evaluation import predict
from vtlab.models.network import Network

BLUR_WIDTH = 10 / 64  # of the side: what stands in for the pixels that are taken away
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
        "hit": pointing_game(maps, masks, tolerance).float(),
        "mass": mass_inside(maps, masks),
        "overlap": mask_overlap(maps, masks),
    }
    return pd.DataFrame({name: scores.double().numpy() for name, scores in values.items()})


def pointing_game(maps: Tensor, masks: Tensor, tolerance: float = 0) -> Tensor:
    """The pointing game: whether the map's maximum lies on the object, `(N,)` bool.

    Args:
        maps: `(N, h, w)`.
        masks: `(N, H, W)` bool.
        tolerance: How many pixels beside the object still count as a hit.

    Zhang et al. (2018), https://arxiv.org/abs/1608.00507.
    """
    maps, masks = _pair_masks(maps, masks)
    best = maps.flatten(1).argmax(1)
    row, column = best // maps.shape[2], best % maps.shape[2]
    rows = torch.arange(maps.shape[1])[None, :, None] - row[:, None, None]
    columns = torch.arange(maps.shape[2])[None, None] - column[:, None, None]
    within = rows.square() + columns.square() <= tolerance**2  # (N, H, W)
    return (within & masks).flatten(1).any(1) & (maps.flatten(1).amax(1) > 0)


def mass_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """The share of the map's sum that lies on the object, `(N,)`."""
    maps, masks = _pair_masks(maps, masks)
    inside, everywhere = (maps * masks).sum((1, 2)), maps.sum((1, 2))
    return torch.where(everywhere > 0, inside / everywhere.clamp(min=1e-30), 0.0)


def mask_overlap(maps: Tensor, masks: Tensor) -> Tensor:
    """Intersection over union of the object and the map's top pixels, as many as it has, `(N,)`.

    The threshold is thus no free choice: an object of 300 pixels is compared with the 300
    pixels of the highest values.
    """
    maps, masks = _pair_masks(maps, masks)
    flat, mask = maps.flatten(1), masks.flatten(1)
    place = flat.argsort(dim=1, descending=True, stable=True).argsort(1)  # 0: the highest
    top = (place < mask.sum(1, keepdim=True)) & (flat > 0)
    return (top & mask).sum(1) / (top | mask).sum(1)


def _pair_masks(maps: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
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
    return resize_maps(maps.clamp(min=0), (tall, wide)), masks


def deletion_curve(
    network: Network, pixels: Tensor, maps: Tensor, *, steps: int = 16, insert: bool = False
) -> Tensor:
    """The predicted class's probability while pixels are taken away, the map's highest first.

    Args:
        network: Its answers are asked for; it runs in evaluation mode.
        pixels: Bytes `(N, 3, H, W)`. What is taken away is replaced by a blurred image.
        maps: `(N, h, w)`.
        steps: How many steps it takes until everything is taken away.
        insert: Begin with the blurred image and bring the pixels back instead.

    Returns:
        `(steps + 1, N)`: with nothing, 1/steps, 2/steps … of the pixels exchanged. The mean of these
        steps + 1 numbers stands for the area under the curve; the trapezoidal rule would count the
        first and the last of them by half.

    Raises:
        ValueError: If the numbers of images and maps differ.

    Petsiuk et al. (2018), https://arxiv.org/abs/1806.07421. Lesson 09.
    """
    if len(pixels) != len(maps):
        raise ValueError(f"{len(maps)} maps for {len(pixels)} images")
    size = (pixels.shape[2], pixels.shape[3])
    targets = predict(network, pixels, bfloat16=False).argmax(1)
    order = resize_maps(maps, size).flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(1).view(-1, 1, *size)  # 0: the highest value
    start, end = (_blur(pixels), pixels) if insert else (pixels, _blur(pixels))
    curve = []
    for step in range(steps + 1):
        exchanged = rank < step * rank[0].numel() / steps
        mixed = torch.where(exchanged, end, start)
        curve.append(predict(network, mixed, bfloat16=False).gather(1, targets[:, None])[:, 0])
    return torch.stack(curve)


def _blur(pixels: Tensor) -> Tensor:
    """Images so blurred that no shape is left, bytes."""
    from torchvision.transforms.v2.functional import gaussian_blur

    sigma = BLUR_WIDTH * pixels.shape[-1]
    side = 2 * min(round(2 * sigma), pixels.shape[-1] // 2 - 1) + 1
    return gaussian_blur(pixels, [side, side], [sigma, sigma])
