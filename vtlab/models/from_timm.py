"""Networks of timm, cut into five stages and a head: `vt.backbone("timm:convnext_atto")`.

A network's `forward_features` is followed once (`tracing`), and its blocks are grouped into stages like those
of torchvision. No weight is copied, and timm's own blocks stay whole, with their dropout and their modes.
Arguments of timm's own are part of the name, "vit_tiny_patch16_224,img_size=160": so they are saved with a
model, and runs of other arguments are other runs.
"""

from __future__ import annotations

import ast
import contextlib
import math
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from vtlab.models.cutting import (
    CutFunction,
    CutNetwork,
    cut_into_stages,
    infer_cut_shapes,
    run_cut_block_on_meta,
)
from vtlab.models.layouts import infer_layout
from vtlab.models.normalisation import Normalisation
from vtlab.models.tracing import find_blocks, holds_blocks
from vtlab.models.weights import fill_module_with_weights
from vtlab.models.weights_files import WeightsFile, open_weights

TIMM_PREFIX = "timm:"
# timm's arguments that are given otherwise
SETTLED_OPTIONS = {
    "num_classes": "say classes",
    "in_chans": "say in_chans itself",
    "pretrained": "say weights",
    "checkpoint_path": "say weights",
    "features_only": "explain and vt.activations look at any stage",
    "drop_rate": "it is dropout of timm's own head: give a head with torch.nn.Dropout",
    "global_pool": "timm's own head alone obeys it",
}


def _import_timm() -> ModuleType:
    try:
        import timm
    except ImportError:
        raise ValueError("a backbone named timm:… needs timm: pip install timm") from None
    return timm


def add_timm_options(name: str, options: Mapping[str, int | float | bool | str]) -> str:
    """A network's name with arguments for timm, such as "timm:vit_tiny_patch16_224,img_size=160"."""
    plain, given = split_timm_options(name)
    return ",".join(
        [plain, *(f"{word}={value}" for word, value in sorted({**given, **options}.items()))]
    )


def split_timm_options(name: str) -> tuple[str, dict[str, Any]]:
    """A network's name without the arguments for timm, and these.

    Raises:
        ValueError: If they are no `word=value`, or are given otherwise here.
    """
    plain, *parts = name.split(",")
    options: dict[str, Any] = {}
    for word, sign, value in (part.strip().partition("=") for part in parts):
        if not (word.isidentifier() and sign and value) or word in options:
            raise ValueError(
                f"{name!r} is no name with arguments, such as timm:vit_tiny_patch16_224,img_size=160"
            )
        if word in SETTLED_OPTIONS:
            raise ValueError(f"{word} is no option of {plain} here: {SETTLED_OPTIONS[word]}")
        options[word] = value
        with contextlib.suppress(ValueError, SyntaxError):  # a word is one
            options[word] = ast.literal_eval(value)
    return plain, options


@cache
def read_timm_config(name: str) -> dict[str, Any]:
    """What timm knows of a network's images: `input_size (3, H, W)`, `mean`, `std` and more.

    Args:
        name: Without `timm:`; `resnet50.a1_in1k` names one of several published weights.

    Raises:
        ValueError: If timm is not installed, has no such network, or that takes no such arguments.
    """
    timm, (plain, options) = _import_timm(), split_timm_options(name)
    architecture = plain.partition(".")[0]
    if not timm.is_model(architecture):
        like = timm.list_models(f"*{architecture[:4]}*")[:3]
        hint = f", such as {', '.join(like)}" if like else ""
        raise ValueError(f"timm {timm.__version__} has no network called {plain!r}{hint}")
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            config = dict(timm.create_model(plain, **options).pretrained_cfg)
    except (RuntimeError, TypeError, ValueError, AssertionError, AttributeError) as error:
        if not options:  # published weights of another name
            raise ValueError(f"timm has no {plain!r}: {error}") from None
        read_timm_config(plain)
        asked = ", ".join(f"{word}={value}" for word, value in options.items())
        why = " ".join(str(error).split())[:200]
        raise ValueError(f"{TIMM_PREFIX}{plain} does not take {asked}: {why}") from None
    size = int(options.get("img_size", config["input_size"][1]))
    return config | {"input_size": (3, size, size)}


def find_timm_preprocessing(name: str) -> tuple[int, Normalisation]:
    """The images that its weights were trained on: side in pixels, and normalisation."""
    config = read_timm_config(name)
    return config["input_size"][1], Normalisation(tuple(config["mean"]), tuple(config["std"]))


