"""Stages for evaluation alone, with each BatchNorm folded into the convolution before it."""

from __future__ import annotations

import copy

import torch
from torch import nn

from vtlab.models.workarounds import ORIGINAL_LAYERS


def fold_batchnorm(stages: nn.Sequential) -> nn.Sequential:
    """Copies of the stages, for evaluation, without BatchNorm layers of their own.

    Only where there are channel-wise convolutions, on a CPU. They compute little for each number that
    they read, so that a BatchNorm's reading and writing of maps takes a good part of the time
    (data/README.md). Other networks are given back as they are, and so are stages with hooks and
    stages that torch.fx cannot follow.
    """
    gains = any(
        isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1 and m.weight.device.type == "cpu"
        for m in stages.modules()
    )
    return nn.Sequential(*map(_fold_stage, stages)) if gains else stages


def _fold_stage(stage: nn.Module) -> nn.Module:
    """A folded copy of one stage, or the stage itself where it cannot be folded."""
    from torch.fx.experimental.optimization import fuse

    if any(module._forward_hooks or module._forward_pre_hooks for module in stage.modules()):
        return stage  # a hook must go on being called
    twin = copy.deepcopy(stage).eval()
    for module in twin.modules():
        if type(module) in ORIGINAL_LAYERS:  # they differ in training alone; torch.fx knows these
            module.__class__ = ORIGINAL_LAYERS[type(module)]
    try:
        return fuse(twin, inplace=True).to(memory_format=torch.channels_last)
    except Exception:  # a model may do whatever Python can
        return stage
