"""Pretrain the shipped weights, on drawings of many invented species or on photographs of many things.

`python data/make/pretrain.py` draws the garden on the fly, trains `mini_resnet` from random weights, and
writes half-precision safetensors, their sha256 and a log; with `--photos PATH` it learns a folder of
photographs instead, small images first, and writes the weights called "natural".
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.data.augment import Augment
from vtlab.data.folders import read_folder
from vtlab.garden.source import GardenSource
from vtlab.models.backbones import backbone
from vtlab.models.network import Network
from vtlab.models.weights import SHIPPED_ENDINGS
from vtlab.system.device import autocast, choose_device, resolve_bfloat16
from vtlab.system.files import write_bytes, write_csv, write_text
from vtlab.system.fingerprints import fingerprint_file, fingerprint_tensors
from vtlab.system.interrupts import StopEvent, Termination, defer_signals, raise_on_termination
from vtlab.system.memory import keep_freed_memory
from vtlab.system.randomness import make_generator, seed_torch
from vtlab.training.checkpoints import Checkpoint, CheckpointedTraining, checkpointed, restore_state

DATA = Path(__file__).parent.parent
NOTHING_KEPT = "nothing is kept (--checkpoints FOLDER)"


@dataclass(frozen=True)
class PretrainingRecipe:
    """How weights are trained, whatever on.

    Attributes:
        images: How many are seen, each view of a photograph counted.
        batch: How many at once.
        peak_rate: Of AdamW, reached after a fifth of the steps (one cycle, Smith 2018).
        weight_decay: Of AdamW.
        seed: Of order, drawings and augmentation.
        sizes: Sides of the images in pixels, one after the other; each gets the same time, so that
            small images, which are cheap, are many (progressive resizing, Howard 2018).
        smoothing: The share of a label that goes to all classes alike (Szegedy et al. 2016).
    """

    backbone: str = "mini_resnet"
    images: int = 200_000
    batch: int = 128
    peak_rate: float = 3e-3
    weight_decay: float = 0.05
    seed: int = 0
    sizes: tuple[int, ...] = (64,)
    smoothing: float = 0.0

    def size(self, share: float) -> int:
        """The side of the images after this share of them, 0 to 1."""
        counts = [1 / size**2 for size in self.sizes]  # a large image takes longer
        ends = [sum(counts[: n + 1]) / sum(counts) for n in range(len(counts))]
        return next(
            (s for s, end in zip(self.sizes, ends, strict=True) if share < end), self.sizes[-1]
        )


# of the natural weights: twelve epochs of 50,000
PHOTOS = PretrainingRecipe(images=600_000, sizes=(32, 48, 64))
# images between two records; testing on photographs takes longer
DRAWINGS_EVERY, PHOTOS_EVERY = 10_000, 50_000
HOLDOUT_SHARE = 0.1  # of the photographs, which are tested on where none are set apart


class _PretrainingSource(Protocol):
    """Where the images of a pretraining come from."""

    @property
    def classes(self) -> int:
        """How many there are, K."""

    @property
    def test_set(self) -> tuple[Tensor, Tensor]:
        """Images `(N, 3, H, W)` uint8 that are never trained on, and their labels `(N,)`."""

    def batch(self, number: int, count: int, seed: int, size: int) -> tuple[Tensor, Tensor]:
        """Images `(count, 3, size, size)` uint8 of batch `number`, and their labels `(count,)`."""

    def fingerprint(self) -> dict:
        """What it is, as JSON values: trainings that differ in it are not the same."""


@dataclass(frozen=True, eq=False)
class PretrainingPhotos:
    """Labelled photographs: each once an epoch, in a new order, zoomed, mirrored and relit anew.

    Attributes:
        pixels: `(N, 3, H, H)` uint8; they may lie in a file (`pixel_store`).
        labels: `(N,)` int64.
        test_pixels: Images of the same classes, never trained on.
        test_labels: Their labels.
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
    def read(
        cls, path: str | Path, size: int, progress: Callable[[int, int], None] | None = None
    ) -> PretrainingPhotos:
        """The images of a folder, zip or table, as `folders.read_folder` reads them.

        Raises:
            FileNotFoundError: If nothing is there.
            ValueError: If it is not images by class.
        """
        found = read_folder(path, size, progress, hold_out=HOLDOUT_SHARE)
        assert found.test is not None, "some were held out"
        content = fingerprint_tensors({"train": found.train.pixels, "labels": found.train.labels})
        return cls(
            found.train.pixels,
            found.train.labels,
            found.test.pixels,
            found.test.labels,
            len(found.classes),
            content,
            device=choose_device(),
        )

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
            raise ValueError(
                f"a batch takes {count} photographs to learn from; there are {len(self.labels)}"
            )
        epoch, place = divmod(number, len(self.labels) // count)
        index = self._order(seed, epoch)[place * count : (place + 1) * count]
        images = self.augment.view(self.pixels[index].to(self.device), index, seed, epoch + 1)
        if size != images.shape[-1]:
            smaller = F.interpolate(
                images.float(), size=(size, size), mode="bilinear", antialias=True
            )
            images = (smaller.clamp(0, 255) + 0.5).to(torch.uint8)
        return images, self.labels[index]

    @functools.cached_property
    def _orders(self) -> dict[tuple[int, int], Tensor]:
        return {}

    def _order(self, seed: int, epoch: int) -> Tensor:
        if (seed, epoch) not in self._orders:
            self._orders.clear()
            drawn = torch.randperm(
                len(self.labels), generator=make_generator(seed, f"epoch {epoch}")
            )
            self._orders[seed, epoch] = drawn
        return self._orders[seed, epoch]

    def fingerprint(self) -> dict:
        """The hash, and what augmentation does."""
        return {"content": self.content, **self.augment.fingerprint()}


@dataclass(frozen=True)
class PretrainingProgress:
    """How far a pretraining is: images seen, mean loss and accuracy since the last, seconds."""

    images: int
    loss: float
    accuracy: float
    test_accuracy: float
    seconds: float


def pretrain(
    recipe: PretrainingRecipe,
    source: _PretrainingSource,
    network: Network,
    every: int = DRAWINGS_EVERY,
    stop: StopEvent | None = None,
) -> Pretraining:
    """Train the network in place; an iterator with a record after every so many images.

    Hours of it belong into `checkpointed(pretrain(…), folder)`.
    """
    return Pretraining(recipe, source, network, every, stop)


class Pretraining(CheckpointedTraining[PretrainingProgress]):
    """What `pretrain` returns; a step is a batch of images. See `CheckpointedTraining`."""

    _optimiser: torch.optim.AdamW

    def __init__(
        self,
        recipe: PretrainingRecipe,
        source: _PretrainingSource,
        network: Network,
        every: int,
        stop: StopEvent | None,
    ) -> None:
        """Nothing is drawn or read yet."""
        self.recipe, self.source, self.network = recipe, source, network
        self.every, self.stop = every, stop
        self.steps = 0
        self.history: list[PretrainingProgress] = []
        self.total = recipe.images // recipe.batch
        self._losses: list[float] = []  # since the last record
        self._hits: list[float] = []
        self._seconds = 0.0
        self._optimiser, self._schedule = self._fresh()
        keep_freed_memory()

    @property
    def done(self) -> bool:
        """Whether every image was seen."""
        return self.steps == self.total

    def _fresh(self) -> tuple[torch.optim.AdamW, torch.optim.lr_scheduler.OneCycleLR]:
        recipe = self.recipe
        optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=recipe.peak_rate,
            weight_decay=recipe.weight_decay,
            foreach=True,
        )
        return optimiser, torch.optim.lr_scheduler.OneCycleLR(
            optimiser, recipe.peak_rate, total_steps=self.total + 1, pct_start=0.2
        )

    def step(self) -> PretrainingProgress | None:
        """One batch; a `PretrainingProgress` where one is due."""
        if self.done:
            return None
        recipe, started = self.recipe, time.perf_counter()
        size = recipe.size(self.steps / self.total)
        images, labels = self.source.batch(self.steps, recipe.batch, recipe.seed, size)
        seen = (self.steps + 1) * recipe.batch
        record = seen % self.every < recipe.batch or self.steps == self.total - 1
        if record:
            _ = self.source.test_set  # drawn before the part that Ctrl-C has to wait for
        with defer_signals():
            self._learn(images, labels)
            self.steps += 1
            if not record:
                self._seconds += time.perf_counter() - started
                return None
            loss, hits = (sum(values) / len(values) for values in (self._losses, self._hits))
            test_accuracy = _test_accuracy(self.network, *self.source.test_set)
            self._seconds += time.perf_counter() - started
            self._losses, self._hits = [], []
            seconds = round(self._seconds, 1)
            self.history.append(PretrainingProgress(seen, loss, hits, test_accuracy, seconds))
            return self.history[-1]

    def _learn(self, images: Tensor, labels: Tensor) -> None:
        """One step of the optimiser and of its schedule."""
        device = self.network.device
        self.network.train()
        labels = labels.to(device)
        with seed_torch(self.recipe.seed, self.steps, device):
            with autocast(device=device):
                logits = self.network(self.network.normalise(images)).float()
            loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.smoothing)
            self._optimiser.zero_grad()
            loss.backward()
        self._optimiser.step()
        self._schedule.step()
        self._losses.append(loss.item())
        self._hits.append((logits.argmax(1) == labels).float().mean().item())

    def fingerprint(self) -> dict:
        """What must be equal for a state to be gone on from, as JSON values."""
        return {
            **asdict(self.recipe),
            "sizes": list(self.recipe.sizes),
            **self.source.fingerprint(),
            "every": self.every,
            "device": self.network.device.type,
            "bfloat16": resolve_bfloat16(None, self.network.device),
        }

    def _position(self) -> dict:
        return {
            "losses": list(self._losses),
            "hits": list(self._hits),
            "seconds": self._seconds,
        }

    def _resume(self, checkpoint: Checkpoint) -> None:
        values = checkpoint.values
        self._optimiser, self._schedule = self._fresh()
        restore_state(checkpoint.tensors, self.network, self._optimiser)
        self.steps = values["steps"]
        if self.steps:  # rate and momentum follow from the number of steps
            self._schedule.load_state_dict(
                {"last_epoch": self.steps - 1, "_step_count": self.steps + 1}
            )
            self._schedule.step()
        self._losses, self._hits = list(values["losses"]), list(values["hits"])
        self._seconds = values["seconds"]
        self.history = [PretrainingProgress(**record) for record in values["history"]]


