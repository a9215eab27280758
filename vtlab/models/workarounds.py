"""Layers that PyTorch gets through badly, computed on a way that it does well."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEW = 16  # input channels: fewer than a processor takes at once


class ChannelwiseStride(nn.Conv2d):
    """A channel-wise convolution with a stride, trained in half precision on a CPU without one.

    There the gradient of a stride takes longer than all the places that it skips (data/README.md).
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Every place, then every other one; or as ever."""
        if maps.dtype == torch.bfloat16 and maps.device.type == "cpu" and torch.is_grad_enabled():
            every = F.conv2d(
                maps, self.weight, self.bias, 1, self.padding, self.dilation, self.groups
            )
            down, across = self.stride
            return every[..., ::down, ::across].contiguous(memory_format=torch.channels_last)
        return super().forward(maps)


class PointwiseStride(nn.Conv2d):
    """A convolution of single cells with a stride and few input channels, trained on a CPU without the stride.

    Its gradient writes past its memory there where maps lie channels last (oneDNN issue 6035): the process
    dies, or the weights' gradient is another number. RepVGG, MobileOne and FastViT begin with such layers.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """The cells that count, then each by itself; or as ever."""
        if maps.device.type == "cpu" and torch.is_grad_enabled():
            down, across = self.stride
            maps = maps[..., ::down, ::across].contiguous(memory_format=torch.channels_last)
            return F.conv2d(maps, self.weight, self.bias)
        return super().forward(maps)


class ClampedReLU(nn.ReLU6):
    """A ReLU6 in place, trained without a copy of its inputs: where its gradient ends shows in its outputs.

    PyTorch keeps such a copy: a third of what a mobile network keeps of an image.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """As ever, to the bit; in evaluation by PyTorch's own operation, which exporters know."""
        if self.training and self.inplace and maps.requires_grad:
            return _Clamp.apply(maps)
        return super().forward(maps)


class _Clamp(torch.autograd.Function):
    """Clamps maps in place and keeps them, not what they were."""

    @staticmethod
    def forward(context, maps: Tensor) -> Tensor:
        context.mark_dirty(maps)
        context.save_for_backward(maps.clamp_(0, 6))
        return maps

    @staticmethod
    def backward(context, gradient: Tensor) -> Tensor:
        (maps,) = context.saved_tensors
        if (
            gradient.stride() != maps.stride()
        ):  # of a mean; BatchNorm would take seven times as long with it
            gradient = torch.empty_like(maps).copy_(gradient)
        return torch.ops.aten.hardtanh_backward(gradient, maps, 0, 6)


MENDED = {ChannelwiseStride: nn.Conv2d, PointwiseStride: nn.Conv2d, ClampedReLU: nn.ReLU6}


def mend(network: nn.Module) -> None:
    """Make these layers of the network's own; its weights and what it computes stay."""
    for module in network.modules():
        kind = type(module)
        if kind is nn.ReLU6:
            module.__class__ = ClampedReLU
        elif kind in (nn.SiLU, nn.Hardswish):
            module.inplace = (
                False  # their gradient needs the inputs: in place they would be copied first
            )
        elif kind is not nn.Conv2d or module.stride == (1, 1):
            continue
        elif module.groups == module.in_channels > 1 and module.padding_mode == "zeros":
            module.__class__ = ChannelwiseStride
        elif (
            module.kernel_size == (1, 1)
            and module.padding == (0, 0)
            and module.groups == 1
            and module.in_channels < FEW
        ):
            module.__class__ = PointwiseStride


def folded(stages: nn.Sequential) -> nn.Sequential:
    """Stages for evaluation alone, with each BatchNorm inside of the convolution before it; copies.

    Only where there are channel-wise convolutions, on a CPU: they compute little for each number that they
    read, so that a BatchNorm's reading and writing of maps takes a good part of the time (data/README.md).
    Other networks, and stages with hooks or that torch.fx cannot follow, are given back as they are.
    """
    gains = any(
        isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1 and m.weight.device.type == "cpu"
        for m in stages.modules()
    )
    return nn.Sequential(*map(_folded, stages)) if gains else stages


def _folded(stage: nn.Module) -> nn.Module:
    from torch.fx.experimental.optimization import fuse

    if any(module._forward_hooks or module._forward_pre_hooks for module in stage.modules()):
        return stage  # somebody wants to be called
    twin = copy.deepcopy(stage).eval()
    for module in twin.modules():
        if type(module) in MENDED:  # they differ in training alone, and torch.fx looks into them
            module.__class__ = MENDED[type(module)]
    try:
        return fuse(twin, inplace=True).to(memory_format=torch.channels_last)
    except Exception:  # a model may do whatever Python can
        return stage
