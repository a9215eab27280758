"""Adapters: small modules between frozen stages, the only thing that learns besides the head."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from vtlab.models.backbones import find_backbone_image_size
from vtlab.models.initialisation import reinitialise
from vtlab.models.network import Network, network_in_evaluation_mode
from vtlab.system.randomness import make_generator

ADAPTER_PREFIX = "adapter_"


class Adapter(nn.Module):
    """Adds to a feature map what a bottleneck of two 1 x 1 convolutions makes of it, at first nothing.

    Houlsby et al. (2019), https://arxiv.org/abs/1902.00751; on feature maps as in Rebuffi et al.
    (2018). Lesson 06.
    """

    def __init__(self, channels: int, narrowing: int = 4) -> None:
        """`channels` in and out, a `narrowing`-th of them in between."""
        super().__init__()
        self.narrow = nn.Conv2d(channels, max(1, channels // narrowing), 1)
        self.widen = nn.Conv2d(max(1, channels // narrowing), channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps `(N, C, h, w)` in and out."""
        return maps + self.widen(self.narrow(maps).relu())


def with_adapters(network: Network, seed: int = 0, narrowing: int = 4) -> Network:
    """The same network with an adapter as one more stage after each of its stages.

    The new stages are named "adapter_" and the stage they follow. They begin as nothing, so the
    outputs are at first those of the network. Train them with `vt.surgical(*adapter_names(made))`.

    Args:
        network: With feature maps `(N, C, h, w)` after every stage; its modules are shared.
        seed: Of the adapters' first weights.
        narrowing: How much narrower an adapter is inside.

    Raises:
        ValueError: If a stage gives tokens, or channels last.

    Lesson 06.
    """
    if others := [name for name, how in network.layouts.items() if how != "channels_first"]:
        raise ValueError(
            f"{network.name}: {others[0]} gives no maps (N, C, h, w), which adapters need"
        )
    maps = network.make_blank(1, find_backbone_image_size(network))
    stages: dict[str, nn.Module] = {}
    for name, stage in network.stages.items():
        # a blank image is passed on from stage to stage, to learn how many channels each has
        with network_in_evaluation_mode(network), torch.no_grad():
            maps = stage(maps)
        adapter = Adapter(maps.shape[1], narrowing)
        reinitialise(adapter, make_generator(seed, ADAPTER_PREFIX + name))
        nn.init.zeros_(adapter.widen.weight)  # so that it adds nothing at first
        stages |= {name: stage, ADAPTER_PREFIX + name: adapter}
    made = Network(
        network.name,
        stages,
        network.head,
        network.normalisation,
        pooling=network.pooling,
        pooler=network.pooler,
        image_size=network.image_size,
    )
    made.origin, made.memory_format = network.origin, network.memory_format
    # such a library draws its own stages and knows nothing of adapters
    if (redraw := network.redraw) is not None:
        adapters = nn.ModuleDict({name: stages[name] for name in adapter_names(made)})

        def redraw_all(seed: int) -> dict[str, Tensor]:
            fresh = copy.deepcopy(adapters)
            reinitialise(fresh, make_generator(seed, "adapters"))
            return {**redraw(seed), **fresh.state_dict()}

        made.redraw = redraw_all
    made.train(network.training)
    return made.to(network.device).to(memory_format=made.memory_format)


def adapter_names(network: Network) -> tuple[str, ...]:
    """The names of a network's adapters, from the image to the head."""
    return tuple(name for name in network.stage_names if name.startswith(ADAPTER_PREFIX))
