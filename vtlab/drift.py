"""What a learning rate does to pretrained weights: accuracy, drift, forgetting.

`python -m vtlab.drift` fine-tunes in several ways, keeps each finished run and goes on where it
was, and writes `data/results/drift.csv`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from vtlab.backbones import backbone
from vtlab.diagnose import likeness, movement, snapshot
from vtlab.features import activations, evaluate
from vtlab.garden.drawing import draw
from vtlab.network import Network
from vtlab.randomness import keys
from vtlab.solver import fit_head
from vtlab.sources import Drawings
from vtlab.strategies import Strategy, full, lp_ft, probe
from vtlab.tables import committed, kept, write_table
from vtlab.tasks import Images, Task
from vtlab.tasks import task as make_task
from vtlab.training import fit

SEEDS = 5
SHOTS = 5
RATES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
OLD_SPECIES = 16  # of the source's 256
OLD_SHOTS, OLD_TEST = 20, 25  # images per old species
ALIKE = 240  # test images for the likeness of features

WAYS: dict[str, tuple[Strategy, ...]] = {
    "full": tuple(replace(full, rate=rate) for rate in RATES),
    "stage-wise": tuple(replace(full, rate=rate, stage_decay=0.5) for rate in (1e-3, 3e-3)),
    "probe first": tuple(replace(lp_ft, rate=rate) for rate in (1e-4, 3e-4, 1e-3)),
    "probe": (probe,),
}


def drift_table() -> pd.DataFrame:
    """The committed table, a row per run: way, rate, seed, accuracies, drift by stage.

    `test_accuracy` is on the new task. `old_accuracy` is on 16 species of the source with the
    head that was fitted before fine-tuning, `old_refit` with a head fitted anew afterwards; both
    are the same before fine-tuning (`old_before`). `moved_S` is how far the weights of stage S
    moved (see `movement`), `cka_S` how alike its features stayed (see `likeness`).

    Raises:
        FileNotFoundError: If there is none.

    Lesson 07.
    """
    return committed("drift")


@dataclass(frozen=True, eq=False)
class Old:
    """The old task: species of the source, and a head fitted on their pretrained features.

    Attributes:
        train: What heads are fitted on.
        test: Other individuals of the same species.
        start: The pretrained network.
        head: Fitted on what `start` makes of `train`.
    """

    train: Images
    test: Images
    start: Network
    head: torch.nn.Linear

    @classmethod
    def make(cls) -> Old:
        """Draw individuals that pretraining never saw, and fit the head."""
        train, test = (_old_images(count, stream) for count, stream in
                       ((OLD_SHOTS, 2), (OLD_TEST, 3)))  # fmt: skip
        network = backbone("mini_resnet", classes=OLD_SPECIES)
        return cls(train, test, network, fitted(network, train))

    def accuracy(self, network: Network, head: torch.nn.Linear) -> float:
        """Of a network's stages under this head."""
        with torch.no_grad():
            named = head(activations(network, self.test.pixels)).argmax(1)
        return (named == self.test.labels).double().mean().item()


def _old_images(per_species: int, stream: int) -> Images:
    labels = torch.arange(OLD_SPECIES).repeat_interleave(per_species)
    # stream 0 was learnt from, 1 is the pretraining's own test set
    pixels, masks = draw(Drawings().grown, labels, keys(0, stream, torch.arange(len(labels))))
    return Images(pixels, labels, masks)


def fitted(network: Network, images: Images) -> torch.nn.Linear:
    """A linear head solved on what the network's stages make of images."""
    features = activations(network, images.pixels)
    head = torch.nn.Linear(features.shape[1], OLD_SPECIES)
    for _ in fit_head(features, images.labels, head, 0):
        pass
    return head


def measure(folder: Path) -> pd.DataFrame:
    """Every way x rate x seed."""
    base, old, rows = make_task("garden", shots=1), Old.make(), []
    known = old.accuracy(old.start, old.head)
    for seed in range(SEEDS):
        for way, strategies in WAYS.items():
            for strategy in strategies:
                rate = None if strategy.convex else strategy.peak_rate
                run = {"way": way, "rate": rate, "stage_decay": strategy.stage_decay,
                       "shots": SHOTS, "seed": seed}  # fmt: skip
                rows.append(kept(folder / f"{way.replace(' ', '-')}-{rate}-{seed}.json", run,
                                 lambda s=strategy, n=seed: one(s, base.at(SHOTS, n), old, n)
                                 | {"old_before": known}))  # fmt: skip
    return pd.DataFrame(rows)


def one(strategy: Strategy, task: Task, old: Old, seed: int) -> dict[str, float]:
    """One training and what it did."""
    network = backbone("mini_resnet", classes=len(task.classes))
    before = snapshot(network)
    records = list(fit(network, task, strategy, seed=seed))
    moved, pixels = movement(before, network), task.test.pixels[::5][:ALIKE]
    return {
        "test_accuracy": evaluate(network, task.test.pixels, task.test.labels),
        "train_accuracy": records[-1].train_accuracy,
        "old_accuracy": old.accuracy(network, old.head),
        "old_refit": old.accuracy(network, fitted(network, old.train)),
        **{f"moved_{stage}": moved.weights[stage] for stage in network.stage_names},
        **{f"cka_{k}": value for k, value in likeness(old.start, network, pixels).items()},
    }  # fmt: skip


if __name__ == "__main__":
    write_table("drift", measure, __doc__)
