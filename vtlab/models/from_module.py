"""A network of one's own, cut into stages and a head: `vt.backbone(module)`.

Its forward pass is followed once (`tracing`). The last layer with weights is its head, if that is linear;
before it come the stages, which are named, or end where the resolution halves. Whether the parts in line
compute what the module computes is tried out: what could not be followed is refused.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtlab.models.builders import Builder, build_module
from vtlab.models.cutting import CutNetwork, group_blocks, learns
from vtlab.models.from_keras import KerasLayer, KerasModel
from vtlab.models.initialisation import reinitialise
from vtlab.models.layouts import infer_layout
from vtlab.models.network import STAGE_NAMES, Network, network_in_evaluation_mode
from vtlab.models.normalisation import Normalisation
from vtlab.models.tracing import Block, find_blocks, holds_blocks, list_functions
from vtlab.system.randomness import make_generator

SIZES = (224, 64, 32, 28, 96, 128, 256, 299, 384, 512, 16)  # px that are tried where none is given
NECK = "neck"  # the stage of layers between the last maps and the head
REST = "rest"  # the stage of what follows the last one that was named
StageNames = Sequence[str] | Mapping[str, str]


def find_channels(module: nn.Module) -> int:
    """How many channels its images have, as its first convolution says; 3 where there is none.

    Raises:
        ValueError: If these are neither 3 nor 1.
    """
    channels = next((m.in_channels for m in module.modules() if isinstance(m, nn.Conv2d)), 0)
    channels = channels or 3  # of a lazy one there are none yet
    if isinstance(module, KerasModel):
        channels = module.channels
    if channels not in (1, 3):
        raise ValueError(
            f"{type(module).__name__} takes images of {channels} channels; images here have 3, and for a "
            "network of 1 they are turned to grey"
        )
    return channels


def find_image_size(module: nn.Module, channels: int) -> int:
    """The first of the usual sides of images, in pixels, that a module takes.

    Raises:
        ValueError: If it takes none.
    """
    complaints = []
    with network_in_evaluation_mode(module), torch.no_grad():
        for size in SIZES:
            try:
                module(torch.zeros(1, channels, size, size))
            except Exception as error:  # whatever a module does with images of another size
                complaints.append(" ".join(str(error).split())[:160])
            else:
                return size
    raise ValueError(
        f"{type(module).__name__} takes no images (N, {channels}, S, S) with S = "
        f"{', '.join(map(str, SIZES))} ({complaints[0]}): say image_size"
    )


def find_declared_image_size(module: nn.Module, channels: int) -> int | None:
    """The side of images that a module says it expects, as Keras's, timm's and transformers' do; or None.

    What it says and does not take is not believed: it may be from before the module was changed.
    """
    places = (module, getattr(module, "config", None), find_config(module))
    for place in places:
        for name in ("image_size", "img_size", "input_size"):
            size = place.get(name) if isinstance(place, dict) else getattr(place, name, None)
            side = size[-1] if isinstance(size, tuple | list) and size else size
            if isinstance(side, int):
                with (
                    contextlib.suppress(
                        Exception
                    ),  # whatever a module does with images of another size
                    network_in_evaluation_mode(module),
                    torch.no_grad(),
                ):
                    module(torch.zeros(1, channels, side, side))
                    return side
    return None


def cut_module(
    module: nn.Module,
    size: int,
    channels: int,
    stages: StageNames | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> tuple[CutNetwork, str]:
    """A module's blocks in stages, the first of which gets the images, and the name of its head ("" for none).

    Args:
        module: Its parts are used, not copied. Its forward takes images `(N, C, size, size)` and gives
            logits `(N, K)`.
        size: Side of the images in pixels.
        channels: C.
        stages: The names of the modules that the stages end with, in the order they run, or such names by
            the stages' own. None to cut where the resolution halves.
        say: Called with a sentence about what is not as a reader would think.

    Raises:
        ValueError: If the module cannot be followed, or has no such parts.
    """
    name = type(module).__name__
    ends = _name_stages(module, stages)
    images = torch.rand(2, channels, size, size, generator=torch.Generator().manual_seed(0))
    logits = _compute_logits(module, images)
    trunk, head, rest = _find_line(module, list(ends.values()))
    if head is None:
        say(
            f"the last layer with weights of {name}, {trunk[-1].names[-1:] or ['?']}, is not linear: it "
            "is kept, and a new linear head follows"
        )
    values, shapes = images, []
    with network_in_evaluation_mode(module), torch.no_grad():
        for block in trunk:
            values = block.module(values)
            if not isinstance(values, Tensor):
                raise ValueError(
                    f"{name}: {block.names} gives a {type(values).__name__}, not a tensor"
                )
            shapes.append(tuple(values.shape))
        features = values
        for block in (*([head] if head else []), *rest):
            values = block.module(values)
    if values.shape != logits.shape or not torch.allclose(values, logits, rtol=1e-3, atol=1e-4):
        raise ValueError(
            f"{name} cannot be cut: its parts in line do not compute what it computes, as where a forward "
            "pass depends on the images' values"
        )
    if features.dim() != 2:
        raise ValueError(
            f"{name}: its last layer gets {tuple(features.shape)}, not features (N, D)"
        )
    if any(function is F.dropout for block in trunk for function in list_functions(block.module)):
        say(f"{name} calls F.dropout, which is left out here; nn.Dropout modules stay")
    groups, last_map = _group(trunk, shapes, size, ends, name)
    parts = {key: [trunk[i].module for i in places] for key, places in groups.items()}
    pooler = [b.module for b in trunk[last_map + 1 :]] if NECK not in groups else []
    pooler = [m for m in pooler if not isinstance(m, nn.Dropout)]  # it went with the old head
    tail = [*pooler, *(b.module for b in (head, *rest) if b is not None)]
    cut = CutNetwork(
        {key: nn.Sequential(*found) for key, found in parts.items()},
        nn.Sequential(*tail),
        features.shape[1],
        {key: _name_layout(module, shapes[places[-1]]) for key, places in groups.items()},
        nn.Sequential(*pooler) if pooler else None,
    )
    return cut, head.names[-1] if head else ""


class Redraw:
    """New random stages for a seed, as the function that builds a network draws them."""

    def __init__(
        self, builder: Builder, name: str, size: int, channels: int, stages: StageNames | None
    ) -> None:
        """Keep what `cut_module` needs."""
        self.builder, self.name, self.about = builder, name, (size, channels, stages)

    def __call__(self, seed: int) -> dict[str, Tensor]:
        """The stages' weights and buffers; by `reinitialise` where the function gives the same each time."""
        one, two = (self._build(number) for number in (seed, seed + 1))
        kept, other = one.state_dict(), two.state_dict()
        drawn = [
            name for name, weight in one.named_parameters() if weight.dim() > 1 and weight.std() > 0
        ]
        if any(torch.equal(kept[name], other[name]) for name in drawn):  # weights that were read
            reinitialise(one, make_generator(seed, "stages"))
        return one.state_dict()

    def _build(self, seed: int) -> nn.ModuleDict:
        module = build_module(self.builder, self.name, seed)
        return nn.ModuleDict(cut_module(module, *self.about)[0].stages)


