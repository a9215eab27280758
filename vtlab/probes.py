"""Many linear probes at once: seeds and strengths of L2 over features that are computed once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vtlab.features import activations
from vtlab.logistic import solve
from vtlab.network import Network
from vtlab.solver import STRENGTHS, spread
from vtlab.splits import holdout


def probe_grid(network: Network, pixels: Tensor, labels: Tensor, *, seeds: Sequence[int] = range(5),
               strengths: Sequence[float] = STRENGTHS, share: float = 0.5) -> Tensor:  # fmt: skip
    """How accurate linear probes are, by seed and by strength of L2.

    The network runs once over the images. Each seed holds out its own part of every class; all probes
    are solved together.

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
    splits = [[part.to(labels.device) for part in holdout(labels.cpu(), share, seed)] for seed in seeds]
    features = activations(network, pixels)
    features = features / spread(features)
    uses = torch.zeros(len(splits), len(labels), device=labels.device)
    for use, (kept, _) in zip(uses, splits, strict=True):
        use[kept] = 1
    matrix, bias = solve(features, labels, torch.tensor(strengths).repeat(len(splits)),
                         uses.repeat_interleave(len(strengths), 0), classes,
                         tolerance=1e-7, dtype=torch.float32)  # fmt: skip
    every = zip(splits, matrix.float().split(len(strengths)), bias.float().split(len(strengths)), strict=True)
    return torch.stack([_accuracies(features[held], labels[held], some, biases)
                        for (_, held), some, biases in every])  # fmt: skip


def _accuracies(features: Tensor, labels: Tensor, matrices: Tensor, biases: Tensor) -> Tensor:
    """Of L heads `(L, K, D)` and `(L, K)`: `(L,)`."""
    logits = features @ matrices.transpose(1, 2) + biases[:, None]  # (L, n, K)
    return (logits.argmax(2) == labels).float().mean(1)
