"""A check of images and labels before a network gets them."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def check_inputs(
    pixels: Tensor, labels: Tensor | None = None, output_count: int | None = None
) -> None:
    """Refuse images, and labels of them, from which nothing sensible can be computed.

    Args:
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)`, at least one; None where there are none.
        output_count: The network's K. Labels are its classes, int from 0 to K - 1, or, where K is 1,
            numbers. None for any numbers.

    Raises:
        ValueError: Saying what is wrong with the images or with the labels.
    """
    kind = getattr(pixels, "dtype", type(pixels).__name__)
    shape = tuple(getattr(pixels, "shape", ()))
    if kind != torch.uint8 or len(shape) != 4 or shape[1] != 3:
        raise ValueError(
            f"pixels are bytes (torch.uint8) of shape (N, 3, H, W), not {kind} of shape {shape}"
        )
    if labels is None:
        return
    if not isinstance(labels, Tensor) or labels.shape != shape[:1]:
        got = tuple(getattr(labels, "shape", ())) or type(labels).__name__
        raise ValueError(f"{shape[0]} images have labels of shape ({shape[0]},), not {got}")
    if not len(labels):
        raise ValueError("there are no images")
    low, high = labels.min().item(), labels.max().item()  # nan if one of them is
    if labels.is_floating_point():
        if output_count not in (None, 1):
            raise ValueError(
                f"labels are {labels.dtype}, which are numbers and ask for one output, "
                f"not {output_count}; classes are whole numbers (labels.long())"
            )
        if not math.isfinite(low + high):
            raise ValueError("a label is no finite number")
    elif output_count is not None and not 0 <= low <= high < output_count:
        raise ValueError(
            f"labels from {low} to {high} are not all among the classes 0 to {output_count - 1}"
        )
