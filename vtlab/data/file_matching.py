r"""Finding the files that a table names, also where it was written on another machine.

A name may have `\`, upper case or other Unicode forms, lack its ending, or begin at a folder that is not
here. One matcher copes with all, and says how it found what it found.
"""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
import urllib.parse
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from vtlab.data.file_names import (
    Place,
    is_hidden_name,
    is_image_name,
    list_few,
    natural_key,
    printable_path_name,
)
from vtlab.data.listing import CAMS_FOLDER, Listing
from vtlab.system.files import read_file

K = TypeVar("K")
MAX_LISTED = 300_000  # files and folders among which a table's are looked for
MAX_LISTED_BESIDE = 20_000  # where its folder holds no image, in the one around it
NUMBER = re.compile("[0-9]{1,18}")
FLOAT = re.compile(r"[0-9]+\.0")


@dataclass(frozen=True)
class MatchedFiles:
    """The files of a list of names.

    Attributes:
        places: Of each name the file, or None.
        unclear: Names that could be two files, by number.
        hows: For each way in which names differed from the files' how many did, and the first of them.
    """

    places: list[Place | None]
    unclear: dict[int, tuple[Place, Place]] = field(default_factory=dict)
    hows: dict[str, list[tuple[str, Place]]] = field(default_factory=dict)

    def describe(self) -> list[str]:
        """A sentence on the names that were not those of the files; none where all were."""
        if not self.hows:
            return []
        ways = list_few((f"{len(found)} {how}" for how, found in self.hows.items()), by="; ")
        name, place = next(iter(self.hows.values()))[0]
        return [
            f"files were found by other names than the table's: {ways} "
            f"({name} = {printable_path_name(place)} …)"
        ]


class FilesBeside:
    """The files beside a table, in a folder or in a zip."""

    def __init__(self, folder: Path | None, listing: Listing | None = None, at: Place = ()) -> None:
        """Remember where to look; nothing is listed before a name asks for it.

        Args:
            folder: The table's, or None where it lies in a zip.
            listing: Of the zip.
            at: The table's folder in the zip.
        """
        self.folder, self.at = folder, at
        self._given = listing

    def reader(self, place: Place) -> Callable[[], bytes]:
        """What reads a file, also one that is not there."""
        if self.folder is None:
            assert self._given is not None
            return self._given.readers.get(place, partial(_raise_missing, place))
        return partial(read_file, self.folder.joinpath(*place))

    def find_exactly(self, name: str) -> Place | None:
        """The file of just this name, seen from the table's folder."""
        if self.folder is None:
            assert self._given is not None
            place = (*self.at, *_split_path(name))
            return place if place in self._given.readers else None
        for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
            path = Path(spelling)
            try:
                if spelling and (self.folder / path).is_file():
                    return path.parts
            except (OSError, ValueError):  # too long, or with a zero in it
                continue
        return None

    def find(self, names: Sequence[str]) -> MatchedFiles:
        """The file of each name: the one that is called so, or else the one that must be meant.

        That is the file whose last folders are most like the name's; of several the one in the folder
        where most are. A name that begins with folders in which the file does not lie counts only where
        all names begin so, or where no other name has the same end.
        """
        found = [self.find_exactly(name) for name in names]
        likely = {
            i: nearest
            for i, name in enumerate(names)
            if found[i] is None and (nearest := self._find_nearest(name))
        }
        bases = {one.base for nearest in likely.values() for one in nearest}
        one_base = len(bases) == 1 and not any(found)
        homes = Counter(one.home for nearest in likely.values() for one in nearest)
        ends = Counter(_key(parts[-1]) for name in set(names) if (parts := _split_path(name)))

        def rank(one: _Nearest) -> tuple[bool, int]:
            return not one.home, homes[one.home]

        matched = MatchedFiles(found)
        for i, nearest in likely.items():
            best, *others = sorted(nearest, key=rank, reverse=True)
            if best.base and not one_base and ends[_key(_split_path(names[i])[-1])] > 1:
                continue  # the file of another name, as like as not
            if others and rank(others[0]) == rank(best):
                matched.unclear[i] = (
                    min(best.place, others[0].place),
                    max(best.place, others[0].place),
                )
                continue
            found[i] = best.place
            how = _describe_difference(names[i], best)
            matched.hows.setdefault(how, []).append((names[i], best.place))
        return matched

    def _find_nearest(self, name: str) -> list[_Nearest]:
        """The files that a name may mean."""
        parts = _split_path(name)
        if not parts:
            return []
        stem = _stem(parts[-1])
        places = (
            self._by_name.get(_key(parts[-1]))
            or self._by_name.get(_key(urllib.parse.unquote(parts[-1])))
            or self._by_stem.get(_key(stem))
            or (self._by_number.get(int(stem)) if NUMBER.fullmatch(stem) else None)
            or []
        )
        if self.folder == Path() and NUMBER.fullmatch(stem):  # no table's folder, and no name
            places = [place for place in places if place[0] != ".."]
        nearest: list[_Nearest] = []
        most = 0
        for place in places:
            folders, own = parts[:-1], list(self._from_table(place)[:-1])
            same = 0
            while folders and own and _key(folders[-1]) == _key(own[-1]):
                folders, own, same = folders[:-1], own[:-1], same + 1
            if same > most:
                nearest, most = [], same
            if same == most:
                nearest.append(_Nearest(tuple(folders), tuple(own), place))
        return nearest

    def _from_table(self, place: Place) -> Place:
        """A file as seen from the table's folder."""
        inside = place[: len(self.at)] == self.at
        return place[len(self.at) :] if inside else place

    @cached_property
    def _images(self) -> list[Place]:
        """All images in and below the table's folder; beside that folder where it holds none."""
        if self.folder is None:
            assert self._given is not None
            return self._given.files()
        folder = self.folder.resolve()
        if images := _walk_images(folder, MAX_LISTED):
            return images
        return [("..", *place) for place in _walk_images(folder.parent, MAX_LISTED_BESIDE)]

    @cached_property
    def _by_name(self) -> dict[str, list[Place]]:
        return _index((_key(place[-1]), place) for place in self._images)

    @cached_property
    def _by_stem(self) -> dict[str, list[Place]]:
        return _index((_key(_stem(place[-1])), place) for place in self._images)

    @cached_property
    def _by_number(self) -> dict[int, list[Place]]:
        """By numbers, of which a spreadsheet takes the zeros before them."""
        stems = ((_stem(place[-1]), place) for place in self._images)
        return _index((int(stem), place) for stem, place in stems if NUMBER.fullmatch(stem))

    def list_odd_names(self) -> list[str]:
        """The names of files and folders here that are not ASCII."""
        parts = {part for place in self._images for part in place}
        return [part for part in parts if not part.isascii()]


