"""Groups of images that no split may divide (patients, animals, films, bursts): how they are found.

Folders and the columns of a table name them; a pattern finds them in the files' names; images that look the
same are joined. What looks like groups and is not used is said.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from torch import Tensor

from vtlab.data.file_names import list_few
from vtlab.data.near_duplicates import join_near_duplicates

GROUP_WORDS = ("folder", "name", "auto", "none")
NAME = re.compile(r"([^/]*?)[-_. (]+[a-z]{0,5}\d+\)?\.\w+$", re.IGNORECASE)  # "p07" of p07_1.jpg
FOLDER = re.compile(r"(.+)/[^/]*$")
MIN_SUGGESTED_GROUPS = 4


def check_group(group: str | None, in_table: bool = False) -> re.Pattern[str] | None:
    """The pattern that `group` is: one with brackets, or that of "name"; None for other words or nothing.

    Args:
        group: As in `read_folder`.
        in_table: Whether a table names the files; then "folder" is the one in which each lies.

    Raises:
        ValueError: If it is a pattern that cannot be read, or has not one pair of brackets.
    """
    if group == "name":
        return NAME
    if group == "folder" and in_table:
        return FOLDER
    if group is None or "(" not in group:
        return None
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise ValueError(f"group {group!r} is no pattern: {error}") from None
    if pattern.groups != 1:
        raise ValueError(
            f"group {group!r} has {pattern.groups} pairs of brackets; one says what names a group"
        )
    return pattern


def is_group_column(group: str | None) -> bool:
    """Whether `group` names a column of a table, or says that none is to be used."""
    return group is not None and (
        group == "none" or (group not in GROUP_WORDS and "(" not in group)
    )


def check_group_word(group: str | None) -> None:
    """Refuse a word that says nothing about folders.

    Raises:
        ValueError: If it is neither one of `GROUP_WORDS` nor a pattern.
    """
    if group is not None and group not in GROUP_WORDS and check_group(group) is None:
        raise ValueError(
            f"group {group!r} would be a column of a table, and there is none; else it is 'folder' (those in "
            "a class folder), 'name' (p07 of p07_1.jpg), 'auto' (images that look the same), 'none', or a "
            r"pattern with brackets for the names of files, such as '(patient\d+)_'"
        )


def find_groups_by_pattern(files: Sequence[str], pattern: re.Pattern[str]) -> tuple[list[str], str]:
    """What a pattern's brackets hold in each file's path, "" where it is not found; and a sentence on that.

    Raises:
        ValueError: If it is found in no path.
    """
    found = [match[1] or "" if (match := pattern.search(file)) else "" for file in files]
    named = list(filter(None, found))
    if not named:
        raise ValueError(
            f"group {pattern.pattern!r} is found in no name of a file; the first is {files[0]}"
        )
    kinds = list(dict.fromkeys(named))
    lost = len(files) - len(named)
    return found, (
        f"{len(kinds)} groups by the names of files ({list_few(kinds)}): each is whole on one side of every "
        "split" + (f"; {lost} files have no such name and stand alone" if lost else "")
    )


def join_alike(
    pixels: Tensor, groups: Sequence[str], files: Sequence[str]
) -> tuple[list[str], str]:
    """The groups, joined where images of them look the same, and a sentence on that.

    Args:
        pixels: Bytes `(N, 3, H, W)`.
        groups: The group of each image, "" where it stands alone.
        files: The names of the images, which become those of groups.
    """
    alike = join_near_duplicates(pixels)
    owner: dict[str, int] = {}
    root = {number: number for number in alike}

    def find(number: int) -> int:
        while root[number] != number:
            number = root[number]
        return number

    for number, group in zip(alike, groups, strict=True):
        if group:
            root[find(number)] = find(owner.setdefault(group, number))
    joined = [find(number) for number in alike]
    sizes = Counter(joined)
    names: dict[int, str] = {}
    for number, group, file in zip(joined, groups, files, strict=True):
        names.setdefault(number, group or file)
    counts = Counter(alike)
    several = [n for n in alike if counts[n] > 1]
    if not several:
        return list(groups), "no two images look the same: there are no further groups"
    return [names[n] if sizes[n] > 1 else "" for n in joined], (
        f"{len(several)} images look the same as another one and are joined to {len({*several})} groups, the "
        f"largest of {max(counts.values())}: each is whole on one side of every split"
    )


def suggest_groups(files: Sequence[str], labels: Sequence[int]) -> list[str]:
    """A sentence where the files' names look like several images of one thing each; else none.

    Names such as `p07_1.jpg` and `p07_2.jpg` do: they differ in their last number only, there are several
    such stems in every class, and nearly all images have one.

    Args:
        files: Paths, with "/" between folders.
        labels: The class of each.
    """
    stems = [match[1] if (match := NAME.search(file)) else file for file in files]
    counts = Counter(stems)
    classes = defaultdict[int, set[str]](set)
    for stem, label in zip(stems, labels, strict=True):
        classes[label].add(stem)
    several = [stem for stem in counts if counts[stem] > 1 and re.search(r"\d", stem)]
    if (
        len(several) < MIN_SUGGESTED_GROUPS
        or sum(counts[stem] for stem in several) < 0.8 * len(files)
        or min(map(len, classes.values())) < 2
    ):
        return []
    return [
        f"{len(several)} beginnings of files' names ({list_few(several)}) are shared by several images, as of "
        "one patient, animal or film, which then may be on both sides of a split: if so, say group 'name'"
    ]
