"""The setting of a study: all that its runs share, so not the strategy, the shots and the seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vtlab.models.backbones import find_backbone_image_size
from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.models.weights import find_shipped_weights
from vtlab.system.fingerprints import fingerprint_file


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
        return self.image_size or find_backbone_image_size(self.backbone)

    def fingerprint(self) -> dict[str, str | int | bool | None]:
        """What must be equal for runs to stand in one table."""
        ours = self.backbone in MINI_NETWORKS and find_shipped_weights(self.backbone, self.weights)
        path = ours or Path(self.weights)
        known = fingerprint_file(path)[:16] if path.is_file() else self.weights  # a published name
        return {
            "task": self.task,
            "backbone": self.backbone,
            "weights": known,
            "image_size": self.size,
            "epochs": self.epochs,
            "tune": self.tune,
        }
