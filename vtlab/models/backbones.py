"""Backbones by name: every network is named stages and a head, whatever its family.

The small ones (`mini_networks`) ship with weights pretrained on the garden; ImageNet's for `efficientnet_lite`
come as a package. The others are torchvision's and timm's own networks, cut into the same five stages
(`from_torchvision`, `from_timm`).
"""

from __future__ import annotations

import copy
import functools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vtlab.models import efficientnet_lite, from_keras, from_module, from_timm, from_torchvision
from vtlab.models.builders import Builder, build_module, find_builder, is_builder_name
from vtlab.models.cutting import CutNetwork
from vtlab.models.from_module import StageNames
from vtlab.models.grey import take_grey_images, widen_grey_weights
from vtlab.models.initialisation import reinitialise
from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.models.network import STAGE_NAMES, Network, Source, network_in_evaluation_mode
from vtlab.models.normalisation import IMAGENET_NORMALISATION, Normalisation
from vtlab.models.weights import (
    check_saved_backbone,
    fill_module_with_weights,
    find_shipped_weights,
    load_stage_weights,
)
from vtlab.models.weights_files import WeightsFile, open_weights
from vtlab.models.workarounds import apply_workarounds
from vtlab.system.arguments import check_whole_number
from vtlab.system.device import choose_device
from vtlab.system.files import expand_home
from vtlab.system.randomness import make_generator

# a name; or a network of one's own, or the function that builds it
BackboneLike = str | nn.Module | Callable[[], nn.Module]


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


def is_known_backbone(name: str) -> bool:
    """Whether a network can be built from its name alone, without code of a user's."""
    try:
        return not is_builder_name(name) and bool(find_backbone_image_size(name))
    except ValueError:
        return False


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


def find_backbone_image_size(name: BackboneLike) -> int:
    """Side in pixels of the images that a backbone's weights were trained on.

    Args:
        name: As in `backbone`; 64 of a network made by hand that does not say.

    Raises:
        ValueError: If there is no such backbone.
    """
    if isinstance(name, str):
        if name in MINI_NETWORKS:
            return MINI_NETWORKS[name].image_size
        if not is_builder_name(name):
            library, known = _find_library(name)
            return library.find_preprocessing(known)[0]
        return _build_quietly(name).image_size or MINI_NETWORKS["mini_resnet"].image_size
    if isinstance(name, Network) and name.image_size is None:
        try:
            return find_backbone_image_size(name.name)
        except ValueError:  # made by hand
            return MINI_NETWORKS["mini_resnet"].image_size
    network = name if isinstance(name, Network) else backbone(name, say=lambda sentence: None)
    return network.image_size or MINI_NETWORKS["mini_resnet"].image_size


@functools.cache
def _build_quietly(name: str) -> Network:
    """The network that a function builds, to be looked at alone."""
    return backbone(name, say=lambda sentence: None)


