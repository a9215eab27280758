"""Reading a person's own photographs from folders, zips and tables, one folder per class.

Images become bytes `(N, 3, S, S)`: turned as their EXIF says, made RGB, and made square
(`decoding.RESIZES`). Nothing is unpacked. A file that cannot be read is left out and
stands in `skipped` with its name and the reason: nothing is lost in silence.
"""

from __future__ import annotations

import contextlib
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from vtlab.data.class_folders import ClassFolders, find_class_folders
from vtlab.data.class_names import find_classes_in_names
from vtlab.data.decoding import DEEP_BITS
from vtlab.data.file_matching import FilesBeside
from vtlab.data.file_names import Place, is_archive_name, printable_path_name
from vtlab.data.folder_tables import find_table_images
from vtlab.data.groups import (
    check_group,
    check_group_word,
    find_groups_by_pattern,
    is_group_column,
    join_alike,
    suggest_groups,
)
from vtlab.data.images import Images, check_size_of_images
from vtlab.data.listing import Listing, list_folder, list_zip
from vtlab.data.parallel_decoding import (
    decode_files,
    describe_colours,
    describe_copies,
    describe_shortcuts,
)
from vtlab.data.split_names import find_split
from vtlab.data.splits import MIN_IMAGES_PER_CLASS, check_class_size, stratified_split
from vtlab.data.table_cells import parse_table
from vtlab.data.tables import (
    TABLE_ENDINGS,
    Columns,
    TableImages,
    list_table_images,
)
from vtlab.system.files import expand_home, read_file
from vtlab.system.memory import MAX_BYTES_IN_MEMORY


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """The images of a folder, a zip or a table.

    Attributes:
        classes: The class names; label k is `classes[k]`.
        train: All images, or those to learn from.
        test: None where the folder has no test images of its own and none were held out.
        notes: Sentences about folders that were left aside, and about copies.
        skipped: A sentence for each file that was left out, beginning with its name.
        bits: Of images with more than 8 bits, those that are used (`decoding.decode`).
        held_out: Whether `test` was held out.
        flip: Whether a mirror image has the same class.
    """

    classes: tuple[str, ...]
    train: Images
    test: Images | None
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    bits: int = DEEP_BITS
    held_out: bool = False
    flip: bool = True


def read_folder(
    path: str | Path,
    image_size: int = 64,
    progress: Callable[[int, int], None] | None = None,
    *,
    strict: bool = False,
    hold_out: float = 0.0,
    resize: str = "crop",
    group: str | None = None,
    columns: Columns | None = None,
) -> ImageFolder:
    """The images of a folder, a zip or a table, by class, in the natural order of their names.

    Args:
        path: With a folder per class, or with `train/` and `test/` (or `val/`) above them
            (`class_folders`); one folder around everything, as zips have, does not matter. Or a table
            (`tables.TABLE_ENDINGS`) with a row per image, its files and their classes.
        image_size: S, the side in pixels.
        progress: Called after every image with how many are done, and of how many.
        strict: Refuse an image (or a folder, or a row) that cannot be read, instead of leaving it out.
        hold_out: Where there are no test images: the share of each class that becomes them.
        resize: How an image becomes a square: its middle is kept ("crop"), grey is put beside it ("pad"),
            or its longer side is squeezed ("squeeze").
        group: What stays whole on one side of every split, such as a patient or a film: "folder" for the
            folders in a class folder; "name" for images whose names begin alike, as `p07_1.jpg` and
            `p07_2.jpg` do; a pattern with brackets for what else in the names tells them; "auto" for images
            that look the same; a column of a table; "none" for nothing. None for what the names of folders
            and columns say (`class_folders`, `tables`).
        columns: What a table calls its columns, where that is not to be found (`tables.Columns`).

    Images of more than 256 MB together lie in a file of the cache (`VTLAB_CACHE`), decoded once.

    Raises:
        FileNotFoundError: If nothing is there.
        ValueError: If it is not images by class, or a class has too few that can be read; with
            `strict`, if one cannot be read. The message names the class or the file.

    Lesson 16.
    """
    path = Path(expand_home(path))
    check_size_of_images(image_size)
    if not path.exists():
        raise FileNotFoundError(f"no folder or zip at {path}")
    made, columns = None, columns or Columns()
    if is_group_column(group):
        columns = replace(columns, group=group)
    with contextlib.ExitStack() as stack:  # a zip stays open while its images are read
        if path.is_dir():
            listing = list_folder(path)
            made = _find_table(listing, columns, group)
        elif path.suffix.lower() in TABLE_ENDINGS:
            beside = FilesBeside(path.parent)
            table = parse_table(path.name, read_file(path), beside)
            made = list_table_images(table, beside, columns)
            made.folders.notes += _note_other_parts(path, made)
        elif zipfile.is_zipfile(path):
            listing = list_zip(path, stack.enter_context(zipfile.ZipFile(path)))
            made = _find_table(listing, columns, group)
        else:
            other = path.suffix.lower() != ".zip" and is_archive_name(path.name)
            if other or tarfile.is_tarfile(path):
                raise ValueError(
                    f"{path} is an archive, and of archives only whole .zip files are read: unpack it, and "
                    "give the folder"
                )
            tables = ", ".join(TABLE_ENDINGS)
            raise ValueError(
                f"{path} is neither a folder nor a zip (or a damaged one), nor a table ({tables})"
            )
        return read_class_folders(
            made.listing if made else listing,
            image_size,
            progress,
            strict=strict,
            hold_out=hold_out,
            resize=resize,
            group=group,
            found=made.folders if made else None,
            numbers=made.numbers if made else None,
        )


