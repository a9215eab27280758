"""What `vtlab predict` does with one image: name its class, and draw where the evidence lies.

A picture of the evidence carries a word that says whose it is, and of which image: no other file is
ever written over, and no picture is taken for a photograph later.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from vtlab.analysis.cams import grad_cam
from vtlab.data.decoding import decode
from vtlab.data.listing import AUTHOR, author, list_folder, read_file, signed
from vtlab.models.evaluation import predict
from vtlab.system.files import write_bytes
from vtlab.system.fingerprints import fingerprint_bytes
from vtlab.training.saved import load


class Namer:
    """A saved model, ready to name images."""

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is damaged.
        """
        self.network, self.card = load(folder)

    def look(self, path: Path) -> tuple[Tensor, str, float]:
        """An image file's pixels `(1, 3, S, S)` as the network sees them, its class and how probable that is.

        Raises:
            OSError: If the file cannot be opened.
            ValueError: If it is no image, or no file; the message names it.
        """
        pixels = self._pixels(path)
        confidence, place = predict(self.network, pixels)[0].max(0)
        return pixels, self.card.classes[int(place)], float(confidence)

    def draw(self, path: Path, folder: Path, seen: tuple[Tensor, str, float] | None = None) -> Path:
        """Write the image with its heat map into a folder.

        Args:
            path: The image.
            folder: Made where it is missing.
            seen: What `look` gave of it; None to look now.

        Returns:
            The file: `NAME-cam.png`, or `NAME-cam-2.png` (and so on) where that is a file that was not
            written here, or the heat map of another image. An older heat map of this image is replaced.

        Raises:
            OSError: If it cannot be written, or as `look`.
            ValueError: As `look`.
        """
        from vtlab.plots.export import let_go, to_png
        from vtlab.plots.heatmaps import plot_cams
        from vtlab.results.labels import percent

        pixels, name, confidence = seen or self.look(path)
        maps = grad_cam(self.network, pixels)
        figure = plot_cams(
            pixels.numpy(),
            {self.card.strategy or "model": maps.numpy()},
            scale="each",
            titles=[f"{name} {percent(confidence)}"],
        )
        png = to_png(figure)
        let_go(figure)
        folder.mkdir(parents=True, exist_ok=True)
        image = _known_as(path, folder)
        names = (f"{path.stem}-cam{f'-{n}' if n > 1 else ''}.png" for n in count(1))
        written = next(folder / name for name in names if _free(folder / name, image))
        write_bytes(written, signed(png, image))
        return written

    def _pixels(self, path: Path) -> Tensor:
        """The image as the model's training images were: `(1, 3, S, S)` bytes."""
        if not path.exists():
            raise FileNotFoundError(f"no image at {path}")
        try:
            found = read_file(path)
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {error}") from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no reason to refuse a photograph
            pixels = decode(found, self.card.image_size, str(path))
        return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def _known_as(path: Path, folder: Path) -> str:
    """An image as seen from a folder, the same where both are moved; hashed, since it may be private."""
    path, folder = path.resolve(), folder.resolve()
    seen = os.path.relpath(path, folder) if path.anchor == folder.anchor else str(path)
    return fingerprint_bytes(os.fsencode(seen))[:16]


def _free(file: Path, image: str) -> bool:
    """Whether an image's heat map may be written there: where nothing is, or its own older one."""
    if not os.path.lexists(file):
        return True
    try:
        return author(read_file(file)) == AUTHOR + image.encode()
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Found:
    """The images among what a person names.

    Attributes:
        images: Each with the folders between it and the one that was named.
        notes: Sentences about what was left out and is no image, or was there twice.
        lost: Sentences about what could not be opened, or holds no image.
    """

    images: list[tuple[Path, Path]]
    notes: list[str]
    lost: list[str]


def images(paths: Iterable[Path]) -> Found:
    """These files, and the images in these folders.

    Raises:
        ValueError: If there is nothing to name.
    """
    found = Found([], [], [])
    for path in paths:
        if not path.is_dir():
            found.images.append((path, Path()))
            continue
        listed = list_folder(path)
        found.images.extend((path.joinpath(*place), Path(*place[:-1])) for place in listed.files())
        found.notes.extend(f"in {path}: {note}" for note in listed.notes)
        found.lost.extend(f"in {path}: {sentence}" for sentence in listed.skipped)
        if not listed.files():
            found.lost.append(f"{path} holds no image")
    if not found.images:
        raise ValueError("; ".join(found.lost))
    return found
