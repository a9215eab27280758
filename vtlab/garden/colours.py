"""Colours of plants and grounds, and colours between them."""

from __future__ import annotations

import torch
from torch import Tensor

# Anchor colours, interpolated between neighbours; each list closes into a circle.
PETAL_COLOURS = tuple(
    """
    f4efe2 f3dd8e eeb04f e2784a c8433f b32b52 d1648f e9a9bd b98ac2 7d62a8 5c67b5 86a3d3
    cfd6ea
    """.split()
)
DISC_COLOURS = ("d9a62e", "b5761f", "6e4a22", "3b2a26", "4b2a4a", "7a8a35", "c9c25a")
GROUND_COLOURS = (
    ("2f4a2b", "55703a", "7f9350"),  # meadow
    ("3a3327", "5c4d36", "7f6c4c"),  # soil
    ("6f7f5a", "97a377", "b9be93"),  # moss
    ("9c8c6c", "bfae88", "d8caa6"),  # sand
    ("2c4247", "47656a", "6d8a88"),  # pond
    ("4d5560", "727b84", "9aa1a4"),  # slate
    ("54492a", "8a7738", "b3a057"),  # straw
    ("28402f", "3c5b46", "5a7f63"),  # fern
)
LEAF_COLOURS = ("33512b", "4d6b34", "6b8442", "3d5f4a", "577257", "7c8a4a")


def parse_colours(colours: tuple[str, ...]) -> Tensor:
    """Hexadecimal colours as `(n, 3)` in [0, 1]."""
    return torch.tensor([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in colours])


def interpolate_colours(colours: tuple[str, ...], position: Tensor) -> Tensor:
    """The colour at a position (1 is once round) of a closed list of anchors, `(N, 3)`."""
    anchors = parse_colours(colours).to(position.device)
    place = position.remainder(1.0) * len(colours)
    low = place.floor().long() % len(colours)
    share = (place - place.floor())[:, None]
    return anchors[low] * (1 - share) + anchors[(low + 1) % len(colours)] * share


def ground_palettes(device: torch.device) -> Tensor:
    """The grounds' dark, middle and light colour, `(P, 3, 3)`."""
    return torch.stack([parse_colours(ground) for ground in GROUND_COLOURS]).to(device)
