"""Counting the arithmetic operations of forward and backward passes."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode


def count_operations() -> FlopCounterMode:
    """Counts the operations of a block, two for a multiply-add: `get_total_flops()`.

    Torch's own count of a convolution's gradients takes every channel for connected with every other one, so
    that those of a channel-wise convolution come out as many times too large as it has channels (2.14).
    """
    return FlopCounterMode(
        display=False,
        custom_mapping={torch.ops.aten.convolution_backward: _gradients_of_a_convolution},
    )


def _gradients_of_a_convolution(
    outputs: torch.Size,
    inputs: torch.Size,
    weight: torch.Size,
    *more: object,
    out_shape: object,
    **names: object,
) -> int:
    """That of the inputs and that of the weights take as many operations as the convolution, each.

    A weight meets each place of the outputs once; of a transposed convolution, of the inputs.
    """
    transposed, mask = more[4], more[7]
    places = (inputs if transposed else outputs)[2:].numel() * inputs[0]
    return sum(mask[:2]) * 2 * weight.numel() * places