def find_config(module: nn.Module) -> dict[str, Any]:
    """What timm's modules say of the images they expect; empty of others."""
    config = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    return config if isinstance(config, dict) else {}


def find_normalisation(module: nn.Module, channels: int) -> Normalisation | None:
    """The scaling of images that a module says it expects, as timm's do; None where it does not."""
    config = find_config(module)
    if not {"mean", "std"} <= config.keys():
        return None
    found = Normalisation(tuple(config["mean"]), tuple(config["std"]))
    return found if len(found.mean) == len(found.std) == channels else None


def runs_channels_last(network: Network) -> bool:
    """Whether a network takes maps whose channels lie last in memory: a `view` may not."""
    assert network.image_size is not None
    images = network.make_blank(2, network.image_size).contiguous(memory_format=torch.channels_last)
    try:
        with network_in_evaluation_mode(network), torch.no_grad():
            network(images)
    except RuntimeError:
        return False
    return True


def _name_layout(module: nn.Module, shape: tuple[int, ...]) -> str:
    if len(shape) == 4 and isinstance(module, KerasModel) and module.channels_last:
        return "channels_last"
    return "features" if len(shape) == 2 else infer_layout(shape)


def _name_stages(module: nn.Module, stages: StageNames | None) -> dict[str, str]:
    """The module that each stage ends with, by the stage's name; empty where none are named.

    Raises:
        ValueError: If the module has no such part.
    """
    if stages is None:
        return {}
    if isinstance(stages, str):
        stages = [stages]
    named = (
        dict(stages)
        if isinstance(stages, Mapping)
        else {one.replace(".", "_"): one for one in stages}
    )
    there = dict(module.named_modules())
    for key, end in named.items():
        if end not in there or not end:
            parts = ", ".join(name for name, _ in module.named_children())
            raise ValueError(f"{type(module).__name__} has no part {end!r}; it has {parts}")
        if "." in key or key in ("head", NECK):
            raise ValueError(f"a stage cannot be called {key!r}")
    if not named:
        raise ValueError("stages is empty: name a module or more, or leave it out")
    return named


