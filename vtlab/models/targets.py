"""What a task asks for, a class or a number: its loss, and when an answer is right.

Labels say which: whole numbers (int) are classes, floats are numbers, and the network then has
one output.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtlab.models.network import linear_layers


def cost(outputs: Tensor, labels: Tensor, variance: Tensor) -> Tensor:
    """The mean loss of outputs `(N, K)`: cross-entropy of classes, squared error of numbers.

    The latter in units of the labels' variance, so that 1 is what always naming their mean costs.
    """
    if labels.is_floating_point():
        return F.mse_loss(outputs[:, 0], labels) / variance
    return F.cross_entropy(outputs, labels)


def right(outputs: Tensor, labels: Tensor) -> Tensor:
    """Which outputs `(N, K)` are right, `(N,)` bool: the class, or the number to within a half."""
    if labels.is_floating_point():
        return (outputs[:, 0] - labels).abs() < 0.5
    return outputs.argmax(1) == labels


def variance(labels: Tensor) -> Tensor:
    """Of numbers; 1 where all are the same."""
    found = labels.double().var(correction=0)
    return torch.where(found > 0, found, 1).to(torch.float32)


def check(pixels: Tensor, labels: Tensor | None = None, outputs: int | None = None) -> None:
    """Refuse images, and labels of them, of which only nonsense could come.

    Args:
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)`, at least one; None where there are none.
        outputs: What the network has, K: labels are its classes, int from 0 to K - 1, or, where K is 1,
            numbers. None for any numbers.

    Raises:
        ValueError: Saying what is wrong with which of the two.
    """
    kind, shape = (
        getattr(pixels, "dtype", type(pixels).__name__),
        tuple(getattr(pixels, "shape", ())),
    )
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
        if outputs not in (None, 1):
            raise ValueError(
                f"labels are {labels.dtype}, which are numbers and ask for one output, "
                f"not {outputs}; classes are whole numbers (labels.long())"
            )
        if not math.isfinite(low + high):
            raise ValueError("a label is no finite number")
    elif outputs is not None and not 0 <= low <= high < outputs:
        raise ValueError(
            f"labels from {low} to {high} are not all among the classes 0 to {outputs - 1}"
        )


def aim(head: nn.Module, labels: Tensor) -> None:
    """Let a new head begin at the mean of these numbers and in their unit, not at zero.

    A head whose last linear layer has no bias begins at zero all the same.
    """
    last = linear_layers(head)[-1]
    with torch.no_grad():
        last.weight.mul_(variance(labels).sqrt().to(last.weight.device))
        if last.bias is not None:
            last.bias.fill_(labels.mean())
