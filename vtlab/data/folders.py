"""Reading a person's own photographs from folders, zips and tables, one folder per class.

Images become bytes `(N, 3, S, S)`: turned as their EXIF says, made RGB, and made square
(`decoding.RESIZES`). Nothing is unpacked. A file that cannot be read is left out and
stands in `skipped` with its name and the reason: nothing is lost in silence.
"""

from __future__ import annotations

import contextlib
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from vtlab.data.decoding import DEEP_BITS
from vtlab.data.file_names import Place, natural_key, printable_path_name
from vtlab.data.images import Images, check_size_of_images
from vtlab.data.listing import SPLIT_NAMES, Listing, list_folder, list_image_table, list_zip
from vtlab.data.parallel_decoding import decode_files
from vtlab.data.splits import MIN_IMAGES_PER_CLASS, check_class_size, stratified_split


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """The images of a folder, a zip or a table.

    Attributes:
        classes: The class names; label k is `classes[k]`.
        train: All images, or those to learn from.
        test: None where the folder has no test images of its own and none were held out.
        notes: Sentences about folders that were left aside, and about copies.
        skipped: A sentence for each file that was left out, beginning with its name.
        bits: Of a grey image with more than 8 bits, those that are used (`decoding.decode`).
    """

    classes: tuple[str, ...]
    train: Images
    test: Images | None
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    bits: int = DEEP_BITS


def read_folder(
    path: str | Path,
    image_size: int = 64,
    progress: Callable[[int, int], None] | None = None,
    *,
    strict: bool = False,
    hold_out: float = 0.0,
    resize: str = "crop",
) -> ImageFolder:
    """The images of a folder, a zip or a table, by class, in the natural order of their names.

    Args:
        path: With a folder per class, or with `train/` and `test/` (or `val/`) above them;
            one folder around everything, as zips have, does not matter. Or a table (.csv, .tsv)
            with a row per image, as in `listing.list_image_table`.
        image_size: S, the side in pixels.
        progress: Called after every image with how many are done, and of how many.
        strict: Refuse an image (or a folder, or a row) that cannot be read, instead of leaving it out.
        hold_out: Where there are no test images: the share of each class that becomes them.
        resize: How an image becomes a square: its middle is kept ("crop"), grey is put beside it ("pad"),
            or its longer side is squeezed ("squeeze").

    Images of more than 256 MB together lie in a file of the cache (`VTLAB_CACHE`), decoded once.

    Raises:
        FileNotFoundError: If nothing is there.
        ValueError: If it is not images by class, or a class has too few that can be read; with
            `strict`, if one cannot be read. The message names the class or the file.

    Lesson 16.
    """
    path = Path(path).expanduser()
    check_size_of_images(image_size)
    if not path.exists():
        raise FileNotFoundError(f"no folder or zip at {path}")
    with contextlib.ExitStack() as stack:  # a zip stays open while its images are read
        if path.is_dir():
            listing = list_folder(path)
        elif path.suffix.lower() in (".csv", ".tsv"):
            listing = list_image_table(path)
        elif zipfile.is_zipfile(path):
            listing = list_zip(path, stack.enter_context(zipfile.ZipFile(path)))
        else:
            raise ValueError(f"{path} is neither a folder nor a zip (or a damaged one), nor a .csv")
        return read_class_folders(
            listing, image_size, progress, strict=strict, hold_out=hold_out, resize=resize
        )


