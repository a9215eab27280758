"""Does a heat map depend on what the network has learnt, and on what it names as evidence?

Two tests. Randomise the network from the head to the stem: a map that stays the same does not
describe what was learnt. Take away the pixels that a map names first: the class's probability
should fall fast.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor

from vtlab.analysis.cams import explain
from vtlab.analysis.scores import enlarge
from vtlab.models.evaluation import predict
from vtlab.models.network import Network

START = "trained"
WINDOW = 7  # side of the windows of the structural similarity
BLUR = 10 / 64  # of the side: what stands in for the pixels that are taken away


def cascade(
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
    wreck = copy.deepcopy(network)
    targets = _probabilities(network, pixels).argmax(1)
    yield START, explain(wreck, pixels, method=method, stage=stage, targets=targets)
    fresh = copy.deepcopy(network)
    fresh.reset_head(seed + 1)
    fresh.reset_stages(seed + 1)
    for part in ("head", *reversed(network.stage_names)):
        if part == "head":
            wreck.head.load_state_dict(fresh.head.state_dict())
        else:
            wreck.stages[part].load_state_dict(fresh.stages[part].state_dict())
        yield part, explain(wreck, pixels, method=method, stage=stage, targets=targets)


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation of each pair of maps `(N, h, w)`, `(N,)`.

    A map that is the same everywhere has no ranks: its correlation is 0.

    Raises:
        ValueError: If the shapes differ.
    """
    _same(first, second)
    # in double: newer SciPys rank in the precision that they are given
    ranks = [
        torch.from_numpy(rankdata(maps.flatten(1).double().numpy(), axis=1))
        for maps in (first, second)
    ]
    a, b = (r - r.mean(1, keepdim=True) for r in ranks)
    size = a.norm(dim=1) * b.norm(dim=1)
    return torch.where(size > 0, (a * b).sum(1) / size.clamp(min=1e-12), 0.0)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity of each pair of maps, each scaled to [0, 1] first, `(N,)`.

    Means over windows of 7 x 7 (cut to the map), with the usual constants.
    Wang et al. (2004), https://doi.org/10.1109/TIP.2003.819861.

    Raises:
        ValueError: If the shapes differ.
    """
    _same(first, second)
    a, b = (_unit(maps)[:, None].double() for maps in (first, second))
    side = min(WINDOW, *first.shape[1:])

    def mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, side, stride=1)

    share = side**2 / (side**2 - 1)  # sample covariance
    mean_a, mean_b = mean(a), mean(b)
    spread_a = share * (mean(a * a) - mean_a**2)
    spread_b = share * (mean(b * b) - mean_b**2)
    joint = share * (mean(a * b) - mean_a * mean_b)
    c1, c2 = 0.01**2, 0.03**2
    likeness = (
        (2 * mean_a * mean_b + c1)
        * (2 * joint + c2)
        / ((mean_a**2 + mean_b**2 + c1) * (spread_a + spread_b + c2))
    )
    return likeness.mean((1, 2, 3))


def different_images(maps: Tensor) -> Tensor:
    """Each map's partner for comparison: the map of another image, half the batch away."""
    return maps.roll(len(maps) // 2, 0)


def deletion(
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
    size = tuple(pixels.shape[2:])
    targets = _probabilities(network, pixels).argmax(1)
    order = enlarge(maps, size).flatten(1).argsort(dim=1, descending=True, stable=True).argsort(1)
    place = order.view(-1, 1, *size)  # 0: the highest value
    start, end = (blurred(pixels), pixels) if insert else (pixels, blurred(pixels))
    curve = []
    for step in range(steps + 1):
        exchanged = place < step * place[0].numel() / steps
        mixed = torch.where(exchanged, end, start)
        curve.append(_probabilities(network, mixed).gather(1, targets[:, None])[:, 0])
    return torch.stack(curve)


def blurred(pixels: Tensor) -> Tensor:
    """Images so blurred that no shape is left, bytes."""
    from torchvision.transforms.v2.functional import gaussian_blur

    sigma = BLUR * pixels.shape[-1]
    side = 2 * min(round(2 * sigma), pixels.shape[-1] // 2 - 1) + 1
    return gaussian_blur(pixels, [side, side], [sigma, sigma])


def _probabilities(network: Network, pixels: Tensor) -> Tensor:
    """Class probabilities `(N, K)`, in full precision."""
    return predict(network, pixels, bfloat16=False)


def _unit(maps: Tensor) -> Tensor:
    """Each map from its least to its highest value as 0 to 1."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-30)


def _same(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape or first.dim() != 3 or not len(first):
        raise ValueError(
            f"two batches of maps (N, h, w) are needed, not {tuple(first.shape)} "
            f"and {tuple(second.shape)}"
        )
