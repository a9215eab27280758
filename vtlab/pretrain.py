"""The recipe of the shipped weights: learn many invented species, from drawings never repeated.

`python -m vtlab.pretrain` draws the garden on the fly, trains `mini_resnet` from random
weights, and writes half-precision safetensors, their sha256 and a log. Pretraining on images
drawn by formula is published practice (Kataoka et al. 2020, FractalDB,
https://arxiv.org/abs/2101.08515).
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from vtlab.backbones import Network, backbone, sha256
from vtlab.garden.drawing import draw
from vtlab.garden.species import grow
from vtlab.precision import autocast
from vtlab.randomness import keys

SOURCE_SEED = 1_000_003  # far from every target's seed: no target species was ever a source


@dataclass(frozen=True)
class Recipe:
    """What the shipped weights were trained with."""

    backbone: str = "mini_resnet"
    species: int = 256
    genera: int = 128
    spread: float = 0.6
    images: int = 200_000
    batch: int = 128
    peak_rate: float = 3e-3
    weight_decay: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a pretraining is: images seen, mean loss and accuracy since the last, seconds."""

    images: int
    loss: float
    accuracy: float
    test_accuracy: float
    seconds: float


def pretrain(recipe: Recipe, network: Network, every: int = 10_000) -> Iterator[Progress]:
    """Train the network in place; a record after every so many images."""
    species = grow(recipe.species, SOURCE_SEED, genera=recipe.genera, spread=recipe.spread)
    test_labels = torch.arange(2048) % recipe.species
    test, _ = draw(species, test_labels, keys(recipe.seed, 1, torch.arange(2048)))
    steps = recipe.images // recipe.batch
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.peak_rate,
                                  weight_decay=recipe.weight_decay, foreach=True)  # fmt: skip
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.peak_rate, total_steps=steps + 1, pct_start=0.2
    )
    started, losses, hits = time.perf_counter(), [], []
    for step in range(steps):
        # every picture is drawn once and never seen again
        index = torch.arange(step * recipe.batch, (step + 1) * recipe.batch)
        image_keys = keys(recipe.seed, 0, index)
        labels = ((image_keys.long() & 0x7FFFFFFF) // 7) % recipe.species
        images, _ = draw(species, labels, image_keys)
        network.train()
        with autocast():
            logits = network(network.normalise(images)).float()
        loss = F.cross_entropy(logits, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        hits.append((logits.argmax(1) == labels).float().mean().item())
        seen = (step + 1) * recipe.batch
        if seen % every < recipe.batch or step == steps - 1:
            mean = [sum(values) / len(values) for values in (losses, hits)]
            seconds = time.perf_counter() - started
            yield Progress(seen, *mean, _test(network, test, test_labels), round(seconds, 1))
            losses, hits = [], []


@torch.no_grad()
def _test(network: Network, images: torch.Tensor, labels: torch.Tensor) -> float:
    network.eval()
    with autocast():
        guesses = [network(network.normalise(part)).argmax(1) for part in images.split(256)]
    return (torch.cat(guesses) == labels).float().mean().item()


def save(network: Network, recipe: Recipe, folder: Path) -> str:
    """Write the stages as half-precision safetensors; returns the sha256."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recipe.backbone}.safetensors"
    state = {
        name: value.contiguous().half() if value.is_floating_point() else value
        for name, value in network.stages.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(state, path, metadata={"recipe": json.dumps(asdict(recipe))})
    listing = folder / "sha256.json"
    known = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    known[path.name] = sha256(path)
    listing.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return known[path.name]


def main() -> None:
    """Run the recipe and write weights and log."""
    data = Path(__file__).parent.parent / "data"
    parser = argparse.ArgumentParser(prog="python -m vtlab.pretrain", description=__doc__)
    parser.add_argument("--backbone", default=Recipe.backbone)
    parser.add_argument("--images", type=int, default=Recipe.images)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=data / "weights")
    parser.add_argument("--log", type=Path, default=None, help="default: data/results/")
    arguments = parser.parse_args()
    recipe = Recipe(backbone=arguments.backbone, images=arguments.images, seed=arguments.seed)
    network = backbone(recipe.backbone, classes=recipe.species, weights=None)
    network.reset_stages(recipe.seed)
    log = arguments.log or data / "results" / f"pretrain_{recipe.backbone}.csv"
    rows = []
    for progress in pretrain(recipe, network):
        print(*(f"{k} {v:.4g}" for k, v in asdict(progress).items()), sep="  ", flush=True)
        rows.append(asdict(progress))
    print("sha256", save(network, recipe, arguments.out))
    with log.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows({k: round(v, 4) for k, v in row.items()} for row in rows)


if __name__ == "__main__":
    main()
