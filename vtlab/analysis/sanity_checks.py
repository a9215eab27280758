"""Does a heat map depend on what the network has learnt, and on what it names as evidence?

Two tests. Randomise the network from the head to the stem: a map that stays the same does not
describe what was learnt. Take away the pixels that a map names first: the class's probability
should fall fast.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor

from vtlab.analysis.cams import explain
from vtlab.analysis.scores import resize_maps
from vtlab.models.evaluation import predict
from vtlab.models.network import Network

TRAINED = "trained"  # the first maps: nothing is randomised yet
BLUR_WIDTH = 10 / 64  # of the side: what stands in for the pixels that are taken away


def cascading_randomisation(
    network: Network,
    pixels: Tensor,
    *,
    method: str = "grad_cam",
    stage: str | None = None,
    seed: int = 0,
) -> Iterator[tuple[str, Tensor]]:
    """Maps while the network is randomised part by part, from the head to the stem.

    The network itself stays as it is. The class that is explained stays the one that the
    trained network predicts.

    Args:
        network: A trained one.
        pixels: Bytes `(N, 3, H, W)`.
        method: As in `explain`.
        stage: As in `explain`.
        seed: Of the random weights.

    Yields:
        The part that was randomised last ("trained" first), and the maps `(N, h, w)`.

    Adebayo et al. (2018), https://arxiv.org/abs/1810.03292. Lesson 09.
    """
    randomised = copy.deepcopy(network)
    targets = _predict(network, pixels).argmax(1)
    yield TRAINED, explain(randomised, pixels, method=method, stage=stage, targets=targets)
    fresh = copy.deepcopy(network)
    fresh.reset_head(seed + 1)
    fresh.reset_stages(seed + 1)
    for part in ("head", *reversed(network.stage_names)):
        if part == "head":
            randomised.head.load_state_dict(fresh.head.state_dict())
        else:
            randomised.stages[part].load_state_dict(fresh.stages[part].state_dict())
        yield part, explain(randomised, pixels, method=method, stage=stage, targets=targets)


def deletion_curve(
    network: Network, pixels: Tensor, maps: Tensor, *, steps: int = 16, insert: bool = False
) -> Tensor:
    """The predicted class's probability while pixels are taken away, the map's highest first.

    Args:
        network: Evaluated.
        pixels: Bytes `(N, 3, H, W)`. What is taken away is replaced by a blurred image.
        maps: `(N, h, w)`.
        steps: In which everything is taken away.
        insert: Begin with the blurred image and bring the pixels back instead.

    Returns:
        `(steps + 1, N)`: with nothing, 1/steps, 2/steps … of the pixels exchanged. The mean of these
        steps + 1 numbers stands for the area under the curve; the area by trapezia would count the
        first and the last of them by half.

    Raises:
        ValueError: If the numbers of images and maps differ.

    Petsiuk et al. (2018), https://arxiv.org/abs/1806.07421. Lesson 09.
    """
    if len(pixels) != len(maps):
        raise ValueError(f"{len(maps)} maps for {len(pixels)} images")
    size = (pixels.shape[2], pixels.shape[3])
    targets = _predict(network, pixels).argmax(1)
    order = resize_maps(maps, size).flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(1).view(-1, 1, *size)  # 0: the highest value
    start, end = (blur(pixels), pixels) if insert else (pixels, blur(pixels))
    curve = []
    for step in range(steps + 1):
        exchanged = rank < step * rank[0].numel() / steps
        mixed = torch.where(exchanged, end, start)
        curve.append(_predict(network, mixed).gather(1, targets[:, None])[:, 0])
    return torch.stack(curve)


def blur(pixels: Tensor) -> Tensor:
    """Images so blurred that no shape is left, bytes."""
    from torchvision.transforms.v2.functional import gaussian_blur

    sigma = BLUR_WIDTH * pixels.shape[-1]
    side = 2 * min(round(2 * sigma), pixels.shape[-1] // 2 - 1) + 1
    return gaussian_blur(pixels, [side, side], [sigma, sigma])


def _predict(network: Network, pixels: Tensor) -> Tensor:
    """Class probabilities `(N, K)`, in full precision."""
    return predict(network, pixels, bfloat16=False)
