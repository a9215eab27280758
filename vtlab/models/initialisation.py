"""Random initial weights, by one rule for each kind of layer."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from vtlab.system.randomness import make_generator

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
    uniform in ±1/sqrt(D) (torch's default), normalisation layers at scale 1 and shift 0; other layers
    as their own `reset_parameters` does.

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
                own = dict(module.named_parameters(recurse=False))
                unknown = sorted(own.keys() - _RULES_BY_NAME.keys())
                reset = getattr(module, "reset_parameters", None)
                if unknown and callable(reset):
                    with torch.random.fork_rng(devices=[]):
                        torch.manual_seed(int(torch.randint(2**31, (), generator=random)))
                        reset()
                elif unknown:
                    raise TypeError(
                        f"no rule to initialise a {type(module).__name__} anew, whose weights are "
                        f"{', '.join(unknown)}: give the function that builds the network in its place"
                    )
                else:
                    for name, values in own.items():
                        _RULES_BY_NAME[name](values, random)


# the variance of a layer's weights by its numbers of inputs and outputs, each counted per cell
WEIGHT_VARIANCES: dict[str, Callable[[int, int], float]] = {
    "default": lambda inputs, outputs: 1 / (3 * inputs),
    "xavier": lambda inputs, outputs: 2 / (inputs + outputs),
    "he": lambda inputs, outputs: 2 / inputs,
}


class _Block(nn.Module):
    """Two layers with a shortcut: their input is added before the last ReLU (He et al. 2016)."""

    def __init__(self, first: nn.Sequential, second: nn.Sequential) -> None:
        super().__init__()
        *rest, self.relu = second
        self.branch = nn.Sequential(first, *rest)

    def forward(self, x: Tensor) -> Tensor:
        """Of `(N, C, h, w)`."""
        return self.relu(x + self.branch(x))


def deep_stack(
    depth: int,
    start: str,
    normalised: bool,
    *,
    shortcuts: bool = False,
    width: int = 32,
    classes: int = 8,
    seed: int = 0,
) -> nn.Sequential:
    """A deep network at its random start: 3 x 3 convolutions and ReLU, one after another.

    Args:
        depth: How many layers; then comes a linear head on the means of the maps. Each layer is one module of
            the result; with shortcuts each two are, after the first.
        start: The variance of the weights, which are normal: "he" 2 / inputs, "xavier"
            2 / (inputs + outputs), "default" 1 / (3 inputs), PyTorch's own; counted per cell.
        normalised: Whether BatchNorm stands between convolution and ReLU.
        shortcuts: Whether each two layers have one around them. The first layer, which changes the number of
            channels, has none, so `depth` is odd then.
        width: Channels.
        classes: Outputs.
        seed: The weights depend on it alone.

    Raises:
        ValueError: If there is no such start, or a layer would be left without its pair.

    Glorot and Bengio (2010); He et al. (2015), https://arxiv.org/abs/1502.01852; He et al. (2016),
    https://arxiv.org/abs/1512.03385. Lesson 02.
    """
    if start not in WEIGHT_VARIANCES:
        raise ValueError(f"no start {start!r}; there are {', '.join(WEIGHT_VARIANCES)}")
    if shortcuts and depth % 2 == 0:
        raise ValueError(
            f"of {depth} layers one would be left without its pair: take an odd number"
        )
    random, layers, channels = make_generator(seed, "stack"), [], 3
    with torch.random.fork_rng(devices=[]):  # constructors draw; the caller's state stays
        for _ in range(depth):
            layers.append(_stack_layer(channels, width, start, normalised, random))
            channels = width
        head = nn.Linear(channels, classes)
    with torch.no_grad():
        head.weight.copy_(torch.randn(head.weight.shape, generator=random) / channels**0.5)
        head.bias.zero_()
    stack: list[nn.Module] = list(layers)
    if shortcuts:
        stack = [layers[0], *map(_Block, layers[1::2], layers[2::2])]
    return nn.Sequential(*stack, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), head))


def _stack_layer(
    inputs: int, outputs: int, start: str, normalised: bool, random: torch.Generator
) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    variance = WEIGHT_VARIANCES[start](9 * inputs, 9 * outputs)
    with torch.no_grad():
        conv.weight.copy_(torch.randn(conv.weight.shape, generator=random) * variance**0.5)
    norm = [nn.BatchNorm2d(outputs)] if normalised else []
    return nn.Sequential(conv, *norm, nn.ReLU())