def _compute_logits(module: nn.Module, images: Tensor) -> Tensor:
    """What the module itself gives for images."""
    name = type(module).__name__
    try:
        with network_in_evaluation_mode(module), torch.no_grad():
            logits = module(images)
    except Exception as error:  # whatever a user's module does
        why = " ".join(str(error).split())[:200]
        raise ValueError(f"{name} does not take images {tuple(images.shape)}: {why}") from None
    if not isinstance(logits, Tensor):
        raise ValueError(
            f"{name} gives a {type(logits).__name__}, not logits (N, K): wrap it in a module that gives them"
        )
    if logits.dim() != 2:
        raise ValueError(f"{name} gives {tuple(logits.shape)} for 2 images, not logits (2, K)")
    return logits


class _Whole(nn.Module):
    """A module that is called with images alone, so that options of its forward keep their defaults."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        return self.module(images)


def _find_line(module: nn.Module, ends: list[str]) -> tuple[list[Block], Block | None, list[Block]]:
    """A module's blocks in the order they run: those before the head, the head, and what follows it.

    What is entered is no more than it takes to see the stages and the head.
    """
    there, opened = dict(module.named_modules()), {""}
    for end in ends:
        pieces = end.split(".")
        opened |= {".".join(pieces[:i]) for i in range(1, len(pieces))}

    def enter(part: nn.Module, name: str) -> bool:
        own = name.removeprefix("module").removeprefix(".")
        return own in opened or (not ends and holds_blocks(part))

    def follow() -> list[Block]:
        found = find_blocks(_Whole(module), enter)
        return [
            Block(one.module, tuple(name.removeprefix("module.") for name in one.names))
            for one in found
        ]

    name = type(module).__name__
    try:
        blocks = follow()
    except ValueError as error:
        hint = "its forward pass does more than call modules"
        if not ends:
            hint = "give stages=[…], the names of modules that follow one another, or a vt.Network"
        raise ValueError(f"{name} cannot be followed block by block ({error}): {hint}") from None
    while opener := _find_part_to_enter(blocks, there, opened, bool(ends)):
        opened.add(opener)
        try:
            blocks = follow()
        except ValueError:  # it stays whole
            there.pop(opener)
    last = max((i for i, block in enumerate(blocks) if block.has_weights), default=None)
    if last is None:
        raise ValueError(f"{name} has no weights in its forward pass")
    if find_linear_sizes(blocks[last].module) is None:
        return blocks, None, []
    return blocks[:last], blocks[last], blocks[last + 1 :]


def _find_part_to_enter(
    blocks: list[Block], there: Mapping[str, nn.Module], opened: set[str], named: bool
) -> str | None:
    """A module that must be entered: the last with weights if it is no layer, and the only one that learns."""
    learning = [block for block in blocks if block.has_weights]
    if not learning:
        return None
    wanted = learning[-1:]
    if not named and len(learning) <= 2:
        wanted = wanted + learning[:1]
    for block in wanted:
        for name in reversed(block.names):
            part = there.get(name)
            if part is not None and name not in opened and any(True for _ in part.children()):
                if part.state_dict() and find_linear_sizes(part) is None:
                    return name
    return None


def find_linear_sizes(module: nn.Module) -> tuple[int, int] | None:
    """How many numbers a linear layer takes and gives; None for any other module."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    return module.linear_sizes if isinstance(module, KerasLayer) else None


