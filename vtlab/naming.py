"""What `vtlab predict` does with one image: name its class, and draw where the evidence lies."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from vtlab.attribution import grad_cam
from vtlab.decoding import decode
from vtlab.features import predict
from vtlab.files import write_bytes
from vtlab.listing import ENDINGS
from vtlab.models import load


class Namer:
    """A saved model, ready to name images."""

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is damaged.
        """
        self.network, self.card = load(folder)

    def name(self, path: Path) -> tuple[str, float]:
        """The class of an image file, and the probability that the network gives it.

        Raises:
            OSError: If the file cannot be opened.
            ValueError: If it is no image; the message names it.
        """
        confidence, place = predict(self.network, self._pixels(path))[0].max(0)
        return self.card.classes[int(place)], float(confidence)

    def draw(self, path: Path, folder: Path) -> Path:
        """Write the image with its heat map as `NAME-cam.png` into a folder.

        Raises:
            OSError: If it cannot be written.
        """
        from vtlab.plots import plot_cams
        from vtlab.style import percent, to_png

        pixels = self._pixels(path)
        maps = grad_cam(self.network, pixels)
        name, confidence = self.name(path)
        strategy = self.card.strategy or "full"
        figure = plot_cams(pixels.numpy(), {strategy: maps.numpy()}, scale="each",
                           titles=[f"{name} {percent(confidence)}"])  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / f"{path.stem}-cam.png"
        write_bytes(written, to_png(figure))
        return written

    def _pixels(self, path: Path) -> Tensor:
        """The image as the model's training images were: `(1, 3, S, S)` bytes."""
        if not path.exists():
            raise FileNotFoundError(f"no image at {path}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no reason to refuse a photograph
            pixels = decode(path.read_bytes(), self.card.image_size, str(path))
        return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def files(paths: Iterable[Path]) -> list[Path]:
    """The image files among these files and in these folders, heat maps written here left out.

    Raises:
        ValueError: If a folder holds no image.
    """
    found = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = [p for p in sorted(path.rglob("*")) if p.name.lower().endswith(ENDINGS)
                  and not p.name.startswith(".") and not p.name.endswith("-cam.png")]  # fmt: skip
        if not inside:
            raise ValueError(f"{path} holds no image")
        found += inside
    return found