class _Nearest(NamedTuple):
    """A file that a name may mean.

    Attributes:
        base: The folders at the beginning of the name in which the file does not lie.
        home: The folders around the file that the name lacks.
        place: The file.
    """

    base: Place
    home: Place
    place: Place


def _walk_images(top: Path, most: int) -> list[Place]:
    """The images in a folder, those near the top first; the search ends after so many files and folders."""
    found: list[Place] = []
    waiting, seen, count = deque[Place]([()]), set(), 0
    while waiting and count < most:
        at = waiting.popleft()
        folder = os.path.realpath(top.joinpath(*at))
        if folder in seen:  # a link back to it
            continue
        seen.add(folder)
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: natural_key(entry.name)):
                count += 1
                if is_hidden_name(entry.name) or entry.name == CAMS_FOLDER:
                    continue
                if entry.is_dir():
                    waiting.append((*at, entry.name))
                elif is_image_name(entry.name):
                    found.append((*at, entry.name))
    return found


def _index(pairs: Iterable[tuple[K, Place]]) -> dict[K, list[Place]]:
    found: dict[K, list[Place]] = defaultdict(list)
    for key, place in pairs:
        found[key].append(place)
    return found


def _stem(name: str) -> str:
    """A name without an image's ending, or without the ".0" that a whole number has got."""
    return name.rpartition(".")[0] if is_image_name(name) or FLOAT.fullmatch(name) else name


def _split_path(name: str) -> list[str]:
    """The parts of a path or an address, whatever system wrote it."""
    name = re.sub(r"^\w{2,}://", "", name.strip()).replace("\\", "/")
    return [part for part in name.split("/") if part not in ("", ".", "..")]


def _key(part: str) -> str:
    """A name in which case and Unicode forms make no difference."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", part).casefold())


def _describe_difference(name: str, found: _Nearest) -> str:
    """In which ways a name is not that of its file."""
    hows = []
    if found.home:
        hows.append(f"in {printable_path_name(found.home)}/")
    if found.base:
        hows.append("without the folders before it")
    parts = _split_path(name)[len(found.base) :]
    own = list(found.place[-len(parts) :])
    if _key(parts[-1]) != _key(own[-1]):
        if _key(_stem(parts[-1])) == _key(_stem(own[-1])):
            hows.append(f"with the ending .{own[-1].rpartition('.')[2]}")
        else:
            hows.append("with signs for %" if "%" in parts[-1] else "with zeros before the number")
    elif parts != own:
        forms = [unicodedata.normalize("NFC", "/".join(one)) for one in (parts, own)]
        hows.append(
            "in another Unicode form" if forms[0] == forms[1] else "in other upper and lower case"
        )
    return ", ".join(hows)


def _raise_missing(place: Place) -> bytes:
    raise FileNotFoundError(2, "No such file or directory")
