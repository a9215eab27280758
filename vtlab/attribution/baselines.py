"""Maps that know nothing of the network: what a score is worth is what it adds to these."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.randomness import generator

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
        return torch.rand((len(pixels), *size), generator=generator(seed, "random maps"))
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
