"""The source task that the shipped backbones are pretrained on: invented species, drawn without end."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from vtlab.garden.drawing import draw_plants
from vtlab.garden.species import Species, grow_species
from vtlab.system.randomness import derive_random_keys

SOURCE_SEED = 1_000_003  # far from every target's seed: no target species was ever a source
TEST_IMAGES = 2048  # fresh individuals that a record's test accuracy is of


@dataclass(frozen=True)
class GardenSource:
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
    def all_species(self) -> Species:
        """The species themselves."""
        return grow_species(self.species, SOURCE_SEED, genera=self.genera, spread=self.spread)

    @functools.cached_property
    def test_set(self) -> tuple[Tensor, Tensor]:
        """Fresh individuals of the same species: images `(N, 3, H, W)` and labels `(N,)`."""
        index = torch.arange(TEST_IMAGES)
        labels = index % self.species
        return draw_plants(self.all_species, labels, derive_random_keys(0, 1, index))[0], labels

    def batch(self, number: int, count: int, seed: int, size: int) -> tuple[Tensor, Tensor]:
        """The images and labels of one batch, drawn as they are asked for.

        Args:
            number: Of the batch, from 0.
            count: Images in a batch, N.
            seed: Another one gives other individuals.
            size: Side in pixels.

        Returns:
            `images (N, 3, H, W)` uint8 and `labels (N,)`.
        """
        index = torch.arange(number * count, (number + 1) * count)
        image_keys = derive_random_keys(seed, 0, index)
        labels = ((image_keys.long() & 0x7FFFFFFF) // 7) % self.species
        return draw_plants(self.all_species, labels, image_keys, size=size)[0], labels

    def fingerprint(self) -> dict[str, int | float]:
        """The fields by name."""
        return asdict(self)
