"""Dials that change pictures after they are drawn: style, and what a camera does wrong.

All take and give bytes `(N, 3, H, W)` and depend on an image's key alone.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.randomness import normal

STYLES = ("photo", "line", "night")
CORRUPTIONS = ("none", "blur", "noise", "contrast", "hue")


def restyle(images: Tensor, masks: Tensor, image_keys: Tensor, style: str) -> Tensor:
    """The same scenes as photographs, as ink drawings on paper, or by night.

    Raises:
        ValueError: If the style is unknown.
    """
    if style == "photo":
        return images
    values = images.float() / 255
    if style == "night":
        blue = torch.tensor([0.42, 0.52, 0.78], device=images.device).view(3, 1, 1)
        grain = normal(image_keys, tuple(images.shape[1:]), 81) * 0.03
        return _bytes(values.pow(1.5) * blue * 0.75 + grain)
    if style == "line":
        grey = values.mean(1, keepdim=True)
        shape = masks[:, None].float()
        ink = 5 * _steepness(grey) * (0.35 + 0.65 * shape) + 0.9 * _steepness(shape)
        paper = torch.tensor([0.96, 0.94, 0.89], device=images.device).view(3, 1, 1)
        return _bytes(paper * (1 - 0.88 * ink.clamp(0, 1)))
    raise ValueError(f"unknown style {style!r}; there are {', '.join(STYLES)}")


def _steepness(grey: Tensor) -> Tensor:
    """How fast grey levels change at each pixel (Sobel), `(N, 1, H, W)`."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=grey.device) / 8
    kernels = torch.stack([kernel, kernel.T])[:, None]  # (2, 1, 3, 3)
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().sum(1, keepdim=True).sqrt()


def corrupt(images: Tensor, image_keys: Tensor, kind: str, strength: float) -> Tensor:
    """Images spoilt by blur, noise, low contrast or a turned hue, with strength 0 to 5.

    After the corruptions of Hendrycks and Dietterich (2019).

    Raises:
        ValueError: If the kind is unknown or the strength is out of range.
    """
    if kind not in CORRUPTIONS:
        raise ValueError(f"unknown corruption {kind!r}; there are {', '.join(CORRUPTIONS)}")
    if not 0 <= strength <= 5:
        raise ValueError(f"the strength {strength} is not between 0 and 5")
    if kind == "none" or strength == 0:
        return images
    values = images.float() / 255
    if kind == "blur":
        values = _gaussian(values, 0.35 * strength * images.shape[-1] / 64)
    elif kind == "noise":
        values = values + 0.05 * strength * normal(image_keys, tuple(images.shape[1:]), 82)
    elif kind == "contrast":
        middle = values.mean((1, 2, 3), keepdim=True)
        values = middle + (values - middle) * (1 - 0.17 * strength)
    else:
        values = _turn_hue(values, torch.pi * strength / 5)
    return _bytes(values)


def _gaussian(values: Tensor, sigma: float) -> Tensor:
    reach = max(1, round(3 * sigma))
    line = torch.arange(-reach, reach + 1, device=values.device)
    weights = torch.exp(-(line / sigma).square() / 2)
    weights = (weights / weights.sum()).expand(3, 1, 1, -1)
    padded = F.pad(values, (reach,) * 4, mode="replicate")
    rows = F.conv2d(padded, weights, groups=3)
    return F.conv2d(rows, weights.transpose(2, 3), groups=3)


def _turn_hue(values: Tensor, angle: float) -> Tensor:
    """Colours turned around the grey axis."""
    cos, sin = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
    third, root = (1 - cos) / 3, sin / 3**0.5
    matrix = torch.stack([cos + third, third - root, third + root,
                          third + root, cos + third, third - root,
                          third - root, third + root, cos + third]).view(3, 3)  # fmt: skip
    return torch.einsum("cd,ndhw->nchw", matrix.to(values.device), values)


def _bytes(values: Tensor) -> Tensor:
    return (values.clamp(0, 1) * 255 + 0.5).to(torch.uint8)
