"""What a stage gives, seen as feature maps `(N, C, h, w)` whatever the network's own layout.

Convolutions give `(N, C, h, w)`. Swin gives `(N, h, w, C)`, a vision transformer tokens
`(N, T, C)` with a class token in front. While `as_maps` is open, the stage's output passes
through a module that sees feature maps; the network goes on with what it is used to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vtlab.models.network import Network

LAYOUTS = ("channels_first", "channels_last", "tokens")
MOST_PREFIX_TOKENS = 16  # a class token and a few registers; more is no grid of image patches


def find_stage(network: nn.Module, stage: str | nn.Module | None) -> nn.Module:
    """A stage by its name, a module by its dotted path, or a module itself; None is the last stage.

    Raises:
        ValueError: If the network has none like it.
    """
    stages = getattr(network, "stages", None)
    stages = dict(stages.items()) if isinstance(stages, nn.ModuleDict) else {}
    if isinstance(stage, nn.Module):
        if all(module is not stage for module in network.modules()):
            raise ValueError(f"this {type(stage).__name__} is no part of the network")
        return stage
    if stage is None:
        if not stages:
            raise ValueError(
                f"{type(network).__name__} has no named stages: say which module, "
                "such as stage=network.layer4"
            )
        return stages[list(stages)[-1]]
    if stage in stages:
        return stages[stage]
    name = getattr(network, "name", type(network).__name__)
    parts = list(stages) or [child for child, _ in network.named_children()]
    if stages or not stage:
        raise ValueError(f"{name} has no stage {stage!r}; its stages are {', '.join(parts)}")
    try:
        return network.get_submodule(stage)
    except AttributeError as error:
        raise ValueError(f"{name} has no part {stage!r}; it has {', '.join(parts)}") from error


def own_layout(network: nn.Module, stage: nn.Module) -> str:
    """How the output of this part lies, where the network says so; channels first where not."""
    layouts = getattr(network, "layouts", {})
    return next((layouts[name] for name in layouts if network.stages[name] is stage), LAYOUTS[0])


@contextmanager
def as_maps(stage: nn.Module, layout: str, size: tuple[int, int]) -> Iterator[nn.Module]:
    """A module that sees the stage's output as `(N, C, h, w)`, while the context is open.

    Args:
        stage: Whose output.
        layout: One of `LAYOUTS`.
        size: The images' `(H, W)`: a grid of tokens has their proportions.

    Raises:
        ValueError: If the layout is unknown, or (when the stage runs) its output is no map of more than
            one cell.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"unknown layout {layout!r}; there are {', '.join(LAYOUTS)}")
    seen = nn.Identity()

    def through(module: nn.Module, inputs: object, output: object) -> Tensor:
        maps, back = to_maps(output, layout, size)
        if maps.shape[2] * maps.shape[3] < 2:
            raise ValueError(
                f"the stage gives {tuple(output.shape)}, one cell: no place to look at; "
                "take an earlier stage"
            )
        return back(seen(maps))

    handle = stage.register_forward_hook(through)
    try:
        yield seen
    finally:
        handle.remove()


def maps_of(network: Network, name: str, output: Tensor, size: tuple[int, int]) -> Tensor:
    """What the stage of this name gave for images of this size, as `(N, C, h, w)`.

    Raises:
        ValueError: If it is no map; the message names the network and the stage.
    """
    try:
        return to_maps(output, network.layouts[name], size)[0]
    except ValueError as error:
        raise ValueError(f"{network.name}, {name}: {error}") from None


def to_maps(
    output: object, layout: str, size: tuple[int, int]
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """A stage's output as `(N, C, h, w)`, and the way back.

    Raises:
        ValueError: If it is no map in this layout.
    """
    if not isinstance(output, Tensor):
        raise ValueError(f"the stage gives a {type(output).__name__}; a map needs one tensor")
    shape = tuple(output.shape)
    if output.dim() != (3 if layout == "tokens" else 4):
        hint = '; say layout="tokens"' if output.dim() == 3 else ""
        raise ValueError(
            f"the stage gives {shape}; a map of {layout} needs "
            f"{'(N, T, C)' if layout == 'tokens' else 'four numbers'}{hint}"
        )
    if layout == "tokens":
        return _from_tokens(output, size)
    if layout == "channels_last":
        maps, back = output.permute(0, 3, 1, 2), lambda maps: maps.permute(0, 2, 3, 1)
    else:
        maps, back = output, lambda maps: maps
    grid, turned = tuple(maps.shape[2:]), shape[1:3]
    if layout == "channels_first" and not _alike(grid, size) and _alike(turned, size):
        raise ValueError(
            f"the stage gives {shape} for images of {size[0]} x {size[1]}: "
            'that looks like layout="channels_last"'
        )
    return maps, back


def _alike(grid: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether a grid has the images' proportions, to one cell."""
    return abs(grid[1] - size[1] * grid[0] / size[0]) <= 1


def _from_tokens(
    output: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    tokens = output.shape[1]
    height = int((tokens * size[0] / size[1]) ** 0.5)
    width = height * size[1] // size[0]
    first = tokens - height * width
    if height * width < 2 or first > MOST_PREFIX_TOKENS:
        raise ValueError(
            f"the stage gives {tuple(output.shape)}: {tokens} tokens are no grid over "
            f"images of {size[0]} x {size[1]}"
        )
    maps = output[:, first:].transpose(1, 2).unflatten(2, (height, width))  # (N, C, h, w)

    def back(maps: Tensor) -> Tensor:
        return torch.cat([output[:, :first], maps.flatten(2).transpose(1, 2)], dim=1)

    return maps, back
