"""Torchvision's public data sets, listed like a folder of photographs: a class is a folder.

They are fetched once, with torchvision's own checks, into the cache. Their files then take the same road
as a person's own (`images`): decoded once, what cannot be read is named.
"""

from __future__ import annotations

import http.client
import inspect
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vtlab.data.listing import Listing
from vtlab.system.cache import cache_folder

TRAIN, TEST, ALL = "train", "test", ""  # parts; images of no part are split by a hold-out


@dataclass(frozen=True)
class PublicDataset:
    """A data set of torchvision's.

    Attributes:
        kind: Its class in `torchvision.datasets`.
        parts: For each part of ours, what torchvision is to be asked for.
        flip: Whether a mirror image has the same class.
    """

    kind: str
    parts: dict[str, tuple[dict, ...]] = field(default_factory=lambda: {ALL: ({},)})
    flip: bool = True


def _splits(train: Iterable[str], test: str = "test") -> dict[str, tuple[dict, ...]]:
    return {TRAIN: tuple({"split": name} for name in train), TEST: ({"split": test},)}


_FLAG = {TRAIN: ({"train": True},), TEST: ({"train": False},)}

PUBLIC_DATASETS: dict[str, PublicDataset] = {
    "aircraft": PublicDataset("FGVCAircraft", _splits(["trainval"])),
    "cifar10": PublicDataset("CIFAR10", _FLAG),
    "cifar100": PublicDataset("CIFAR100", _FLAG),
    "dtd": PublicDataset("DTD", _splits(["train", "val"])),
    "eurosat": PublicDataset("EuroSAT"),
    "fashion_mnist": PublicDataset("FashionMNIST", _FLAG),
    "flowers102": PublicDataset("Flowers102", _splits(["train", "val"])),
    "food101": PublicDataset("Food101", _splits(["train"])),
    "gtsrb": PublicDataset("GTSRB", _splits(["train"]), flip=False),
    "imagenette": PublicDataset(
        "Imagenette",
        {TRAIN: ({"split": "train", "size": "320px"},), TEST: ({"split": "val", "size": "320px"},)},
    ),
    "mnist": PublicDataset("MNIST", _FLAG, flip=False),
    "oxford_pets": PublicDataset("OxfordIIITPet", _splits(["trainval"])),
    "stl10": PublicDataset("STL10", _splits(["train"])),
    "svhn": PublicDataset("SVHN", _splits(["train"]), flip=False),
}


def list_public_dataset(name: str) -> Listing:
    """The images of one of `PUBLIC_DATASETS`, fetched if they are not in the cache.

    Raises:
        OSError: If they could not be fetched; the message says where they belong.
    """
    from torchvision import datasets

    public = PUBLIC_DATASETS[name]
    made = getattr(datasets, public.kind)
    root = cache_folder() / "datasets"
    root.mkdir(parents=True, exist_ok=True)
    found = Listing(name)
    # a loader that gives the path, so that no image is opened
    by_file = {"loader": Path} if "loader" in inspect.signature(made).parameters else {}
    for part, asked in public.parts.items():
        for how in asked:
            try:
                data = made(root, download=True, **how, **by_file)
            except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
                raise OSError(
                    f"{name} could not be fetched ({_one_line(error)}): place its files in {root} as "
                    f"torchvision.datasets.{public.kind} keeps them, or give a folder of your own"
                ) from None
            _add(found, part, "".join(map(str, how.values())), data, bool(by_file))
    return found


def _add(found: Listing, part: str, kind: str, data, by_file: bool) -> None:
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
        called = classes[label] if classes else f"class {label}"
        called = str(
            called if isinstance(called, str) else called[0]
        )  # Imagenette has several names for each
        place = (*filter(None, [part]), called.replace("/", "\N{DIVISION SLASH}"))
        if path is None:
            found.add(place, f"{kind} {i:06}.ppm", lambda i=i: _as_file(data[i][0]))
        else:
            found.add(place, f"{kind} {i:06} {path.name}", path.read_bytes)


def _label(data, i: int) -> int:
    """Of an image that need not be opened for it, where the labels lie apart."""
    for name in ("targets", "labels", "_labels"):
        if (labels := getattr(data, name, None)) is not None:
            return int(labels[i])
    if samples := getattr(data, "_samples", None):
        return int(samples[i][1])
    return int(data[i][1])


def _as_file(image) -> bytes:
    """An image that lies in no file of its own, as one."""
    written = io.BytesIO()
    image.save(written, format="PPM")
    return written.getvalue()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