def read_class_folders(
    listing: Listing,
    size: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    strict: bool = False,
    hold_out: float = 0.0,
    resize: str = "crop",
) -> ImageFolder:
    """The images of a listing whose folders are classes; arguments and errors are `read_folder`'s."""
    if strict and listing.skipped:
        raise ValueError(listing.skipped[0])
    if not listing.files():
        lost = f"; {listing.skipped[0]}" if listing.skipped else ""
        raise ValueError(f"{listing.name} holds no folders with images (.jpg, .png, .webp …){lost}")
    # what lies where: classes, or classes below train/ and test/
    root = _class_root(listing)
    train_at, test_at, notes = _find_splits(listing, root)
    parts = _find_classes(listing, train_at, test_at)
    classes = tuple(parts[0])
    files = [
        _File(place, label, part)
        for part, by_class in enumerate(parts)
        for label, name in enumerate(classes)
        for place in by_class[name]
    ]

    def split(readable: list[int]) -> tuple[list[int], list[int]]:
        """The numbers of the training files and of the test files, in the order of the rows."""
        if test_at is not None or not hold_out:
            train, test = ([i for i in readable if files[i].part == part] for part in (0, 1))
            return train, test
        labels = torch.tensor([files[i].label for i in readable], dtype=torch.int64)
        if torch.bincount(labels, minlength=len(classes)).min() < MIN_IMAGES_PER_CLASS:
            return readable, []  # refused below, with what could not be read
        groups = _groups(listing, [files[i] for i in readable])
        kept, held = stratified_split(labels, hold_out, seed=0, groups=groups)
        return [readable[j] for j in kept.tolist()], [readable[j] for j in held.tolist()]

    def arrange(readable: list[int]) -> list[int]:
        train, test = split(readable)
        return train + test

    # which files can be read is known after decoding only, and the split is made of those
    places = [file.place for file in files]
    decoded = decode_files(listing, places, size, arrange, progress, strict, resize)
    pixels, unread = decoded.pixels, decoded.unread
    readable = [i for i in range(len(files)) if i not in unread]
    counts = Counter((files[i].label, files[i].part) for i in readable)
    _check_readable_counts(listing, classes, counts, len(parts), list(unread.values()))
    train, test = split(readable)
    if test and test_at is None:
        notes.append(f"no test folder: {len(test)} images, {hold_out:.0%} of each class, held out")
    unused = _unused_files(listing, {root, train_at, test_at or root})
    return ImageFolder(
        classes,
        _images(listing, pixels[: len(train)], [files[i] for i in train]),
        _images(listing, pixels[len(train) :], [files[i] for i in test]) if test else None,
        (*listing.notes, *decoded.notes, *notes),
        (*listing.skipped, *unused, *unread.values()),
        decoded.bits,
    )


class _File(NamedTuple):
    """An image file that lies in a class; `part` is 0 for training and 1 for testing."""

    place: Place
    label: int
    part: int


def _images(listing: Listing, pixels: Tensor, files: list[_File]) -> Images:
    labels = torch.tensor([file.label for file in files], dtype=torch.int64)
    names = tuple(printable_path_name(file.place) for file in files)
    return Images(pixels, labels, None, names, _groups(listing, files))


def _groups(listing: Listing, files: list[_File]) -> tuple[str, ...]:
    """The group of each file, its own name where it stands alone; empty where all do."""
    if not listing.groups:
        return ()
    own = (printable_path_name(file.place) for file in files)
    return tuple(
        listing.groups.get(file.place, name) for file, name in zip(files, own, strict=True)
    )


def _unused_files(listing: Listing, tops: set[Place]) -> list[str]:
    """A sentence for each file in these folders that is no image, or in no class."""
    outside = [f for at in sorted(tops) for f in listing.files(at, deep=False)]
    strange = sorted({f for at in tops for f in listing.files(at, images=False)})
    no_image = "does not end as an image does (.jpg, .png, .webp …)"
    return [f"{printable_path_name(f)} is in no class folder" for f in outside] + [
        f"{printable_path_name(f)} {no_image}" for f in strange
    ]


