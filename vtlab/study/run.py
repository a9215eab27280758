"""One run: a task and a backbone made once, a strategy trained on its shots and tested once."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from vtlab.analysis.cams import grad_cam
from vtlab.data.images import check_image_size, places_by_class
from vtlab.data.listing import spoken
from vtlab.data.tasks import Task, reads_files
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone, family
from vtlab.models.families import MINI_NETWORKS
from vtlab.models.features import predict
from vtlab.models.network import Network
from vtlab.models.weights import find_shipped_weights, sha256
from vtlab.results.records import Epoch, Run
from vtlab.system.device import resolve_bfloat16
from vtlab.system.fingerprints import fingerprint_tensors
from vtlab.system.threads import THREADS
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy

SHOWN = 6  # test images whose Grad-CAM every run keeps


@dataclass(frozen=True)
class Setting:
    """What all runs of a study share.

    Attributes:
        task: A task's name or a path.
        backbone: A backbone's name.
        weights: "default", a path, or the name of published weights.
        image_size: Side in pixels; None for the backbone's own.
        epochs: None for the default schedule.
        tune: Choose each learning rate within the shots instead of taking the default.
        strict: Refuse a folder with an image that cannot be read, instead of leaving it out.
        flip: Whether a mirror image has the same class; None for what is known of the task (`vt.task`).
    """

    task: str = "garden"
    backbone: str = "mini_resnet"
    weights: str = "default"
    image_size: int | None = None
    epochs: int | None = None
    tune: bool = False
    strict: bool = False
    flip: bool | None = None

    @property
    def size(self) -> int:
        """The images' side in pixels."""
        return self.image_size or family(self.backbone).image_size

    def fingerprint(self) -> dict[str, str | int | bool | None]:
        """What must be equal for runs to stand in one table."""
        ours = self.backbone in MINI_NETWORKS and find_shipped_weights(self.backbone, self.weights)
        path = ours or Path(self.weights)
        known = sha256(path)[:16] if path.is_file() else self.weights  # a published name
        return {
            "task": self.task,
            "backbone": self.backbone,
            "weights": known,
            "image_size": self.size,
            "epochs": self.epochs,
            "tune": self.tune,
        }


@dataclass(frozen=True, eq=False)
class Trained:
    """A training that has ended: network, shots, strategy at the rate used, records, seconds."""

    network: Network
    task: Task
    strategy: Strategy
    epochs: list[Epoch]
    seconds: float


