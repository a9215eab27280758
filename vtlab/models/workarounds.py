"""Replacements for layers that PyTorch computes slowly, wastefully or wrongly in training."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MIN_CHANNELS = 16  # input channels that a processor takes at once


class StridedDepthwiseConv2d(nn.Conv2d):
    """A channel-wise convolution with a stride, trained without one in half precision on a CPU.

    There the gradient of a stride takes longer than all the places that it skips (data/README.md).
    """

    def forward(self, maps: Tensor) -> Tensor:
        """In half precision on a CPU compute every place and keep every other one; else do as PyTorch does."""
        if maps.dtype == torch.bfloat16 and maps.device.type == "cpu" and torch.is_grad_enabled():
            every = F.conv2d(
                maps, self.weight, self.bias, 1, self.padding, self.dilation, self.groups
            )
            down, across = self.stride
            return every[..., ::down, ::across].contiguous(memory_format=torch.channels_last)
        return super().forward(maps)


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
    StridedDepthwiseConv2d: nn.Conv2d,
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
        elif type(module) is nn.Conv2d and module.stride != (1, 1):
            if module.groups == module.in_channels > 1 and module.padding_mode == "zeros":
                module.__class__ = StridedDepthwiseConv2d
            elif (
                module.kernel_size == (1, 1)
                and module.padding == (0, 0)
                and module.groups == 1
                and module.in_channels < MIN_CHANNELS
            ):
                module.__class__ = StridedPointwiseConv2d
