"""Reading a person's own photographs: folders and zips, one folder per class.

Images become bytes `(N, 3, S, S)`: turned as their EXIF says, made RGB, the shorter side scaled
to S, and the middle square kept. Nothing is unpacked, and nothing is left out in silence: what
cannot be read is an error that names it, what is ignored stands in `notes`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
import unicodedata
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vtlab.decoding import decode
from vtlab.splits import enough

LARGEST_FILE = 256_000_000  # bytes that a zip's member may unpack to
ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".gif", ".tif",
           ".tiff", ".ppm", ".pgm", ".pbm", ".avif", ".heic", ".heif")  # fmt: skip
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test",
         "val": "val", "valid": "val", "validation": "val"}  # fmt: skip

Place = tuple[str, ...]  # a path inside the folder or zip


@dataclass(frozen=True, eq=False)
class Pictures:
    """Decoded images: `pixels (N, 3, S, S)` uint8, `labels (N,)` int64, and the files' names."""

    pixels: Tensor
    labels: Tensor
    files: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """A folder of photographs: label k is `classes[k]`.

    Attributes:
        test: None where the folder has no test images of its own.
        notes: Sentences about what was left out, and about copies.
    """

    classes: tuple[str, ...]
    train: Pictures
    test: Pictures | None
    notes: tuple[str, ...] = ()


def read_folder(path: str | Path, image_size: int = 64,
                progress: Callable[[int, int], None] | None = None) -> ImageFolder:  # fmt: skip
    """The images of a folder or zip, by class, in the natural order of their names.

    Args:
        path: With a folder per class, or with `train/` and `test/` (or `val/`) above them;
            one folder around everything, as zips have, does not matter.
        image_size: S, the side in pixels.
        progress: Called after every image with how many are done, and of how many.

    Raises:
        FileNotFoundError: If nothing is there.
        ValueError: If it is not images by class, or an image cannot be read; the message
            names the class or the file.

    Lesson 16.
    """
    path = Path(path).expanduser()
    if not 8 <= image_size <= 1024:
        raise ValueError(f"images of {image_size} px: the side is a number from 8 to 1024")
    if not path.exists():
        raise FileNotFoundError(f"no folder or zip at {path}")
    if path.is_dir():
        return _read(_walk(path), image_size, progress)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is neither a folder nor a zip (or a damaged one)")
    with zipfile.ZipFile(path) as archive:
        return _read(_members(path, archive), image_size, progress)


class _Tree:
    """What lies in a folder or zip: the files of each folder, and how to read them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folders: dict[Place, list[Place]] = {}
        self.readers: dict[Place, Callable[[], bytes]] = {}

    def add(self, folder: Place, name: str = "", reader: Callable[[], bytes] = bytes) -> None:
        for n in range(len(folder) + 1):
            self.folders.setdefault(folder[:n], [])
        if name:
            self.folders[folder].append((*folder, name))
            self.readers[*folder, name] = reader

    def children(self, at: Place) -> list[str]:
        names = {f[len(at)] for f in self.folders if len(f) > len(at) and f[: len(at)] == at}
        return sorted(names, key=_natural)

    def below(self, at: Place = (), images: bool = True, deep: bool = True) -> list[Place]:
        folders = [f for f in self.folders if f == at or (deep and f[: len(at)] == at)]
        files = [place for f in folders for place in self.folders[f]
                 if place[-1].lower().endswith(ENDINGS) == images]  # fmt: skip
        return sorted(files, key=lambda place: [_natural(part) for part in place])


def _natural(name: str) -> tuple[list[str | int], str]:
    """A sorting key with `img2` before `img10`."""
    pieces = re.split(r"(\d+)", name.casefold())
    return [int(p) if i % 2 else p for i, p in enumerate(pieces)], name


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in ("__macosx", "thumbs.db", "desktop.ini")


def _walk(path: Path) -> _Tree:
    def fail(error: OSError) -> None:
        raise error  # os.walk would leave the folder out in silence

    tree = _Tree(path.resolve().name)
    for top, below, names in os.walk(path, onerror=fail, followlinks=True):
        here = Path(top)
        if here.resolve() in {above.resolve() for above in here.parents}:
            below.clear()  # a link back to a folder above would never end
            continue
        below[:] = [name for name in below if not _hidden(name)]
        place = here.relative_to(path).parts
        tree.add(place)
        for name in names:
            if not _hidden(name):
                tree.add(place, name, (here / name).read_bytes)
    return tree


def _members(path: Path, archive: zipfile.ZipFile) -> _Tree:
    tree, one_at_a_time = _Tree(path.name), threading.Lock()

    def read(info: zipfile.ZipInfo) -> bytes:
        if info.file_size > LARGEST_FILE:
            raise ValueError(f"it unpacks to more than {LARGEST_FILE:,} bytes")
        with one_at_a_time:  # ZipFile counts its readers without a lock
            return archive.read(info)

    for info in archive.infolist():
        name = _member_name(info)
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if ".." in parts or name.startswith("/") or re.match("[A-Za-z]:", name):
            raise ValueError(f"{path.name} is refused: its member {name!r} climbs out of the zip")
        if any(_hidden(part) for part in parts):
            continue
        if name.endswith("/"):
            tree.add(parts)
        elif parts and parts not in tree.readers:
            tree.add(parts[:-1], parts[-1], lambda info=info: read(info))
    return tree


def _member_name(info: zipfile.ZipInfo) -> str:
    """The name with `/` even from Windows, and in UTF-8 where macOS wrote that unsaid."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")


