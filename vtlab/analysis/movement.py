"""What training did to a network, measured."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from vtlab.analysis.stages import SOME, run_stage
from vtlab.models.network import Network


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and buffers, to hold against later ones."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def measure_movement(before: Mapping[str, Tensor], network: Network) -> pd.DataFrame:
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
        kinds = {
            "weights": [k for k in own if k in weights],
            "statistics": [k for k in own if "running_" in k],
        }
        rows.append(
            {"stage": stage} | {kind: _change(before, now, keys) for kind, keys in kinds.items()}
        )
    return pd.DataFrame(rows).set_index("stage")


def _change(before: Mapping[str, Tensor], now: Mapping[str, Tensor], keys: list[str]) -> float:
    if not keys:
        return float("nan")
    if all(torch.equal(before[k], now[k]) for k in keys):
        return 0.0
    old = torch.cat([before[k].double().flatten() for k in keys])
    new = torch.cat([now[k].double().flatten() for k in keys])
    return ((new - old).norm() / old.norm()).item()


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
        loss = nn.functional.cross_entropy(
            network.classify(maps[-1]), asked.to(network.device), reduction="sum"
        )
        gradients = torch.autograd.grad(loss, maps)
        for name, gradient in zip(("pixels", *network.stage_names), gradients, strict=True):
            square = gradient.double().square().sum().item() / gradient[0].numel()
            squares[name] = squares.get(name, 0) + square / len(pixels)
    return {name: square**0.5 for name, square in squares.items()}
