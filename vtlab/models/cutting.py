"""Cut a network into five stages, each of which ends where the resolution halves.

The network is given as a line of blocks, which `from_torchvision` and `from_timm` find.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vtlab.models.layouts import infer_layout, infer_layout_cell_count
from vtlab.models.network import STAGE_NAMES


class CutFunction(nn.Module):
    """A step of a network's `forward` that is no module there."""

    def __init__(self, run: Callable[[Tensor], Tensor], name: str) -> None:
        """Keep the function, and what to print for it."""
        super().__init__()
        self.run, self.name = run, name

    def forward(self, values: Tensor) -> Tensor:
        """The function's value."""
        return self.run(values)

    def extra_repr(self) -> str:
        """Its name."""
        return self.name


class CutPointwiseFunction(CutFunction):
    """A function of each cell alone: receptive fields stay what they are."""


@dataclass(frozen=True)
class CutNetwork:
    """A network that is cut into stages and a tail.

    Attributes:
        stages: Its blocks by stage.
        tail: What follows, up to the scores of the classes that it was trained on.
        features: D, the channels of the last stage.
        layouts: The layout of each stage's output, one of `layouts.LAYOUTS`.
        pooler: What makes features `(N, D)` of the last stage's output, where that is not `Network.pool`.
    """

    stages: Mapping[str, nn.Module]
    tail: nn.Module
    features: int
    layouts: dict[str, str]
    pooler: nn.Module | None = None


def cut_into_stages(blocks: list[nn.Module], tail: nn.Module, size: int) -> CutNetwork:
    """Blocks that follow one another, in five stages.

    Args:
        blocks: Used, not copied.
        tail: What follows them.
        size: Side of the images in pixels.

    Raises:
        ValueError: If there are too few blocks that learn.
    """
    if (learning := sum(map(learns, blocks))) < len(STAGE_NAMES):
        raise ValueError(
            f"{len(STAGE_NAMES)} stages take as many blocks that follow one another; "
            f"there are {learning}"
        )
    shapes = infer_cut_shapes(blocks, size)
    groups = dict(zip(STAGE_NAMES, group_blocks(blocks, shapes, size), strict=True))
    return CutNetwork(
        {name: nn.Sequential(*(blocks[i] for i in group)) for name, group in groups.items()},
        tail,
        shapes[-1][2 if len(shapes[-1]) == 3 else 1],
        {name: infer_layout(shapes[group[-1]]) for name, group in groups.items()},
    )


def infer_cut_shapes(blocks: list[nn.Module], size: int) -> list[tuple[int, ...]]:
    """The shape of each block's output for two images, found without computing it."""
    values, shapes = torch.empty(2, 3, size, size, device="meta"), []
    for block in blocks:
        values = run_cut_block_on_meta(block, values)
        shapes.append(tuple(values.shape))
    return shapes


def run_cut_block_on_meta(block: nn.Module, values: Any) -> Any:
    """The block's output as tensors that have a shape and no numbers: nothing is computed."""
    with torch.no_grad():
        return copy.deepcopy(block).to("meta").eval()(values)


def group_blocks(
    blocks: list[nn.Module],
    shapes: list[tuple[int, ...]],
    size: int,
    count: int = len(STAGE_NAMES),
) -> list[list[int]]:
    """Places of the blocks of each stage: one stage per octave of resolution, `count` in all.

    Args:
        blocks: Of which at least `count` learn.
        shapes: Of their outputs.
        size: Side of the images in pixels.
        count: How many stages.
    """
    groups: list[list[int]] = []
    octave = None
    for place, shape in enumerate(shapes):
        now = round(torch.tensor(size / infer_layout_cell_count(shape)).log2().item())
        if now != octave:
            groups.append([])
        octave = now
        groups[-1].append(place)
    # from as many groups as there are octaves to five: join the first ones, or cut the longest
    groups = _join_weightless_groups(groups, blocks)
    while len(groups) > count:  # the first ones are small
        groups = [groups[0] + groups[1], *groups[2:]]
    while len(groups) < count:
        counts = [sum(map(learns, (blocks[i] for i in group))) for group in groups]
        # what makes the first maps is the stem; after that the longest stage is halved
        which = 0 if counts[0] > 1 else max(range(len(groups)), key=counts.__getitem__)
        first_length = 1 if which == 0 else counts[which] // 2
        groups[which : which + 1] = _split_group(groups[which], blocks, first_length)
    return groups


def learns(block: nn.Module) -> bool:
    """Whether a block holds a convolution or attention; a normalisation goes with what it follows."""
    return any(p.dim() > 1 for p in block.parameters())


def _join_weightless_groups(groups: list[list[int]], blocks: list[nn.Module]) -> list[list[int]]:
    """Groups that learn nothing, such as a last pooling, joined to their neighbour."""
    joined: list[list[int]] = []
    waiting: list[int] = []
    for group in groups:
        if any(learns(blocks[i]) for i in group):
            joined.append(waiting + group)
            waiting = []
        elif joined:
            joined[-1] += group
        else:
            waiting += group
    return joined


def _split_group(group: list[int], blocks: list[nn.Module], first_length: int) -> list[list[int]]:
    """A group in two parts, of which the first has so many blocks that learn."""
    learning = [at for at, place in enumerate(group) if learns(blocks[place])]
    if len(learning) <= first_length:
        raise ValueError(
            f"a stage of {len(learning)} learning blocks cannot be cut after {first_length}"
        )
    at = learning[first_length]
    return [group[:at], group[at:]]
