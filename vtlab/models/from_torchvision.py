"""Torchvision's classification networks, all of them, cut into five stages and a head.

A network is a line of blocks (`_PARTS` says which of its parts, family by family), and where the
resolution halves a stage ends. No weight is copied or renamed: the blocks are the network's own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vtlab.models.cutting import CutFunction, CutNetwork, CutPointwiseFunction, cut_into_stages
from vtlab.models.normalisation import Normalisation
from vtlab.models.starts import Start
from vtlab.models.weights import (
    fill_module_with_weights,
    find_fetched_weights,
    open_torchvision_weights,
)
from vtlab.models.weights_files import WeightsFile

if TYPE_CHECKING:
    from torchvision.models import VisionTransformer


class _PatchTokens(nn.Module):
    """A vision transformer's images as tokens, with class token, places and dropout."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.conv_proj, self.class_token = model.conv_proj, model.class_token
        self.pos_embedding, self.dropout = model.encoder.pos_embedding, model.encoder.dropout

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.conv_proj(images).flatten(2).transpose(1, 2)  # (N, T, C)
        first = self.class_token.expand(len(tokens), -1, -1)
        return self.dropout(torch.cat([first, tokens], 1) + self.pos_embedding)


# Parts of the stages, and what follows them, up to the class scores. A part is an attribute, or a
# function of the model that makes a module (`_PART_MAKERS`). A line serves a class and those made from it.
_GOOGLENET = (
    "scaled conv1 maxpool1 conv2 conv3 maxpool2 inception3a inception3b maxpool3 inception4a "
    "inception4b inception4c inception4d inception4e maxpool4 inception5a inception5b"
)
_INCEPTION = (
    "scaled Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 maxpool1 Conv2d_3b_1x1 Conv2d_4a_3x3 "
    "maxpool2 Mixed_5b Mixed_5c Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_7a "
    "Mixed_7b Mixed_7c"
)
_PARTS: dict[str, tuple[str, str]] = {
    "AlexNet": ("features", "avgpool flatten classifier"),
    "VGG": ("features", "avgpool flatten classifier"),
    "SqueezeNet": ("features", "classifier flatten"),
    "DenseNet": ("features relu", "mean classifier"),
    "MobileNetV2": ("features", "mean classifier"),
    "MobileNetV3": ("features", "avgpool flatten classifier"),
    "EfficientNet": ("features", "avgpool flatten classifier"),
    "ConvNeXt": ("features", "avgpool classifier"),
    "MNASNet": ("layers", "mean classifier"),
    "ResNet": ("conv1 bn1 relu maxpool layer1 layer2 layer3 layer4", "avgpool flatten fc"),
    "RegNet": ("stem trunk_output", "avgpool flatten fc"),
    "ShuffleNetV2": ("conv1 maxpool stage2 stage3 stage4 conv5", "mean fc"),
    "GoogLeNet": (_GOOGLENET, "avgpool flatten dropout fc"),
    "Inception3": (_INCEPTION, "avgpool dropout flatten fc"),
    "SwinTransformer": ("features norm permute", "avgpool flatten head"),
    "MaxVit": ("stem blocks", "classifier"),
    "VisionTransformer": ("patches encoder.layers encoder.ln", "first heads"),
}
_PART_MAKERS: dict[str, Callable[..., nn.Module]] = {
    "flatten": lambda model: nn.Flatten(1),
    "mean": lambda model: CutFunction(lambda maps: maps.mean((2, 3)), "mean over cells"),
    "first": lambda model: CutFunction(lambda tokens: tokens[:, 0], "class token"),
    "patches": _PatchTokens,
    "scaled": lambda model: CutPointwiseFunction(model._transform_input, "Inception's own scaling"),
}


@cache
def list_torchvision_names() -> tuple[str, ...]:
    """Every classification network of the installed torchvision."""
    from torchvision import models

    return tuple(models.list_models(module=models))


@cache
def find_torchvision_preprocessing(name: str) -> tuple[int, Normalisation]:
    """The images that its default weights were trained on: side in pixels, and normalisation."""
    from torchvision import models

    preset = models.get_model_weights(name).DEFAULT.transforms()
    return preset.crop_size[0], Normalisation(tuple(preset.mean), tuple(preset.std))


