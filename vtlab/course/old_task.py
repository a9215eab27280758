"""The old task: species of the source, which show how much a network forgets when it is fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vtlab.data.images import Images
from vtlab.garden.drawing import draw_plants
from vtlab.garden.source import GardenSource
from vtlab.models.backbones import backbone
from vtlab.models.features import activations
from vtlab.models.network import Network
from vtlab.results import metrics
from vtlab.system.randomness import derive_random_keys
from vtlab.training.probe import solve_probe

OLD_SPECIES = 16  # of the source's 256
OLD_SHOTS, OLD_TEST = 20, 25  # images per old species
# streams of drawings: 0 was learnt from in pretraining, 1 is its own test set
TRAIN_STREAM, TEST_STREAM = 2, 3


@dataclass(frozen=True, eq=False)
class OldTask:
    """Species of the source, and a head fitted on their pretrained features.

    Attributes:
        train: What heads are fitted on.
        test: Other individuals of the same species.
        start: The pretrained network.
        head: Fitted on what `start` makes of `train`.

    Lessons 03 and 07.
    """

    train: Images
    test: Images
    start: Network
    head: torch.nn.Linear

    @classmethod
    def make(cls) -> OldTask:
        """Draw individuals that pretraining never saw, and fit the head."""
        train, test = _draw_old(OLD_SHOTS, TRAIN_STREAM), _draw_old(OLD_TEST, TEST_STREAM)
        network = backbone("mini_resnet", classes=OLD_SPECIES)
        return cls(train, test, network, fit_old_head(network, train))

    def accuracy(self, network: Network, head: torch.nn.Linear) -> float:
        """The share of `test` that a network's stages and this head name correctly."""
        with torch.no_grad():
            guesses = head(activations(network, self.test.pixels)).argmax(1)
        return metrics.accuracy(self.test.labels.tolist(), guesses.tolist())


def fit_old_head(network: Network, images: Images) -> torch.nn.Linear:
    """A linear head for the old species, solved on what the network's stages make of images."""
    features = activations(network, images.pixels)
    head = torch.nn.Linear(features.shape[1], OLD_SPECIES)
    for _ in solve_probe(features, images.labels, head, 0):
        pass
    return head


def _draw_old(per_species: int, stream: int) -> Images:
    labels = torch.arange(OLD_SPECIES).repeat_interleave(per_species)
    pixels, masks = draw_plants(
        GardenSource().all_species, labels, derive_random_keys(0, stream, torch.arange(len(labels)))
    )
    return Images(pixels, labels, masks)