def _find_table(listing: Listing, columns: Columns, group: str | None) -> TableImages | None:
    """What a table in a folder or zip says of the images there; None where the folders are the classes.

    Raises:
        ValueError: If columns are named, or the folders are no classes, and no table says more.
    """
    if not listing.files():
        return None
    if made := find_table_images(listing, columns, own=True):
        return made
    plain = replace(columns, group=None)
    if plain != Columns():
        if made := find_table_images(listing, columns, own=False):
            return made
        raise ValueError(f"columns are given, and {listing.name} holds no table")
    try:
        check_group_word(group)
        find_class_folders(listing, group)
    except ValueError as error:
        try:
            made = find_table_images(listing, columns, own=False)
        except ValueError as other:
            raise ValueError(f"{error}; and as a table: {other}") from None
        if made is None and (named := find_classes_in_names(listing)):
            check_group_word(group)
            made = TableImages(listing, named)
        if made is None:
            raise
    return made


def _note_other_parts(path: Path, made: TableImages) -> list[str]:
    """A sentence where a table without test images has one for them beside it (`train.csv`, `test.csv`)."""
    tables = [p for p in path.parent.iterdir() if p.suffix.lower() in TABLE_ENDINGS]
    parts = {find_split(p.stem, [table.stem for table in tables]): p.name for p in tables}
    other = parts.get("test", parts.get("val"))
    if made.folders.test or not other or parts.get("train") != path.name:
        return []
    return [
        f"{other} beside {path.name} was not used: give the folder of both, or test=, to test on it"
    ]