@torch.no_grad()
def _test_accuracy(network: Network, images: torch.Tensor, labels: torch.Tensor) -> float:
    network.eval()
    with autocast(device=network.device):
        guesses = [network(network.normalise(part)).argmax(1) for part in images.split(256)]
    return (torch.cat(guesses).cpu() == labels).float().mean().item()


def _save_pretrained_weights(
    network: Network, recipe: PretrainingRecipe, source: _PretrainingSource, folder: Path, name: str
) -> str:
    """Write the stages as half-precision safetensors; returns the sha256."""
    from safetensors.torch import save as to_bytes

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    state = {
        name: value.contiguous().half() if value.is_floating_point() else value
        for name, value in network.stages.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    made = json.dumps({**asdict(recipe), **source.fingerprint()})
    write_bytes(path, to_bytes(state, metadata={"recipe": made}))
    listing = folder / "sha256.json"
    known = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    known[path.name] = fingerprint_file(path)
    write_text(listing, json.dumps(known, indent=2, sort_keys=True) + "\n")
    return known[path.name]


def pretrain_parser() -> argparse.ArgumentParser:
    """What can be asked of this script."""
    parser = argparse.ArgumentParser(prog="python data/make/pretrain.py", description=__doc__)
    add = parser.add_argument
    add("--backbone", default=PretrainingRecipe.backbone)
    photos = "photographs by class (folder, zip, table) instead of the garden"
    add("--photos", metavar="PATH", help=photos)
    add("--images", type=int, help="how many to see, each view counted")
    sizes = "sides of the images, one after the other"
    add("--sizes", type=int, nargs="+", metavar="PX", help=sizes)
    add("--smoothing", type=float, help="the share of a label that goes to all classes alike")
    add("--seed", type=int, default=0)
    add("--out", type=Path, default=DATA / "weights")
    keep = "keep the training there, and go on from what is there"
    add("--checkpoints", "--resume", type=Path, metavar="FOLDER", help=keep)
    add("--log", type=Path, help="default: data/results/")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Run the recipe and write weights and log; returns the exit status."""
    arguments = pretrain_parser().parse_args(given)
    plan = PHOTOS if arguments.photos else PretrainingRecipe()
    asked = {
        "images": arguments.images,
        "sizes": arguments.sizes and tuple(arguments.sizes),
        "smoothing": arguments.smoothing,
    }
    # what the command does not name stays as the plan has it
    recipe = replace(
        plan,
        backbone=arguments.backbone,
        seed=arguments.seed,
        **{name: value for name, value in asked.items() if value is not None},
    )
    name = recipe.backbone + SHIPPED_ENDINGS["natural" if arguments.photos else "default"]
    log = arguments.log or DATA / "results" / f"pretrain_{name}.csv"
    folder = arguments.checkpoints
    training = None  # Ctrl-C may come while the images are still being read
    try:
        source: _PretrainingSource = GardenSource()
        if arguments.photos:
            source = PretrainingPhotos.read(arguments.photos, max(recipe.sizes))
        network = backbone(recipe.backbone, classes=source.classes, weights=None)
        network.reset_stages(recipe.seed)
        every = PHOTOS_EVERY if arguments.photos else DRAWINGS_EVERY
        training = pretrain(recipe, source, network, every)
        with raise_on_termination():
            for progress in checkpointed(training, folder, every=100) if folder else training:
                said = (f"{k} {v:.4g}" for k, v in asdict(progress).items())
                print(*said, sep="  ", flush=True)
    except KeyboardInterrupt as stopped:
        steps = f"{training.steps} of {training.total} steps" if training else "reading the images"
        kept = f"the same command goes on from {folder}" if folder else NOTHING_KEPT
        print(f"stopped after {steps}; {kept}", file=sys.stderr)
        return 143 if isinstance(stopped, Termination) else 130  # as shells report these signals
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("sha256", _save_pretrained_weights(network, recipe, source, arguments.out, name))
    rows = [{k: round(v, 4) for k, v in asdict(row).items()} for row in training.history]
    write_csv(log, pd.DataFrame(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