def build_torchvision_model(name: str) -> nn.Module:
    """Torchvision's own network, with random weights, able to hold its published ones.

    Heads for training alone (Inception's and GoogLeNet's auxiliary ones) are there to be loaded
    and are left out by `cut_torchvision_model`.
    """
    from torchvision import models

    more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = models.get_model(name, weights=None, **more)
    # not in the state dict, and the published weights expect it
    if hasattr(model, "transform_input"):
        model.transform_input = True
    return model


def load_torchvision_model(
    name: str,
    weights: str | Path | WeightsFile,
    *,
    old_head: bool,
    say: Callable[[str], None] = warnings.warn,
) -> tuple[nn.Module, str]:
    """Torchvision's own network with trained weights, and where these come from, in one phrase.

    Args:
        name: As in `list_torchvision_names`.
        weights: "default", the name of published ones, or a file.
        old_head: Whether the head must be in it, and fit.
        say: As in `fill_module_with_weights`.

    Raises:
        FileNotFoundError: If there is no such file and no such name.
        OSError: If published weights could not be fetched.
        ValueError: If the file is damaged, an entry is missing or of another shape.
    """
    model = build_torchvision_model(name)
    if isinstance(weights, WeightsFile):
        file, origin = weights, weights.origin
    else:
        file, origin = open_torchvision_weights(name, weights)
    # torch.hub holds DenseNets whose entries have the names of an older version
    older = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")
    entries = {older.sub(r"\1\2.", key): values for key, values in file.entries.items()}
    # what training alone needs, such as auxiliary heads, may be missing
    head = [] if old_head else [f"{part}." for part in _find_parts(model)[1].split()]
    fill_module_with_weights(
        model, replace(file, entries=entries), name, ["aux", "AuxLogits", *head], say
    )
    return model, origin


def list_fetched_starts() -> list[Start]:
    """The networks of torchvision whose published weights lie in torch.hub's folder."""
    from torchvision import models

    return [
        Start(
            name,
            entry.name,
            find_torchvision_preprocessing(name)[0],
            "ImageNet",
            "see torchvision",
            "torchvision",
            path,
        )
        for name in list_torchvision_names()
        for entry in models.get_model_weights(name)
        if (path := find_fetched_weights(entry.url)).is_file()
    ]


def cut_torchvision_model(model: nn.Module, size: int, *, old_head: bool = True) -> CutNetwork:
    """The network's blocks in five stages, each ending where the resolution halves.

    Args:
        model: Torchvision's; its parts are used, not copied.
        size: Side of the images in pixels.
        old_head: Makes no difference here: `from_timm.cut_timm_model` needs it.

    Raises:
        ValueError: If its family is not known.
    """
    line, tail = _find_parts(model)
    blocks = [block for part in line.split() for block in _list_blocks(_make_part(model, part))]
    made = nn.Sequential(*(_make_part(model, part) for part in tail.split()))
    return cut_into_stages(blocks, made, size)


def _find_parts(model: nn.Module) -> tuple[str, str]:
    for kind in type(model).__mro__:
        if kind.__name__ in _PARTS:
            return _PARTS[kind.__name__]
    raise ValueError(f"no way to cut a {type(model).__name__} into stages is known here")


def _make_part(model: nn.Module, name: str) -> nn.Module:
    if name == "relu" and not hasattr(model, "relu"):
        return nn.ReLU()
    return _PART_MAKERS[name](model) if name in _PART_MAKERS else model.get_submodule(name)


def _list_blocks(part: nn.Module) -> Iterator[nn.Module]:
    """A line of modules one after the other; what has a forward of its own stays whole."""
    whole = type(part).__name__ in ("Conv2dNormActivation", "SimpleStemIN")  # one thing each
    if not whole and (
        isinstance(part, nn.ModuleList)
        or (isinstance(part, nn.Sequential) and type(part).forward is nn.Sequential.forward)
    ):
        for child in part:
            yield from _list_blocks(child)
    else:
        yield part
