"""Reading a person's own photographs: folders and zips, one folder per class.

Images become bytes `(N, 3, S, S)`: turned as their EXIF says, made RGB, the shorter side scaled
to S, and the middle square kept. Nothing is unpacked. A file that cannot be read is left out and
stands in `skipped` with its name and the reason: nothing is lost in silence.
"""

from __future__ import annotations

import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vtlab.data.decoding import read_rows
from vtlab.data.images import Images, check_image_size
from vtlab.data.listing import PARTS, Listing, Place, natural, of_folder, of_table, of_zip, spoken
from vtlab.data.splits import MIN_IMAGES_PER_CLASS, check_class_size, stratified_split


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """A folder of photographs: label k is `classes[k]`.

    Attributes:
        test: None where the folder has no test images of its own and none were held out.
        notes: Sentences about folders that were left aside, and about copies.
        skipped: A sentence for each file that was left out, beginning with its name.
    """

    classes: tuple[str, ...]
    train: Images
    test: Images | None
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def read_folder(
    path: str | Path,
    image_size: int = 64,
    progress: Callable[[int, int], None] | None = None,
    *,
    strict: bool = False,
    hold_out: float = 0.0,
) -> ImageFolder:
    """The images of a folder, a zip or a table, by class, in the natural order of their names.

    Args:
        path: With a folder per class, or with `train/` and `test/` (or `val/`) above them;
            one folder around everything, as zips have, does not matter. Or a table (.csv, .tsv)
            with a row per image, as in `listing.of_table`.
        image_size: S, the side in pixels.
        progress: Called after every image with how many are done, and of how many.
        strict: Refuse an image (or a folder, or a row) that cannot be read, instead of leaving it out.
        hold_out: Where there are no test images: the share of each class that becomes them.

    Images of more than 256 MB together lie in a file of the cache (`VTLAB_CACHE`), decoded once.

    Raises:
        FileNotFoundError: If nothing is there.
        ValueError: If it is not images by class, or a class has too few that can be read; with
            `strict`, if one cannot be read. The message names the class or the file.

    Lesson 16.
    """
    path = Path(path).expanduser()
    check_image_size(image_size)
    if not path.exists():
        raise FileNotFoundError(f"no folder or zip at {path}")
    if path.is_dir():
        return read_listing(of_folder(path), image_size, progress, strict=strict, hold_out=hold_out)
    if path.suffix.lower() in (".csv", ".tsv"):
        return read_listing(of_table(path), image_size, progress, strict=strict, hold_out=hold_out)
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is neither a folder nor a zip (or a damaged one), nor a .csv")
    with zipfile.ZipFile(path) as archive:
        return read_listing(
            of_zip(path, archive), image_size, progress, strict=strict, hold_out=hold_out
        )


def read_listing(
    tree: Listing,
    size: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    strict: bool = False,
    hold_out: float = 0.0,
) -> ImageFolder:
    """The images of a listing; arguments and errors are `read_folder`'s."""
    if strict and tree.skipped:
        raise ValueError(tree.skipped[0])
    if not tree.below():
        lost = f"; {tree.skipped[0]}" if tree.skipped else ""
        raise ValueError(f"{tree.name} holds no folders with images (.jpg, .png, .webp …){lost}")
    top = _inner(tree)
    train_at, test_at, notes = _parts(tree, top)
    split = [_classes(tree, at) for at in (train_at, test_at) if at is not None]
    classes = tuple(split[0])
    if len(classes) == 1:
        raise ValueError(f"{tree.name} has one class only, {classes[0]!r}; it takes two")
    if test_at is None:
        for name in classes:
            check_class_size(name, len(split[0][name]))
    elif odd := sorted(split[0].keys() ^ split[1].keys(), key=natural):
        where = (train_at if odd[0] in split[0] else test_at)[-1]
        raise ValueError(
            f"{tree.name}: {train_at[-1]}/ and {test_at[-1]}/ need the same "
            f"classes, but {odd[0]!r} is in {where}/ only"
        )
    files = [
        (place, k, side)
        for side, part in enumerate(split)
        for k, name in enumerate(classes)
        for place in part[name]
    ]

    def sides(readable: list[int]) -> tuple[list[int], list[int]]:
        """Places of the training images and of the test images, in the order of the rows."""
        if test_at is not None or not hold_out:
            return [i for i in readable if files[i][2] == 0], [
                i for i in readable if files[i][2] == 1
            ]
        labels = torch.tensor([files[i][1] for i in readable], dtype=torch.int64)
        if torch.bincount(labels, minlength=len(classes)).min() < MIN_IMAGES_PER_CLASS:
            return readable, []  # refused below, with what could not be read
        kept, held = stratified_split(labels, hold_out, seed=0)
        return [readable[j] for j in kept.tolist()], [readable[j] for j in held.tolist()]

    def arrange(readable: list[int]) -> list[int]:
        train, test = sides(readable)
        return train + test

    places = [place for place, _, _ in files]
    pixels, unread, copies = read_rows(tree, places, size, arrange, progress, strict)
    read = [i for i in range(len(files)) if i not in unread]
    _still_enough(
        tree, classes, Counter(files[i][1:] for i in read), len(split), list(unread.values())
    )
    train, test = sides(read)
    if test and test_at is None:
        notes.append(f"no test folder: {len(test)} images, {hold_out:.0%} of each class, held out")
    skipped = (*tree.skipped, *_astray(tree, {top, train_at, test_at or top}), *unread.values())
    return ImageFolder(
        classes,
        _pictures(pixels[: len(train)], train, files),
        _pictures(pixels[len(train) :], test, files) if test else None,
        (*tree.notes, *copies, *notes),
        skipped,
    )


