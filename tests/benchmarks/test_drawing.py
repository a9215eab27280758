"""Drawing against training."""

import pytest
import torch

from vtlab.garden.drawing import draw_plants
from vtlab.garden.worlds import WORLDS
from vtlab.models.backbones import backbone
from vtlab.system.device import autocast
from vtlab.system.randomness import derive_random_keys


@pytest.mark.benchmark
def test_drawing_costs_at_most_half_of_training(ratios, medians):
    """Medians of seven interleaved repeats over 256 images of 64 px."""
    species, labels = WORLDS["garden"].species, torch.arange(256) % 8
    network = backbone(classes=8).train()
    optimiser = torch.optim.AdamW(network.parameters(), foreach=True)
    images, _ = draw_plants(species, labels, derive_random_keys(0, 0, torch.arange(256)))

    def train():
        for part, of in zip(images.split(32), labels.split(32), strict=True):
            with autocast():
                logits = network(network.normalise(part)).float()
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(logits, of).backward()
            optimiser.step()

    def paint():
        draw_plants(species, labels, derive_random_keys(0, 0, torch.arange(256)))

    drawing, training = medians(paint, train, repeats=7)
    ratios.check(
        "drawing an image / training on it",
        drawing / training,
        most=0.5,
        detail=f"{256 / drawing:.0f} against {256 / training:.0f} images/s",
    )
