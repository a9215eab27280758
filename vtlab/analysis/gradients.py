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
