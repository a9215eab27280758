"""Corruptions of images: blur, noise, low contrast and a turned hue."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.garden.drawing import drawing_to_bytes
from vtlab.system.randomness import random_normal

CORRUPTIONS = ("none", "blur", "noise", "contrast", "hue")


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
        values = _blur(values, 0.35 * strength * images.shape[-1] / 64)
    elif kind == "noise":
        values = values + 0.05 * strength * random_normal(image_keys, tuple(images.shape[1:]), 82)
    elif kind == "contrast":
        middle = values.mean((1, 2, 3), keepdim=True)
        values = middle + (values - middle) * (1 - 0.17 * strength)
    else:
        values = _rotate_hue(values, torch.pi * strength / 5)
    return drawing_to_bytes(values)


def _blur(values: Tensor, sigma: float) -> Tensor:
    reach = max(1, round(3 * sigma))
    line = torch.arange(-reach, reach + 1, device=values.device)
    weights = torch.exp(-(line / sigma).square() / 2)
    weights = (weights / weights.sum()).expand(3, 1, 1, -1)
    padded = F.pad(values, (reach,) * 4, mode="replicate")
    rows = F.conv2d(padded, weights, groups=3)
    return F.conv2d(rows, weights.transpose(2, 3), groups=3)


def _rotate_hue(values: Tensor, angle: float) -> Tensor:
    """Colours turned around the grey axis."""
    cos, sin = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
    third, root = (1 - cos) / 3, sin / 3**0.5
    own, less, more = cos + third, third - root, third + root
    matrix = torch.stack([own, less, more, more, own, less, less, more, own]).view(3, 3)
    return torch.einsum("cd,ndhw->nchw", matrix.to(values.device), values)
