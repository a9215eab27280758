"""The recipe of the shipped weights: learn many invented species, or photographs of many things.

`python data/make/pretrain.py` draws the garden on the fly, trains `mini_resnet` from random weights, and
writes half-precision safetensors, their sha256 and a log; with `--photos PATH` it learns a folder of
photographs instead, small images first, and writes the weights called "natural".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
