"""Backbones by name: every network is named stages and a head, whatever its family.

The small ones (`families` builds their stages) ship with weights pretrained on the garden; the
others are torchvision's and timm's own networks, cut into the same five stages
(`torchvision_models`, `timm_models`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from vtlab.models import from_timm as timm_models
from vtlab.models import from_torchvision as torchvision_models
from vtlab.models.families import FAMILIES, Family
from vtlab.models.network import Network, in_evaluation
from vtlab.models.weights import published_or_file, read_state, shipped
from vtlab.models.workarounds import mend
from vtlab.system.device import best_device


def family(name: str) -> Family:
    """How to build the backbone of that name: one of ours, torchvision's, or, after `timm:`, timm's.

    Raises:
        ValueError: If there is none.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if name.startswith(timm_models.PREFIX):
        known = name.removeprefix(timm_models.PREFIX)
        return Family(None, None, timm_models.image_size(known), timm_models.normalisation(known))
    if name not in torchvision_models.names():
        raise ValueError(
            f"unknown backbone {name!r}; there are {', '.join(FAMILIES)}, "
            "torchvision's classification networks, such as resnet18, and timm's, such as "
            "timm:convnext_atto"
        )
    size = torchvision_models.image_size(name)
    return Family(None, None, size, torchvision_models.normalisation(name))


def backbone(
    name: str = "mini_resnet",
    *,
    classes: int | None = 2,
    weights: str | Path | None = "default",
    head: nn.Module | None = None,
    pooling: bool = True,
) -> Network:
    """A network ready to be trained on K classes.

    Args:
        name: "mini_resnet", "mini_vgg", "mini_inception", "mini_mobilenet" (64 px images), or
            any classification network of torchvision, such as "resnet50", or of timm (which is
            installed apart), such as "timm:convnext_atto".
        classes: K, the outputs of the new linear head, where `head` is not given. None keeps
            the head that a network of torchvision or timm was trained with.
        weights: "default" for the shipped or published ones, "natural" for mini_resnet's that were
            pretrained on photographs, None for random ones, the name of published ones
            ("IMAGENET1K_V2"; of timm's that name is part of the network's,
            "timm:resnet50.a1_in1k"), or a path to a state dict of the same architecture
            (.safetensors, or .pth read with `weights_only`). Published ones are fetched once,
            torchvision's into torch.hub's folder, where their hash is checked, and timm's into the
            folder of the Hugging Face hub.
        head: Your own module instead of a linear layer: features `(N, D)` to outputs `(N, K)`.
            Its weights are drawn anew by every strategy, but for one whose head is "kept".
        pooling: False to give it the last feature maps `(N, D, h, w)` instead of their means.

    Raises:
        ValueError: If the name is unknown, no weights ship for it, a file or the head does not fit.
        FileNotFoundError: If a file is not there.
        OSError: If published weights could not be fetched; the message says which file to place where.

    Lesson 01; heads in lesson 03.
    """
    made = family(name)
    with torch.random.fork_rng(devices=[]):  # constructors draw; the caller's state stays
        make = _small if name in FAMILIES else _of_timm if ":" in name else _borrowed
        network = make(name, made, classes, weights)
        if head is not None:
            network.head = head
        network.pooling = pooling and network.pooling
    mend(network)
    if head is not None:
        _try(network, made)
    elif classes is not None:
        network.reset_head(0)
    return network.to(best_device(), memory_format=torch.channels_last)


def _small(name: str, made: Family, classes: int | None, weights: str | Path | None) -> Network:
    """One of ours; its head is still to be drawn."""
    if classes is None:
        raise ValueError(f"no old head is kept of {name}: say how many classes")
    network = Network(name, made.stages(), nn.Linear(made.features, classes), made.normalisation)
    if weights is None:
        network.reset_stages(0)
    else:
        load_stages(network, shipped(name, weights) or Path(weights))
    return network


def _borrowed(name: str, made: Family, classes: int | None, weights: str | Path | None) -> Network:
    """One of torchvision's, with its old head or a linear one that is still to be drawn."""
    model, provenance = torchvision_models.build(name), "random"
    if weights is not None:
        state, provenance = published_or_file(name, weights)
        torchvision_models.fill(model, state, provenance, old_head=classes is None)
    parts = torchvision_models.cut(model, made.image_size)
    head = parts.tail if classes is None else nn.Linear(parts.features, classes)
    network = Network(
        name,
        parts.stages,
        head,
        made.normalisation,
        pooling=classes is not None,
        layouts=parts.layouts,
    )
    if weights is None:
        network.reset_stages(0)
    network.provenance = provenance
    return network


def _of_timm(name: str, made: Family, classes: int | None, weights: str | Path | None) -> Network:
    """One of timm's, with its old head or a linear one that is still to be drawn."""
    known, old_head = name.removeprefix(timm_models.PREFIX), classes is None
    published = weights is not None and str(weights).lower() == "default"
    model = timm_models.build(known, pretrained=published)
    provenance = f"{name} {model.pretrained_cfg.get('tag', '')}".strip() if published else "random"
    if weights is not None and not published:
        provenance = timm_models.fill(model, weights, old_head=old_head)
    parts = timm_models.cut(model, made.image_size, old_head=old_head)
    head = parts.tail if old_head else nn.Linear(parts.features, classes)
    network = Network(
        name, parts.stages, head, made.normalisation, pooling=not old_head, layouts=parts.layouts
    )

    def redraw(seed: int) -> dict[str, Tensor]:
        drawn = timm_models.cut(
            timm_models.build(known, seed=seed), made.image_size, old_head=old_head
        )
        return nn.ModuleDict(drawn.stages).state_dict()

    network.redraw, network.provenance = redraw, provenance
    return network


def _try(network: Network, made: Family) -> None:
    """Refuses a head that the stages' features do not fit, before anything is trained."""
    count = network.outputs
    blank = torch.zeros(2, 3, made.image_size, made.image_size)
    width = list(network.stages.parameters())[-1].shape[0]
    try:
        with torch.no_grad(), in_evaluation(network):
            outputs = network(blank)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f"the head does not fit features of {network.name}, {width} of them: {error}"
        ) from None
    if outputs.shape != (2, count):
        raise ValueError(
            f"the head turns 2 images into {tuple(outputs.shape)}, not into (2, {count})"
        )


def load_stages(network: Network, path: Path) -> None:
    """Fill the stages from a file; the head stays as it is.

    Args:
        network: Filled in place.
        path: A .safetensors file or a torch state dict.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or is of another architecture.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    state = read_state(path)
    own = network.stages.state_dict()
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    wrong = [k for k in own if k in state and state[k].shape != own[k].shape]
    if missing or wrong:
        raise ValueError(
            f"{path.name} does not hold {network.name}: {(missing or wrong)[0]} "
            f"is {'missing' if missing else 'of another shape'}"
        )
    # half-precision files are widened; entries such as an old head are left aside
    network.stages.load_state_dict({k: state.get(k, own[k]).to(own[k].dtype) for k in own})
    network.provenance = path.stem
