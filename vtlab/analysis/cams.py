"""Heat maps of where the evidence for a class lies: Grad-CAM and LayerCAM at a stage, others at the pixels.

One call for a batch, for any strategy (a fully frozen probe included) and any network, which is
left as it was: parameters, gradients, buffers, modes, hooks and the random numbers' state. The formula of
Grad-CAM stands here, since LayerCAM and the search for a place that reaches the logits need a stage's maps
and gradients, which captum's `LayerGradCam` keeps to itself.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtlab.analysis.logits import (
    Logits,
    differentiate,
    network_with_gradients,
    refuse_in_words,
    unwrap_network,
)
from vtlab.analysis.saliency import guided_backprop, integrated_gradients, occlusion
from vtlab.models.evaluation import check_finite_outputs
from vtlab.models.layouts import convert_layout, find_layout, layout_hook
from vtlab.models.network import Network, find_network_stage

BATCH = 16  # images at once: their activations stay small, and more are no faster
PLACE_IMAGES = 4  # so many show from where in a stage the logits are reached


def explain(
    network: nn.Module,
    pixels: Tensor,
    *,
    method: str = "grad_cam",
    stage: str | nn.Module | None = None,
    targets: str | int | Sequence[int] | Tensor = "predicted",
    labels: Tensor | None = None,
    layout: str | None = None,
    cut: bool = True,
    say: Callable[[str], None] = warnings.warn,
) -> Tensor:
    """Where in each image the evidence for a class lies.

    Args:
        network: A vtlab network, or any module that gives logits: `(N, K)`, or `(N,)` of one
            class, alone or in a tuple, a dict or an object that names them `logits`. It is run
            in evaluation mode, in its own precision and as it was written where it is compiled.
        pixels: `(N, 3, H, W)`: bytes for a vtlab network, else floats normalised as it expects.
        method: One of `METHODS`: "grad_cam", "layer_cam" (both at a stage), "occlusion",
            "integrated_gradients", "guided_backprop" (these three at the pixels).
        stage: Whose feature maps: a name, a dotted path, or a module; None is the last stage.
            Where none of its cells reaches the logits, as the patches of a vision transformer
            that is read at its class token, the last place within the stage is taken that does.
        targets: "predicted", "true" (then give `labels`), one class, or classes `(N,)`.
        labels: The true classes `(N,)`.
        layout: Of the stage's output: "channels_first" (convolutions), "channels_last"
            (Swin), "tokens" (vision transformers). None for what a vtlab network knows of its
            stage, or else the first.
        cut: Keep evidence for the class alone (cut at zero), or the evidence against it too.
        say: Called with a sentence where a map is zero everywhere, where another place than the
            stage asked for was taken, and where something that was given, or that the network gave, was not
            used.

    Returns:
        `(N, h, w)` at the stage's own resolution, or `(N, H, W)` of a method at the pixels;
        not rescaled, so that a weak map stays weak. float32 (of a network in double precision
        float64), on the device of `pixels`.

    Raises:
        ValueError: If the method, the stage or a target does not exist, the network cannot take
            the images, gives no logits or no gradients, the stage gives no map, there is no
            image, or a value, an output or a map is no finite number.

    Lesson 09.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; there are {', '.join(METHODS)}")
    way = METHODS[method]
    given = {"labels": labels is not None and not (isinstance(targets, str) and targets == "true")}
    given |= {
        "stage": stage is not None and not way.at_stage,
        "layout": layout is not None and not way.at_stage,
    }
    unused = [word for word, is_unused in given.items() if is_unused]
    network, stage = unwrap_network(network, stage)
    parts: list[Tensor] = []
    with network_with_gradients(network):
        logits = Logits(network)
        images = logits.prepare(_check_images(network, pixels))
        classes = _check_targets(targets, labels, len(images))
        module = place = network
        if way.at_stage:
            with refuse_in_words(f"{type(network).__name__} shows no stages"):
                module = place = find_network_stage(network, stage)
        layout = layout or find_layout(network, module)
        for part, asked in _split_batches(images, classes):
            if way.at_stage:
                logit = _Logit(logits, asked)
                maps, gradients = _see_stage(logit, part, place, layout)
                if not parts and not gradients.any():
                    place = _find_last_place(logit, part[:PLACE_IMAGES], module, layout) or module
                    if place is not module:
                        maps, gradients = _see_stage(logit, part, place, layout)
                heat = way.attribute(maps, gradients)
            else:  # captum's methods at the pixels must be told a class
                with torch.no_grad():
                    outputs = check_finite_outputs(logits(part))
                asked = outputs.argmax(1) if asked is None else _check_range(asked, outputs)
                name, hint = type(network).__name__, 'method="occlusion" needs no gradients'
                with refuse_in_words(f"{way.text} does not work with {name} ({hint})"):
                    heat = way.attribute(logits, part, asked)
            parts.append(heat.detach().to(pixels.device))
    signed = torch.cat(parts).to(torch.float64 if images.dtype == torch.float64 else torch.float32)
    if not signed.isfinite().all():
        raise ValueError(
            f"{method} gives values that are no finite numbers (nan, or infinite) here, though the "
            "network's outputs are: its gradients are not"
        )
    found = signed.clamp(min=0) if cut else signed
    notes = list(logits.notes)
    if unused:
        notes.append(
            f"{', '.join(unused)} changes nothing here: labels are for targets='true', stage and layout for "
            "grad_cam and layer_cam"
        )
    if place is not module and stage is not None:
        name = next(name for name, part in network.named_modules() if part is place)
        notes.append(
            f"no place of the stage asked for reaches the logits: the map is of {name}, the last "
            "place in it that does"
        )
    for sentence in (*notes, *_describe_empty_maps(way.text, found, signed)):
        say(sentence)
    return found


