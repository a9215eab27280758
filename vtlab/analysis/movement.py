"""How far training moved the weights and the statistics of each stage."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor, nn

from vtlab.models.network import Network


def take_snapshot(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and buffers, to hold against later ones."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def measure_movement(before: Mapping[str, Tensor], network: Network) -> pd.DataFrame:
    """How far each stage has moved since a snapshot, as a share of its size then.

    Args:
        before: From `take_snapshot`, of this very network.
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
    if unpaired := {*before}.symmetric_difference(now):
        raise ValueError(
            f"the snapshot is of another network: {sorted(unpaired)[0]} is in one only"
        )
    weights = {name for name, _ in network.named_parameters()}
    prefixes = {name: f"stages.{name}." for name in network.stage_names} | {"head": "head."}
    rows = []
    # weights are parameters; BatchNorm's statistics are buffers, in the state dict alone
    for stage, prefix in prefixes.items():
        own = [k for k in now if k.startswith(prefix)]
        kinds = {
            "weights": [k for k in own if k in weights],
            "statistics": [k for k in own if "running_" in k],
        }
        rows.append(
            {"stage": stage}
            | {kind: _measure_change(before, now, keys) for kind, keys in kinds.items()}
        )
    return pd.DataFrame(rows).set_index("stage")


def _measure_change(
    before: Mapping[str, Tensor], now: Mapping[str, Tensor], keys: list[str]
) -> float:
    if not keys:
        return float("nan")
    if all(torch.equal(before[k], now[k]) for k in keys):
        return 0.0
    old = torch.cat([before[k].double().flatten() for k in keys])
    new = torch.cat([now[k].double().flatten() for k in keys])
    return ((new - old).norm() / old.norm()).item()
