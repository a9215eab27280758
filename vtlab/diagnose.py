"""What training did to a network, measured."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from vtlab.attribution.stages import maps_of
from vtlab.features import activations
from vtlab.network import Network


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and buffers, to hold against later ones."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def movement(before: Mapping[str, Tensor], network: Network) -> pd.DataFrame:
    """How far each stage has moved since a snapshot, as a share of its size then.

    Args:
        before: From `snapshot`, of this very network.
        network: After training.

    Returns:
        A row per stage and one for the head; columns `weights` and `statistics` (BatchNorm's
        running means and variances): the length of the change divided by the length before,
        exactly 0 where not a single bit differs, nan where a part has no such values.

    Raises:
        ValueError: If the snapshot is of another network.

    Lesson 04.
    """
    now = network.state_dict()
    if odd := {*before}.symmetric_difference(now):
        raise ValueError(f"the snapshot is of another network: {sorted(odd)[0]} is in one only")
    weights = {name for name, _ in network.named_parameters()}
    prefixes = {name: f"stages.{name}." for name in network.stage_names} | {"head": "head."}
    rows = []
    for stage, prefix in prefixes.items():
        own = [k for k in now if k.startswith(prefix)]
        kinds = {"weights": [k for k in own if k in weights],
                 "statistics": [k for k in own if "running_" in k]}  # fmt: skip
        rows.append({"stage": stage} | {kind: _change(before, now, keys)
                                        for kind, keys in kinds.items()})  # fmt: skip
    return pd.DataFrame(rows).set_index("stage")


def _change(before: Mapping[str, Tensor], now: Mapping[str, Tensor], keys: list[str]) -> float:
    if not keys:
        return float("nan")
    if all(torch.equal(before[k], now[k]) for k in keys):
        return 0.0
    old = torch.cat([before[k].double().flatten() for k in keys])
    new = torch.cat([now[k].double().flatten() for k in keys])
    return ((new - old).norm() / old.norm()).item()


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
        raise ValueError(f"{tuple(first.shape)} and {tuple(second.shape)} are not features, a row "
                         "per image, of the same images")  # fmt: skip
    x, y = (f.double() - f.double().mean(0) for f in (first, second))
    size = (x.T @ x).norm() * (y.T @ y).norm()
    if min(x.abs().max(), y.abs().max()) < 1e-12:  # a mean is not exact
        raise ValueError("features that do not vary are like no others")
    return ((x.T @ y).square().sum() / size).item()


def likeness(first: Network, second: Network, pixels: Tensor) -> dict[str, float]:
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
        found[name] = linear_cka(*(_features(network, name, activations(network, pixels, number), pixels)
                                   for network in (first, second)))  # fmt: skip
    return found


def _features(network: Network, name: str, values: Tensor, pixels: Tensor) -> Tensor:
    """`(N, C)`: the means of a stage's maps; of the last stage they may be there already."""
    if values.dim() == 2:
        return values
    return maps_of(network, name, values.float(), tuple(pixels.shape[2:])).mean((2, 3))
