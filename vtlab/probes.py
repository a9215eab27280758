"""Many linear probes at once: seeds and strengths of L2 over features that are computed once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vtlab.backbones import Network
from vtlab.features import activations
from vtlab.solver import STRENGTHS, solve, spread
from vtlab.splits import holdout


def probe_grid(network: Network, pixels: Tensor, labels: Tensor, *, seeds: Sequence[int] = range(5),
               strengths: Sequence[float] = STRENGTHS, share: float = 0.5) -> Tensor:  # fmt: skip
    """How accurate linear probes are, by seed and by strength of L2.

    The network runs once over the images. Each seed holds out its own part of every class; all
    probes are solved together.

    Args:
        network: Its stages are used, its head is not.
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)`.
        seeds: S of them, each a hold-out.
        strengths: L of them, on features of unit `spread`.
        share: Of each class that is held out.

    Returns:
        Accuracies on the images held out, `(S, L)`.

    Raises:
        ValueError: If a class has too few images to hold some out.

    Lesson 07.
    """
    classes = int(labels.max()) + 1
    features = activations(network, pixels)
    features = features / spread(features)
    use = torch.zeros(len(seeds), len(labels), device=labels.device)
    for row, seed in zip(use, seeds, strict=True):
        kept, _ = holdout(labels.cpu(), share, seed)
        row[kept.to(row.device)] = 1
    each = torch.tensor(strengths).repeat(len(seeds))
    weights = use.repeat_interleave(len(strengths), 0)  # (S * L, N)
    matrix, bias = solve(features, labels, each, weights, classes, tolerance=1e-8)
    logits = features @ matrix.float().flatten(0, 1).T + bias.float().flatten()
    right = logits.view(len(labels), -1, classes).argmax(2).T == labels  # (S * L, N)
    held = 1 - weights
    return ((right * held).sum(1) / held.sum(1)).view(len(seeds), len(strengths))
