"""Many linear probes at once: seeds and strengths of L2 over features that are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from vtlab.features import activations
from vtlab.network import Network
from vtlab.precision import THREADS, single_thread
from vtlab.solver import STRENGTHS, solve, spread
from vtlab.splits import holdout


def probe_grid(network: Network, pixels: Tensor, labels: Tensor, *, seeds: Sequence[int] = range(5),
               strengths: Sequence[float] = STRENGTHS, share: float = 0.5) -> Tensor:  # fmt: skip
    """How accurate linear probes are, by seed and by strength of L2.

    The network runs once over the images. Each seed holds out its own part of every class, and
    its probes are solved together.

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

    def accuracies(seed: int) -> Tensor:
        kept, held = (part.to(labels.device) for part in holdout(labels.cpu(), share, seed))
        uses = torch.ones(len(strengths), len(kept), device=labels.device)
        matrix, bias = solve(features[kept], labels[kept], torch.tensor(strengths), uses, classes,
                             tolerance=1e-7, threads=1, dtype=torch.float32)  # fmt: skip
        logits = features[held] @ matrix.float().transpose(1, 2) + bias.float()[:, None]
        return (logits.argmax(2) == labels[held]).float().mean(1)  # (L, n) to (L,)

    with single_thread(), ThreadPoolExecutor(THREADS) as pool:
        return torch.stack(list(pool.map(accuracies, seeds)))
