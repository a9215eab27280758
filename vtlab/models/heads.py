"""Heads: the last layers of a network, from features to outputs."""

from __future__ import annotations

from typing import TypeGuard

import torch
from torch import Tensor, nn

from vtlab.models.losses import label_variance_loss


def find_head_linear_layers(head: nn.Module) -> list[nn.Linear]:
    """The linear layers of a head, in the order in which they were put into it.

    Raises:
        ValueError: If there is none: then nothing says how many outputs the head has.
    """
    found = [module for module in head.modules() if isinstance(module, nn.Linear)]
    if not found:
        raise ValueError(f"a head needs a linear layer at its end; this one is {head}")
    return found


def start_head_at_label_mean(head: nn.Module, labels: Tensor) -> None:
    """Let a new head begin at the mean of its labels and in their unit, not at zero.

    A head whose last linear layer has no bias begins at zero all the same.

    Args:
        head: Changed in place.
        labels: `(N,)` numbers (float).
    """
    last = find_head_linear_layers(head)[-1]
    with torch.no_grad():
        last.weight.mul_(label_variance_loss(labels).sqrt().to(last.weight.device))
        if last.bias is not None:
            last.bias.fill_(labels.mean())


def is_probe_solvable(head: nn.Module) -> TypeGuard[nn.Linear]:
    """Whether the solution of a linear probe can fill this head: a linear layer with a bias."""
    return isinstance(head, nn.Linear) and head.bias is not None
