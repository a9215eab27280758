"""Gradients at the pixels and at what each stage gives out."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vtlab.models.layouts import convert_stage_layout
from vtlab.models.network import Network, network_in_evaluation_mode

BATCH = 8  # images at once: the maps of a stage are large


def gradient_sensitivity(network: Network, pixels: Tensor) -> dict[str, Tensor]:
    """How much a cell in the middle of each stage's maps depends on each pixel.

    The cell's responses are added up over the channels, and differentiated with respect to the
    normalised image, in evaluation mode.

    Args:
        network: Its mode and its gradients are left as they are.
        pixels: Bytes `(N, 3, H, W)`.

    Returns:
        For each stage `(H, W)`: the gradient's size, mean over colours and images. It is exactly
        0 outside the receptive field. Of a map with an even side the cell is the one right below
        the middle.

    Raises:
        ValueError: If a stage gives no maps.

    Luo et al. (2016), https://arxiv.org/abs/1701.04128. Lesson 02.
    """
    size = (pixels.shape[2], pixels.shape[3])
    found = {name: torch.zeros(size, device=network.device) for name in network.stages}
    for part in pixels.split(BATCH):
        maps = inputs = network.normalise(part).requires_grad_()
        with network_in_evaluation_mode(network.stages):
            for name, stage in network.stages.items():
                maps = stage(maps)
                seen = convert_stage_layout(network, name, maps, size)
                middle = seen[:, :, seen.shape[2] // 2, seen.shape[3] // 2].sum()
                (gradient,) = torch.autograd.grad(middle, inputs, retain_graph=True)
                found[name] += gradient.abs().mean(1).sum(0) / len(pixels)
    return {name: values.to(pixels.device) for name, values in found.items()}


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
    for part, asked in zip(pixels.split(BATCH), labels.split(BATCH), strict=True):
        maps = [network.normalise(part).requires_grad_()]
        with network_in_evaluation_mode(network.stages):
            for stage in network.stages.values():
                maps.append(stage(maps[-1]))
        loss = nn.functional.cross_entropy(
            network.classify(maps[-1]), asked.to(network.device), reduction="sum"
        )
        gradients = torch.autograd.grad(loss, maps)
        for name, gradient in zip(("pixels", *network.stage_names), gradients, strict=True):
            square = gradient.double().square().sum().item() / gradient[0].numel()
            squares[name] = squares.get(name, 0) + square / len(pixels)
    return {name: square**0.5 for name, square in squares.items()}


def stack_gradient_lengths(
    stack: Iterable[nn.Module], images: Tensor, labels: Tensor
) -> list[float]:
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
