"""A planted shortcut: a small coloured tag in a corner of the picture, as gardeners use.

The colour of the tag can be tied to the class, which is the shortcut, or drawn at random.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vtlab.randomness import generator

SIDE = 9 / 64  # of the picture's side
MARGIN = 3 / 64
RIM = (250, 246, 236)
COLOURS = ((214, 40, 57), (247, 127, 0), (255, 209, 44), (79, 170, 60), (42, 157, 180),
           (52, 84, 209), (131, 56, 236), (20, 20, 24))  # fmt: skip


def tag(images: Tensor, colours: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The pictures with a tag in one of their corners.

    Args:
        images: Bytes `(N, 3, H, W)`; they stay as they are.
        colours: Which of `COLOURS` each tag has, `(N,)`.
        seed: Of the corners.

    Returns:
        Images, and `masks (N, H, W)` bool, true on the tag.

    Raises:
        ValueError: If the numbers differ or there is no such colour.

    Lesson 09.
    """
    if len(images) != len(colours):
        raise ValueError(f"{len(images)} images for {len(colours)} tags")
    if len(colours) and not 0 <= colours.min() <= colours.max() < len(COLOURS):
        raise ValueError(f"tags have colours 0 to {len(COLOURS) - 1}, not {colours.max().item()}")
    count, _, height, width = images.shape
    corners = torch.randint(4, (count,), generator=generator(seed, "tags"))
    side, margin = max(3, round(SIDE * height)), round(MARGIN * height)
    top = torch.where(corners < 2, margin, height - margin - side)[:, None]
    left = torch.where(corners % 2 == 0, margin, width - margin - side)[:, None]

    def square(rim: int) -> Tensor:
        rows, columns = torch.arange(height), torch.arange(width)
        inside = (rows >= top + rim) & (rows < top + side - rim)  # (N, H)
        across = (columns >= left + rim) & (columns < left + side - rim)
        return inside[:, :, None] & across[:, None]

    masks = square(0)
    fill = torch.tensor(COLOURS, dtype=torch.uint8)[colours][:, :, None, None]
    rim = torch.tensor(RIM, dtype=torch.uint8).view(1, 3, 1, 1)
    tagged = torch.where(masks[:, None], rim, images)
    return torch.where(square(max(1, side // 9))[:, None], fill, tagged), masks
