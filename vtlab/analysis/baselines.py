"""Heat maps that know nothing of the network, to compare others with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.garden.styles import line_drawing_edges
from vtlab.system.randomness import make_generator

BASELINES = ("centre", "random", "edges")
CENTRE_WIDTH = 0.25  # deviation of the centre's bump, as a share of the side


def baseline_maps(
    name: str, pixels: Tensor, size: tuple[int, int] = (8, 8), seed: int = 0
) -> Tensor:
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
        grey = pixels.float().mean(1, keepdim=True) / 255  # (N, 1, H, W)
        return F.adaptive_avg_pool2d(line_drawing_edges(grey), size)[:, 0]
    raise ValueError(f"unknown baseline {name!r}; there are {', '.join(BASELINES)}")