def _check_readable_counts(
    listing: Listing,
    classes: tuple[str, ...],
    counts: Counter[tuple[int, int]],
    parts: int,
    unread: list[str],
) -> None:
    """Refuse a class of which too few images could be read.

    Args:
        listing: For the message.
        classes: The class names.
        counts: Readable images by label and part.
        parts: 2 where there are test images, else 1.
        unread: Why files could not be read.
    """
    try:
        for k, name in enumerate(classes):
            if parts == 1:
                check_class_size(name, counts[k, 0])
            elif not (counts[k, 0] and counts[k, 1]):
                raise ValueError(
                    f"{listing.name}: class {name!r} has no image that can be read on one side"
                )
    except ValueError as error:
        raise ValueError(f"{error}; {len(unread)} could not be read ({unread[0]} …)") from None


def _class_root(listing: Listing) -> Place:
    """The folder that holds the classes or splits: a lone folder around them is neither."""
    at: Place = ()
    while len(inner := listing.subfolders(at)) == 1 and not listing.files(at, deep=False):
        deeper = (*at, inner[0])
        if listing.files(deeper, deep=False) or not listing.subfolders(deeper):
            break
        at = deeper
    return at


def _find_splits(listing: Listing, at: Place) -> tuple[Place, Place | None, list[str]]:
    """Where the training classes and the test classes are, and what to say about it."""
    found: dict[str, Place] = {}
    rest = []
    for child in listing.subfolders(at):
        part = SPLIT_NAMES.get(child.lower(), "")
        if part and part not in found:
            found[part] = (*at, child)
        elif listing.files((*at, child)):
            rest.append(child)
    labelled = {
        part: place
        for part, place in found.items()
        if any(listing.files((*place, child)) for child in listing.subfolders(place))
    }
    if not found or (rest and ("train" not in labelled or len(labelled) < 2)):
        return at, None, []  # a class may well be called "train"
    if "train" not in labelled:
        names = ", ".join(f"{place[-1]}/" for place in found.values())
        raise ValueError(
            f"{listing.name} has {names} but no train/ with one folder per class in it"
        )
    test = labelled.get("test", labelled.get("val"))
    notes = [f"the test set is {test[-1]}/"] if test else []
    for part, place in found.items():
        if part != "train" and place != test:
            why = "test/ is the test set" if part in labelled else "it has no class folders"
            notes.append(f"{place[-1]}/ was left aside: {why}")
    notes += [f"{printable_path_name((name,))}/ was left aside" for name in rest]
    return found["train"], test, notes


def _find_classes(
    listing: Listing, train_at: Place, test_at: Place | None
) -> list[dict[str, list[Place]]]:
    """The files of each class in the training folder and, where there is one, in the test folder."""
    train = _files_by_class(listing, train_at)
    if len(train) == 1:
        raise ValueError(f"{listing.name} has one class only, {next(iter(train))!r}; it takes two")
    if test_at is None:
        for name, files in train.items():
            check_class_size(name, len(files))
        return [train]
    test = _files_by_class(listing, test_at)
    if unmatched := sorted(train.keys() ^ test.keys(), key=natural_key):
        where = (train_at if unmatched[0] in train else test_at)[-1]
        raise ValueError(
            f"{listing.name}: {train_at[-1]}/ and {test_at[-1]}/ need the same "
            f"classes, but {unmatched[0]!r} is in {where}/ only"
        )
    return [train, test]


def _files_by_class(listing: Listing, at: Place) -> dict[str, list[Place]]:
    """The image files of each folder in a folder, by class name, in natural order."""
    where = "/".join((listing.name, *at))
    found: dict[str, list[Place]] = {}
    for child in listing.subfolders(at):
        name, own = printable_path_name((unicodedata.normalize("NFC", child),)), (*at, child)
        found[name] = found.get(name, []) + listing.files(own)
        if not found[name]:
            raise ValueError(f"class {name!r} in {where} has no images")
        inside = [c for c in listing.subfolders(own) if listing.files((*own, c))]
        if len(inside) > 1 and not listing.files(own, deep=False):
            raise ValueError(
                f"{where}/{name} holds folders ({', '.join(inside[:3])} …) and no "
                "images: is it a class? Put its images straight into it"
            )
    if not found:
        raise ValueError(f"{where} holds images but no folders: put one folder per class in it")
    return found
