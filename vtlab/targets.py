"""What a task asks for, a class or a number: its loss, and when an answer is right.

Labels say which: whole numbers (int) are classes, floats are numbers, and the network then has
one output.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtlab.initialise import linear_layers


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


def aim(head: nn.Module, labels: Tensor) -> None:
    """Let a new head begin at the mean of these numbers and in their unit, not at zero.

    A head whose last linear layer has no bias begins at zero all the same.
    """
    last = linear_layers(head)[-1]
    with torch.no_grad():
        last.weight.mul_(variance(labels).sqrt().to(last.weight.device))
        if last.bias is not None:
            last.bias.fill_(labels.mean())
