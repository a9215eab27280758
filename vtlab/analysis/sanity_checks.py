"""A sanity check of heat maps: whether a map depends on what the network has learnt.

The network is randomised from the head to the stem: a map that stays the same does not describe
what was learnt. (`scores.deletion_curve` is the other test: it takes away the pixels that a map names first.)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from torch import Tensor

from vtlab.analysis.cams import explain
from vtlab.models.evaluation import predict
from vtlab.models.network import Network

TRAINED = "trained"  # the first maps: nothing is randomised yet


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
    targets = predict(network, pixels, bfloat16=False).argmax(1)
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
