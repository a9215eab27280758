"""Training inputs by image and epoch: pixels, or a frozen prefix's activations of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vtlab.augment import Augment
from vtlab.backbones import Network
from vtlab.features import BATCH, activations, affordable_views
from vtlab.precision import autocast

VIEWS = 8  # augmented views kept of each image when a prefix is frozen


class Views:
    """What a training feeds to its first learning stage.

    Where the first stages are frozen, their activations of each view are computed once and
    kept; a new epoch then takes one of `VIEWS` views instead of a new one.
    """

    def __init__(self, network: Network, pixels: Tensor, seed: int, augment: Augment | None,
                 cache: bool, bfloat16: bool | None) -> None:  # fmt: skip
        """Nothing is computed but how many views are affordable."""
        self.network, self.pixels, self.seed, self.augment = network, pixels, seed, augment
        self.start = network.frozen_prefix
        self.cache = cache and self.start > 0
        self.bfloat16 = bfloat16
        self.kept: dict[int, Tensor] = {}
        self.parts: dict[int, list[Tensor]] = {}  # of views that are not complete yet
        self.views = 1 if augment is None else 0  # 0: a new view every epoch
        if augment is not None and self.start > 0:
            self.views = affordable_views(network, pixels, self.start, VIEWS)

    def ready(self, epoch: int, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Compute what this epoch's batches need, unless stopped meanwhile."""
        number = self._number(epoch)
        if not self.cache or number in self.kept:
            return True
        parts = self.parts.setdefault(number, [])
        index = torch.arange(len(self.pixels)).split(BATCH)
        while len(parts) < len(index):
            if stopped():
                return False
            which = index[len(parts)]
            pixels = self._view(self.pixels[which], which, number)
            parts.append(activations(self.network, pixels, self.start, bfloat16=self.bfloat16))
        self.kept[number] = torch.cat(parts)
        self.parts.pop(number, None)
        return True

    def logits(self, index: Tensor, epoch: int) -> Tensor:
        """Logits of these images in this epoch's view."""
        number = self._number(epoch)
        if not self.cache:
            # outside autocast: half-precision coordinates would move a crop by a quarter pixel
            pixels = self._view(self.pixels[index], index, number)
            with autocast(self.bfloat16):
                return self.network(self.network.normalise(pixels)).float()
        with autocast(self.bfloat16):
            maps = self.kept[number][index]
            return self.network.classify(self.network.run_stages(maps, self.start)).float()

    def _number(self, epoch: int) -> int:
        return epoch % self.views if self.views else epoch

    def _view(self, pixels: Tensor, index: Tensor, number: int) -> Tensor:
        if self.augment is None:
            return pixels
        return self.augment.view(pixels, index, self.seed, number)
