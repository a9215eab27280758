"""Starts: networks with weights that are at hand without a network, and which of them images begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vtlab.models.efficientnet_lite import (
    EFFICIENTNET_LITE,
    PACKAGE,
    find_efficientnet_lite_weights,
)
from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.models.weights import SHIPPED_ENDINGS
from vtlab.system.files import find_shipped_files

# below the 224 px that its weights were trained on: data/NOTES.md has the accuracies and the seconds
EFFICIENTNET_LITE_SIZE = 128
EFFICIENTNET_LITE_LEAST = 64  # px; of smaller images the natural weights know more


@dataclass(frozen=True)
class Start:
    """A network with weights to begin from.

    Attributes:
        backbone: What `vt.backbone` calls it.
        weights: Its word for the weights.
        image_size: Side in pixels of the images that tasks are read at for it.
        trained_on: What the weights were trained on.
        licence: Of the weights.
        origin: Where they come from.
        path: Their file.
    """

    backbone: str
    weights: str
    image_size: int
    trained_on: str
    licence: str
    origin: str
    path: Path

    @property
    def name(self) -> str:
        """The backbone, and the weights where they are not its default ones."""
        return self.backbone + ("" if self.weights == "default" else f" {self.weights}")


def list_starts() -> list[Start]:
    """Every start whose weights are on this machine, those of the package first."""
    folder = find_shipped_files("weights")
    found = [
        Start(
            name,
            word,
            MINI_NETWORKS[name].image_size,
            "drawings of the garden" if word == "default" else "50,000 photographs of 64 px",
            "BSD-3-Clause" if word == "default" else "BSD-3-Clause; photographs: research",
            "vtlab, data/README.md",
            path,
        )
        for word, ending in SHIPPED_ENDINGS.items()
        for name in MINI_NETWORKS
        if (path := folder / f"{name}{ending}.safetensors").is_file()
    ]
    if lite := find_efficientnet_lite_weights():
        found.append(
            Start(
                EFFICIENTNET_LITE,
                "default",
                EFFICIENTNET_LITE_SIZE,
                "ImageNet, 1.28 M photographs",
                "Apache-2.0",
                PACKAGE,
                lite,
            )
        )
    return found


def find_default_start(*, photographs: bool, image_size: int | None = None) -> Start:
    """The start that images begin from where nobody names one.

    Args:
        photographs: Whether they come from files; else they are drawn.
        image_size: Their side in pixels, where that is settled.

    Returns:
        For photographs EfficientNet-Lite0, or mini_resnet's natural weights where the package of its
        weights is not installed or the images are small; for drawings mini_resnet's of the garden.
    """
    there = {start.name: start for start in list_starts()}
    if not photographs:
        return there["mini_resnet"]
    large = image_size is None or image_size >= EFFICIENTNET_LITE_LEAST
    return (large and there.get(EFFICIENTNET_LITE)) or there["mini_resnet natural"]