def read_class_folders(
    listing: Listing,
    size: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    strict: bool = False,
    hold_out: float = 0.0,
    resize: str = "crop",
    group: str | None = None,
    found: ClassFolders | None = None,
    numbers: Mapping[Place, float] | None = None,
) -> ImageFolder:
    """The images of a listing whose folders are classes; arguments and errors are `read_folder`'s.

    Args:
        listing: Reads the files.
        size: As `image_size`.
        progress: As there.
        strict: As there.
        hold_out: As there.
        resize: As there.
        group: As there.
        found: What is of which class, where that is known; None to tell it by the folders.
        numbers: The number of each file, where one is asked for; then there is one class, which names it.
    """
    if strict and listing.skipped:
        raise ValueError(listing.skipped[0])
    if not found and not listing.files():
        archives = [f for f in listing.files(images=False) if is_archive_name(f[-1])]
        if archives:
            raise ValueError(
                f"{listing.name} holds archives ({printable_path_name(archives[0])} …) and no images: unpack "
                "them, and give the folder that holds the classes"
            )
        others = listing.files(images=False)
        lost = f"; {listing.skipped[0]}" if listing.skipped else ""
        if others and not lost:
            lost = f"; there are {len(others)} other files ({printable_path_name(others[0])} …)"
        raise ValueError(f"{listing.name} holds no folders with images (.jpg, .png, .webp …){lost}")
    in_table = found is not None
    found = found or find_class_folders(listing, group)
    parts, notes = [found.train, *([] if found.test is None else [found.test])], found.notes
    classes = tuple(found.train)
    files = [
        _File(place, label, part, found.groups.get(place, ""))
        for part, by_class in enumerate(parts)
        for label, name in enumerate(classes)
        for place in by_class.get(name, ())
    ]
    if len(parts) == 1:
        for name, own in found.train.items():
            check_class_size(name, len(own))
    if pattern := check_group(group, in_table):
        paths = [printable_path_name(file.place) for file in files]
        names, said = find_groups_by_pattern(paths, pattern)
        files = [file._replace(group=name) for file, name in zip(files, names, strict=True)]
        notes.append(said)

    def split(readable: list[int]) -> tuple[list[int], list[int]]:
        """The numbers of the training files and of the test files, in the order of the rows."""
        if len(parts) == 2 or not hold_out:
            train, test = ([i for i in readable if files[i].part == part] for part in (0, 1))
            return train, test
        labels = torch.tensor([files[i].label for i in readable], dtype=torch.int64)
        if torch.bincount(labels, minlength=len(classes)).min() < MIN_IMAGES_PER_CLASS:
            return readable, []  # refused below, with what could not be read
        names = _groups([files[i] for i in readable])
        kept, held = stratified_split(labels, hold_out, seed=0, groups=names)
        return [readable[j] for j in kept.tolist()], [readable[j] for j in held.tolist()]

    def arrange(readable: list[int]) -> list[int]:
        train, test = split(readable)
        return train + test

    # which files can be read is known after decoding only, and the split is made of those
    places = [file.place for file in files]
    decoded = decode_files(listing, places, size, arrange, progress, strict, resize)
    pixels, unread = decoded.pixels, decoded.unread
    readable = [i for i in range(len(files)) if i not in unread]
    if group == "auto":
        rows = arrange(readable)
        paths = [printable_path_name(files[i].place) for i in rows]
        names, said = join_alike(pixels, [files[i].group for i in rows], paths)
        for i, name in zip(rows, names, strict=True):
            files[i] = files[i]._replace(group=name)
        notes.append(said)
        # in the order of the new split; in memory that is quicker than to decode once more
        if pixels.nbytes <= MAX_BYTES_IN_MEMORY:
            row = {i: k for k, i in enumerate(rows)}
            pixels = pixels[torch.tensor([row[i] for i in arrange(readable)])]
        else:
            pixels = decode_files(listing, places, size, arrange, None, strict, resize).pixels
    counts = Counter((files[i].label, files[i].part) for i in readable)
    _check_readable_counts(listing, classes, counts, found.test, list(unread.values()))
    train, test = split(readable)
    if test and len(parts) == 1:
        notes.append(_describe_held_out([files[i] for i in test], classes, hold_out))
        if group is None and not any(file.group for file in files):
            paths = [printable_path_name(file.place) for file in files]
            notes += suggest_groups(paths, [file.label for file in files])
    labels = [numbers[file.place] if numbers else file.label for file in files]
    copies = describe_copies(decoded.digests, list(map(printable_path_name, places)), labels)
    if not numbers:
        rows = train + test
        sizes = [decoded.sizes.get(i, (0, 0)) for i in rows]
        looks = [f"{width} x {height} px" for width, height in sizes], describe_colours(pixels)
        notes += describe_shortcuts([files[i].label for i in rows], classes, looks)
    unused = _unused_files(listing, found.tops)
    return ImageFolder(
        classes,
        _images(pixels[: len(train)], [files[i] for i in train], numbers),
        _images(pixels[len(train) :], [files[i] for i in test], numbers) if test else None,
        (*listing.notes, *copies, *decoded.notes, *notes),
        (*listing.skipped, *unused, *unread.values()),
        decoded.bits,
        held_out=bool(test) and len(parts) == 1,
    )


