"""Styles of a scene: as a photograph, as an ink drawing, or by night."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.garden.drawing import drawing_to_bytes
from vtlab.system.randomness import random_normal

STYLES = ("photo", "line", "night")


def restyle(images: Tensor, masks: Tensor, image_keys: Tensor, style: str) -> Tensor:
    """The same scenes in another style: "photo", "line" (ink on paper) or "night".

    Args:
        images: Bytes `(N, 3, H, W)`.
        masks: `(N, H, W)` bool, true where the plant is seen.
        image_keys: `(N,)`, for the noise of the night.
        style: One of `STYLES`.

    Raises:
        ValueError: If the style is unknown.
    """
    if style == "photo":
        return images
    values = images.float() / 255
    if style == "night":
        blue = torch.tensor([0.42, 0.52, 0.78], device=images.device).view(3, 1, 1)
        grain = random_normal(image_keys, tuple(images.shape[1:]), 81) * 0.03
        return drawing_to_bytes(values.pow(1.5) * blue * 0.75 + grain)
    if style == "line":
        grey = values.mean(1, keepdim=True)
        shape = masks[:, None].float()
        ink = 5 * line_drawing_edges(grey) * (0.35 + 0.65 * shape) + 0.9 * line_drawing_edges(shape)
        paper = torch.tensor([0.96, 0.94, 0.89], device=images.device).view(3, 1, 1)
        return drawing_to_bytes(paper * (1 - 0.88 * ink.clamp(0, 1)))
    raise ValueError(f"unknown style {style!r}; there are {', '.join(STYLES)}")


def line_drawing_edges(grey: Tensor) -> Tensor:
    """How fast grey levels change at each pixel (Sobel), `(N, 1, H, W)`."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=grey.device) / 8
    kernels = torch.stack([kernel, kernel.T])[:, None]  # (2, 1, 3, 3)
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().sum(1, keepdim=True).sqrt()
