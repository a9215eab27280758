"""Where images lie among the features: the classes of nearest neighbours, and a projection to a plane."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def neighbour_accuracy(features: Tensor, labels: Tensor, k: int = 5) -> float:
    """How many images are named correctly by their k nearest others: nothing is learnt for that.

    Each image in turn is left out, and its k nearest of all others vote, by the angle between
    features from which the mean of all images was taken; of classes with as many votes the
    first wins.

    Args:
        features: `(N, …)`, flattened.
        labels: `(N,)`.
        k: How many vote.

    Returns:
        The share that is right.

    Raises:
        ValueError: If there are not more than k images.

    Lesson 02.
    """
    if len(features) <= k:
        raise ValueError(f"{k} neighbours need more than {len(features)} images")
    flat = features.flatten(1).double()
    flat = nn.functional.normalize(flat - flat.mean(0), dim=1)
    similarity = (flat @ flat.T).fill_diagonal_(-torch.inf)
    voters = labels[similarity.topk(k).indices]  # (N, k)
    votes = nn.functional.one_hot(voters, int(labels.max()) + 1).sum(1)
    return (votes.argmax(1) == labels).double().mean().item()


def neighbour_accuracies(
    features: Mapping[str, Tensor], labels: Tensor, parts: int = 5, k: int = 5
) -> dict[str, list[float]]:
    """The `neighbour_accuracy` of several kinds of features, each in disjoint parts of the images.

    Args:
        features: For each name `(N, …)`, of the same images.
        labels: `(N,)`.
        parts: The images are dealt into so many, class by class, so that each has as many of
            every class; each gives a score.
        k: How many vote.

    Raises:
        ValueError: If a part has not more than k images.

    Lesson 02.
    """
    part_of = torch.empty_like(labels)
    part_of[labels.argsort(stable=True)] = torch.arange(len(labels), device=labels.device) % parts
    return {
        name: [neighbour_accuracy(of[part_of == i], labels[part_of == i], k) for i in range(parts)]
        for name, of in features.items()
    }


def project_to_plane(features: Tensor) -> Tensor:
    """Features `(N, …)` seen along their two axes of largest spread, `(N, 2)`: principal components.

    The sign of each axis is such that the value furthest from 0 is positive.

    Raises:
        ValueError: If there are fewer than three images.

    Lesson 02.
    """
    if len(features) < 3:
        raise ValueError(f"two axes need three images or more, not {len(features)}")
    flat = features.flatten(1).double()
    flat = flat - flat.mean(0)
    # of the matrix (N, N) of products: images are fewer than their pixels
    squares, axes = torch.linalg.eigh(flat @ flat.T)
    points = axes[:, [-1, -2]] * squares[[-1, -2]].clamp(min=0).sqrt()  # (N, 2)
    furthest = points.abs().argmax(0)
    return points * points[furthest, torch.arange(2, device=points.device)].sign()
