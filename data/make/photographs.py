"""Small sets of real photographs: shots for a seed, and a test set of what they leave.

None is part of the project (data/README.md says where they are from). `read_pools` has those that the
tables report. `read_search_pools` has others, on which recipes are chosen and which stand in no table:
kinds of Tiny-ImageNet and pictures of sounds. The "natural" weights were trained on Tiny-ImageNet's very
images, and EfficientNet's on ImageNet, which these are cut from: for both starts they are near targets.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2.functional import resize

from vtlab.data.folders import ImageFolder, read_class_folders
from vtlab.data.images import Images, image_places_by_class
from vtlab.data.listing import list_zip
from vtlab.data.tasks import Task
from vtlab.system.randomness import make_generator

MIN_TEST_IMAGES = 20  # of each class, where a set has no test images of its own
# the file of each set, and the folder in it that is read
SETS = {
    "photo": ("pacs_photo_sketch_128.zip", "photo"),
    "sketch": ("pacs_photo_sketch_128.zip", "sketch"),
    "hymenoptera": ("hymenoptera_224.zip", ""),
    "flowers": ("open/flowers.zip", ""),
    "eurosat": ("open/eurosat.zip", ""),
    "hands": ("open/hand_digits.zip", ""),
}
SOUND_TEST_FOLDS = "45"  # clips of one recording share a fold, the first digit of their names
TILE, TILES = 64, 250  # side of Tiny-ImageNet's tiles in pixels, and how many a training sheet has
TILE_TEST_IMAGES = 100  # of each kind
# by the first of their names in classes.csv
TILE_KINDS = {
    "insects": (
        "ladybug, fly, bee, grasshopper, walking stick, cockroach, mantis, dragonfly, "
        "monarch, sulphur butterfly"
    ),
    "pets": (
        "Chihuahua, Yorkshire terrier, golden retriever, Labrador retriever, German shepherd, "
        "standard poodle, tabby, Persian cat, Egyptian cat, guinea pig"
    ),
    "vehicles": (
        "beach wagon, convertible, freight car, go-kart, limousine, moving van, police van, "
        "school bus, tractor, trolleybus"
    ),
    "foods": (
        "guacamole, ice cream, pretzel, mashed potato, cauliflower, bell pepper, pomegranate, "
        "meat loaf, pizza, espresso"
    ),
    "mixed": (
        "goldfish, king penguin, lion, backpack, barn, teapot, umbrella, sunglasses, "
        "suspension bridge, seashore"
    ),
}


@dataclass(frozen=True, eq=False)
class PhotoPool:
    """The images of one data set at one size.

    Attributes:
        name: As in tables.
        classes: The class names; label k is `classes[k]`.
        images: What shots are drawn from.
        test: Test images of the set's own; None where shots leave them.
        most_tests: Of the images of a class that shots leave, so many are tested on; None for all, at least 20.
        flip: Whether a mirror image has the same class.
    """

    name: str
    classes: tuple[str, ...]
    images: Images
    test: Images | None = None
    most_tests: int | None = None
    flip: bool = True

    @property
    def most_shots(self) -> int:
        """The largest number of shots that every class has, and that leaves images to test on."""
        fewest = int(torch.bincount(self.images.labels, minlength=len(self.classes)).min())
        return fewest - (0 if self.test is not None else self.most_tests or MIN_TEST_IMAGES)

    def task(self, shots: int, seed: int) -> Task:
        """The task with these shots; those of a seed are nested: its first 5 of a class are among its first 20.

        Other shots and seeds that are asked of the task itself (`Task.at`) are drawn from its own
        training images, so never from its test images.

        Raises:
            ValueError: If a class has too few images, or would keep too few to test on.
        """
        kinds = range(len(self.classes))
        random = make_generator(seed, "real shots")
        shuffled = image_places_by_class(self.images.labels, kinds, random)
        fewest = min(kinds, key=lambda k: len(shuffled[k]))
        if shots > self.most_shots:
            raise ValueError(
                f"{self.name}: {self.classes[fewest]!r} has {len(shuffled[fewest])} images, of which "
                f"{self.most_shots} can be shots, not {shots}"
            )
        train = self.images[torch.cat([own[:shots] for own in shuffled])]
        # from the other end, so that a limited test set is the same for all shots
        first = -self.most_tests if self.most_tests else 0
        left = torch.cat([own[shots:][first:] for own in shuffled])

        def draw(fewer: int | None, other: int) -> Images:
            mixed = None if other == seed else make_generator(other, "real shots")
            places = image_places_by_class(train.labels, kinds, mixed)
            if fewer is not None and fewer > shots:
                raise ValueError(f"{self.name}: this task has {shots} shots, fewer than {fewer}")
            return train[torch.cat([own[:fewer] for own in places])]

        test = self.images[left] if self.test is None else self.test
        return Task(self.name, self.classes, train, test, shots, seed, draw, flip=self.flip)


@cache
def read_pools(folder: Path, size: int) -> dict[str, PhotoPool]:
    """The sets that tables report, by name; decoded once for each size.

    Args:
        folder: With the zips of `SETS`.
        size: Side of the images in pixels.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If an image cannot be read.
    """
    return {
        name: _pool(name, _read_zip(folder / file, size, at)) for name, (file, at) in SETS.items()
    }


@cache
def read_search_pools(folder: Path, size: int) -> dict[str, PhotoPool]:
    """Sets on which recipes are chosen, by name: they stand in no table. Arguments as in `read_pools`.

    "insects", "pets", "vehicles", "foods" and "mixed" are ten kinds each of Tiny-ImageNet, "sounds" ten
    kinds of sounds as spectrograms.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If an image cannot be read.
    """
    sheets = folder / "tiny_imagenet_64.zip"
    pools = {
        name: _read_tiles(sheets, name, kinds.split(", "), size)
        for name, kinds in TILE_KINDS.items()
    }
    return pools | {"sounds": _read_sounds(folder / "open" / "sounds.zip", size)}


def _pool(name: str, read: ImageFolder) -> PhotoPool:
    return PhotoPool(name, read.classes, read.train, read.test)


def _read_zip(path: Path, size: int, inside: str = "") -> ImageFolder:
    """The images of a zip, or of one folder in it."""
    with zipfile.ZipFile(path) as archive:
        listing = list_zip(path, archive)
        if inside:
            listing.folders = {
                at: files for at, files in listing.folders.items() if at[:1] in ((), (inside,))
            }
        return read_class_folders(listing, size, strict=True)


def _read_sounds(path: Path, size: int) -> PhotoPool:
    """Spectrograms: the test set is of other recordings; a mirrored one would be a sound backwards."""
    read = _read_zip(path, size)
    tested = torch.tensor(
        [file.rpartition("/")[2][0] in SOUND_TEST_FOLDS for file in read.train.files]
    )
    learnt, test = (read.train[places.nonzero()[:, 0]] for places in (~tested, tested))
    return PhotoPool("sounds", read.classes, learnt, test, flip=False)


def _read_tiles(sheets: Path, name: str, kinds: Sequence[str], size: int) -> PhotoPool:
    """Kinds of Tiny-ImageNet: the tiles of their training sheets, row by row."""
    with zipfile.ZipFile(sheets) as archive:
        rows = csv.DictReader(archive.read("classes.csv").decode().splitlines())
        sheet_of = {row["name"].partition(",")[0]: row["wnid"] for row in rows}
        tiles, files = [], []
        for kind in kinds:
            member = f"train/{sheet_of[kind]}.jpg"
            with Image.open(io.BytesIO(archive.read(member))) as image:
                sheet = np.asarray(image.convert("RGB"))
            across = sheet.reshape(len(sheet) // TILE, TILE, -1, TILE, 3).swapaxes(1, 2)
            tiles.append(across.reshape(-1, TILE, TILE, 3)[:TILES])
            files += [f"{member}/{i:03}" for i in range(len(tiles[-1]))]
    pixels = torch.from_numpy(np.concatenate(tiles)).permute(0, 3, 1, 2).contiguous()
    if size != TILE:
        pixels = resize(pixels, [size, size], InterpolationMode.BICUBIC)
    labels = torch.arange(len(kinds)).repeat_interleave(torch.tensor([len(of) for of in tiles]))
    return PhotoPool(
        name, tuple(kinds), Images(pixels, labels, None, tuple(files)), None, TILE_TEST_IMAGES
    )