def _describe_empty_maps(method: str, found: Tensor, signed: Tensor) -> Iterator[str]:
    """A sentence where maps are zero everywhere; `signed` are the same before they were cut."""
    empty = (~found.flatten(1).any(1)).nonzero().flatten().tolist()
    if not empty:
        return
    many = f" in {len(empty)} of {len(found)} images, first in image {empty[0]}"
    against = "; cut=False shows the evidence against it" if signed[empty].any() else ""
    yield (
        f"{method} found no evidence for the class{many if len(found) > 1 else ''}: the map is "
        f"zero everywhere{against}"
    )


def _split_batches(
    images: Tensor, classes: Tensor | None
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """A few images at a time, copied since a network may begin in place, and their classes."""
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        yield images[part].detach().clone(), None if classes is None else classes[part]


def grad_cam(
    network: nn.Module,
    pixels: Tensor,
    targets: str | Tensor = "predicted",
    stage: str | nn.Module | None = None,
) -> Tensor:
    """Grad-CAM maps, as `explain` gives them: `(N, h, w)`, not rescaled.

    The channels of a stage's feature maps, weighted by the mean gradient of the class's logit,
    summed, and cut at zero. Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391.

    Raises:
        ValueError: As `explain`.

    Lessons 01 and 09.
    """
    return explain(network, pixels, stage=stage, targets=targets)


class _Logit:
    """The network as a function with one number per image: the logit that is explained."""

    def __init__(self, logits: Logits, targets: Tensor | None) -> None:
        self.logits, self.targets = logits, targets

    def __call__(self, images: Tensor) -> Tensor:
        logits = check_finite_outputs(self.logits(images))
        if self.targets is None:
            return logits.max(1).values  # its gradient is that of the predicted class's logit
        return logits.gather(1, _check_range(self.targets, logits)[:, None])[:, 0]


def _see_stage(
    logit: _Logit, images: Tensor, stage: nn.Module, layout: str
) -> tuple[Tensor, Tensor]:
    """What a stage gives, `(N, C, h, w)`, and the gradients of the images' logits there.

    Both in float32 at least: sums of many small numbers are none in half precision. Of a stage that
    runs several times, its last run.

    Raises:
        ValueError: If it gives no map, does not run, or no gradient comes back to it.
    """
    outputs: list[Tensor] = []
    # without hooks of the user's own nothing before a frozen stage needs gradients, which take time
    hooked = any(part._backward_hooks for part in logit.logits.network.modules())

    def keep(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        outputs.append(output if output.requires_grad else output.requires_grad_())
        return output.clone()  # what follows may change it in place

    with layout_hook(stage, layout, (images.shape[2], images.shape[3])) as seen:
        handle = seen.register_forward_hook(keep)
        try:
            value = logit(images.requires_grad_(hooked).clone()).sum()  # it may begin in place
        finally:
            handle.remove()
        if not outputs:
            raise ValueError(
                "the stage does not run when the network does: it is another one's, skipped in "
                "evaluation, or traced; take another stage"
            )
        if len(outputs) > 1:
            logit.logits.notes[
                f"the stage runs {len(outputs)} times: the map is of its last run"
            ] = None
        gradients = differentiate(value, outputs[-1], "the stage").detach()
    maps = outputs[-1].detach()
    return (maps, gradients) if maps.dtype == torch.float64 else (maps.float(), gradients.float())


def _find_last_place(
    logit: _Logit, images: Tensor, stage: nn.Module, layout: str
) -> nn.Module | None:
    """The last module in a stage from whose cells the logits are reached; None if there is none.

    After a transformer's last attention only the class token goes on, so that this is the norm
    before it. Single projections are left out: each holds a part of what the attention gets.
    """
    size = (images.shape[2], images.shape[3])
    outputs: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, inputs: object, output: Any) -> Tensor | None:
        first = output[0] if isinstance(output, tuple | list) and output else output
        if not isinstance(first, Tensor) or not first.requires_grad:
            return None
        outputs.pop(module, None)  # of several runs the last
        outputs[module] = first
        return first.clone() if first is output else None  # what follows may change it in place

    inside = [m for m in stage.modules() if not isinstance(m, nn.Linear)]
    handles = [module.register_forward_hook(keep) for module in inside]
    try:
        value = logit(images.detach().requires_grad_().clone()).sum()
    finally:
        for handle in handles:
            handle.remove()
    if not value.requires_grad or stage not in outputs:
        return None
    channels = convert_layout(outputs[stage], layout, size)[0].shape[1]
    gradients = torch.autograd.grad(value, list(outputs.values()), allow_unused=True)
    for module, gradient in reversed(list(zip(outputs, gradients, strict=True))):
        with contextlib.suppress(ValueError):  # no map, or no gradient
            cells = convert_layout(gradient, layout, size)[0]
            if cells.shape[1] == channels and cells.any():
                return module
    return None


def _grad_cam(maps: Tensor, gradients: Tensor) -> Tensor:
    """Each channel's mean gradient as its weight."""
    return (gradients.mean((2, 3), keepdim=True) * maps).sum(1)


def _layer_cam(maps: Tensor, gradients: Tensor) -> Tensor:
    """Each cell's own positive gradients as weights (captum has gradient times activation)."""
    return (gradients.clamp(min=0) * maps).sum(1)


@dataclass(frozen=True)
class Method:
    """One way to explain.

    Attributes:
        text: Its name in words.
        source: Who described it.
        at_stage: Whether it looks at a stage, or at the pixels.
        attribute: Of what a stage gives and the gradients there, or of the logits, the images
            and the classes, the maps `(N, h, w)`.
    """

    text: str
    source: str
    at_stage: bool
    attribute: Callable[..., Tensor]


METHODS = {
    "grad_cam": Method("Grad-CAM", "Selvaraju et al. 2017", True, _grad_cam),
    "layer_cam": Method("LayerCAM", "Jiang et al. 2021", True, _layer_cam),
    "occlusion": Method("Occlusion", "Zeiler and Fergus 2014", False, occlusion),
    "integrated_gradients": Method(
        "Integrated gradients", "Sundararajan et al. 2017", False, integrated_gradients
    ),
    "guided_backprop": Method(
        "Guided backprop", "Springenberg et al. 2015", False, guided_backprop
    ),
}


def _check_images(network: nn.Module, pixels: Tensor) -> Tensor:
    """The images as the network takes them, checked."""
    strided = isinstance(pixels, Tensor) and pixels.layout == torch.strided
    if not strided or pixels.dim() != 4:
        given = f"{tuple(pixels.shape)}" if hasattr(pixels, "shape") else ""
        kind = "" if strided else f"{getattr(pixels, 'layout', type(pixels).__name__)} "
        raise ValueError(f"images are a tensor (N, 3, H, W), not {f'{kind}{given}'.strip()}")
    if not len(pixels):
        raise ValueError(f"there is no image in {tuple(pixels.shape)}")
    if pixels.dtype == torch.uint8 and isinstance(network, Network):
        return network.normalise(pixels)
    if not pixels.is_floating_point():
        kind = "bytes" if pixels.dtype == torch.uint8 else f"{pixels.dtype}"
        raise ValueError(
            f"{type(network).__name__} needs images (N, 3, H, W) as floats, "
            f"normalised as it expects; these {tuple(pixels.shape)} are {kind}"
        )
    if not torch.isfinite(pixels).all():
        first = (~torch.isfinite(pixels)).flatten(1).any(1).nonzero()[0].item()
        raise ValueError(f"image {first} of {tuple(pixels.shape)} holds values that are no numbers")
    return pixels


def _check_targets(
    targets: str | int | Sequence[int] | Tensor, labels: Tensor | None, images: int
) -> Tensor | None:
    """Classes `(N,)`, or None for the predicted ones."""
    if isinstance(targets, str):
        if targets == "predicted":
            return None
        if targets != "true":
            raise ValueError(f"targets are 'predicted', 'true' or classes, not {targets!r}")
        if labels is None:
            raise ValueError("targets='true' needs labels (N,)")
        targets = labels
    given = targets.detach().cpu().numpy() if isinstance(targets, Tensor) else np.asarray(targets)
    if given.dtype.kind not in "iufb":
        raise ValueError(f"targets are 'predicted', 'true' or classes, not {targets!r:.60}")
    classes = torch.from_numpy(np.array(given))  # a copy: some tables are read-only
    if classes.dim() == 0:
        classes = classes.expand(images)
    if classes.shape != (images,):
        raise ValueError(f"{tuple(classes.shape)} targets for {images} images; one for each, (N,)")
    if classes.is_floating_point() or classes.dtype == torch.bool:
        raise ValueError(f"targets are whole numbers, not {classes.dtype}")
    return classes.long()


def _check_range(targets: Tensor, logits: Tensor) -> Tensor:
    """The targets beside the logits `(N, K)`, if each is one of the K classes."""
    low, high = targets.min().item(), targets.max().item()
    if low < 0 or high >= logits.shape[1]:
        raise ValueError(
            f"target {low if low < 0 else high} is out of range: the network gives "
            f"{tuple(logits.shape)}, classes 0 to {logits.shape[1] - 1}"
        )
    return targets.to(logits.device)


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps `(N, h, w)` at another size, bilinear, pixel areas aligned and not corners."""
    if maps.shape[1:] == size:
        return maps
    resized = F.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)
    return resized[:, 0]
