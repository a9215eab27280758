"""Layouts of a stage's output, and their conversion to feature maps `(N, C, h, w)`.

Convolutions give `(N, C, h, w)`. Swin gives `(N, h, w, C)`. A vision transformer gives tokens
`(N, T, C)` with a class token in front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from vtlab.models.network import Network

LAYOUTS = ("channels_first", "channels_last", "tokens")
MAX_PREFIX_TOKENS = 16  # a class token and a few registers; more is no grid of image patches


def infer_layout(shape: tuple[int, ...]) -> str:
    """The layout of a block's output for square images, one of `LAYOUTS`."""
    if len(shape) == 3:
        return "tokens"
    return "channels_last" if shape[1] == shape[2] != shape[3] else "channels_first"


def infer_layout_cell_count(shape: tuple[int, ...]) -> int:
    """How many cells a block's output for square images has along a side."""
    if len(shape) == 3:  # a class token and registers are fewer than another row and column
        return int(shape[1] ** 0.5)
    return shape[1] if infer_layout(shape) == "channels_last" else shape[2]


def find_layout(network: nn.Module, stage: nn.Module) -> str:
    """The layout of a stage's output as its network states it; channels first where it does not."""
    if isinstance(network, Network):
        for name, layout in network.layouts.items():
            if network.stages[name] is stage:
                return layout
    return LAYOUTS[0]


@contextmanager
def layout_hook(stage: nn.Module, layout: str, size: tuple[int, int]) -> Iterator[nn.Module]:
    """A module that sees the stage's output as `(N, C, h, w)`, while the context is open.

    The network goes on with the layout that it is used to. Of a stage that gives several values, as
    some transformers' layers do, the first is seen.

    Args:
        stage: The stage whose output is seen.
        layout: One of `LAYOUTS`.
        size: The images' `(H, W)`: a grid of tokens has their proportions.

    Raises:
        ValueError: If the layout is unknown, or (when the stage runs) its output is no map of more than
            one cell.
    """
    if layout not in (*LAYOUTS, "features"):
        raise ValueError(f"unknown layout {layout!r}; there are {', '.join(LAYOUTS)}")
    exposed = nn.Identity()

    def pass_through(module: nn.Module, inputs: object, output: Any) -> Any:
        several = type(output) in (tuple, list) and output
        first = output[0] if several else output
        maps, back = convert_layout(first, layout, size)
        if maps.shape[2] * maps.shape[3] < 2:
            raise ValueError(
                f"the stage gives {tuple(first.shape)}, one cell: no place to look at; "
                "take an earlier stage"
            )
        seen = back(exposed(maps))
        return type(output)([seen, *output[1:]]) if several else seen

    handle = stage.register_forward_hook(pass_through)
    try:
        yield exposed
    finally:
        handle.remove()


def convert_stage_layout(
    network: Network, name: str, output: Tensor, size: tuple[int, int]
) -> Tensor:
    """The output of the stage of this name, for images of this size, as `(N, C, h, w)`.

    Raises:
        ValueError: If it is no map; the message names the network and the stage.
    """
    try:
        return convert_layout(output, network.layouts[name], size)[0]
    except ValueError as error:
        raise ValueError(f"{network.name}, {name}: {error}") from None


def convert_layout(
    output: object, layout: str, size: tuple[int, int]
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """A stage's output as `(N, C, h, w)`, and the function that converts such maps back.

    Raises:
        ValueError: If it is no map in this layout.
    """
    if not isinstance(output, Tensor):
        raise ValueError(f"the stage gives a {type(output).__name__}; a map needs one tensor")
    shape = tuple(output.shape)
    if layout == "features":
        raise ValueError(f"the stage gives {shape}, numbers of whole images; take an earlier stage")
    if output.dim() != (3 if layout == "tokens" else 4):
        hint = '; say layout="tokens"' if output.dim() == 3 else ""
        raise ValueError(
            f"the stage gives {shape}; a map of {layout} needs "
            f"{'(N, T, C)' if layout == 'tokens' else 'four numbers'}{hint}"
        )
    if layout == "tokens":
        return _convert_tokens(output, size)
    if layout == "channels_last":
        return output.permute(0, 3, 1, 2), lambda maps: maps.permute(0, 2, 3, 1)
    if not _has_proportions(shape[2:], size) and _has_proportions(shape[1:3], size):
        raise ValueError(
            f"the stage gives {shape} for images of {size[0]} x {size[1]}: "
            'that looks like layout="channels_last"'
        )
    return output, lambda maps: maps


def _has_proportions(grid: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether a grid has the images' proportions, to one cell."""
    return abs(grid[1] - size[1] * grid[0] / size[0]) <= 1


def _convert_tokens(
    output: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Tokens as maps, without those before the grid, and the function that puts maps back."""
    tokens = output.shape[1]
    height = int((tokens * size[0] / size[1]) ** 0.5)
    width = height * size[1] // size[0]
    first = tokens - height * width
    if height * width < 2 or first > MAX_PREFIX_TOKENS:
        raise ValueError(
            f"the stage gives {tuple(output.shape)}: {tokens} tokens are no grid over "
            f"images of {size[0]} x {size[1]}"
        )
    maps = output[:, first:].transpose(1, 2).unflatten(2, (height, width))  # (N, C, h, w)

    def back(maps: Tensor) -> Tensor:
        return torch.cat([output[:, :first], maps.flatten(2).transpose(1, 2)], dim=1)

    return maps, back
