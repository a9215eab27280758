"""Torchvision's classification networks, all of them, cut into five stages and a head.

A network is a line of blocks (`_LINES` says which of its parts, family by family), and where the
resolution halves a stage ends. No weight is copied or renamed: the blocks are the network's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor, nn

from vtlab.models.cutting import Cut, Function, Pointwise, in_stages
from vtlab.models.families import Normalisation


class _Patches(nn.Module):
    """A vision transformer's images as tokens, with class token, places and dropout."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.conv_proj, self.class_token = model.conv_proj, model.class_token
        self.pos_embedding, self.dropout = model.encoder.pos_embedding, model.encoder.dropout

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.conv_proj(images).flatten(2).transpose(1, 2)  # (N, T, C)
        first = self.class_token.expand(len(tokens), -1, -1)
        return self.dropout(torch.cat([first, tokens], 1) + self.pos_embedding)


def _mean() -> nn.Module:
    return Function(lambda maps: maps.mean((2, 3)), "mean over cells")


def _first() -> nn.Module:
    return Function(lambda tokens: tokens[:, 0], "class token")


def _scaled(model: nn.Module) -> nn.Module:
    return Pointwise(model._transform_input, "Inception's own scaling")


# Parts of the stages | what follows them, up to the class scores. A part is an attribute, or a
# function of the model that makes a module. A line serves a class and those made from it.
_GOOGLENET = (
    "conv1 maxpool1 conv2 conv3 maxpool2 inception3a inception3b maxpool3 inception4a "
    "inception4b inception4c inception4d inception4e maxpool4 inception5a inception5b"
)
_INCEPTION = (
    "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 maxpool1 Conv2d_3b_1x1 Conv2d_4a_3x3 maxpool2 "
    "Mixed_5b Mixed_5c Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_7a "
    "Mixed_7b Mixed_7c"
)
_LINES: dict[str, tuple[str, str]] = {
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
    "GoogLeNet": (f"scaled {_GOOGLENET}", "avgpool flatten dropout fc"),
    "Inception3": (f"scaled {_INCEPTION}", "avgpool dropout flatten fc"),
    "SwinTransformer": ("features norm permute", "avgpool flatten head"),
    "MaxVit": ("stem blocks", "classifier"),
    "VisionTransformer": ("patches encoder.layers encoder.ln", "first heads"),
}
_MADE: dict[str, Callable[[nn.Module], nn.Module]] = {
    "flatten": lambda model: nn.Flatten(1),
    "mean": lambda model: _mean(),
    "first": lambda model: _first(),
    "patches": _Patches,
    "scaled": _scaled,
}


@cache
def names() -> tuple[str, ...]:
    """Every classification network of the installed torchvision."""
    from torchvision import models

    return tuple(models.list_models(module=models))


def image_size(name: str) -> int:
    """Side in pixels of the images that its weights were trained on."""
    return _preset(name).crop_size[0]


def normalisation(name: str) -> Normalisation:
    """What its weights expect."""
    preset = _preset(name)
    return Normalisation(tuple(preset.mean), tuple(preset.std))


@cache
def _preset(name: str):
    from torchvision import models

    return models.get_model_weights(name).DEFAULT.transforms()


def build(name: str) -> nn.Module:
    """Torchvision's own network, with random weights, able to hold its published ones.

    Heads for training alone (Inception's and GoogLeNet's auxiliary ones) are there to be loaded
    and are left out by `cut`.
    """
    from torchvision import models

    more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = models.get_model(name, weights=None, **more)
    if hasattr(
        model, "transform_input"
    ):  # not in the state dict, and the published weights expect it
        model.transform_input = True
    return model


def fill(model: nn.Module, state: dict[str, Tensor], source: str, *, old_head: bool) -> None:
    """Load a state dict into torchvision's network.

    Args:
        model: Filled in place.
        state: Entries that training alone needs may lack (counters, auxiliary heads).
        source: Named in errors.
        old_head: Whether the head must be in it, and fit.

    Raises:
        ValueError: If an entry is missing or of another shape.
    """
    # torch.hub holds DenseNets whose entries have the names of an older version
    state = {
        re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2.", k): v
        for k, v in state.items()
    }
    own = model.state_dict()
    tail = () if old_head else tuple(f"{part}." for part in _line(model)[1].split())
    needed = [
        k
        for k in own
        if not k.startswith(("aux", "AuxLogits", *tail)) and not k.endswith("num_batches_tracked")
    ]
    wrong = [k for k in needed if k not in state or state[k].shape != own[k].shape]
    if wrong:
        raise ValueError(
            f"{source} does not hold {type(model).__name__}: {wrong[0]} is "
            f"{'of another shape' if wrong[0] in state else 'missing'}"
        )
    fits = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    model.load_state_dict({**own, **fits})


def cut(model: nn.Module, size: int) -> Cut:
    """The network's blocks in five stages, each ending where the resolution halves.

    Args:
        model: Torchvision's; its parts are used, not copied.
        size: Side of the images in pixels.

    Raises:
        ValueError: If its family is not known.
    """
    line, tail = _line(model)
    blocks = [block for part in line.split() for block in _blocks(_part(model, part))]
    return in_stages(blocks, nn.Sequential(*(_part(model, part) for part in tail.split())), size)


def _line(model: nn.Module) -> tuple[str, str]:
    for kind in type(model).__mro__:
        if kind.__name__ in _LINES:
            return _LINES[kind.__name__]
    raise ValueError(f"no way to cut a {type(model).__name__} into stages is known here")


def _part(model: nn.Module, name: str) -> nn.Module:
    if name == "relu" and not hasattr(model, "relu"):
        return nn.ReLU()
    return _MADE[name](model) if name in _MADE else model.get_submodule(name)


def _blocks(part: nn.Module) -> Iterator[nn.Module]:
    """A line of modules one after the other; what has a forward of its own stays whole."""
    plain = isinstance(part, nn.ModuleList) or type(part).forward is nn.Sequential.forward
    named = type(part).__name__ in ("Conv2dNormActivation", "SimpleStemIN")  # one thing each
    if plain and not named:
        for child in part:
            yield from _blocks(child)
    else:
        yield part
