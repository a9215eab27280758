"""Torchvision's public data sets, listed like a folder of photographs: a class is a folder.

They are fetched once, with torchvision's own checks, into the cache. Their files are then read like a
person's own (`folders`): decoded once, and what cannot be read is named.
"""

from __future__ import annotations

import http.client
import inspect
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vtlab.data.file_names import class_folder_name
from vtlab.data.listing import Listing
from vtlab.system.cache import cache_folder

if TYPE_CHECKING:
    from torchvision.datasets import VisionDataset

TRAIN, TEST, ALL = "train", "test", ""  # parts; images of no part are split by a hold-out

Parts = dict[str, tuple[dict[str, str | bool], ...]]  # for each part what torchvision is asked for


@dataclass(frozen=True)
class PublicDataset:
    """A data set of torchvision's.

    Attributes:
        kind: Its class in `torchvision.datasets`.
        parts: For each part of ours, what torchvision is to be asked for.
        flip: Whether a mirror image has the same class.
    """

    kind: str
    parts: Parts = field(default_factory=lambda: {ALL: ({},)})
    flip: bool = True


def _by_split(train: Iterable[str], test: str = "test") -> Parts:
    return {TRAIN: tuple({"split": name} for name in train), TEST: ({"split": test},)}


_BY_FLAG: Parts = {TRAIN: ({"train": True},), TEST: ({"train": False},)}

PUBLIC_DATASETS: dict[str, PublicDataset] = {
    "aircraft": PublicDataset("FGVCAircraft", _by_split(["trainval"])),
    "cifar10": PublicDataset("CIFAR10", _BY_FLAG),
    "cifar100": PublicDataset("CIFAR100", _BY_FLAG),
    "dtd": PublicDataset("DTD", _by_split(["train", "val"])),
    "eurosat": PublicDataset("EuroSAT"),
    "fashion_mnist": PublicDataset("FashionMNIST", _BY_FLAG),
    "flowers102": PublicDataset("Flowers102", _by_split(["train", "val"])),
    "food101": PublicDataset("Food101", _by_split(["train"])),
    "gtsrb": PublicDataset("GTSRB", _by_split(["train"]), flip=False),
    "imagenette": PublicDataset(
        "Imagenette",
        {TRAIN: ({"split": "train", "size": "320px"},), TEST: ({"split": "val", "size": "320px"},)},
    ),
    "mnist": PublicDataset("MNIST", _BY_FLAG, flip=False),
    "oxford_pets": PublicDataset("OxfordIIITPet", _by_split(["trainval"])),
    "stl10": PublicDataset("STL10", _by_split(["train"])),
    "svhn": PublicDataset("SVHN", _by_split(["train"]), flip=False),
}


def list_public_dataset(name: str) -> Listing:
    """List the images of one of `PUBLIC_DATASETS`; they are fetched if they are not in the cache.

    Raises:
        OSError: If they could not be fetched; the message says where they belong.
    """
    from torchvision import datasets

    public = PUBLIC_DATASETS[name]
    make = getattr(datasets, public.kind)
    root = cache_folder() / "datasets"
    root.mkdir(parents=True, exist_ok=True)
    found = Listing(name)
    # a loader that gives the path, so that no image is opened
    by_file = {"loader": Path} if "loader" in inspect.signature(make).parameters else {}
    for part, asked in public.parts.items():
        for how in asked:
            try:
                data = make(root, download=True, **how, **by_file)
            except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
                raise OSError(
                    f"{name} could not be fetched ({_one_line(error)}): place its files in {root} as "
                    f"torchvision.datasets.{public.kind} keeps them, or give a folder of your own"
                ) from None
            _add_images(found, part, "".join(map(str, how.values())), data, bool(by_file))
    return found


def _add_images(found: Listing, part: str, kind: str, data: VisionDataset, by_file: bool) -> None:
    """Every image as a file in the folder of its class; nothing is decoded yet."""
    classes = getattr(data, "classes", None)
    paths = getattr(data, "_images", None) or [path for path, *_ in getattr(data, "_samples", [])]
    for i in range(len(data)):
        if by_file:
            path, label = data[i]
        elif paths:
            path, label = Path(paths[i]), _label(data, i)
        else:
            path, label = None, _label(data, i)
        name = classes[label] if classes else f"class {label}"
        if not isinstance(name, str):
            name = name[0]  # Imagenette has several names for each
        place = (*filter(None, [part]), class_folder_name(name))
        if path is None:
            found.add(place, f"{kind} {i:06}.ppm", partial(_ppm_file, data, i))
        else:
            found.add(place, f"{kind} {i:06} {path.name}", path.read_bytes)


def _label(data: VisionDataset, i: int) -> int:
    """The label of an image, which is not opened for it where the labels lie apart."""
    for name in ("targets", "labels", "_labels"):
        if (labels := getattr(data, name, None)) is not None:
            return int(labels[i])
    if samples := getattr(data, "_samples", None):
        return int(samples[i][1])
    return int(data[i][1])


def _ppm_file(data: VisionDataset, i: int) -> bytes:
    """The content of a PPM file, made of an image that lies in no file of its own."""
    file = io.BytesIO()
    data[i][0].save(file, format="PPM")
    return file.getvalue()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