def backbone(
    name: BackboneLike = "mini_resnet",
    *,
    classes: int | None = 2,
    weights: str | Path | None = "default",
    head: nn.Module | None = None,
    pooling: bool = True,
    stages: StageNames | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    image_size: int | None = None,
    in_chans: int | None = None,
    options: Mapping[str, int | float | bool | str] | None = None,
    say: Callable[[str], None] = warnings.warn,
) -> Network:
    """A network ready to be trained on K classes.

    Args:
        name: "mini_resnet", "mini_vgg", "mini_inception", "mini_mobilenet" (64 px images),
            "efficientnet_lite0" (224 px), or any classification network of torchvision, such as
            "resnet50", or of timm (which is installed apart), such as "timm:convnext_atto". Or a network of
            your own: a `torch.nn.Module` that takes images and gives logits, a Keras model with torch as its
            backend, the function that builds one, or where that stands ("package.module:function",
            "file.py:function"). It is copied, and cut as `from_module` says. Or a `Network`, for a copy.
        classes: K, the outputs of the new linear head, where `head` is not given. None keeps
            the head that it was trained with; the small ones of 64 px have none.
        weights: "default" for the shipped or published ones, "natural" for mini_resnet's that were
            pretrained on photographs, None for random ones, the name of published ones
            ("IMAGENET1K_V2"; of timm's that name is part of the network's,
            "timm:resnet50.a1_in1k"), or a path: to the folder of a model that `vt.save` wrote, or to a
            file of the same architecture (.safetensors, or what `torch.save` wrote, of which no code is
            run). What trainers wrap around a state dict is taken off. Published ones are fetched once,
            torchvision's into torch.hub's folder, where their hash is checked, and timm's into the
            folder of the Hugging Face hub. Of a network of your own "default" are those that it has.
        head: Your own module instead of a linear layer: features `(N, D)` to outputs `(N, K)`.
            Its weights are drawn anew by every strategy, but for one whose head is "kept".
        pooling: False to give it the last feature maps `(N, D, h, w)` instead of their means.
        stages: Of a network of your own the names of the modules that its stages end with, in the order they
            run, such as ["layer1", "layer2"], or such names by the stages' own. None cuts it where the
            resolution halves.
        mean: Means of the channels that are subtracted, in [0, 1]; None for those its weights expect, and of
            a network of your own for ImageNet's, which is said.
        std: Deviations that are divided by, as `mean`.
        image_size: Side in pixels of the images of a network of your own; None for 224, or the first of the
            usual sizes that it takes, which is said.
        in_chans: Channels of the images: 3, or 1. Images here have three; for a network of one they are
            turned to grey, and weights for three are summed over them. None for what a network of your
            own has, and else 3.
        options: Arguments for timm, such as {"img_size": 160, "drop_path_rate": 0.1}. They become part of the
            name, and may be given so: "timm:vit_tiny_patch16_224,img_size=160,drop_path_rate=0.1".
        say: Called with a sentence about what was wrapped around weights from a file or left aside, and
            about what was not given and is assumed.

    Raises:
        ValueError: If the name is unknown, no weights ship for it, a file or the head does not fit, timm's
            network does not take an option, a network of your own cannot be cut, or a number is out of range.
        FileNotFoundError: If a file is not there, or the package that efficientnet_lite0's weights come with.
        OSError: If published weights could not be fetched; the message says which file to place where.

    Lesson 01; heads in lesson 03.
    """
    if options:
        if not isinstance(name, str) or not name.startswith(from_timm.TIMM_PREFIX):
            called = (
                name if isinstance(name, str) else getattr(name, "name", "a network of your own")
            )
            raise ValueError(f"options are arguments for timm; {called} takes none")
        name = from_timm.add_timm_options(name, options)
    for what, number in (("classes", classes), ("as image_size", image_size)):
        if number is not None:
            check_whole_number(number, what)
    name, weights = expand_home(name), expand_home(weights)
    own = not isinstance(name, str) or is_builder_name(name)
    if (stages is not None or image_size is not None) and (not own or isinstance(name, Network)):
        raise ValueError(
            "stages and image_size are asked of a network of your own, before it is cut"
        )
    if in_chans not in (None, 1, 3):
        raise ValueError(
            f"in_chans is {in_chans}; images here have 3 channels, or 1 where they are turned to grey"
        )
    with torch.random.fork_rng(devices=[]):  # constructors draw; the caller's state stays
        if own:
            given = _Given(stages, mean, std, image_size)
            network = _build_own(name, classes, weights, given, say)
        elif name in MINI_NETWORKS:
            network = _build_mini(str(name), classes, weights, in_chans, say)
        else:
            network = _build_from_library(str(name), classes, weights, in_chans, say)
        if head is not None:
            network.head = head
        network.pooling = pooling and network.pooling
    if in_chans not in (None, network.channels):
        raise ValueError(
            f"in_chans is {in_chans}; {network.name} takes images of {network.channels} channels"
        )
    network.normalisation = _choose_normalisation(network.normalisation, mean, std)
    apply_workarounds(network)
    if head is not None:
        _check_head(network, find_backbone_image_size(network if own else name))
    elif classes is not None:
        network.reset_head(0)
    return network.to(choose_device()).to(memory_format=network.memory_format)


def _choose_normalisation(
    known: Normalisation, mean: Sequence[float] | None, std: Sequence[float] | None
) -> Normalisation:
    """The means and deviations that were given, and else the known ones.

    Raises:
        ValueError: If there is not one for each channel, or they cannot be used.
    """
    chosen = []
    for what, given, there in (("mean", mean, known.mean), ("std", std, known.std)):
        try:
            values = there if given is None else tuple(float(value) for value in given)
        except (TypeError, ValueError):
            values = ()
        if given is not None and values and max(map(abs, values)) > 1:
            raise ValueError(
                f"{what} is {given}; images here go from 0 to 1: divide by 255 what is meant for bytes"
            )
        if len(values) == 1 < len(there):
            values = values * len(there)
        if (
            len(values) != len(there)
            or not all(map(math.isfinite, values))
            or (what == "std" and min(values) <= 0)
        ):
            raise ValueError(
                f"{what} is {given}; it holds a finite number for each of {len(there)} channels"
                + (", above 0" if what == "std" else "")
            )
        chosen.append(values)
    return Normalisation(*chosen)


class _Given(NamedTuple):
    """What is known of a network of one's own besides the network."""

    stages: StageNames | None
    mean: Sequence[float] | None
    std: Sequence[float] | None
    image_size: int | None


