"""Weights drawn anew, by the rule that fits each layer, the same for a seed."""

from __future__ import annotations

import torch
from torch import nn

_STATISTICS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def draw_anew(part: nn.Module, random: torch.Generator) -> None:
    """Forget what a part has learnt.

    Convolutions by He's rule (He et al. 2015: variance 2 / fan-out, no bias), linear layers
    uniform in ±1/sqrt(D) (torch's default), normalisation layers at scale 1 and shift 0.

    Args:
        part: Changed in place.
        random: The weights depend on it alone.

    Raises:
        TypeError: If a module has weights for which there is no rule here.

    Lesson 03.
    """
    with torch.no_grad():
        for module in part.modules():
            if isinstance(module, nn.Linear):
                bound = module.in_features**-0.5
                for values in (module.weight, module.bias):
                    if values is not None:
                        values.copy_(torch.rand(values.shape, generator=random) * 2 * bound - bound)
            elif isinstance(module, nn.Conv2d):
                fan_out = module.weight.shape[0] * module.weight[0, 0].numel() / module.groups
                draws = torch.randn(module.weight.shape, generator=random)
                module.weight.copy_(draws * (2 / fan_out) ** 0.5)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, _STATISTICS):
                module.reset_parameters()
            elif list(module.parameters(recurse=False)):
                raise TypeError(f"no rule to initialise a {type(module).__name__} anew")


def linear_layers(head: nn.Module) -> list[nn.Linear]:
    """The linear layers of a head, in order.

    Raises:
        ValueError: If there is none, so that nobody could say how many outputs it has.
    """
    found = [module for module in head.modules() if isinstance(module, nn.Linear)]
    if not found:
        raise ValueError(f"a head needs a linear layer at its end; this one is {head}")
    return found
