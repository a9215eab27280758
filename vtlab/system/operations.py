"""Counting the arithmetic operations of forward and backward passes."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def count_operations() -> FlopCounterMode:
    """A context that counts the operations of a block, two for a multiply-add: `get_total_flops()`.

    Torch's own count (2.14) of a convolution's gradients assumes that every channel is connected with every
    other one. For a channel-wise convolution it is too large, by a factor of the number of channels.
    """
    return FlopCounterMode(
        display=False,
        custom_mapping={torch.ops.aten.convolution_backward: _count_convolution_backward},
    )


def _count_convolution_backward(
    outputs: torch.Size, inputs: torch.Size, weight: torch.Size, *more: Any, **names: Any
) -> int:
    """The gradients of the inputs and of the weights take as many operations as the convolution, each.

    A weight meets each place of the outputs once; of a transposed convolution, of the inputs. The
    arguments are those of `aten::convolution_backward`, shapes in place of tensors.
    """
    transposed, wanted = more[4], more[7]
    places = (inputs if transposed else outputs)[2:].numel() * inputs[0]
    return sum(wanted[:2]) * 2 * weight.numel() * places
