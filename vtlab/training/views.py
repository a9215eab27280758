"""Training inputs by image and epoch: pixels, or a frozen prefix's activations of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vtlab.data.augment import Augmentation, Mix
from vtlab.models.features import MAX_BATCH_SIZE, ActivationBuffer, activations
from vtlab.models.network import Network
from vtlab.system.device import autocast

VIEWS_PER_IMAGE = 8  # augmented views kept of each image when a prefix is frozen

MAX_CACHE_BYTES = 400_000_000  # of more images one view is kept at a time


class Views:
    """What a training feeds to its first learning stage.

    Where the first stages are frozen, their activations of each view are computed once and
    kept; a new epoch then takes one of a few views instead of a new one. They take turns from epoch to
    epoch; where not all fit into memory, one after the other serves its share of the epochs.
    """

    def __init__(
        self,
        network: Network,
        pixels: Tensor,
        seed: int,
        augment: Augmentation | None,
        cache: bool,
        bfloat16: bool | None,
        views: int = VIEWS_PER_IMAGE,
        epochs: int = 0,
    ) -> None:
        """Nothing is computed but how many views are affordable."""
        self.network, self.pixels, self.seed, self.augment = network, pixels, seed, augment
        self.start = network.frozen_prefix
        self.cache = cache and self.start > 0
        self.bfloat16 = bfloat16
        self.kept: dict[int, Tensor] = {}
        self.parts: dict[int, ActivationBuffer] = {}  # views that are not complete yet
        self.views = 1 if augment is None else 0  # 0: a new view every epoch
        self.spread = 0  # epochs that the views share out, one after the other; 0: all are kept and take turns
        if augment is not None and self.start > 0:
            self.views = views
            if count_affordable_views(network, pixels, self.start, views, bfloat16) < views:
                self.spread = max(epochs, views)

    def ready(self, epoch: int, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Compute what this epoch's batches need, unless stopped meanwhile."""
        number = self._number(epoch)
        if not self.cache or number in self.kept:
            return True
        if self.spread:
            self.kept.clear()
        copies = 1 if self.spread else self.views
        part = self.parts.setdefault(number, ActivationBuffer(len(self.pixels), copies))
        while part.position < len(self.pixels):
            if stopped():
                return False
            which = torch.arange(
                part.position, min(part.position + MAX_BATCH_SIZE, len(self.pixels))
            )
            pixels = self._view(self.pixels[which], which, number)
            part.add(activations(self.network, pixels, self.start, bfloat16=self.bfloat16))
        self.kept[number] = part.result()
        self.parts.pop(number, None)
        return True

    def logits(self, index: Tensor, epoch: int, mix: Mix | None = None) -> Tensor:
        """Logits of these images in this epoch's view.

        Mixed are the inputs of the first learning stage: pixels where everything learns, a frozen
        prefix's activations otherwise (manifold mixup, Verma et al. 2019), so that they can be kept.
        """
        number = self._number(epoch)
        if self.cache:
            inputs, start = self.kept[number][index].to(self.network.device), self.start
        else:
            # outside autocast: half-precision coordinates would move a crop by a quarter pixel
            inputs, start = self._view(self.pixels[index], index, number), 0
        with autocast(self.bfloat16, self.network.device):
            if not self.cache:
                inputs = self.network.normalise(inputs)
            if mix is not None:
                with torch.no_grad():
                    inputs = mix.of(self.network.run_stages(inputs, start, self.start))
                start = self.start
            return self.network.classify(self.network.run_stages(inputs, start)).float()

    def _number(self, epoch: int) -> int:
        if not self.views:
            return epoch
        return (epoch - 1) * self.views // self.spread if self.spread else epoch % self.views

    def _view(self, pixels: Tensor, index: Tensor, number: int) -> Tensor:
        if self.augment is None:
            return pixels
        return self.augment.view(pixels, index, self.seed, number)


def count_affordable_views(
    network: Network, pixels: Tensor, stop: int, wanted: int, bfloat16: bool | None = None
) -> int:
    """How many views of these images fit into `LARGEST_CACHE`, at least one."""
    one = activations(network, pixels[:1], stop, bfloat16=bfloat16)
    return max(1, min(wanted, MAX_CACHE_BYTES // (one.numel() * one.element_size() * len(pixels))))
