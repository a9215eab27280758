"""Random initial weights, by one rule for each kind of layer."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

NORM_LAYERS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
Rule = Callable[[Tensor, torch.Generator], object]  # fills the tensor in place


def _fill_normal(values: Tensor, random: torch.Generator) -> None:
    values.copy_(torch.randn(values.shape, generator=random) * 0.02)


def _fill_xavier(values: Tensor, random: torch.Generator) -> None:
    drawn = torch.empty_like(values, device="cpu")  # where the generator is
    values.copy_(nn.init.xavier_uniform_(drawn, generator=random))


def _constant(number: float) -> Rule:
    return lambda values, random: values.fill_(number)


# Weights of transformers and of ConvNeXt that belong to no layer of torch, by name, as torchvision
# draws them.
_RULES_BY_NAME: dict[str, Rule] = {
    "class_token": _constant(0),
    "pos_embedding": _fill_normal,
    "relative_position_bias_table": _fill_normal,
    "layer_scale": _constant(1e-6),
    "logit_scale": _constant(math.log(10)),
    "in_proj_weight": _fill_xavier,
    "in_proj_bias": _constant(0),
}


def reinitialise(part: nn.Module, random: torch.Generator) -> None:
    """Replace all weights of a part by new random ones.

    Convolutions by He's rule (He et al. 2015) with variance 2 / fan-out and a bias of 0, linear layers
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
            elif isinstance(module, NORM_LAYERS):
                module.reset_parameters()
            else:  # its own weights; those of its children come later in this loop
                for name, values in module.named_parameters(recurse=False):
                    if name not in _RULES_BY_NAME:
                        raise TypeError(f"no rule to initialise a {type(module).__name__} anew")
                    _RULES_BY_NAME[name](values, random)
