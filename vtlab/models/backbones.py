"""Backbones by name: every network is named stages and a head, whatever its family.

The small ones (`mini_networks`) ship with weights pretrained on the garden; ImageNet's for `efficientnet_lite`
come as a package. The others are torchvision's and timm's own networks, cut into the same five stages
(`from_torchvision`, `from_timm`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vtlab.models import efficientnet_lite, from_timm, from_torchvision
from vtlab.models.cutting import CutNetwork
from vtlab.models.initialisation import reinitialise
from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.models.network import STAGE_NAMES, Network, network_in_evaluation_mode
from vtlab.models.normalisation import Normalisation
from vtlab.models.weights import (
    check_saved_backbone,
    find_shipped_weights,
    load_stage_weights,
)
from vtlab.models.weights_files import WeightsFile, open_weights
from vtlab.models.workarounds import apply_workarounds
from vtlab.system.device import choose_device
from vtlab.system.randomness import make_generator


class _Library(NamedTuple):
    """How networks of a library are made: size and normalisation, random weights, given weights, stages."""

    find_preprocessing: Callable[[str], tuple[int, Normalisation]]
    build: Callable[[str], nn.Module]
    load: Callable[..., tuple[nn.Module, str]]
    cut: Callable[..., CutNetwork]


TIMM = _Library(
    from_timm.find_timm_preprocessing,
    from_timm.build_timm_model,
    from_timm.load_timm_model,
    from_timm.cut_timm_model,
)
TORCHVISION = _Library(
    from_torchvision.find_torchvision_preprocessing,
    from_torchvision.build_torchvision_model,
    from_torchvision.load_torchvision_model,
    from_torchvision.cut_torchvision_model,
)

EFFICIENTNET_LITE = _Library(
    efficientnet_lite.find_efficientnet_lite_preprocessing,
    efficientnet_lite.build_efficientnet_lite,
    efficientnet_lite.load_efficientnet_lite,
    efficientnet_lite.cut_efficientnet_lite,
)


def _find_library(name: str) -> tuple[_Library, str]:
    """The library that has the network of this name, and the network's name there."""
    if name.startswith(from_timm.TIMM_PREFIX):
        return TIMM, name.removeprefix(from_timm.TIMM_PREFIX)
    if name == efficientnet_lite.EFFICIENTNET_LITE:
        return EFFICIENTNET_LITE, name
    if name in from_torchvision.list_torchvision_names():
        return TORCHVISION, name
    there = ", ".join([*MINI_NETWORKS, efficientnet_lite.EFFICIENTNET_LITE])
    raise ValueError(
        f"unknown backbone {name!r}; there are {there}, torchvision's "
        "classification networks, such as resnet18, and timm's, such as timm:convnext_atto"
    )


def find_backbone_image_size(name: str) -> int:
    """Side in pixels of the images that a backbone's weights were trained on.

    Args:
        name: As in `backbone`.

    Raises:
        ValueError: If there is no such backbone.
    """
    if name in MINI_NETWORKS:
        return MINI_NETWORKS[name].image_size
    library, known = _find_library(name)
    return library.find_preprocessing(known)[0]


def backbone(
    name: str = "mini_resnet",
    *,
    classes: int | None = 2,
    weights: str | Path | None = "default",
    head: nn.Module | None = None,
    pooling: bool = True,
    say: Callable[[str], None] = warnings.warn,
) -> Network:
    """A network ready to be trained on K classes.

    Args:
        name: "mini_resnet", "mini_vgg", "mini_inception", "mini_mobilenet" (64 px images),
            "efficientnet_lite0" (224 px), or any classification network of torchvision, such as
            "resnet50", or of timm (which is installed apart), such as "timm:convnext_atto".
        classes: K, the outputs of the new linear head, where `head` is not given. None keeps
            the head that it was trained with; the small ones of 64 px have none.
        weights: "default" for the shipped or published ones, "natural" for mini_resnet's that were
            pretrained on photographs, None for random ones, the name of published ones
            ("IMAGENET1K_V2"; of timm's that name is part of the network's,
            "timm:resnet50.a1_in1k"), or a path: to the folder of a model that `vt.save` wrote, or to a
            file of the same architecture (.safetensors, or what `torch.save` wrote, of which no code is
            run). What trainers wrap around a state dict is taken off. Published ones are fetched once,
            torchvision's into torch.hub's folder, where their hash is checked, and timm's into the
            folder of the Hugging Face hub.
        head: Your own module instead of a linear layer: features `(N, D)` to outputs `(N, K)`.
            Its weights are drawn anew by every strategy, but for one whose head is "kept".
        pooling: False to give it the last feature maps `(N, D, h, w)` instead of their means.
        say: Called with a sentence about what was wrapped around weights from a file, or left aside.

    Raises:
        ValueError: If the name is unknown, no weights ship for it, a file or the head does not fit.
        FileNotFoundError: If a file is not there, or the package that efficientnet_lite0's weights come with.
        OSError: If published weights could not be fetched; the message says which file to place where.

    Lesson 01; heads in lesson 03.
    """
    with torch.random.fork_rng(devices=[]):  # constructors draw; the caller's state stays
        build = _build_mini if name in MINI_NETWORKS else _build_from_library
        network = build(name, classes, weights, say)
        if head is not None:
            network.head = head
        network.pooling = pooling and network.pooling
    apply_workarounds(network)
    if head is not None:
        _check_head(network, find_backbone_image_size(name))
    elif classes is not None:
        network.reset_head(0)
    return network.to(choose_device()).to(memory_format=torch.channels_last)


