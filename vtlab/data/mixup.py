"""Mixup: training on weighted means of two images, or of their activations.

Zhang et al. 2018; of activations it is manifold mixup, Verma et al. 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mix:
    """How a batch of N is mixed.

    Attributes:
        partner: `(N,)` the place in the batch of the other image.
        share: Of the first of both, 0.5 to 1.
    """

    partner: Tensor
    share: float

    def of(self, values: Tensor) -> Tensor:
        """The weighted means of `values (N, …)` (images or activations) and their partners'."""
        return self.share * values + (1 - self.share) * values[self.partner.to(values.device)]


def draw_mix(count: int, alpha: float) -> Mix:
    """Partners and one share for a batch, from torch's own generator.

    The share comes from a Beta(alpha, alpha) distribution; it is turned round where it is below a
    half, so that the first image is the larger part of both.

    Args:
        count: Images in the batch.
        alpha: Above 0. Small: mostly one image; 1: any share is as likely.

    Lesson 08.
    """
    share = torch.distributions.Beta(alpha, alpha).sample().item()
    return Mix(torch.randperm(count), max(share, 1 - share))
