"""Views: what a training sees of each image in each epoch, as pixels or as activations of frozen stages."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vtlab.data.augment import Augmentation
from vtlab.data.mixup import Mix
from vtlab.models.evaluation import predict
from vtlab.models.features import MAX_BATCH_SIZE, FeatureBuffer, activations
from vtlab.models.network import Network

VIEWS_PER_IMAGE = 8  # augmented views of an image where the first stages are frozen
MAX_CACHE_BYTES = 400_000_000  # of kept views; where they take more, one view is kept at a time


class Views:
    """The inputs of a training's first learning stage.

    Where everything learns, each epoch has a new view of each image. Where the first stages are
    frozen, an image has a few views, whose activations are computed once and kept. The views take
    turns from epoch to epoch. Where they do not all fit into memory, they serve one after the other,
    each for its share of the epochs.
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
        """Nothing is computed but how many views fit into memory. The arguments are those of `fit`."""
        self.network, self.pixels, self.seed, self.augment = network, pixels, seed, augment
        self.frozen_prefix = network.frozen_prefix
        self.cache = cache and self.frozen_prefix > 0
        self.bfloat16 = bfloat16
        self.complete: dict[int, Tensor] = {}  # kept activations, by view
        self.incomplete: dict[int, FeatureBuffer] = {}
        self.count = 1 if augment is None else 0  # of views; 0: a new one every epoch
        self.shared_epochs = 0  # where one view is kept at a time: epochs that all views share
        if augment is not None and self.frozen_prefix > 0:
            self.count = views
            fitting = count_affordable_views(network, pixels, self.frozen_prefix, views, bfloat16)
            if fitting < views:
                self.shared_epochs = max(epochs, views)

    def prepare(self, epoch: int, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Compute the frozen activations that an epoch needs.

        Args:
            epoch: From 1.
            stopped: Asked before every batch of images. Once it says so, the work is left, and the
                next call goes on with it.

        Returns:
            Whether all are there.
        """
        view = self._view_of(epoch)
        if not self.cache or view in self.complete:
            return True
        if self.shared_epochs:
            self.complete.clear()
        copies = 1 if self.shared_epochs else self.count
        buffer = self.incomplete.setdefault(view, FeatureBuffer(len(self.pixels), copies))
        while buffer.position < len(self.pixels):
            if stopped():
                return False
            end = min(buffer.position + MAX_BATCH_SIZE, len(self.pixels))
            index = torch.arange(buffer.position, end)
            pixels = self._augmented(index, view)
            buffer.add(
                activations(self.network, pixels, self.frozen_prefix, bfloat16=self.bfloat16)
            )
        self.complete[view] = buffer.result()
        self.incomplete.pop(view, None)
        return True

    def logits(self, index: Tensor, epoch: int, mix: Mix | None = None) -> Tensor:
        """Logits `(n, K)` of the images at these places, in this epoch's view.

        What is mixed are the inputs of the first learning stage, so that frozen activations can be
        kept: pixels where everything learns, activations elsewhere (manifold mixup, Verma et al. 2019).
        """
        network, view = self.network, self._view_of(epoch)
        if self.cache:
            inputs, start = self.complete[view][index].to(network.device), self.frozen_prefix
        else:
            # outside autocast: half-precision coordinates would move a crop by a quarter pixel
            inputs, start = self._augmented(index, view), 0
        with network.autocast(self.bfloat16):
            if not self.cache:
                inputs = network.normalise(inputs)
            if mix is not None:
                with torch.no_grad():
                    inputs = mix.of(network.run_stages(inputs, start, self.frozen_prefix))
                start = self.frozen_prefix
            return network.classify(network.run_stages(inputs, start)).float()

    def _view_of(self, epoch: int) -> int:
        """The number of the view that an epoch sees."""
        if not self.count:
            return epoch
        if self.shared_epochs:
            return (epoch - 1) * self.count // self.shared_epochs
        return epoch % self.count

    def _augmented(self, index: Tensor, view: int) -> Tensor:
        """Bytes `(n, 3, H, W)`: a view of the images at these places."""
        pixels = self.pixels[index]
        return pixels if self.augment is None else self.augment.view(pixels, index, self.seed, view)


def count_affordable_views(
    network: Network, pixels: Tensor, stop: int, views: int, bfloat16: bool | None = None
) -> int:
    """How many of so many views fit into `MAX_CACHE_BYTES`, at least one.

    Args:
        network: Whose first stages are frozen.
        pixels: Bytes `(N, 3, H, W)`.
        stop: How many stages are frozen.
        views: How many are wanted.
        bfloat16: As in `fit`.
    """
    one = activations(network, pixels[:1], stop, bfloat16=bfloat16)
    return max(1, min(views, MAX_CACHE_BYTES // (one.nbytes * len(pixels))))


def predict_views(
    network: Network,
    pixels: Tensor,
    augment: Augmentation,
    views: int = VIEWS_PER_IMAGE,
    seed: int = 0,
) -> Tensor:
    """Test-time augmentation: the mean class probabilities `(N, K)` of several views of each image.

    Args:
        network: The network.
        pixels: Bytes `(N, 3, H, W)`.
        augment: Makes the views; view 0, the image as it is, is among them.
        views: How many, at least one.
        seed: Of the views.

    Lesson 08.
    """
    index = torch.arange(len(pixels))
    found = [predict(network, augment.view(pixels, index, seed, v)) for v in range(views)]
    return torch.stack(found).mean(0)
