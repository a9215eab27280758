"""The scaling of colour channels that a network's weights expect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Normalisation:
    """Means and standard deviations of red, green and blue, or of grey alone, in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


GARDEN_NORMALISATION = Normalisation((0.42, 0.40, 0.33), (0.20, 0.18, 0.17))
IMAGENET_NORMALISATION = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