def build_timm_model(name: str, *, pretrained: bool = False, seed: int = 0) -> nn.Module:
    """Timm's own network.

    Args:
        name: As in `read_timm_config`.
        pretrained: With its published weights, which timm fetches once into its own cache.
        seed: Of weights drawn at random, as timm draws them.

    Raises:
        OSError: If published weights could not be fetched, or there are none.
        ValueError: If timm is not installed, or has no such network.
    """
    read_timm_config(name)
    plain, options = split_timm_options(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return _import_timm().create_model(plain, pretrained=pretrained, **options)
        except Exception as error:  # the hub's errors have no common base
            if not pretrained:
                raise
            why = " ".join(str(error).split())[:200]
            raise OSError(
                f"the weights of {TIMM_PREFIX}{name} could not be fetched ({why}): give weights=PATH, "
                "or weights=None for random ones"
            ) from None


def load_timm_model(
    name: str,
    weights: str | Path | WeightsFile,
    *,
    old_head: bool,
    say: Callable[[str], None] = warnings.warn,
) -> tuple[nn.Module, str]:
    """Timm's own network with trained weights, and where these come from, in one phrase.

    Args:
        name: As in `read_timm_config`.
        weights: "default" for the published ones, or the file of a state dict with timm's names.
        old_head: Whether the head must be in the file, and fit.
        say: As in `fill_module_with_weights`.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: As `build_timm_model`.
        ValueError: As `build_timm_model`, or if an entry is missing or of another shape.
    """
    if str(weights).lower() == "default":
        model: Any = build_timm_model(name, pretrained=True)
        return model, f"{TIMM_PREFIX}{name} {read_timm_config(name).get('tag', '')}".strip()
    file = weights if isinstance(weights, WeightsFile) else open_weights(Path(weights))
    model = build_timm_model(name)
    # the head, which may be missing, is what comes after `forward_features`
    head = [] if old_head else [f"{name}." for name in _Tail(model, _find_blocks(model))._modules]
    try:
        fill_module_with_weights(model, file, f"{TIMM_PREFIX}{name}", head, say)
    except ValueError:
        plain, options = split_timm_options(name)
        if not (size := options.pop("img_size", None)) or not hasattr(model, "set_input_size"):
            raise
        # weights for images of the usual size: timm stretches what they say of places
        model = build_timm_model(add_timm_options(plain, options))
        fill_module_with_weights(model, file, f"{TIMM_PREFIX}{plain}", head, say)
        model.set_input_size(img_size=size)
        say(f"{file.name}: the embeddings of places are stretched for images of {size} px")
    return model, file.origin


def cut_timm_model(model: nn.Module, size: int, *, old_head: bool) -> CutNetwork:
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
    blocks = _join_multivalued(_find_blocks(model), size, type(model).__name__)
    if not old_head:
        blocks += _make_map_layers(model, infer_cut_shapes(blocks, size)[-1])
    return cut_into_stages(blocks, _Tail(model, blocks), size)


def _join_multivalued(blocks: list[nn.Module], size: int, name: str) -> list[nn.Module]:
    """The blocks, those that give several values at once made one with what follows them."""
    values: Any = torch.empty(2, 3, size, size, device="meta")
    joined: list[nn.Module] = []
    waiting: list[nn.Module] = []
    for block in blocks:
        try:
            values = run_cut_block_on_meta(block, values)
        except RuntimeError as error:  # a number of images that its code holds
            raise ValueError(f"timm's {name} cannot be followed block by block: {error}") from error
        waiting.append(block)
        if isinstance(values, Tensor):
            joined.append(waiting[0] if len(waiting) == 1 else nn.Sequential(*waiting))
            waiting = []
    if waiting or not joined:
        raise ValueError(f"timm's {name} ends in several values, not in one")
    return joined


def _make_map_layers(model: nn.Module, shape: tuple[int, ...]) -> list[nn.Module]:
    """What turns the last features into maps whose mean a linear head can take; nothing if they are."""
    if len(shape) == 3:
        if getattr(model, "global_pool", "") == "token":
            return []
        side = math.isqrt(shape[1])
        first = shape[1] - side**2  # class token and registers

        def to_grid(tokens: Tensor) -> Tensor:
            return tokens[:, first:].transpose(1, 2).unflatten(2, (side, side))

        return [CutFunction(to_grid, "tokens as maps")]
    if len(shape) == 4 and infer_layout(shape) == "channels_last":
        return [CutFunction(lambda maps: maps.permute(0, 3, 1, 2), "channels first")]
    return []


class _Tail(nn.Module):
    """What timm does after `forward_features`; it holds only the modules whose weights no block holds."""

    def __init__(self, model: Any, blocks: list[nn.Module]) -> None:
        super().__init__()
        taken = {id(weight) for block in blocks for weight in block.parameters()}
        for name, child in model.named_children():
            if (own := {id(weight) for weight in child.parameters()}) and not own & taken:
                self.add_module(name, child)
        self._run: Callable[[Tensor], Tensor] = model.forward_head

    def forward(self, features: Tensor) -> Tensor:
        return self._run(features)


class _Features(nn.Module):
    """A model whose `forward` is timm's `forward_features`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.forward_features(images)


def _find_blocks(model: nn.Module) -> list[nn.Module]:
    """The steps of `forward_features`, cut wherever one value is all that goes on."""
    try:
        return [
            block.module
            for block in find_blocks(_Features(model), lambda module, name: holds_blocks(module))
        ]
    except ValueError as error:
        raise ValueError(
            f"timm's {type(model).__name__} cannot be followed block by block ({error})"
        ) from None
