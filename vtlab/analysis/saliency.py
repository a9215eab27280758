"""Methods that say of each pixel how much the logit of a class rests on it; two of them are captum's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from vtlab.analysis.logits import Logits, differentiate

PATH_STEPS = 32  # of the path of integrated gradients
STEPS_AT_ONCE = 256  # images on such paths

# functions that cut at zero, which guided backprop guides, and curves that it passes by
RECTIFIERS = {"relu", "relu_", "relu6"}
LOWER_CUTS = {"clamp", "clamp_", "clip", "clip_", "clamp_min", "clamp_min_", "hardtanh"}
CURVES = {"gelu", "silu", "mish", "hardswish", "elu", "selu", "celu", "leaky_relu", "prelu"}


def occlusion(logits: Logits, images: Tensor, targets: Tensor) -> Tensor:
    """How much the logit falls when a grey square, a quarter of the side, hides a place."""
    from captum.attr import Occlusion

    height, width = images.shape[2:]
    window = (images.shape[1], max(1, height // 4), max(1, width // 4))
    steps = (images.shape[1], max(1, height // 8), max(1, width // 8))
    with torch.no_grad():
        fall = Occlusion(logits).attribute(
            images,
            sliding_window_shapes=window,
            strides=steps,
            baselines=0.0,
            target=targets,
            perturbations_per_eval=4,
        )
    return fall[:, 0]  # the same in every channel


def integrated_gradients(logits: Logits, images: Tensor, targets: Tensor) -> Tensor:
    """The gradients along the way from a grey image, times the way."""
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(logits).attribute(
        images, baselines=0.0, target=targets, n_steps=PATH_STEPS, internal_batch_size=STEPS_AT_ONCE
    )
    return found.sum(1)


def guided_backprop(logits: Logits, images: Tensor, targets: Tensor) -> Tensor:
    """The size of gradients that pass each ReLU only where they are positive."""
    inputs = images.requires_grad_()
    with _GuidedRectifiers() as guide:
        value = logits(inputs.clone()).gather(1, targets[:, None]).sum()
    name = type(logits.network).__name__
    if not guide.guided:
        raise ValueError(f"guided backprop changes ReLUs; {name} calls none")
    if guide.passed:
        logits.notes[
            f"guided backprop guides ReLUs alone: {', '.join(sorted(guide.passed))} of {name} pass "
            "gradients as they are"
        ] = None
    return differentiate(value, inputs, "the images").abs().sum(1)


class _GuidedRectifiers(TorchFunctionMode):
    """A context in which gradients pass what cuts at zero (module or function) only where they are positive.

    Attributes:
        guided: How many such calls there were.
        passed: Names of other curves that were called.
    """

    def __init__(self) -> None:
        super().__init__()
        self.guided, self.passed = 0, set[str]()

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        found = function(*args, **(kwargs or {}))
        name = getattr(function, "__name__", "")
        if name in RECTIFIERS or (name in LOWER_CUTS and _cuts_at_zero(args, kwargs or {})):
            self.guided += 1
            if found.requires_grad:
                found.register_hook(_keep_positive)
        elif name in CURVES:
            self.passed.add(name)
        return found


def _keep_positive(gradient: Tensor | None) -> Tensor | None:
    """A gradient without its negative part; there is none where the logits do not depend on it."""
    return None if gradient is None else gradient.clamp(min=0)


def _cuts_at_zero(args: tuple, kwargs: dict) -> bool:
    """Whether a call of one of the `LOWER_CUTS` has zero for its lower end."""
    low = args[1] if len(args) > 1 else kwargs.get("min", kwargs.get("min_val"))
    return isinstance(low, int | float) and low == 0