@dataclass
class Bench:
    """A task and a backbone made once, and what runs share: memos of frozen activations."""

    setting: Setting
    base: Task
    start: dict[str, Tensor]
    provenance: str
    memo: dict[int, Tensor] = field(default_factory=dict)

    @classmethod
    def make(cls, setting: Setting, base: Task | None = None) -> Bench:
        """Read or draw the data and load the weights."""
        if base is None:
            check_image_size(setting.size)
        # weights first: a wrong file is refused before thousands of images are read
        network = backbone(setting.backbone, weights=setting.weights)
        network.takes(base.image_size if base else setting.size)
        state = {k: v.clone() for k, v in network.stages.state_dict().items()}
        base = base or make_task(
            setting.task,
            shots="all" if reads_files(setting.task) else 1,
            image_size=setting.size,
            strict=setting.strict,
        )
        if setting.flip is not None:
            base = replace(base, flip=setting.flip)
        if setting.image_size not in (None, base.image_size):
            raise ValueError(
                f"the setting asks for images of {setting.image_size} px, and those of "
                f"{base.name} have {base.image_size} px: make the task anew, or leave "
                "image_size out"
            )
        if base.asks_a_number:
            raise ValueError(
                f"{base.name} asks for a number, and a study compares how well classes "
                "are named: use fit and mean_absolute_error"
            )
        return cls(setting, base, state, spoken((network.provenance,)))

    def fingerprint(self) -> dict[str, str | int | bool | None]:
        """The setting's and the images': the same path, or a name of one's own, may hold others tomorrow."""
        known = self.setting.fingerprint()
        # drawn images have no end: of each class the first
        whole = self.base.at(None if self.base.test.files else 1).train
        parts = {
            "train": whole.pixels,
            "train labels": whole.labels,
            "test": self.base.test.pixels,
            "test labels": self.base.test.labels,
        }
        # one folder has many paths; what lies in it is told by its hash
        return known | {
            "task": self.base.name,
            "flip": self.base.flip,
            "tests": len(self.base.test),
            "images": fingerprint_tensors(parts),
        }

    def takes(self, strategies: Iterable[Strategy]) -> None:
        """Ask whether the network has all stages that should learn.

        Raises:
            ValueError: If it has not, naming the strategy and the stage.
        """
        network = self.network()
        for strategy in strategies:
            strategy.learning_parts(network)

    def network(self) -> Network:
        """A fresh network at the pretrained start."""
        made = backbone(self.setting.backbone, classes=len(self.base.classes), weights=None)
        made.stages.load_state_dict(self.start)
        made.provenance = self.provenance
        return made

    def shown(self) -> list[int]:
        """Places in the test set of the images that Grad-CAM is kept for: classes in turn."""
        labels = self.base.test.labels
        firsts = places_by_class(labels, range(len(self.base.classes)))
        turns = [int(f[i]) for i in range(SHOWN) for f in firsts if i < len(f)]
        return turns[:SHOWN]

    def train(
        self,
        strategy: Strategy,
        shots: int | None,
        seed: int,
        tick: Callable[[int], None] = lambda passes: None,
    ) -> Trained:
        """Train once, without testing; the arguments are `run`'s."""
        torch.set_num_threads(THREADS)
        task = self.base.at(shots, seed)
        network = self.network()
        started = time.perf_counter()
        if self.setting.tune and not strategy.convex:
            strategy = tuned(strategy, task, self.network, seed, self.setting.epochs)
        epochs = []
        for epoch in fit(network, task, strategy, seed=seed, epochs=self.setting.epochs):
            epochs.append(epoch)
            tick(len(task.train))
        return Trained(network, task, strategy, epochs, time.perf_counter() - started)

    def run(
        self,
        strategy: Strategy,
        shots: int | None,
        seed: int,
        tick: Callable[[int], None] = lambda passes: None,
    ) -> Run:
        """Train once and test once.

        Args:
            strategy: What learns.
            shots: Training images per class; None for all.
            seed: Of the shots, the head, the order of batches and the augmentation.
            tick: Called with the number of images seen since the last call.
        """
        recipe = strategy.fingerprint()  # before its rate is tuned
        trained = self.train(strategy, shots, seed, tick)
        network, task, strategy = trained.network, trained.task, trained.strategy
        epochs, seconds = trained.epochs, trained.seconds
        memo = self.memo if strategy.start == "pretrained" else None
        confidences, guesses = predict(network, task.test.pixels, memo).max(1)
        shown = task.test.pixels[self.shown()]
        try:
            maps = grad_cam(network, shown)
        except (
            ValueError
        ):  # no map of more than one cell: a run without heat maps, as the report says
            maps = torch.empty(0)
        return Run(
            task=task.name,
            backbone=network.name,
            weights=self.provenance,
            strategy=strategy.name,
            shots=shots,
            seed=seed,
            val_accuracy=None,
            test_accuracy=(guesses == task.test.labels).double().mean().item(),
            seconds=seconds,
            trainable_weights=network.learning_weights(),
            total_weights=network.total_weights(),
            epochs=tuple(epochs),
            predictions=tuple(guesses.tolist()),
            confidences=tuple(round(c, 4) for c in confidences.tolist()),
            cams=tuple(tuple(tuple(row) for row in m) for m in maps.tolist()),
            settings={
                "recipe": recipe,
                "rate": None if strategy.convex else strategy.peak_rate,
                "rate_from": "solver"
                if strategy.convex
                else "tuned within the shots"
                if self.setting.tune
                else "default rate",
                "image_size": task.image_size,
                "flip": task.flip,
                **machine(network.device),
            },
        )


TUNED_RATES = (3e-4, 1e-3, 3e-3)


def tuned(
    strategy: Strategy, task: Task, fresh: Callable[[], Network], seed: int, epochs: int | None
) -> Strategy:
    """The strategy at the rate that does best on a quarter of the shots, held back.

    Raises:
        ValueError: If a class has one image only.
    """
    held = task.hold_back()
    scores = {}
    for rate in TUNED_RATES:
        network = fresh()
        for _ in fit(network, held, replace(strategy, rate=rate), seed=seed, epochs=epochs):
            pass
        chances = predict(network, held.val.pixels)
        right = chances.gather(1, held.val.labels[:, None]).clamp(min=1e-9)
        scores[rate] = right.log().mean().item()
    return replace(strategy, rate=max(scores, key=scores.get))


def machine(device: torch.device | str = "cpu") -> dict[str, str | int | bool]:
    """What the last digits of a result depend on."""
    import torchvision

    return {
        "torch": torch.__version__.split("+")[0],
        "torchvision": torchvision.__version__.split("+")[0],
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "device": torch.device(device).type,
        "threads": THREADS,
        "bfloat16": resolve_bfloat16(None, device),
    }
