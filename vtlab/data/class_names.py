"""Classes that the names of files say, as in `cat.0.jpg` and `dog_17.jpg`."""

from __future__ import annotations

import re
from collections import defaultdict

from vtlab.data.class_folders import (
    ClassFolders,
    FilesByClass,
    match_class_names,
    name_class,
)
from vtlab.data.file_names import (
    Place,
    describe_class_names,
    list_few,
    natural_key,
    printable_path_name,
)
from vtlab.data.listing import Listing
from vtlab.data.split_names import find_split

# letters, also those whose bytes are no text; then all but digits; then signs and a number. Marks above and
# below letters are no signs: in Thai, say, two words may differ in these alone.
NAME = re.compile(
    r"((?:[^\W\d_]|[\udc80-\udcff])[^\d]*?)"
    r"[\s_\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\xbf\u2000-\u206f\u3000-\u303f]*\d+\W?\.\w+"
)
# what cameras and programs write before a number
CAMERAS = frozenset(
    "img image images dsc dscn dscf p pxl photo picture pic frame file scan screenshot vid mvimg gopr dji wp "
    "train test val valid".split()
)


def find_classes_in_names(listing: Listing) -> ClassFolders | None:
    """What the files of a listing are by the beginnings of their names; None where these say no classes.

    They do where all files to learn from are called by a word and a number, there are two words or more, and
    each begins several names. Files in one folder, or in `train/` beside others, are read so; the test set is
    the first of the other folders whose files are called by these words.

    Args:
        listing: Of a folder or a zip whose folders are no classes.

    Raises:
        ValueError: If files to test on are called by one of these words, and others by another one.
    """
    by_folder = defaultdict[Place, list[Place]](list)
    for file in listing.files():
        by_folder[file[:-1]].append(file)
    parts = {at: find_split(at[-1]) if at else "" for at in by_folder}
    alone = len(by_folder) == 1
    home = [at for at in by_folder if alone or parts[at] == "train"]
    if len(home) != 1 or not (alone or all(parts.values())):
        return None
    train = _group_by_word(by_folder.pop(home[0]))
    no_words = CAMERAS | {""}
    if (
        len(train) < 2
        or min(map(len, train.values())) < 2
        or no_words & {*map(str.casefold, train)}
    ):
        return None
    train = {name: train[name] for name in sorted(train, key=natural_key)}
    first = next(iter(train.values()))[0]
    notes = [
        f"the classes are what the names of files begin with ({list_few(train)}): "
        f"{printable_path_name(first)} is of {next(iter(train))!r}",
        *describe_class_names(listing.name, train),
    ]
    test: FilesByClass | None = None
    for at in sorted(by_folder, key=lambda at: (parts[at], at)):  # "test" before "val"
        words, where = _group_by_word(by_folder[at]), f"{printable_path_name(at)}/"
        known = match_class_names(words, train)
        odd = [word for word in words if word and word not in known]
        if test is not None:
            notes.append(f"{where} was left aside: the test set is another folder")
        elif known and odd:
            raise ValueError(
                f"{listing.name}: class {odd[0]!r} is in {where} only, and so there is nothing to learn it from"
            )
        elif not known:
            own = (
                f"their names ({list_few(odd)}) are no classes"
                if odd
                else "their names say no class"
            )
            notes.append(f"{len(by_folder[at])} images of {where} were left aside: {own}")
        else:
            test = defaultdict(list)
            for word, name in known.items():
                test[name] += words[word]
            notes.append(f"the test set is {where}")
            if unknown := len(words.get("", ())):
                notes.append(
                    f"{unknown} images of {where} were left aside: their names say no class"
                )
    found = ClassFolders(train, test, {}, notes, set())
    found.notes += found.describe_split()
    return found


def _group_by_word(files: list[Place]) -> FilesByClass:
    """Files by the words that their names begin with, as they can be printed; "" where they do so with none."""
    found = defaultdict[str, list[Place]](list)
    for file in files:
        match = NAME.fullmatch(file[-1])
        found[name_class(match[1]) if match else ""].append(file)
    return found
