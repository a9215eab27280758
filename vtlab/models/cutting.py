"""A line of blocks cut into five stages, each ending where the resolution halves.

Whoever knows a family of networks (`torchvision_models`, `timm_models`) says what its blocks are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vtlab.models.families import STAGES


class Function(nn.Module):
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


class Pointwise(Function):
    """A function of each cell alone: receptive fields stay what they are."""


@dataclass(frozen=True)
class Cut:
    """A network in parts.

    Attributes:
        stages: Its blocks by stage.
        tail: What follows, up to the scores of the classes that it was trained on.
        features: D, the channels of the last stage.
        layouts: How each stage's output lies: one of `attribution.stages.LAYOUTS`.
    """

    stages: dict[str, nn.Module]
    tail: nn.Module
    features: int
    layouts: dict[str, str]


def in_stages(blocks: list[nn.Module], tail: nn.Module, size: int) -> Cut:
    """Blocks that follow one another, in five stages.

    Args:
        blocks: Used, not copied.
        tail: What follows them.
        size: Side of the images in pixels.

    Raises:
        ValueError: If there are too few blocks that learn.
    """
    if (learning := sum(map(_learns, blocks))) < len(STAGES):
        raise ValueError(
            f"{len(STAGES)} stages take as many blocks that follow one another; "
            f"there are {learning}"
        )
    shapes = shapes_of(blocks, size)
    stages = {
        name: nn.Sequential(*(blocks[i] for i in group))
        for name, group in zip(STAGES, _groups(blocks, shapes, size), strict=True)
    }
    ends = torch.tensor([len(stage) for stage in stages.values()]).cumsum(0) - 1
    layouts = {
        name: layout_of(shapes[end]) for name, end in zip(stages, ends.tolist(), strict=True)
    }
    last = shapes[-1]
    return Cut(stages, tail, last[2] if len(last) == 3 else last[1], layouts)


def shapes_of(blocks: list[nn.Module], size: int) -> list[tuple[int, ...]]:
    """The shape of what each block gives for two images."""
    values, shapes = torch.empty(2, 3, size, size, device="meta"), []
    for block in blocks:
        ghost = copy.deepcopy(block).to("meta").eval()
        with torch.no_grad():
            values = ghost(values)
        shapes.append(tuple(values.shape))
    return shapes


def layout_of(shape: tuple[int, ...]) -> str:
    """How a block's output of square images lies: one of `attribution.stages.LAYOUTS`."""
    if len(shape) == 3:
        return "tokens"
    return "channels_last" if shape[1] == shape[2] != shape[3] else "channels_first"


def cells(shape: tuple[int, ...]) -> int:
    """Cells along a side."""
    if len(shape) == 3:
        return int(
            shape[1] ** 0.5
        )  # a class token and registers are fewer than another row and column
    return shape[1] if layout_of(shape) == "channels_last" else shape[2]


def _groups(blocks: list[nn.Module], shapes: list[tuple[int, ...]], size: int) -> list[list[int]]:
    """Places of the blocks of each stage: one per octave of resolution, five in all."""
    groups: list[list[int]] = []
    octave = None
    for place, shape in enumerate(shapes):
        now = round(torch.tensor(size / cells(shape)).log2().item())
        if now != octave:
            groups.append([])
        octave = now
        groups[-1].append(place)
    groups = _weighty(groups, blocks)
    while len(groups) > len(STAGES):  # the first ones are small
        groups = [groups[0] + groups[1], *groups[2:]]
    while len(groups) < len(STAGES):
        counts = [sum(map(_learns, (blocks[i] for i in group))) for group in groups]
        # what makes the first maps is the stem; after that the longest stage is halved
        which = 0 if counts[0] > 1 else max(range(len(groups)), key=counts.__getitem__)
        wanted = 1 if which == 0 else counts[which] // 2
        groups[which : which + 1] = _halves(groups[which], blocks, wanted)
    return groups


def _learns(block: nn.Module) -> bool:
    """Whether a block holds a convolution or attention; a normalisation goes with what it follows."""
    return any(p.dim() > 1 for p in block.parameters())


def _weighty(groups: list[list[int]], blocks: list[nn.Module]) -> list[list[int]]:
    """Groups that learn nothing, such as a last pooling, joined to their neighbour."""
    found: list[list[int]] = []
    waiting: list[int] = []
    for group in groups:
        if any(_learns(blocks[i]) for i in group):
            found.append(waiting + group)
            waiting = []
        elif found:
            found[-1] += group
        else:
            waiting += group
    return found


def _halves(group: list[int], blocks: list[nn.Module], wanted: int) -> list[list[int]]:
    """A group cut before the block that learns after `wanted` others have."""
    seen = 0
    for at, place in enumerate(group):
        if _learns(blocks[place]):
            if seen == wanted:
                return [group[:at], group[at:]]
            seen += 1
    raise ValueError(f"a stage of {seen} learning blocks cannot be cut after {wanted}")