def _build_own(
    given: BackboneLike,
    classes: int | None,
    weights: str | Path | None,
    about: _Given,
    say: Callable[[str], None],
) -> Network:
    """A copy of a network of one's own, cut into stages, its head still to be drawn."""
    builder: Builder | None = None
    if isinstance(given, Mapping):
        raise ValueError(
            "a state dict holds weights and no network: give the network with these weights loaded, or a name "
            "and weights=FILE"
        )
    if isinstance(given, torch.jit.ScriptModule):
        raise ValueError(
            "TorchScript cannot be cut into stages: give the module that it was made of"
        )
    if isinstance(given, nn.Module):
        module, label = given, type(given).__name__
    else:
        builder = find_builder(given) if isinstance(given, str) else given
        label = (
            given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__)
        )
        module = build_module(builder, label)
    if isinstance(module, Network):
        network = from_module.copy_network(module, classes)
        if isinstance(given, str):
            network.name = label
    else:
        network = _cut_own(module, builder, label, classes, about, say)
    if weights is None:
        network.reset_stages(0)
    elif str(weights).lower() != "default":
        file = open_weights(Path(weights))
        if network.source is None or file.holds_stages_of(network.stages):
            load_stage_weights(network, file, say)
        else:  # by the names that it has where it comes from
            module, head = network.source.module, network.source.head
            fill_module_with_weights(module, file, network.name, [f"{head}."] if head else [], say)
            network.origin = file.origin
    return network


def _cut_own(
    module: nn.Module,
    builder: Builder | None,
    name: str,
    classes: int | None,
    about: _Given,
    say: Callable[[str], None],
) -> Network:
    """A module cut into stages; what was not given of its images is assumed, and said."""
    if from_keras.is_keras_model(module):
        module = from_keras.KerasModel(module)
    elif builder is None:
        module = copy.deepcopy(getattr(module, "_orig_mod", module))  # of torch.compile
    if any(one.is_floating_point() and one.dtype != torch.float32 for one in module.parameters()):
        module = module.float()
        say(f"{name}: its weights are turned to float32, in which training is sure")
    channels = from_module.find_channels(module)
    known_size = about.image_size or from_module.find_declared_image_size(module, channels)
    size = known_size or from_module.find_image_size(module, channels)
    parts, head_name = from_module.cut_module(module, size, channels, about.stages, say)
    known = from_module.find_normalisation(module, channels)
    assumed = [] if known_size else [f"images of {size} px"]
    if known is None and (about.mean is None or about.std is None):
        assumed.append("ImageNet's mean and std")
    if assumed:
        say(
            f"{name}: {' and '.join(assumed)} are assumed; say image_size, mean and std where its weights "
            "expect others"
        )
    if classes is None and not head_name:
        raise ValueError(f"{name} has no linear head to keep: say how many classes")
    grey = Normalisation((0.449,), (0.226,))  # the means over ImageNet's channels
    network = Network(
        name,
        parts.stages,
        parts.tail if classes is None else nn.Linear(parts.features, classes),
        known or (IMAGENET_NORMALISATION if channels == 3 else grey),
        pooling=classes is not None,
        pooler=parts.pooler,
        layouts=parts.layouts,
        image_size=size,
    )
    network.source = Source(module, head_name, {"stages": about.stages, "image_size": size})
    network.origin = f"{name} as it was given"
    if not from_module.runs_channels_last(network):
        network.memory_format = torch.contiguous_format
    if builder is not None:
        network.redraw = from_module.Redraw(builder, name, size, channels, about.stages)
    return network


def _build_mini(
    name: str,
    classes: int | None,
    weights: str | Path | None,
    in_chans: int | None,
    say: Callable[[str], None],
) -> Network:
    """One of the small networks; its head is still to be drawn."""
    if classes is None:
        raise ValueError(f"no old head is kept of {name}: say how many classes")
    made = MINI_NETWORKS[name]
    head = nn.Linear(made.features, classes)
    network = Network(name, made.build_stages(), head, made.normalisation)
    if weights is None:
        network.reset_stages(0)
        return take_grey_images(network) if in_chans == 1 else network
    file = open_weights(find_shipped_weights(name, weights) or Path(weights))
    grey = 1 in (in_chans, file.channels)
    load_stage_weights(network, widen_grey_weights(file, network.stages) if grey else file, say)
    return take_grey_images(network) if grey else network


def _build_from_library(
    name: str,
    classes: int | None,
    weights: str | Path | None,
    in_chans: int | None,
    say: Callable[[str], None],
) -> Network:
    """One of a library's networks, with its old head or a linear one that is still to be drawn."""
    library, known = _find_library(name)
    (size, normalisation), old_head = library.find_preprocessing(known), classes is None
    file: WeightsFile | None = None
    if weights is not None and str(weights).lower() != "default" and Path(weights).exists():
        file = open_weights(Path(weights))
        check_saved_backbone(file, name)
    # as a `Network` of any library names them
    ours = file is not None and file.holds_stages_of(STAGE_NAMES)
    if weights is None or ours:
        model, origin = library.build(known), "random"
    else:
        if file and in_chans == 1:
            file = widen_grey_weights(file, library.build(known))
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
    grey = in_chans == 1 or (file is not None and file.channels == 1)
    if file and ours:
        load_stage_weights(network, widen_grey_weights(file, network.stages) if grey else file, say)
    return take_grey_images(network) if grey else network


def _check_head(network: Network, size: int) -> None:
    """Refuse a head that the stages' features do not fit, before anything is trained."""
    count = network.output_count
    blank = network.make_blank(2, size)
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