def _read(tree: _Tree, size: int, progress: Callable[[int, int], None] | None) -> ImageFolder:
    if not tree.below():
        raise ValueError(f"{tree.name} holds no folders with images (.jpg, .png, .webp …)")
    top = _inner(tree)
    train_at, test_at, notes = _parts(tree, top)
    split = [_classes(tree, at) for at in (train_at, test_at) if at is not None]
    classes = tuple(split[0])
    if len(classes) == 1:
        raise ValueError(f"{tree.name} has one class only, {classes[0]!r}; it takes two")
    if test_at is None:
        for name in classes:
            enough(name, len(split[0][name]))
    elif odd := sorted(split[0].keys() ^ split[1].keys(), key=_natural):
        where = (train_at if odd[0] in split[0] else test_at)[-1]
        raise ValueError(f"{tree.name}: {train_at[-1]}/ and {test_at[-1]}/ need the same "
                         f"classes, but {odd[0]!r} is in {where}/ only")  # fmt: skip
    outside = [f for at in {top, train_at, test_at or top} for f in tree.below(at, deep=False)]
    strange = [f for at in {train_at, test_at or train_at} for f in tree.below(at, images=False)]
    for files, what in ((outside, "in no class folder"), (strange, "that are no images")):
        if files:
            notes.append(f"files {what} were left out: {len(files)} ({'/'.join(min(files))} …)")
    places = [place for part in split for name in classes for place in part[name]]
    labels = [k for part in split for k, name in enumerate(classes) for _ in part[name]]
    made, copies = _decode(tree, places, labels, size, progress)
    cut = sum(map(len, split[0].values()))
    train, test = (Pictures(made.pixels[s], made.labels[s], made.files[s])
                   for s in (slice(cut), slice(cut, None)))  # fmt: skip
    return ImageFolder(classes, train, None if test_at is None else test, (*notes, *copies))


def _inner(tree: _Tree) -> Place:
    """The folder that holds the classes or splits: a lone folder around them is neither."""
    at: Place = ()
    while len(inner := tree.children(at)) == 1 and not tree.below(at, deep=False):
        deeper = (*at, inner[0])
        if tree.below(deeper, deep=False) or not tree.children(deeper):
            break
        at = deeper
    return at


def _parts(tree: _Tree, at: Place) -> tuple[Place, Place | None, list[str]]:
    """Where the training classes and the test classes are, and what to say about it."""
    found: dict[str, Place] = {}
    rest = []
    for child in tree.children(at):
        part = PARTS.get(child.lower(), "")
        if part and part not in found:
            found[part] = (*at, child)
        elif tree.below((*at, child)):
            rest.append(child)
    labelled = {part: place for part, place in found.items()
                if any(tree.below((*place, child)) for child in tree.children(place))}  # fmt: skip
    if not found or (rest and ("train" not in labelled or len(labelled) < 2)):
        return at, None, []  # a class may well be called "train"
    if "train" not in labelled:
        names = ", ".join(f"{place[-1]}/" for place in found.values())
        raise ValueError(f"{tree.name} has {names} but no train/ with one folder per class in it")
    test = labelled.get("test", labelled.get("val"))
    notes = [f"the test set is {test[-1]}/"] if test else []
    for part, place in found.items():
        if part != "train" and place != test:
            why = "test/ is the test set" if part in labelled else "it has no class folders"
            notes.append(f"{place[-1]}/ was left aside: {why}")
    return found["train"], test, notes + [f"{name}/ was left aside" for name in rest]


def _classes(tree: _Tree, at: Place) -> dict[str, list[Place]]:
    where = "/".join((tree.name, *at))
    found: dict[str, list[Place]] = {}
    for child in tree.children(at):
        name, own = unicodedata.normalize("NFC", child), (*at, child)
        found[name] = found.get(name, []) + tree.below(own)
        if not found[name]:
            raise ValueError(f"class {name!r} in {where} has no images")
        inside = [c for c in tree.children(own) if tree.below((*own, c))]
        if len(inside) > 1 and not tree.below(own, deep=False):
            raise ValueError(f"{where}/{name} holds folders ({', '.join(inside[:3])} …) and no "
                             "images: is it a class? Put its images straight into it")  # fmt: skip
    if not found:
        raise ValueError(f"{where} holds images but no folders: put one folder per class in it")
    return found


def _decode(tree: _Tree, places: list[Place], labels: list[int], size: int,
            progress: Callable[[int, int], None] | None) -> tuple[Pictures, list[str]]:  # fmt: skip
    """All images, and a note where one is a copy of another."""
    from PIL import Image

    Image.init()  # imports Pillow's readers, which two threads should not do at once
    files = tuple("/".join(place) for place in places)
    pixels = torch.empty(len(files), 3, size, size, dtype=torch.uint8)

    def one(i: int) -> bytes:
        try:
            content = tree.readers[places[i]]()
        except Exception as error:  # a zip's errors have no common base
            raise ValueError(f"{files[i]} cannot be read: {error}") from error
        pixels[i] = torch.from_numpy(decode(content, size, files[i])).permute(2, 0, 1)
        return hashlib.sha256(content).digest()

    first, twins = {}, []
    pool = ThreadPoolExecutor(2)  # Pillow lets other threads run while it decodes
    with warnings.catch_warnings():  # around all threads: the filters are the process's
        warnings.simplefilter("ignore")  # odd metadata is no reason to refuse a photograph
        try:
            for i, digest in enumerate(pool.map(one, range(len(files)))):
                if first.setdefault(digest, i) != i:
                    twins.append(f"{files[i]} = {files[first[digest]]}")
                if progress:
                    progress(i + 1, len(files))
        finally:
            pool.shutdown(cancel_futures=True)
    notes = [f"{len(twins)} images are copies of others, which flatters the test accuracy if one "
             f"lies on each side ({twins[0]} …)"] if twins else []  # fmt: skip
    return Pictures(pixels, torch.tensor(labels), files), notes
