"""What a backbone is pretrained on: drawings that never end, or photographs that come round again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.augment import Augment
from vtlab.fingerprints import of_tensors
from vtlab.garden.drawing import draw
from vtlab.garden.species import Species, grow
from vtlab.images import read_folder
from vtlab.precision import best_device
from vtlab.randomness import generator, keys

SOURCE_SEED = 1_000_003  # far from every target's seed: no target species was ever a source
TESTED = 2048  # fresh individuals that a record's test accuracy is of
HELD_OUT = 0.1  # share of photographs that are tested on, where none are set apart


class Source(Protocol):
    """Where the images of a pretraining come from."""

    @property
    def classes(self) -> int:
        """How many there are, K."""

    @property
    def test_set(self) -> tuple[Tensor, Tensor]:
        """Images `(N, 3, H, W)` uint8 that are never trained on, and their labels `(N,)`."""

    def batch(self, number: int, count: int, seed: int, size: int) -> tuple[Tensor, Tensor]:
        """Images `(count, 3, size, size)` uint8 of batch `number`, and their labels `(count,)`."""

    def configuration(self) -> dict:
        """What it is, as JSON values: trainings that differ in it are not the same."""


@dataclass(frozen=True)
class Drawings:
    """Invented species; every picture is drawn once and never seen again.

    Pretraining on images drawn by formula is published practice (Kataoka et al. 2020, FractalDB,
    https://arxiv.org/abs/2101.08515).
    """

    species: int = 256
    genera: int = 128
    spread: float = 0.6

    @property
    def classes(self) -> int:
        """How many species."""
        return self.species

    @functools.cached_property
    def grown(self) -> Species:
        """The species themselves."""
        return grow(self.species, SOURCE_SEED, genera=self.genera, spread=self.spread)

    @functools.cached_property
    def test_set(self) -> tuple[Tensor, Tensor]:
        """Fresh individuals of the same species."""
        labels = torch.arange(TESTED) % self.species
        return draw(self.grown, labels, keys(0, 1, torch.arange(TESTED)))[0], labels

    def batch(self, number: int, count: int, seed: int, size: int) -> tuple[Tensor, Tensor]:
        """Drawn as they are asked for."""
        index = torch.arange(number * count, (number + 1) * count)
        image_keys = keys(seed, 0, index)
        labels = ((image_keys.long() & 0x7FFFFFFF) // 7) % self.species
        return draw(self.grown, labels, image_keys, size=size)[0], labels

    def configuration(self) -> dict:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Photographs:
    """Labelled photographs: each once an epoch, in a new order, zoomed, mirrored and relit anew.

    Attributes:
        pixels: `(N, 3, H, H)` uint8; they may lie in a file (`pixel_store`).
        labels: `(N,)` int64.
        test_pixels: Images of the same classes, never trained on.
        test_labels: Theirs.
        classes: K.
        content: A hash of it all.
        augment: What changes from epoch to epoch.
        device: Where views are computed, and the images of a batch are.
    """

    pixels: Tensor
    labels: Tensor
    test_pixels: Tensor
    test_labels: Tensor
    classes: int
    content: str
    augment: Augment = Augment(shift=0.0, crop=0.45, light=0.2)
    device: torch.device = torch.device("cpu")

    @classmethod
    def of(cls, path: str | Path, size: int, progress: Callable[[int, int], None] | None = None) -> Photographs:
        """The images of a folder, zip or table, as `images.read_folder` reads them.

        Raises:
            FileNotFoundError: If nothing is there.
            ValueError: If it is not images by class.
        """
        read = read_folder(path, size, progress, hold_out=HELD_OUT)
        content = of_tensors({"train": read.train.pixels, "labels": read.train.labels})
        return cls(read.train.pixels, read.train.labels, read.test.pixels, read.test.labels,
                   len(read.classes), content, device=best_device())  # fmt: skip

    @property
    def test_set(self) -> tuple[Tensor, Tensor]:
        """All test images."""
        return self.test_pixels, self.test_labels

    def batch(self, number: int, count: int, seed: int, size: int) -> tuple[Tensor, Tensor]:
        """Batches never span two epochs: what does not fill one at the end is left out.

        Raises:
            ValueError: If there are fewer photographs than a batch takes.
        """
        if len(self.labels) < count:
            raise ValueError(f"a batch takes {count} photographs to learn from; there are {len(self.labels)}")
        epoch, place = divmod(number, len(self.labels) // count)
        index = self._order(seed, epoch)[place * count : (place + 1) * count]
        images = self.augment.view(self.pixels[index].to(self.device), index, seed, epoch + 1)
        if size != images.shape[-1]:
            smaller = F.interpolate(images.float(), size=(size, size), mode="bilinear", antialias=True)
            images = (smaller.clamp(0, 255) + 0.5).to(torch.uint8)
        return images, self.labels[index]

    @functools.cached_property
    def _orders(self) -> dict[tuple[int, int], Tensor]:
        return {}

    def _order(self, seed: int, epoch: int) -> Tensor:
        if (seed, epoch) not in self._orders:
            self._orders.clear()
            drawn = torch.randperm(len(self.labels), generator=generator(seed, f"epoch {epoch}"))
            self._orders[seed, epoch] = drawn
        return self._orders[seed, epoch]

    def configuration(self) -> dict:
        """The hash, and what augmentation does."""
        return {"content": self.content, **self.augment.configuration()}
