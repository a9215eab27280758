"""What training did to a network, measured."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vtlab.models.features import activations
from vtlab.models.layouts import convert_stage_layout
from vtlab.models.network import Network


def linear_cka(first: Tensor, second: Tensor) -> float:
    """How alike two sets of features of the same images are, 0 to 1, whatever their rotation.

    Linear centred kernel alignment: 1 where one set is a rotation and one common rescaling of
    the other.

    Args:
        first: `(N, D)`, a row per image.
        second: `(N, E)`; D and E may differ.

    Raises:
        ValueError: If the rows are not of the same images, or a set does not vary.

    Kornblith et al. (2019), https://arxiv.org/abs/1905.00414. Lesson 07.
    """
    if first.dim() != 2 or second.dim() != 2 or len(first) != len(second):
        raise ValueError(
            f"{tuple(first.shape)} and {tuple(second.shape)} are not features, a row "
            "per image, of the same images"
        )
    x, y = (f.double() - f.double().mean(0) for f in (first, second))
    size = (x.T @ x).norm() * (y.T @ y).norm()
    if min(x.abs().max(), y.abs().max()) < 1e-12:  # a mean is not exact
        raise ValueError("features that do not vary are like no others")
    return ((x.T @ y).square().sum() / size).item()


def measure_likeness(first: Network, second: Network, pixels: Tensor) -> dict[str, float]:
    """The linear CKA of two networks' features of the same images, stage by stage.

    Features are a stage's feature maps, averaged over their cells (a transformer's patches), and of the
    last stage what the head gets.

    Args:
        first: Its mode does not matter, as in `activations`.
        second: With stages of the same names.
        pixels: Bytes `(N, 3, H, W)`.

    Raises:
        ValueError: If the stages' names differ, or a stage gives no maps.

    Lesson 07.
    """
    if first.stage_names != second.stage_names:
        raise ValueError(f"{first.name} and {second.name} have other stages")
    found = {}
    for number, name in enumerate(first.stage_names, 1):
        found[name] = linear_cka(
            *(
                _features(network, name, activations(network, pixels, number), pixels)
                for network in (first, second)
            )
        )
    return found


def _features(network: Network, name: str, values: Tensor, pixels: Tensor) -> Tensor:
    """`(N, C)`: the means of a stage's maps; of the last stage they may be there already."""
    if values.dim() == 2:
        return values
    return convert_stage_layout(network, name, values.float(), tuple(pixels.shape[2:])).mean((2, 3))


def neighbours(features: Tensor, labels: Tensor, k: int = 5) -> float:
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
    likeness = (flat @ flat.T).fill_diagonal_(-torch.inf)
    near = labels[likeness.topk(k).indices]  # (N, k)
    votes = nn.functional.one_hot(near, int(labels.max()) + 1).sum(1)
    return (votes.argmax(1) == labels).double().mean().item()


def neighbours_by_part(
    features: Mapping[str, Tensor], labels: Tensor, parts: int = 5, k: int = 5
) -> dict[str, list[float]]:
    """The `neighbours` score of several kinds of features, each in disjoint parts of the images.

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
    dealt = torch.empty_like(labels)
    dealt[labels.argsort(stable=True)] = torch.arange(len(labels), device=labels.device) % parts
    return {
        name: [neighbours(of[dealt == i], labels[dealt == i], k) for i in range(parts)]
        for name, of in features.items()
    }


def two_axes(features: Tensor) -> Tensor:
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
    squares, axes = torch.linalg.eigh(
        flat @ flat.T
    )  # of (N, N): images are fewer than their pixels
    seen = axes[:, [-1, -2]] * squares[[-1, -2]].clamp(min=0).sqrt()  # (N, 2)
    furthest = seen.abs().argmax(0)
    return seen * seen[furthest, torch.arange(2, device=seen.device)].sign()