def _build_mini(
    name: str, classes: int | None, weights: str | Path | None, say: Callable[[str], None]
) -> Network:
    """One of the small networks; its head is still to be drawn."""
    if classes is None:
        raise ValueError(f"no old head is kept of {name}: say how many classes")
    made = MINI_NETWORKS[name]
    head = nn.Linear(made.features, classes)
    network = Network(name, made.build_stages(), head, made.normalisation)
    if weights is None:
        network.reset_stages(0)
    else:
        load_stage_weights(network, find_shipped_weights(name, weights) or Path(weights), say)
    return network


def _build_from_library(
    name: str, classes: int | None, weights: str | Path | None, say: Callable[[str], None]
) -> Network:
    """One of a library's networks, with its old head or a linear one that is still to be drawn."""
    library, known = _find_library(name)
    (size, normalisation), old_head = library.find_preprocessing(known), classes is None
    file: WeightsFile | None = None
    if weights is not None and str(weights).lower() != "default" and Path(weights).exists():
        file = open_weights(Path(weights))
        check_saved_backbone(file, name)
    ours = file is not None and file.holds_stages  # as a `Network` of any library names them
    if weights is None or ours:
        model, origin = library.build(known), "random"
    else:
        model, origin = library.load(known, file or weights, old_head=old_head, say=say)
    parts = library.cut(model, size, old_head=old_head)
    head = parts.tail if classes is None else nn.Linear(parts.features, classes)
    network = Network(
        name, parts.stages, head, normalisation, pooling=not old_head, layouts=parts.layouts
    )

    def redraw(seed: int) -> dict[str, Tensor]:
        drawn = from_timm.build_timm_model(known, seed=seed)
        stages = from_timm.cut_timm_model(drawn, size, old_head=old_head).stages
        return nn.ModuleDict(stages).state_dict()

    if library is TIMM:
        network.redraw = redraw
    elif weights is None:
        network.reset_stages(0)
    network.origin = origin
    if file and ours:
        load_stage_weights(network, file, say)
    return network


def _check_head(network: Network, size: int) -> None:
    """Refuse a head that the stages' features do not fit, before anything is trained."""
    count = network.output_count
    blank = torch.zeros(2, 3, size, size)
    width = list(network.stages.parameters())[-1].shape[0]
    try:
        with torch.no_grad(), network_in_evaluation_mode(network):
            outputs = network(blank)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"the head does not fit features of {network.name}, {width} of them: {error}"
        ) from None
    if outputs.shape != (2, count):
        raise ValueError(
            f"the head turns 2 images into {tuple(outputs.shape)}, not into (2, {count})"
        )


def backbone_with_first_stages(stages: int, classes: int, seed: int) -> Network:
    """A pretrained network of which only the first stages are left; the others are drawn anew.

    Args:
        stages: How many stages stay.
        classes: K.
        seed: Of what is drawn anew.

    Raises:
        ValueError: If there are fewer stages.

    Yosinski et al. (2014), https://arxiv.org/abs/1411.1792. Lesson 06.
    """
    if not 0 <= stages <= len(STAGE_NAMES):
        raise ValueError(f"{stages} stages cannot stay: there are {len(STAGE_NAMES)}")
    network = backbone("mini_resnet", classes=classes)
    for name in STAGE_NAMES[stages:]:
        reinitialise(network.stages[name], make_generator(seed, name))
    return network
