"""Loading images from whatever a person has: a path, a public data set, arrays, a Dataset, a DataFrame.

What was asked for and would not be used is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vtlab.data.class_folders import describe_groups_on_both_sides
from vtlab.data.decoding import DEEP_BITS
from vtlab.data.file_matching import FilesBeside
from vtlab.data.file_names import list_few, printable_path_name
from vtlab.data.folders import ImageFolder, read_class_folders, read_folder
from vtlab.data.groups import check_group_word
from vtlab.data.images import Images
from vtlab.data.listing import Listing
from vtlab.data.near_duplicates import near_duplicates
from vtlab.data.own_images import (
    IMAGE_KEYS,
    LABEL_KEYS,
    read_arrays,
    read_dataset,
    write_image,
)
from vtlab.data.public_datasets import PUBLIC_DATASETS, list_public_dataset
from vtlab.data.split_names import find_split
from vtlab.data.splits import stratified_split
from vtlab.data.table_cells import table_of_frame
from vtlab.data.tables import Columns, list_table_images
from vtlab.models.starts import find_default_start
from vtlab.system.files import expand_home

HOLDOUT_SHARE = 0.3  # of the images, where there is no test set


@dataclass(frozen=True)
class Loading:
    """How images are loaded; the attributes are arguments of `tasks.task`."""

    image_size: int | None = None
    strict: bool = False
    resize: str = "crop"
    group: str | None = None
    columns: Columns = field(default_factory=Columns)
    classes: tuple[str, ...] = ()
    groups: Sequence[Any] | str = ()
    progress: Callable[[int, int], None] | None = None

    def check_not_given(self, name: str, why: str, *words: str) -> None:
        """Refuse what would not be used.

        Raises:
            ValueError: Naming it.
        """
        for word in words:
            if (value := getattr(self, word)) != getattr(Loading(), word):
                if word == "columns" and value == Columns(regression=True):
                    word, value = "regression", True
                raise ValueError(f"{name} {why}, and {word} {value!r} would say nothing")

    @property
    def size_of_photographs(self) -> int:
        """Side in pixels where the images have none of their own."""
        return self.image_size or find_default_start(photographs=True).image_size

    def options(self, hold_out: float) -> dict[str, Any]:
        """What all that reads files is told."""
        return {
            "progress": self.progress,
            "strict": self.strict,
            "resize": self.resize,
            "hold_out": hold_out,
        }


def load_images(given: Any, how: Loading, test: Any = None) -> tuple[str, ImageFolder]:
    """Images to learn from and to test on, and what they are called.

    Args:
        given: A path, a name of a public data set, or images in memory, as `tasks.task` takes them.
        how: They are loaded.
        test: The test images, given likewise; None to hold some out where there are none.

    Raises:
        ValueError: If they are no images with labels, or something given would not be used.
        OSError: If a path is not there, or a data set could not be fetched.
    """
    given, own_test, notes = _take_apart(given)
    if test is not None and own_test is not None:
        raise ValueError("test is given, and there is a test set already: leave one out")
    test = own_test if test is None else test
    name, read = _load(given, how, HOLDOUT_SHARE if test is None else 0)
    read = replace(read, notes=(*notes, *read.notes))
    if test is not None:
        size = read.train.pixels.shape[-1]
        read = _add_test(read, _load(test, replace(how, image_size=size, groups=()), 0)[1])
    assert read.test is not None
    if alike := near_duplicates(read.train.pixels, read.test.pixels):
        i, j = alike[0]
        note = (
            f"{len(alike)} of {len(read.test)} test images look the same as a training image, which "
            f"flatters the test accuracy ({read.test.files[j]} and {read.train.files[i]} …)"
            + ("; group 'auto' keeps such images on one side" if read.held_out else "")
        )
        read = replace(read, notes=(*read.notes, note))
    return name, read


def _take_apart(given: Any) -> tuple[Any, Any, list[str]]:
    """What is to learn from and, or None, what to test on, where one object holds both; and what to say.

    These are a mapping of parts, as Hugging Face's, two pairs of arrays, as Keras gives, and a mapping of
    images and labels.

    Raises:
        ValueError: If a mapping holds something else.
    """
    if isinstance(given, Mapping):
        parts = {find_split(str(key)): key for key in given}
        keys = [next((k for k in names if k in given), None) for names in (IMAGE_KEYS, LABEL_KEYS)]
        if "train" in parts:
            test = parts.get("test", parts.get("val"))
            notes = [] if test is None else [f"the test set is {test!r}"]
            aside = [repr(key) for key in given if key not in (parts["train"], test)]
            notes += [f"{', '.join(aside)} left aside"] if aside else []
            return given[parts["train"]], None if test is None else given[test], notes
        if None not in keys:
            aside = [repr(key) for key in given if key not in keys]
            notes = [f"{', '.join(aside)} left aside"] if aside else []
            return tuple(given[key] for key in keys), None, notes
        raise ValueError(
            f"a {type(given).__name__} holds {list_few(map(repr, given), 5)}: it is to hold 'train' and "
            "'test', or 'image' and 'label'"
        )
    if isinstance(given, tuple) and len(given) == 2 and all(map(_is_pair_of_arrays, given)):
        return (*given, [])
    return given, None, []


def _is_pair_of_arrays(part: Any) -> bool:
    """Whether this is a tuple of images and as many labels."""
    return (
        isinstance(part, tuple)
        and len(part) == 2
        and all(hasattr(one, "__len__") for one in part)
        and len(part[0]) == len(part[1])
    )


def _load(given: Any, how: Loading, hold_out: float) -> tuple[str, ImageFolder]:
    """Images and their name; with a test set where one is declared, or a share is to be held out."""
    if isinstance(given := expand_home(given), (str, os.PathLike)):
        how.check_not_given(str(given), "is no set of images in memory", "classes", "groups")
        return _load_files(str(given), how, hold_out)
    if hasattr(given, "to_pandas") and hasattr(given, "columns"):
        given = given.to_pandas()
    if isinstance(given, (tuple, list)) and len(given) == 2 and _are_paths(given[0]):
        from pandas import DataFrame

        given = DataFrame({"file": list(map(str, given[0])), "label": list(given[1])})
    if hasattr(given, "itertuples"):
        if given.index.inferred_type == "string":  # of files, say
            given = given.reset_index()
        return "table", _load_frame(given, how, hold_out)
    name, read = _load_from_memory(given, how)
    return name, _hold_out(read, hold_out) if hold_out else read


def _load_files(name: str, how: Loading, hold_out: float) -> tuple[str, ImageFolder]:
    """The images of a folder, a zip, a table, or a public data set."""
    path, size, options = Path(name), how.size_of_photographs, how.options(hold_out)
    if name in PUBLIC_DATASETS and not path.exists():
        how.check_not_given(name, "is no table", "columns")
        check_group_word(how.group)
        read = read_class_folders(list_public_dataset(name), size, group=how.group, **options)
        return name, replace(read, flip=PUBLIC_DATASETS[name].flip)
    read = read_folder(path, size, group=how.group, columns=how.columns, **options)
    # resolved, since "." and ".." say no name
    own_name = path.resolve().name if path.is_dir() else path.stem
    return printable_path_name((own_name,)), read


def _load_from_memory(given: Any, how: Loading) -> tuple[str, ImageFolder]:
    """The images of arrays or a Dataset, all to learn from."""
    kind = type(given).__name__
    if isinstance(how.groups, str) or how.group:
        raise ValueError("groups of images in memory are a list, with the group of each image")
    if how.columns != Columns(regression=how.columns.regression):
        raise ValueError(f"columns are of a table, and a {kind} is none")
    options: dict[str, Any] = {
        "resize": how.resize,
        "classes": how.classes,
        "groups": list(how.groups),
        "regression": how.columns.regression,
        "default_size": how.size_of_photographs,
    }
    if isinstance(given, Images):
        options["groups"] = options["groups"] or list(given.groups)
        given = given.pixels, given.labels
    pairs = isinstance(given, list) and len(given) > 2 and isinstance(given[0], (tuple, dict))
    if isinstance(given, (tuple, list)) and not pairs:
        if len(given) != 2:
            raise ValueError(
                f"images in memory are a pair (images, labels), not {len(given)} things"
            )
        images, labels = given
        return "arrays", read_arrays(images, labels, how.image_size, **options)
    if hasattr(given, "dataset") and hasattr(given, "batch_size"):
        raise ValueError(f"a {kind} gives batches: give its dataset")
    if hasattr(given, "__getitem__") and hasattr(given, "__len__") and not hasattr(given, "shape"):
        read = read_dataset(given, how.image_size, progress=how.progress, **options)
        return kind.lower(), read
    raise ValueError(
        f"a {kind} is no task: give a name, a path, a pair (images, labels), a Dataset with a length, a "
        "DataFrame, or build a vt.Task of two vt.Images"
    )


def _load_frame(frame: Any, how: Loading, hold_out: float) -> ImageFolder:
    """The images of a DataFrame, whose files are seen from the working folder."""
    columns, files = how.columns, FilesBeside(Path())
    if cells := _find_images(frame):
        frame = frame.assign(**{cells[0]: [place[-1] for place in cells[1].files()]})
        columns, files = (
            replace(columns, file=columns.file or cells[0]),
            FilesBeside(None, cells[1]),
        )
    if not isinstance(how.groups, str) and len(how.groups) not in (0, len(frame)):
        raise ValueError(f"{len(frame)} images have {len(frame)} groups, not {len(how.groups)}")
    if isinstance(group := how.groups or how.group, str):
        columns = replace(columns, group=group)
    elif len(how.groups):
        columns, frame = replace(columns, group="group"), frame.assign(group=list(how.groups))
    try:
        made = list_table_images(table_of_frame(frame), files, columns)
    except ValueError as error:
        hint = "images in memory go in as a pair (images, labels) or as vt.Task"
        raise ValueError(f"{error} ({hint})") from None
    read = read_class_folders(
        made.listing,
        how.size_of_photographs,
        found=made.folders,
        numbers=made.numbers,
        **how.options(hold_out),
    )
    if not how.classes:
        return read
    if sorted(how.classes) != sorted(read.classes):
        raise ValueError(
            f"the table has the classes {', '.join(read.classes)}, not {', '.join(how.classes)}"
        )
    return _rename_classes(read, how.classes)


def _are_paths(images: Any) -> bool:
    """Whether these are names of files."""
    columns = isinstance(images, (list, tuple, np.ndarray)) or hasattr(images, "to_list")
    return columns and isinstance(next(iter(images), None), (str, os.PathLike))


def _find_images(frame: Any) -> tuple[str, Listing] | None:
    """The column of a DataFrame that holds images, and a listing of them; None where none does.

    They are pictures of Pillow, arrays of bytes, or files' contents, as in the tables of Hugging Face.
    """
    for column in frame.columns:
        if not len(frame) or write_image(frame[column].iloc[0]) is None:
            continue
        listing = Listing(str(column))
        for i, cell in enumerate(frame[column]):
            listing.add((), f"{column}[{i}].png", partial(_read_cell, cell))
        return str(column), listing
    return None


def _read_cell(cell: Any) -> bytes:
    content = write_image(cell)
    if content is None:
        raise ValueError(f"its cell holds a {type(cell).__name__} and no image")
    return content


def _hold_out(read: ImageFolder, share: float) -> ImageFolder:
    """The same with a share of each class to test on."""
    images = read.train
    kept, held = stratified_split(images.strata, share, 0, read.classes, images.groups)
    each = "each class" if len(read.classes) > 1 else "all"  # where a number is asked for
    note = f"no test images: {len(held)} images, {share:.0%} of {each}, held out"
    notes = (*read.notes, note)
    return replace(read, train=images[kept], test=images[held], notes=notes, held_out=True)


def _rename_classes(read: ImageFolder, classes: tuple[str, ...]) -> ImageFolder:
    """The same with its classes among these, in this order."""
    if read.train.labels.is_floating_point():
        return read
    number = torch.tensor([classes.index(name) for name in read.classes])
    train = replace(read.train, labels=number[read.train.labels])
    test = read.test and replace(read.test, labels=number[read.test.labels])
    return replace(read, classes=classes, train=train, test=test)


def _add_test(read: ImageFolder, other: ImageFolder) -> ImageFolder:
    """Images to learn from, with others to test on.

    Raises:
        ValueError: If there are test images already, a class to test is none to learn, or the two have
            scales of their own.
    """
    if read.test is not None or other.test is not None:
        raise ValueError("test is given, and there is a test set already: leave one out")
    if read.bits != other.bits and DEEP_BITS not in (read.bits, other.bits):
        raise ValueError(
            f"the images to learn from use {read.bits} bits and those to test on {other.bits}: one number "
            "would be two shades; give both on one scale"
        )
    notes = list(read.notes)
    if not read.train.labels.is_floating_point():
        if odd := [name for name in other.classes if name not in read.classes]:
            raise ValueError(f"the test images have a class {odd[0]!r} that is none to learn from")
        if lost := [name for name in read.classes if name not in other.classes]:
            notes.append(f"the test set has no image of {list_few(map(repr, lost))}")
    # one that stands alone is called as its file
    sides = ({*part.groups} - {*part.files} for part in (read.train, other.train))
    notes += describe_groups_on_both_sides(*sides)
    notes += [f"of the test images: {note}" for note in other.notes if note not in read.notes]
    return replace(
        read,
        test=_rename_classes(other, read.classes).train,
        notes=tuple(notes),
        skipped=(*read.skipped, *other.skipped),
    )
