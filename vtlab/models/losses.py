"""The loss of a network's outputs, and which outputs are correct.

A task asks for a class or for a number. Its labels say which: whole numbers (int) are classes, floats
are numbers, and the network then has one output.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def compute_loss(outputs: Tensor, labels: Tensor, variance: Tensor) -> Tensor:
    """The mean loss: cross-entropy of classes, squared error of numbers.

    Args:
        outputs: `(N, K)`.
        labels: `(N,)`.
        variance: Of numbers, see `label_variance_loss`. The squared error is divided by it, so that 1 is
            the loss of a network that always answers with the mean.
    """
    if labels.is_floating_point():
        return F.mse_loss(outputs[:, 0], labels) / variance
    return F.cross_entropy(outputs, labels)


def are_correct_by_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Which outputs `(N, K)` are correct, `(N,)` bool: the class, or the number to within a half."""
    if labels.is_floating_point():
        return (outputs[:, 0] - labels).abs() < 0.5
    return outputs.argmax(1) == labels


def label_variance_loss(labels: Tensor) -> Tensor:
    """The variance of labels `(N,)`; 1 where all are the same."""
    variance = labels.double().var(correction=0)
    return torch.where(variance > 0, variance, 1).to(torch.float32)
