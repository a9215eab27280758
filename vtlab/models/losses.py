"""The loss of a network's outputs, and which outputs are correct.

A task asks for a class or for a number. Its labels say which: whole numbers (int) are classes, floats
are numbers, and the network then has one output.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def compute_loss(
    outputs: Tensor,
    labels: Tensor,
    variance: Tensor,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """The mean loss: cross-entropy of classes, squared error of numbers.

    Args:
        outputs: `(N, K)`.
        labels: `(N,)`.
        variance: Of numbers, see `label_variance_loss`. The squared error is divided by it, so that 1 is
            the loss of a network that always answers with the mean.
        class_weights: `(K,)`: the loss of an image counts as much as its class weighs; None for all alike.
        label_smoothing: The share of the target that goes to all classes alike (Szegedy et al. 2016).
    """
    if labels.is_floating_point():
        return F.mse_loss(outputs[:, 0], labels) / variance
    if class_weights is None:
        return F.cross_entropy(outputs, labels, label_smoothing=label_smoothing)
    each = F.cross_entropy(outputs, labels, reduction="none", label_smoothing=label_smoothing)
    return (class_weights[labels] * each).mean()


def weigh_classes(labels: Tensor, given: str | Sequence[float], classes: int) -> Tensor:
    """How much each class weighs in the loss, `(K,)`; the mean over the images is 1.

    So the loss, and the best learning rate, stay about as large as without weights.

    Args:
        labels: `(N,)` of the training images.
        given: "balanced" for all classes alike, however many images they have; or a number for each class.
        classes: K.

    Raises:
        ValueError: If there is not one number for each class.
    """
    counts = torch.bincount(labels.cpu(), minlength=classes)
    if given == "balanced":
        weights = 1 / counts.clamp(min=1).float()
    elif len(given) != classes:
        raise ValueError(f"class_weights has {len(given)} numbers, the task {classes} classes")
    else:
        weights = torch.tensor([float(weight) for weight in given])
    return weights * counts.sum() / (weights * counts).sum()


def are_correct_by_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Which outputs `(N, K)` are correct, `(N,)` bool: the class, or the number to within a half."""
    if labels.is_floating_point():
        return (outputs[:, 0] - labels).abs() < 0.5
    return outputs.argmax(1) == labels


def label_variance_loss(labels: Tensor) -> Tensor:
    """The variance of labels `(N,)`; 1 where all are the same."""
    variance = labels.double().var(correction=0)
    return torch.where(variance > 0, variance, 1).to(torch.float32)
