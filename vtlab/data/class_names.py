"""Classes that the names of files say, as in `cat.0.jpg` and `dog_17.jpg`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from vtlab.data.class_folders import ClassFolders, FilesByClass
from vtlab.data.file_names import Place, list_few, natural_key, printable_path_name
from vtlab.data.listing import Listing
from vtlab.data.split_names import find_split

NAME = re.compile(r"([^\W\d_](?:[^\d]*[^\W\d_])?)[\W_]*\d+\W?\.\w+")
# what cameras and programs write before a number
CAMERAS = frozenset(
    "img image images dsc dscn dscf p pxl photo picture pic frame file scan screenshot vid mvimg gopr dji wp "
    "train test val valid".split()
)


def find_classes_in_names(listing: Listing) -> ClassFolders | None:
    """What the files of a listing are by the beginnings of their names; None where these say no classes.

    They do where all files to learn from are called by a word and a number, there are two words or more, and
    each begins several names. Files in one folder, or in `train/` beside others, are read so.

    Args:
        listing: Of a folder or a zip whose folders are no classes.
    """
    files = listing.files()
    folders = {file[:-1] for file in files}
    parts = {at: find_split(at[-1]) if at else "" for at in folders}
    home = [at for at in folders if parts[at] == "train"] if len(folders) > 1 else [*folders]
    if len(home) != 1 or not all(parts[at] for at in folders if len(folders) > 1):
        return None
    train, test = defaultdict[str, list[Place]](list), defaultdict[str, list[Place]](list)
    notes, aside = [], Counter[Place]()
    tested = sorted(folders - {*home}, key=lambda at: (parts[at], at))[:1]  # "test" before "val"
    for file in files:
        match = NAME.fullmatch(file[-1])
        if file[:-1] in home:
            if not match or match[1].casefold() in CAMERAS:
                return None
            train[match[1]].append(file)
        elif match and file[:-1] in tested:
            test[match[1]].append(file)
        else:
            aside[file[:-1]] += 1
    if len(train) < 2 or min(map(len, train.values())) < 2 or not {*test} <= {*train}:
        return None
    classes = sorted(train, key=natural_key)
    first = train[classes[0]][0]
    notes = [
        f"the classes are what the names of files begin with ({list_few(classes)}): "
        f"{printable_path_name(first)} is of {classes[0]!r}"
    ]
    notes += [f"the test set is {printable_path_name(at)}/" for at in tested if test]
    notes += [
        f"{count} images of {printable_path_name(at)}/ were left aside: their names say no class"
        for at, count in aside.items()
    ]
    ordered: FilesByClass = {name: train[name] for name in classes}
    held: FilesByClass | None = {name: test[name] for name in classes if name in test} or None
    return ClassFolders(ordered, held, {}, notes, set())