def _pictures(pixels: Tensor, places: list[int], files: list[tuple[Place, int, int]]) -> Images:
    labels = torch.tensor([files[i][1] for i in places], dtype=torch.int64)
    return Images(pixels, labels, None, tuple(spoken(files[i][0]) for i in places))


def _astray(tree: Listing, tops: set[Place]) -> list[str]:
    """What is no image, or in no class."""
    outside = [f for at in sorted(tops) for f in tree.below(at, deep=False)]
    strange = sorted({f for at in tops for f in tree.below(at, images=False)})
    return [
        *(f"{spoken(f)} is in no class folder" for f in outside),
        *(f"{spoken(f)} does not end as an image does (.jpg, .png, .webp …)" for f in strange),
    ]


def _still_enough(
    tree: Listing, classes: tuple[str, ...], counts: Counter, sides: int, unread: list[str]
) -> None:
    """Refuse a class of which too few images could be read."""
    try:
        for k, name in enumerate(classes):
            if sides == 1:
                check_class_size(name, counts[k, 0])
            elif not (counts[k, 0] and counts[k, 1]):
                raise ValueError(
                    f"{tree.name}: class {name!r} has no image that can be read on one side"
                )
    except ValueError as error:
        raise ValueError(f"{error}; {len(unread)} could not be read ({unread[0]} …)") from None


def _inner(tree: Listing) -> Place:
    """The folder that holds the classes or splits: a lone folder around them is neither."""
    at: Place = ()
    while len(inner := tree.children(at)) == 1 and not tree.below(at, deep=False):
        deeper = (*at, inner[0])
        if tree.below(deeper, deep=False) or not tree.children(deeper):
            break
        at = deeper
    return at


def _parts(tree: Listing, at: Place) -> tuple[Place, Place | None, list[str]]:
    """Where the training classes and the test classes are, and what to say about it."""
    found: dict[str, Place] = {}
    rest = []
    for child in tree.children(at):
        part = PARTS.get(child.lower(), "")
        if part and part not in found:
            found[part] = (*at, child)
        elif tree.below((*at, child)):
            rest.append(child)
    labelled = {
        part: place
        for part, place in found.items()
        if any(tree.below((*place, child)) for child in tree.children(place))
    }
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
    return found["train"], test, notes + [f"{spoken((name,))}/ was left aside" for name in rest]


def _classes(tree: Listing, at: Place) -> dict[str, list[Place]]:
    where = "/".join((tree.name, *at))
    found: dict[str, list[Place]] = {}
    for child in tree.children(at):
        name, own = spoken((unicodedata.normalize("NFC", child),)), (*at, child)
        found[name] = found.get(name, []) + tree.below(own)
        if not found[name]:
            raise ValueError(f"class {name!r} in {where} has no images")
        inside = [c for c in tree.children(own) if tree.below((*own, c))]
        if len(inside) > 1 and not tree.below(own, deep=False):
            raise ValueError(
                f"{where}/{name} holds folders ({', '.join(inside[:3])} …) and no "
                "images: is it a class? Put its images straight into it"
            )
    if not found:
        raise ValueError(f"{where} holds images but no folders: put one folder per class in it")
    return found
