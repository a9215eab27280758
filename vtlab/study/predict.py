"""Prediction for image files, as `vtlab predict` does it: an image's class, and a picture of the evidence."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from vtlab.analysis.cams import explain
from vtlab.data.decoding import decode_image_tensor
from vtlab.data.file_names import printable_name
from vtlab.data.listing import list_folder
from vtlab.models.backbones import BackboneLike
from vtlab.models.evaluation import compute_outputs, predict
from vtlab.results.formatting import format_number
from vtlab.system.files import expand_home, read_file, write_bytes
from vtlab.system.fingerprints import fingerprint_bytes
from vtlab.training.saving import load

# letters of an image's name that stand in the name of its Grad-CAM picture
MAX_CAM_NAME_LENGTH = 40


class Prediction(NamedTuple):
    """What a model says about an image.

    Attributes:
        pixels: As the network sees them, bytes `(1, 3, S, S)`.
        class_name: The most probable class; of a model that gives a number what that is.
        confidence: How probable it is, in [0, 1]; or the number.
        probabilities: Of every class, in the model's order; empty of a number.
    """

    pixels: Tensor
    class_name: str
    confidence: float
    probabilities: tuple[float, ...] = ()

    @property
    def answer(self) -> str:
        """The probability in percent, or the number."""
        if not self.probabilities:
            return format_number(self.confidence)
        return f"{100 * self.confidence:.1f} %"


class Predictor:
    """A saved model, ready to classify image files."""

    def __init__(self, folder: Path, backbone: BackboneLike | None = None) -> None:
        """Load the model; the arguments are those of `vt.load`.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is damaged.
        """
        self.network, self.card = load(folder, backbone)

    def classify(self, path: Path) -> Prediction:
        """Read an image file and name its class.

        Raises:
            OSError: If the file cannot be opened.
            ValueError: If it is no image, or no file; the message names it.
        """
        pixels = self._read_pixels(path)
        if len(self.card.classes) == 1:
            number = compute_outputs(self.network, pixels)[0, 0]
            return Prediction(pixels, self.card.classes[0], float(number))
        # a table of them is reckoned with: not in three digits
        every = tuple(predict(self.network, pixels, bfloat16=False)[0].tolist())
        confidence = max(every)
        return Prediction(pixels, self.card.classes[every.index(confidence)], confidence, every)

    def save_cam(
        self,
        path: Path,
        folder: Path,
        classification: Prediction | None = None,
        *,
        say: Callable[[str], None] = warnings.warn,
    ) -> Path:
        """Write the image with its Grad-CAM map into a folder.

        Args:
            path: The image.
            folder: Made where it is missing.
            classification: What `classify` gave of it; None to classify it now.
            say: Called with a sentence that names the image where its map is empty.

        Returns:
            The file: the image's name with a fingerprint of its path, so that every image has a picture of
            its own, and the same one next time.

        Raises:
            OSError: If it cannot be written, or as `classify`.
            ValueError: As `classify`.
        """
        from vtlab.plots.export import clear_exported_figure, to_png
        from vtlab.plots.heatmaps import plot_cams

        found = classification or self.classify(path)
        pixels = found.pixels
        maps = explain(self.network, pixels, say=lambda sentence: say(f"{path}: {sentence}"))
        figure = plot_cams(
            pixels.numpy(),
            {self.card.strategy or "model": maps.numpy()},
            scale="each",
            titles=[f"{found.class_name} {found.answer}"],
        )
        png = to_png(figure)
        clear_exported_figure(
            figure
        )  # thousands of images are one call: their figures must not pile up
        folder.mkdir(parents=True, exist_ok=True)
        place = fingerprint_bytes(os.fsencode(path.resolve()))[:12]
        written = folder / f"{path.stem[:MAX_CAM_NAME_LENGTH]}-{place}.png"
        write_bytes(written, png)
        return written

    def row(self, path: Path, found: Prediction | None, why: str = "") -> dict[str, str | float]:
        """A row of `vtlab predict --csv`, whose columns are the same for every image of the model.

        Args:
            path: The image.
            found: What `classify` gave of it; None where it gave nothing.
            why: Why that is so.
        """
        card, name = self.card, printable_name(str(path))
        number = len(card.classes) == 1
        answer = [f"predicted {card.classes[0]}"] if number else ["class", "confidence"]
        columns = [*answer, *(f"p({one})" for one in card.classes if not number)]
        cells: list[str | float] = [""] * len(columns)
        if found is not None:
            named = [] if number else [found.class_name]
            cells = [*named, found.confidence, *found.probabilities]
        return {"file": name, **dict(zip(columns, cells, strict=True)), "error": why}

    def _read_pixels(self, path: Path) -> Tensor:
        """The image as the model's training images were: bytes `(1, 3, S, S)`."""
        if not path.exists():
            hint = "; a shell puts names for * where it is not quoted" if "*" in str(path) else ""
            raise FileNotFoundError(f"no image at {path}{hint}")
        try:
            content = read_file(path)
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {error}") from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # strange metadata is no reason to refuse a photograph
            card = self.card
            return decode_image_tensor(
                content, card.image_size, str(path), resize=card.resize, bits=card.bits
            )


@dataclass(frozen=True)
class ImagesToPredict:
    """The images among what a person names.

    Attributes:
        images: Their files.
        notes: Sentences about what was left out and is no image, or was there twice.
        lost: Sentences about what could not be opened, or holds no image.
    """

    images: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def find_images_to_predict(paths: Iterable[Path]) -> ImagesToPredict:
    """These files, and the images in these folders.

    Raises:
        ValueError: If there is no image.
    """
    found = ImagesToPredict()
    for path in map(expand_home, paths):
        if not path.is_dir():
            found.images.append(path)
            continue
        listing = list_folder(path)
        files = listing.files()
        found.images.extend(path.joinpath(*file) for file in files)
        found.notes.extend(f"in {path}: {note}" for note in listing.notes)
        found.lost.extend(f"in {path}: {sentence}" for sentence in listing.skipped)
        if not files:
            found.lost.append(f"{path} holds no image")
    if not found.images:
        raise ValueError("; ".join(found.lost))
    return found
