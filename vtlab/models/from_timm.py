"""Networks of timm, cut into five stages and a head: `vt.backbone("timm:convnext_atto")`.

A network's `forward_features` is followed once with a stand-in for the images (`torch.fx`). Wherever a
single value is all that goes on, a block ends; blocks are then grouped into stages as those of torchvision
are. No weight is copied, and timm's own blocks stay whole, with their dropout and their modes.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, fx, nn

from vtlab.models.cutting import Cut, Function, in_stages, layout_of, shapes_of
from vtlab.models.families import Normalisation
from vtlab.models.network import in_evaluation
from vtlab.models.weights import read_state

PREFIX = "timm:"


def _timm():
    try:
        import timm
    except ImportError:
        raise ValueError("a backbone named timm:… needs timm: pip install timm") from None
    return timm


@cache
def settings(name: str) -> dict:
    """What timm knows of a network's images: `input_size (3, H, W)`, `mean`, `std` and more.

    Args:
        name: Without `timm:`; `resnet50.a1_in1k` names one of several published weights.

    Raises:
        ValueError: If timm is not installed, or has no such network.
    """
    timm, architecture = _timm(), name.partition(".")[0]
    if not timm.is_model(architecture):
        like = timm.list_models(f"*{architecture[:4]}*")[:3]
        hint = f", such as {', '.join(like)}" if like else ""
        raise ValueError(f"timm {timm.__version__} has no network called {name!r}{hint}")
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            return dict(timm.create_model(name).pretrained_cfg)
    except RuntimeError as error:  # published weights of another name
        raise ValueError(f"timm has no {name!r}: {error}") from None


def image_size(name: str) -> int:
    """Side in pixels of the images that its weights were trained on."""
    return settings(name)["input_size"][1]


def normalisation(name: str) -> Normalisation:
    """What its weights expect."""
    known = settings(name)
    return Normalisation(tuple(known["mean"]), tuple(known["std"]))


def build(name: str, *, pretrained: bool = False, seed: int = 0) -> nn.Module:
    """Timm's own network.

    Args:
        name: As in `settings`.
        pretrained: With its published weights, which timm fetches once into its own cache.
        seed: Of weights drawn at random, as timm draws them.

    Raises:
        OSError: If published weights could not be fetched, or there are none.
        ValueError: If timm is not installed, or has no such network.
    """
    timm, _ = _timm(), settings(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return timm.create_model(name, pretrained=pretrained)
        except Exception as error:  # the hub's errors have no common base
            if not pretrained:
                raise
            why = " ".join(str(error).split())[:200]
            raise OSError(
                f"the weights of {PREFIX}{name} could not be fetched ({why}): give weights=PATH, "
                "or weights=None for random ones"
            ) from None


def fill(model: nn.Module, weights: str | Path, *, old_head: bool) -> str:
    """Load a file into timm's network; returns where it comes from, in one phrase.

    Args:
        model: Filled in place.
        weights: A state dict with timm's names.
        old_head: Whether the head must be in it, and fit.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If an entry is missing or of another shape.
    """
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    state, own = read_state(path), model.state_dict()
    head = () if old_head else _after(model)
    wrong = [
        k
        for k in own
        if not k.startswith(head)
        and not k.endswith("num_batches_tracked")
        and (k not in state or state[k].shape != own[k].shape)
    ]
    if wrong:
        raise ValueError(
            f"{path.name} does not hold {type(model).__name__}: {wrong[0]} is "
            f"{'of another shape' if wrong[0] in state else 'missing'}"
        )
    model.load_state_dict(
        {**own, **{k: v for k, v in state.items() if k in own and v.shape == own[k].shape}}
    )
    return path.stem


def cut(model: nn.Module, size: int, *, old_head: bool) -> Cut:
    """The network's blocks in five stages.

    Args:
        model: Timm's; its parts are used, not copied.
        size: Side of the images in pixels.
        old_head: Whether the tail (what timm does after `forward_features`) will be used. Otherwise the
            last stage gives feature maps wherever the network itself takes the mean over places, and
            tokens with the class token in front where it takes that.

    Raises:
        ValueError: If the network cannot be followed, or has too few blocks.
    """
    blocks = _joined(_blocks(model), size, type(model).__name__)
    if not old_head:
        blocks += _as_maps(model, shapes_of(blocks, size)[-1])
    return in_stages(blocks, _Tail(model, blocks), size)


def _joined(blocks: list[nn.Module], size: int, name: str) -> list[nn.Module]:
    """The blocks, those that give several values at once made one with what follows them."""
    values, found, waiting = torch.empty(2, 3, size, size, device="meta"), [], []
    for block in blocks:
        with torch.no_grad():
            values = copy.deepcopy(block).to("meta").eval()(values)
        waiting.append(block)
        if isinstance(values, Tensor):
            found.append(waiting[0] if len(waiting) == 1 else nn.Sequential(*waiting))
            waiting = []
    if waiting or not found:
        raise ValueError(f"timm's {name} ends in several values, not in one")
    return found


def _as_maps(model: nn.Module, shape: tuple[int, ...]) -> list[nn.Module]:
    """What turns the last features into maps whose mean a linear head can take; nothing if they are."""
    if len(shape) == 3:
        if getattr(model, "global_pool", "") == "token":
            return []
        side = math.isqrt(shape[1])
        first = shape[1] - side**2  # class token and registers

        def grid(tokens: Tensor) -> Tensor:
            return tokens[:, first:].transpose(1, 2).unflatten(2, (side, side))

        return [Function(grid, "tokens as maps")]
    if len(shape) == 4 and layout_of(shape) == "channels_last":
        return [Function(lambda maps: maps.permute(0, 3, 1, 2), "channels first")]
    return []


class _Tail(nn.Module):
    """What timm does after `forward_features`; it holds only the modules whose weights no block holds."""

    def __init__(self, model: nn.Module, blocks: list[nn.Module]) -> None:
        super().__init__()
        taken = {id(weight) for block in blocks for weight in block.parameters()}
        for name, child in model.named_children():
            if (own := {id(weight) for weight in child.parameters()}) and not own & taken:
                self.add_module(name, child)
        self._run: Callable[[Tensor], Tensor] = model.forward_head

    def forward(self, features: Tensor) -> Tensor:
        return self._run(features)


def _after(model: nn.Module) -> tuple[str, ...]:
    """The beginnings of the names of the weights that come after `forward_features`."""
    return tuple(f"{name}." for name in _Tail(model, _blocks(model))._modules)


class _Follower(fx.Tracer):
    """Goes into what holds blocks in a line, and takes each block as one step."""

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return not _holds_blocks(module)


def _holds_blocks(module: nn.Module) -> bool:
    if type(module).forward is nn.Sequential.forward:
        return True
    return any(
        isinstance(child, nn.Sequential | nn.ModuleList)
        and any(not type(m).__module__.startswith("torch.nn") for m in child)
        for child in module.children()
    )


class _Features(nn.Module):
    """A model whose `forward` is timm's `forward_features`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.forward_features(images)