def _group(
    trunk: list[Block],
    shapes: list[tuple[int, ...]],
    size: int,
    ends: Mapping[str, str],
    name: str,
) -> tuple[dict[str, list[int]], int]:
    """The places of the blocks of each stage by its name, and the place of the last that gives maps.

    Raises:
        ValueError: If there is no stage to be had, or the named ones cannot be told apart.
    """
    maps = [i for i, block in enumerate(trunk) if block.has_weights and len(shapes[i]) > 2]
    if not maps:
        raise ValueError(f"{name} has no part that makes maps (N, C, h, w) or tokens (N, T, C)")
    last_map = maps[-1]
    # of one cell a mean has the same shape
    several = math.prod(shapes[last_map][2:]) > 1
    while several and last_map + 1 < len(trunk) and shapes[last_map + 1] == shapes[maps[-1]]:
        last_map += 1  # such as a ReLU
    if ends:
        groups = _group_by_names(trunk, ends, last_map, name)
    else:
        modules = [block.module for block in trunk[: last_map + 1]]
        count = min(len(STAGE_NAMES), sum(map(learns, modules)))
        found = group_blocks(modules, shapes[: last_map + 1], size, count)
        groups = dict(zip(STAGE_NAMES, found, strict=False))
    if any(learns(block.module) for block in trunk[last_map + 1 :]):
        groups[NECK] = [*range(last_map + 1, len(trunk))]
    return groups, last_map


def _group_by_names(
    trunk: list[Block], ends: Mapping[str, str], last_map: int, name: str
) -> dict[str, list[int]]:
    """Stages that end with the modules of these names."""
    groups: dict[str, list[int]] = {}
    since = 0
    for stage, end in ends.items():
        places = [
            i
            for i, block in enumerate(trunk)
            if any(one == end or one.startswith(f"{end}.") for one in block.names)
        ]
        if not places or places[-1] > last_map:
            why = "gives no maps" if places else "is not run before the head"
            raise ValueError(f"{name}: no stage can end with {end!r}, which {why}")
        if places[-1] < since:
            raise ValueError(
                f"{name}: the stage {stage!r} ends no later than the one before it; stages are named in the "
                "order they run, and where one value is all that goes on"
            )
        groups[stage] = [*range(since, places[-1] + 1)]
        since = places[-1] + 1
    left = [*range(since, last_map + 1)]
    if any(learns(trunk[i].module) for i in left):
        groups[REST] = left
    else:
        groups[stage] += left
    return groups


def copy_network(network: Network, classes: int | None) -> Network:
    """A network like another, with its weights and a head of so many outputs, to be drawn; None keeps it."""
    twin = copy.deepcopy(network)
    if classes is None or classes == twin.output_count:
        return twin
    names = [name for name, m in twin.head.named_modules() if isinstance(m, nn.Linear)]
    last = twin.head.get_submodule(names[-1])
    assert isinstance(last, nn.Linear)
    new = nn.Linear(last.in_features, classes, last.bias is not None)
    if names[-1]:
        parent, _, own = names[-1].rpartition(".")
        setattr(twin.head.get_submodule(parent), own, new)
    else:
        twin.head = new
    return twin
