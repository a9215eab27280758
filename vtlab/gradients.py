"""How far a gradient comes: from the loss through the stages to the pixels, and through deep stacks."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vtlab.inside import SOME, run_stage
from vtlab.network import Network
from vtlab.randomness import generator

STARTS = ("default", "xavier", "he")


def gradient_lengths(network: Network, pixels: Tensor, labels: Tensor) -> dict[str, float]:
    """The length of the loss's gradient at the pixels and at what each stage gives out.

    Args:
        network: Its stages run as in evaluation; its mode, and gradients, are left as they are.
        pixels: Bytes `(N, 3, H, W)`.
        labels: `(N,)`.

    Returns:
        "pixels" first, then the stages: the root mean square over all numbers of that tensor,
        for the loss of one image (so neither the number of images nor of cells counts).

    Lesson 02.
    """
    squares: dict[str, float] = {}
    for part, asked in zip(pixels.split(SOME), labels.split(SOME), strict=True):
        maps = [network.normalise(part).requires_grad_()]
        for stage in network.stages.values():
            maps.append(run_stage(stage, maps[-1]))
        loss = nn.functional.cross_entropy(network.classify(maps[-1]), asked.to(network.device),
                                           reduction="sum")  # fmt: skip
        gradients = torch.autograd.grad(loss, maps)
        for name, gradient in zip(("pixels", *network.stage_names), gradients, strict=True):
            square = gradient.double().square().sum().item() / gradient[0].numel()
            squares[name] = squares.get(name, 0) + square / len(pixels)
    return {name: square**0.5 for name, square in squares.items()}


def deep_stack(depth: int, start: str, normalised: bool, *, width: int = 32, classes: int = 8,
               seed: int = 0) -> nn.Sequential:  # fmt: skip
    """A plain deep network at its random start: 3 x 3 convolutions and ReLU, no shortcut.

    Args:
        depth: How many layers; each is one module of the result, then comes a linear head on
            the means of the maps.
        start: The variance of the weights, which are normal: "he" 2 / inputs, "xavier"
            2 / (inputs + outputs), "default" 1 / (3 inputs), PyTorch's own; counted per cell.
        normalised: Whether BatchNorm stands between convolution and ReLU.
        width: Channels.
        classes: Outputs.
        seed: The weights depend on it alone.

    Raises:
        ValueError: If there is no such start.

    Glorot and Bengio (2010); He et al. (2015), https://arxiv.org/abs/1502.01852. Lesson 02.
    """
    if start not in STARTS:
        raise ValueError(f"no start {start!r}; there are {', '.join(STARTS)}")
    random, layers, channels = generator(seed, "stack"), [], 3
    with torch.random.fork_rng(devices=[]):  # constructors draw; the caller's state stays
        for _ in range(depth):
            layers.append(_layer(channels, width, start, normalised, random))
            channels = width
        head = nn.Linear(channels, classes)
    with torch.no_grad():
        head.weight.copy_(torch.randn(head.weight.shape, generator=random) / channels**0.5)
        head.bias.zero_()
    return nn.Sequential(*layers, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), head))


def _layer(inputs: int, outputs: int, start: str, normalised: bool,
           random: torch.Generator) -> nn.Sequential:  # fmt: skip
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    into, out = 9 * inputs, 9 * outputs
    variance = {"default": 1 / (3 * into), "xavier": 2 / (into + out), "he": 2 / into}[start]
    with torch.no_grad():
        conv.weight.copy_(torch.randn(conv.weight.shape, generator=random) * variance**0.5)
    norm = [nn.BatchNorm2d(outputs)] if normalised else []
    return nn.Sequential(conv, *norm, nn.ReLU())


def lengths_by_depth(stack: Iterable[nn.Module], images: Tensor, labels: Tensor) -> list[float]:
    """The length of the loss's gradient at the images and after each layer of a stack.

    Args:
        stack: Modules, the last one the head; in training mode, as at a first step.
        images: Float `(N, 3, H, W)`.
        labels: `(N,)`.

    Returns:
        From the images to the last layer before the head.

    Lesson 02.
    """
    *layers, head = stack
    maps = [images.clone().requires_grad_()]
    for layer in layers:
        maps.append(layer(maps[-1]))
    loss = nn.functional.cross_entropy(head(maps[-1]), labels)
    return [g.double().norm().item() for g in torch.autograd.grad(loss, maps)]