def _blocks(model: nn.Module) -> list[nn.Module]:
    """The steps of `forward_features`, cut wherever one value is all that goes on."""
    root = _Features(model)
    try:
        with in_evaluation(root):
            graph = _Follower().trace(root)
    except Exception as error:  # whatever a network does with its stand-in
        why = " ".join(str(error).split())[:200]
        raise ValueError(
            f"timm's {type(model).__name__} cannot be followed block by block ({why})"
        ) from None
    images, *steps, output = graph.nodes
    last_use = {
        node: place for place, step in enumerate([*steps, output]) for node in step.all_input_nodes
    }
    constant: set[fx.Node] = set()
    for step in steps:  # weights, and what is made of them alone
        if step.op == "get_attr" or (
            step.all_input_nodes and constant.issuperset(step.all_input_nodes)
        ):
            constant.add(step)
    found, given, since = [], images, 0
    for place, step in enumerate(steps):
        alive = [
            node
            for node in (images, *steps[: place + 1])
            if node not in constant and last_use.get(node, -1) > place
        ]
        if alive == [step]:
            found.append(_step(root, given, steps[since : place + 1], constant, steps))
            given, since = step, place + 1
    return found


def _step(
    root: nn.Module,
    given: fx.Node,
    steps: list[fx.Node],
    constant: set[fx.Node],
    every: list[fx.Node],
) -> nn.Module:
    """A module that takes one value through these steps; timm's own where it is one step."""
    steps = [step for step in steps if step not in constant]
    if (
        len(steps) == 1
        and steps[0].op == "call_module"
        and steps[0].args == (given,)
        and not steps[0].kwargs
    ):
        return root.get_submodule(str(steps[0].target))
    graph = fx.Graph()
    copies = {given: graph.placeholder("values")}

    def copied(node: fx.Node) -> fx.Node:
        if node not in copies:  # weights may have been fetched long before they are used
            copies[node] = graph.node_copy(node, copied)
        return copies[node]

    for step in steps:
        copied(step)
    graph.output(copies[steps[-1]])
    return fx.GraphModule(root, graph)