class _File(NamedTuple):
    """An image file that lies in a class; `part` is 0 for training and 1 for testing; `group` may be ""."""

    place: Place
    label: int
    part: int
    group: str


def _images(
    pixels: Tensor, files: list[_File], numbers: Mapping[Place, float] | None = None
) -> Images:
    if numbers:
        labels = torch.tensor([numbers[file.place] for file in files], dtype=torch.float32)
    else:
        labels = torch.tensor([file.label for file in files], dtype=torch.int64)
    names = tuple(printable_path_name(file.place) for file in files)
    return Images(pixels, labels, None, names, _groups(files))


def _groups(files: list[_File]) -> tuple[str, ...]:
    """The group of each file, its own name where it stands alone; empty where all do."""
    if not any(file.group for file in files):
        return ()
    return tuple(file.group or printable_path_name(file.place) for file in files)


def _describe_held_out(test: list[_File], classes: tuple[str, ...], share: float) -> str:
    """A sentence about the test images that were held out.

    Raises:
        ValueError: If they are of one class: all images of the others lie in one group each.
    """
    each = "each class" if len(classes) > 1 else "all"  # where a number is asked for
    line = f"no test folder: {len(test)} images, {share:.0%} of {each}, held out"
    if not (groups := _groups(test)):
        return line
    line = (
        f"no test folder: {len(test)} images of {len({*groups})} groups, as near to {share:.0%} of each class "
        "as whole groups come, held out; intervals count images, and those of one group are alike: they are "
        "too narrow"
    )
    missing = [name for k, name in enumerate(classes) if k not in {file.label for file in test}]
    if missing and len(missing) > len(classes) - 2:
        raise ValueError(
            f"all images of class {missing[0]!r} are of one group, and so none of another one is left to "
            "test on: give images of more groups, or say group 'none' to mix them"
        )
    if missing:
        names = ", ".join(map(repr, missing))
        line += f"; none is of {names}, whose images are of one group"
    return line


def _unused_files(listing: Listing, tops: set[Place]) -> list[str]:
    """A sentence for each file in these folders that is no image, or in no class."""
    outside = [f for at in sorted(tops) for f in listing.files(at, deep=False)]
    strange = sorted({f for at in tops for f in listing.files(at, images=False)})
    no_image = "does not end as an image does (.jpg, .png, .webp …)"
    archive = "is an archive: unpack it to use what it holds"
    table = (
        "was not used: the folders are the classes (label_column, --label-column reads the table)"
    )

    def describe(name: str) -> str:
        if name.lower().endswith(TABLE_ENDINGS) and not name.lower().endswith(".txt"):
            return table
        return archive if is_archive_name(name) else no_image

    return [f"{printable_path_name(f)} is in no class folder" for f in outside] + [
        f"{printable_path_name(f)} {describe(f[-1])}" for f in strange
    ]


def _check_readable_counts(
    listing: Listing,
    classes: tuple[str, ...],
    counts: Counter[tuple[int, int]],
    tested: Collection[str] | None,
    unread: list[str],
) -> None:
    """Refuse a class of which too few images could be read.

    Args:
        listing: For the message.
        classes: The class names.
        counts: Readable images by label and part.
        tested: The classes of the test folder; None where there is none.
        unread: Why files could not be read.
    """
    try:
        for k, name in enumerate(classes):
            if tested is None:
                check_class_size(name, counts[k, 0])
            elif not counts[k, 0] or (name in tested and not counts[k, 1]):
                raise ValueError(
                    f"{listing.name}: class {name!r} has no image that can be read on one side"
                )
    except ValueError as error:
        raise ValueError(f"{error}; {len(unread)} could not be read ({unread[0]} …)") from None
