"""How alike the features of two networks are, stage by stage."""

from __future__ import annotations

from torch import Tensor

from vtlab.models.features import activations
from vtlab.models.layouts import convert_stage_layout
from vtlab.models.network import Network


def linear_cka(first: Tensor, second: Tensor) -> float:
    """How alike two sets of features of the same images are, 0 to 1, whatever their rotation.

    Linear centred kernel alignment: 1 where one set is a rotation and one common rescaling of
    the other.

    Args:
        first: `(N, D)`, a row per image.
        second: `(N, E)`; D and E may differ.

    Raises:
        ValueError: If the rows are not of the same images, or a set does not vary.

    Kornblith et al. (2019), https://arxiv.org/abs/1905.00414. Lesson 07.
    """
    if first.dim() != 2 or second.dim() != 2 or len(first) != len(second):
        raise ValueError(
            f"{tuple(first.shape)} and {tuple(second.shape)} are not features, a row "
            "per image, of the same images"
        )
    x, y = (f.double() - f.double().mean(0) for f in (first, second))
    size = (x.T @ x).norm() * (y.T @ y).norm()
    if min(x.abs().max(), y.abs().max()) < 1e-12:  # a mean is not exact
        raise ValueError("features that do not vary are like no others")
    return ((x.T @ y).square().sum() / size).item()


def measure_similarity(first: Network, second: Network, pixels: Tensor) -> dict[str, float]:
    """The linear CKA of two networks' features of the same images, stage by stage.

    Features are a stage's feature maps, averaged over their cells (a transformer's patches), and of the
    last stage what the head gets.

    Args:
        first: Its mode does not matter, as in `activations`.
        second: With stages of the same names.
        pixels: Bytes `(N, 3, H, W)`.

    Raises:
        ValueError: If the stages' names differ, or a stage gives no maps.

    Lesson 07.
    """
    if first.stage_names != second.stage_names:
        raise ValueError(f"{first.name} and {second.name} have other stages")
    found = {}
    for number, name in enumerate(first.stage_names, 1):
        one, other = (_average_maps(network, pixels, name, number) for network in (first, second))
        found[name] = linear_cka(one, other)
    return found


def _average_maps(network: Network, pixels: Tensor, name: str, number: int) -> Tensor:
    """`(N, C)`: the means of a stage's maps; of the last stage they may be there already."""
    values = activations(network, pixels, number)
    if values.dim() == 2:
        return values
    size = (pixels.shape[2], pixels.shape[3])
    return convert_stage_layout(network, name, values.float(), size).mean((2, 3))
