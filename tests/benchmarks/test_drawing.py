"""`pytest -m benchmark -s tests/benchmarks` prints ratios of this machine."""

import statistics
import time

import pytest
import torch

from vtlab.backbones import backbone
from vtlab.garden.drawing import draw
from vtlab.garden.worlds import WORLDS
from vtlab.precision import THREADS, autocast
from vtlab.randomness import keys


def seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@pytest.mark.benchmark
def test_drawing_costs_at_most_half_of_training():
    """Medians of seven interleaved repeats over 256 images of 64 px."""
    torch.set_num_threads(THREADS)
    species, labels = WORLDS["garden"].species, torch.arange(256) % 8
    network = backbone(classes=8).train()
    optimiser = torch.optim.AdamW(network.parameters(), foreach=True)
    images, _ = draw(species, labels, keys(0, 0, torch.arange(256)))

    def train():
        for part, of in zip(images.split(32), labels.split(32), strict=True):
            with autocast():
                logits = network(network.normalise(part)).float()
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(logits, of).backward()
            optimiser.step()

    def paint():
        draw(species, labels, keys(0, 0, torch.arange(256)))

    train(), paint()
    pairs = [(seconds(paint), seconds(train)) for _ in range(7)]
    drawing, training = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"\ndrawing {256 / drawing:.0f} images/s, training {256 / training:.0f} images/s, "
          f"ratio {drawing / training:.2f}")  # fmt: skip
    assert drawing <= 0.5 * training
