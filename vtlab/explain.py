"""Where a network looks: Grad-CAM, through captum.

Works on any strategy's network, a fully frozen probe included, and leaves the network as it
was: parameters, gradients, modes and hooks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vtlab.backbones import Network


def grad_cam(network: Network, pixels: Tensor, targets: str | Tensor = "predicted",
             stage: str = "stage4") -> Tensor:  # fmt: skip
    """Where in each image the evidence for a class lies, as Grad-CAM sees it.

    The channels of a stage's feature maps, weighted by the mean gradient of the class's logit,
    summed, and cut at zero.

    Args:
        network: Evaluated in evaluation mode, in float32.
        pixels: Bytes `(N, 3, H, W)`.
        targets: "predicted", or class indices `(N,)`.
        stage: Whose feature maps.

    Returns:
        `(N, h, w)` at the stage's own resolution and not rescaled: a weak map stays weak.

    Raises:
        ValueError: If the stage is unknown or the number of targets is not N.

    Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391. Lesson 09.
    """
    from captum.attr import LayerGradCam

    if stage not in network.stages:
        raise ValueError(f"{network.name} has no stage {stage!r}; "
                         f"its stages are {', '.join(network.stage_names)}")  # fmt: skip
    training = network.training
    network.eval()
    try:
        images = network.normalise(pixels)
        if isinstance(targets, str):
            if targets != "predicted":
                raise ValueError(f"targets are 'predicted' or class indices, not {targets!r}")
            with torch.no_grad():
                targets = network(images).argmax(1)
        if len(targets) != len(pixels):
            raise ValueError(f"{len(targets)} targets for {len(pixels)} images")
        # where no parameter learns, gradients must start at the image to reach the stage
        images.requires_grad_(True)
        explainer = LayerGradCam(network, network.stages[stage])
        maps = explainer.attribute(images, target=targets, relu_attributions=True)
    finally:
        network.train(training)
    return maps.detach()[:, 0]  # (N, h, w)
