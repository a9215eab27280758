"""Replacements for layers that PyTorch computes slowly, wastefully or wrongly in training."""

from __future__ import annotations

import itertools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MIN_CHANNELS = 16  # input channels that a processor takes at once


class DepthwiseConv2d(nn.Conv2d):
    """A channel-wise convolution with a stride or a large kernel, trained by other gradients of the same value.

    In half precision on a CPU, PyTorch's own take ten times as long as they need to (data/NOTES.md).
    """

    def forward(self, maps: Tensor) -> Tensor:
        """In half precision on a CPU by the gradients below; else as PyTorch does."""
        if maps.dtype == torch.bfloat16 and maps.device.type == "cpu" and torch.is_grad_enabled():
            weight, bias = (w if w is None else w.to(maps.dtype) for w in (self.weight, self.bias))
            return _DepthwiseConvolution.apply(maps, weight, bias, self.stride, self.padding)
        return super().forward(maps)


class _DepthwiseConvolution(torch.autograd.Function):
    """A channel-wise convolution whose gradients are made of convolutions that PyTorch has fast ones for."""

    @staticmethod
    def forward(
        context: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, *how: Any
    ) -> Tensor:
        context.save_for_backward(maps, weight)
        context.how = stride, padding = how
        return F.conv2d(maps, weight, bias, stride, padding, groups=len(weight))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (maps, weight), (stride, padding) = context.saved_tensors, context.how
        wanted = context.needs_input_grad
        return (
            _find_maps_gradient(gradient, maps, weight, stride, padding) if wanted[0] else None,
            _find_weight_gradient(gradient, maps, weight, stride, padding) if wanted[1] else None,
            gradient.sum((0, 2, 3)) if wanted[2] else None,
            None,
            None,
        )


def _find_maps_gradient(
    gradient: Tensor,
    maps: Tensor,
    weight: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Tensor:
    """The gradient of the inputs, as if every place had been computed and only these had been used."""
    if stride != (1, 1):
        sides = [
            side + 2 * more - kernel + 1
            for side, more, kernel in zip(maps.shape[2:], padding, weight.shape[2:], strict=True)
        ]
        every = gradient.new_zeros(len(maps), *sides, len(weight)).permute(0, 3, 1, 2)
        every[..., :: stride[0], :: stride[1]] = gradient
        gradient = every
    return _run_backward(gradient, maps, weight, (1, 1), padding, 0)


def _find_weight_gradient(
    gradient: Tensor,
    maps: Tensor,
    weight: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Tensor:
    """The gradient of a large kernel: those of its parts of 3 x 3, each with the maps moved to it."""
    if max(weight.shape[2:]) <= 3:
        return _run_backward(gradient, maps, weight, stride, padding, 1)
    found = torch.empty_like(weight)
    down, across = (sorted({min(at, k - 3) for at in range(0, k, 3)}) for k in weight.shape[2:])
    height, width = (
        step * (count - 1) + 3 for step, count in zip(stride, gradient.shape[2:], strict=True)
    )
    padded = F.pad(maps, (padding[1], padding[1], padding[0], padding[0]))
    for top, left in itertools.product(down, across):
        moved = padded[..., top : top + height, left : left + width]
        part = found[..., top : top + 3, left : left + 3]
        part.copy_(
            _run_backward(
                gradient,
                moved.contiguous(memory_format=torch.channels_last),
                weight[..., :3, :3],
                stride,
                (0, 0),
                1,
            )
        )
    return found


def _run_backward(
    gradient: Tensor,
    maps: Tensor,
    weight: Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
    which: int,
) -> Tensor:
    """PyTorch's gradient of a channel-wise convolution, of its inputs (0) or its weights (1)."""
    wanted = [which == 0, which == 1, False]
    how = (None, stride, padding, (1, 1), False, (0, 0), len(weight), wanted)
    return torch.ops.aten.convolution_backward(gradient, maps, weight, *how)[which]


class StridedPointwiseConv2d(nn.Conv2d):
    """A 1 x 1 convolution with a stride and few input channels, trained on a CPU without the stride.

    Its gradient writes past its memory there where maps lie channels last (oneDNN issue 6035): the process
    dies, or the weights' gradient is another number. RepVGG, MobileOne and FastViT begin with such layers.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """In training on a CPU select the cells first, then convolve them; else do as PyTorch does."""
        if maps.device.type == "cpu" and torch.is_grad_enabled():
            down, across = self.stride
            maps = maps[..., ::down, ::across].contiguous(memory_format=torch.channels_last)
            return F.conv2d(maps, self.weight, self.bias)
        return super().forward(maps)


class InPlaceReLU6(nn.ReLU6):
    """A ReLU6 in place, trained without a copy of its inputs: its outputs show where the gradient is 0.

    PyTorch keeps such a copy: a third of what a mobile network keeps of an image.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """PyTorch's result to the bit; in evaluation by its own operation, which exporters know."""
        if self.training and self.inplace and maps.requires_grad:
            return _ClampInPlace.apply(maps)
        return super().forward(maps)


class _ClampInPlace(torch.autograd.Function):
    """Clamps maps in place, and keeps the result for the gradient, not the input."""

    @staticmethod
    def forward(context: Any, maps: Tensor) -> Tensor:
        context.mark_dirty(maps)
        context.save_for_backward(maps.clamp_(0, 6))
        return maps

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (maps,) = context.saved_tensors
        # the gradient of a mean; BatchNorm would take seven times as long with it
        if gradient.stride() != maps.stride():
            gradient = torch.empty_like(maps).copy_(gradient)
        return torch.ops.aten.hardtanh_backward(gradient, maps, 0, 6)


ORIGINAL_LAYERS: dict[type[nn.Module], type[nn.Module]] = {
    DepthwiseConv2d: nn.Conv2d,
    StridedPointwiseConv2d: nn.Conv2d,
    InPlaceReLU6: nn.ReLU6,
}


def apply_workarounds(network: nn.Module) -> None:
    """Turn the layers of a network into those above, in place; its weights and its results stay."""
    for module in network.modules():
        if type(module) is nn.ReLU6:
            module.__class__ = InPlaceReLU6
        elif isinstance(module, nn.SiLU | nn.Hardswish):
            module.inplace = False  # the gradient needs the inputs: in place copies them first
        elif type(module) is nn.Conv2d:
            if _is_slow_depthwise(module):
                module.__class__ = DepthwiseConv2d
            elif (
                module.stride != (1, 1)
                and module.kernel_size == (1, 1)
                and module.padding == (0, 0)
                and module.groups == 1
                and module.in_channels < MIN_CHANNELS
            ):
                module.__class__ = StridedPointwiseConv2d


def _is_slow_depthwise(layer: nn.Conv2d) -> bool:
    """Whether a convolution treats each channel alone, with a stride or a large kernel, and plainly else."""
    return (
        layer.in_channels == layer.out_channels == layer.groups > 1
        and (layer.stride != (1, 1) or min(layer.kernel_size) > 3)
        and min(layer.kernel_size) >= 3
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )
