"""Heat maps of where the evidence for a class lies, computed with captum.

One call for a batch, for any strategy (a fully frozen probe included) and any network, which is
left as it was: parameters, gradients, buffers, modes, hooks and the random numbers' state.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtlab.models.evaluation import check_finite_outputs
from vtlab.models.layouts import find_layout, layout_hook
from vtlab.models.network import Network, find_network_stage, network_in_evaluation_mode

BATCH = 64  # images at once: their activations stay small
PATH_STEPS = 32  # of the path of integrated gradients


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
) -> Tensor:
    """Where in each image the evidence for a class lies.

    Args:
        network: A vtlab network, or any module that gives logits `(N, K)`. It is run in
            evaluation mode, in its own precision.
        pixels: `(N, 3, H, W)`: bytes for a vtlab network, else floats normalised as it expects.
        method: One of `METHODS`: "grad_cam", "layer_cam" (both at a stage), "occlusion",
            "integrated_gradients", "guided_backprop" (these three at the pixels).
        stage: Whose feature maps: a name, a dotted path, or a module; None is the last stage.
        targets: "predicted", "true" (then give `labels`), one class, or classes `(N,)`.
        labels: The true classes `(N,)`.
        layout: Of the stage's output: "channels_first" (convolutions), "channels_last"
            (Swin), "tokens" (vision transformers). None for what a vtlab network knows of its
            stage, or else the first.
        cut: Keep evidence for the class alone (cut at zero), or the evidence against it too.

    Returns:
        `(N, h, w)` at the stage's own resolution, or `(N, H, W)` of a method at the pixels;
        not rescaled, so that a weak map stays weak. On the device of `pixels`.

    Raises:
        ValueError: If the method, the stage or a target does not exist, the stage gives no
            map, there is no image, or a value, an output or a map is no finite number.

    Lesson 09.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; there are {', '.join(METHODS)}")
    images = _check_images(network, pixels)
    classes = _check_targets(targets, labels, len(images))
    way = METHODS[method]
    module = find_network_stage(network, stage) if way.at_stage else network
    parts = []
    # gradients are needed here, also where the caller has switched them off
    with network_in_evaluation_mode(network), torch.enable_grad():
        for part, asked in _split_batches(images, classes):
            if way.at_stage:
                of_stage = layout or find_layout(network, module)
                with layout_hook(module, of_stage, (part.shape[2], part.shape[3])) as seen:
                    maps = way.attribute(_Logit(network, asked), part, seen)
            else:  # captum's methods at the pixels must be told a class
                with torch.no_grad():
                    logits = check_finite_outputs(network(part))
                asked = logits.argmax(1) if asked is None else _check_range(asked, logits)
                maps = way.attribute(network, part, asked)
            parts.append(maps.detach().to(pixels.device))
    found = torch.cat(parts)
    if not found.isfinite().all():
        raise ValueError(
            f"{method} gives values that are no finite numbers (nan, or infinite) here, though the "
            "network's outputs are: its gradients are not"
        )
    return found.clamp(min=0) if cut else found


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

    def __init__(self, network: nn.Module, targets: Tensor | None) -> None:
        self.network, self.targets = network, targets

    def __call__(self, images: Tensor) -> Tensor:
        logits = check_finite_outputs(self.network(images))
        if self.targets is None:
            return logits.max(1).values  # its gradient is that of the predicted class's logit
        return logits.gather(1, _check_range(self.targets, logits)[:, None])[:, 0]


def _grad_cam(logit: Callable, images: Tensor, stage: nn.Module) -> Tensor:
    from captum.attr import LayerGradCam

    return LayerGradCam(logit, stage).attribute(images)[:, 0]


def _layer_cam(logit: Callable, images: Tensor, stage: nn.Module) -> Tensor:
    """Each cell's own positive gradients as weights (captum has gradient times activation)."""
    outputs: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        outputs.append(output if output.requires_grad else output.requires_grad_())
        return output.clone()  # what follows may change it in place

    handle = stage.register_forward_hook(keep)
    try:
        value = logit(images).sum()
    finally:
        handle.remove()
    gradients = torch.autograd.grad(value, outputs[0])[0]
    return (gradients.clamp(min=0) * outputs[0]).sum(1)


def _occlusion(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """How much the logit falls when a grey square, a quarter of the side, hides a place."""
    from captum.attr import Occlusion

    height, width = images.shape[2:]
    window = (images.shape[1], max(1, height // 4), max(1, width // 4))
    steps = (images.shape[1], max(1, height // 8), max(1, width // 8))
    with torch.no_grad():
        fall = Occlusion(network).attribute(
            images,
            sliding_window_shapes=window,
            strides=steps,
            baselines=0.0,
            target=targets,
            perturbations_per_eval=4,
        )
    return fall[:, 0]  # the same in every channel


def _integrated_gradients(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """The gradients along the way from a grey image, times the way."""
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(network).attribute(
        images, baselines=0.0, target=targets, n_steps=PATH_STEPS, internal_batch_size=4 * BATCH
    )
    return found.sum(1)


def _guided_backprop(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    """The size of gradients that pass each ReLU only where they are positive."""
    from captum.attr import GuidedBackprop

    gates = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    if not gates:
        raise ValueError(f"guided backprop changes ReLU modules; {type(network).__name__} has none")
    in_place = [gate.inplace for gate in gates]
    try:
        for gate in gates:
            gate.inplace = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # captum announces its hooks, which it removes
            found = GuidedBackprop(network).attribute(images, target=targets)
    finally:
        for gate, before in zip(gates, in_place, strict=True):
            gate.inplace = before
    return found.abs().sum(1)


@dataclass(frozen=True)
class Method:
    """One way to explain: its name in words, its source, and whether it looks at a stage."""

    text: str
    source: str
    at_stage: bool
    attribute: Callable[..., Tensor]


METHODS = {
    "grad_cam": Method("Grad-CAM", "Selvaraju et al. 2017", True, _grad_cam),
    "layer_cam": Method("LayerCAM", "Jiang et al. 2021", True, _layer_cam),
    "occlusion": Method("Occlusion", "Zeiler and Fergus 2014", False, _occlusion),
    "integrated_gradients": Method(
        "Integrated gradients", "Sundararajan et al. 2017", False, _integrated_gradients
    ),
    "guided_backprop": Method(
        "Guided backprop", "Springenberg et al. 2015", False, _guided_backprop
    ),
}


def _check_images(network: nn.Module, pixels: Tensor) -> Tensor:
    """The images as the network takes them, checked."""
    if not isinstance(pixels, Tensor) or pixels.dim() != 4:
        given = tuple(pixels.shape) if hasattr(pixels, "shape") else type(pixels).__name__
        raise ValueError(f"images are a tensor (N, 3, H, W), not {given}")
    if not len(pixels):
        raise ValueError(f"there is no image in {tuple(pixels.shape)}")
    if pixels.dtype == torch.uint8:
        if not isinstance(network, Network):
            raise ValueError(
                f"{type(network).__name__} needs images (N, 3, H, W) as floats, "
                f"normalised as it expects; these {tuple(pixels.shape)} are bytes"
            )
        return network.normalise(pixels)
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
    classes = torch.as_tensor(targets)
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
