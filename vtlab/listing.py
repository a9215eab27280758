"""What lies in a folder or a zip, or is listed in a table: nothing is unpacked, nothing read yet.

Whatever a person, a program or an attacker put there: links that go in circles, pipes that would
never end, members that climb out of an archive, one name twice.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
import stat
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

DEEPEST = 64  # folders above a member of a zip
DIGITS = 1000  # of a number in a name that count; Python refuses to read very long ones
LARGEST_FILE = 100_000_000  # bytes of one file, unpacked
ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".gif", ".tif",
           ".tiff", ".ppm", ".pgm", ".pbm", ".avif", ".heic", ".heif")  # fmt: skip

COLUMNS = {"file": ("file", "filename", "path", "image"), "label": ("label", "class", "category", "species"),
           "split": ("split", "part", "set", "subset")}  # fmt: skip

PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test",
         "val": "val", "valid": "val", "validation": "val"}  # fmt: skip
SLASH = "\N{DIVISION SLASH}"  # in a class's name, where a "/" would make two folders

Place = tuple[str, ...]  # a path inside the folder or zip


class Listing:
    """The files of each folder in a folder or zip, and how to read each.

    Attributes:
        name: Of the whole, for messages.
        readers: For each file a function that gives its bytes; it raises `OSError` or `ValueError` (or
            what a zip raises) where that cannot be.
        skipped: A sentence for whatever could not be listed. What a system leaves about is not
            mentioned: hidden files, `__MACOSX`, `Thumbs.db`, `desktop.ini`.
        notes: A sentence for whatever was there more than once, or led back; nothing is lost by that.
    """

    def __init__(self, name: str) -> None:
        """An empty one."""
        self.name = name
        self.folders: dict[Place, list[Place]] = {}
        self.readers: dict[Place, Callable[[], bytes]] = {}
        self.skipped: list[str] = []
        self.notes: list[str] = []

    def add(self, folder: Place, name: str = "", reader: Callable[[], bytes] = bytes) -> None:
        """Add a folder, or a file in it; the folders above come with it."""
        for n in range(len(folder) + 1):
            self.folders.setdefault(folder[:n], [])
        if name:
            self.folders[folder].append((*folder, name))
            self.readers[*folder, name] = reader

    def children(self, at: Place) -> list[str]:
        """The names of the folders right inside a folder, `img2` before `img10`."""
        names = {f[len(at)] for f in self.folders if len(f) > len(at) and f[: len(at)] == at}
        return sorted(names, key=natural)

    def below(self, at: Place = (), images: bool = True, deep: bool = True) -> list[Place]:
        """The files in a folder (`deep`: and in all below) whose names end as images do, or do not."""
        folders = [f for f in self.folders if f == at or (deep and f[: len(at)] == at)]
        files = [place for f in folders for place in self.folders[f]
                 if place[-1].lower().endswith(ENDINGS) == images]  # fmt: skip
        return sorted(files, key=lambda place: [natural(part) for part in place])


def natural(name: str) -> tuple[list[str | int], str]:
    """A sorting key with `img2` before `img10`."""
    pieces = re.split(r"([0-9]+)", name.casefold())
    return [int(p[:DIGITS]) if i % 2 else p for i, p in enumerate(pieces)], name


def spoken(place: Place) -> str:
    """A path as it can be printed: bytes that are no text, and signs that steer a terminal, escaped."""
    text = "/".join(place).encode("utf-8", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def of_folder(path: Path) -> Listing:
    """List a folder with all below it; links are followed as long as they do not go in circles."""
    found = Listing(path.resolve().name)

    def closed(error: OSError) -> None:  # os.walk would leave the folder out in silence
        place = Path(error.filename).relative_to(path).parts
        found.skipped.append(f"{spoken(place)}/ cannot be opened: {error.strerror}")

    for top, below, names in os.walk(path, onerror=closed, followlinks=True):
        here = Path(top)
        place = here.relative_to(path).parts
        if here.resolve() in {above.resolve() for above in here.parents}:
            below.clear()
            found.notes.append(f"{spoken(place)}/ is a link back to a folder above it")
            continue
        below[:] = [name for name in below if not _hidden(name)]
        found.add(place)
        for name in names:
            if not _hidden(name):
                found.add(place, name, lambda file=here / name: _content(file))
    return found


def _content(file: Path) -> bytes:
    about = file.stat()  # of what a link leads to
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is no file")  # reading a pipe would wait for ever
    if about.st_size > LARGEST_FILE:
        raise ValueError(f"it is larger than {LARGEST_FILE:,} bytes")
    return file.read_bytes()


def of_zip(path: Path, archive: zipfile.ZipFile) -> Listing:
    """List an open archive; its members are read one at a time, and only while it is open.

    Raises:
        ValueError: If a member's name climbs out of the archive, or lies over 64 folders deep: such a zip
            is not to be trusted.
    """
    found, one_at_a_time = Listing(path.name), threading.Lock()

    def read(info: zipfile.ZipInfo) -> bytes:
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ValueError("it is a link")
        if info.file_size > LARGEST_FILE:
            raise ValueError(f"it unpacks to more than {LARGEST_FILE:,} bytes")
        with one_at_a_time:  # ZipFile counts its readers without a lock
            return archive.read(info)

    for info in archive.infolist():
        name = _member_name(info)
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if ".." in parts or name.startswith("/") or re.match("[A-Za-z]:", name):
            raise ValueError(f"{path.name} is refused: its member {name!r} climbs out of the zip")
        if len(parts) > DEEPEST:
            raise ValueError(f"{path.name} is refused: a member lies {len(parts)} folders deep")
        if any(_hidden(part) for part in parts):
            continue
        if name.endswith("/"):
            found.add(parts)
        elif parts in found.readers:
            found.notes.append(f"{spoken(parts)} is in the zip twice: the first one was read")
        elif parts:
            found.add(parts[:-1], parts[-1], lambda info=info: read(info))
    return found


def of_table(path: Path) -> Listing:
    """The images that a table lists (.csv or .tsv), as if each lay in a folder of its class.

    Args:
        path: With a row per image under a line of names: a column `file` (seen from the table's folder),
            one `label`, and, where it says what is for training and what for testing, one `split`. Some
            other usual names are understood (`COLUMNS`). Commas, semicolons or tabs part the columns.

    Raises:
        ValueError: If a column is missing or the table cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        rows = list(csv.DictReader(text.splitlines(), delimiter=max(",;\t", key=first.count)))
    except (UnicodeError, csv.Error) as error:
        raise ValueError(f"{path.name} is no table in UTF-8: {error}") from None
    named = {(column or "").strip().lower(): column for column in (rows[0] if rows else {})}
    columns = {what: next((named[n] for n in names if n in named), None) for what, names in COLUMNS.items()}
    for what in ("file", "label"):
        if columns[what] is None:
            raise ValueError(f"{path.name} has no column called {' or '.join(COLUMNS[what])}; "
                             f"it has {', '.join(filter(None, named)) or 'none with a row below'}")  # fmt: skip
    found = Listing(path.name)
    for number, row in enumerate(rows, start=2):
        file, label, split = ((row[column] or "").strip() if column else "" for column in columns.values())
        if not file or not label:
            found.skipped.append(f"line {number} of {path.name} names no {'label' if file else 'file'}")
            continue
        if columns["split"] and not split:
            found.skipped.append(f"line {number} of {path.name} names no split")
            continue
        place = (*([PARTS.get(split.lower(), split.lower())] if split else ()), label.replace("/", SLASH), file)
        if place in found.readers:
            found.notes.append(f"{spoken(place)} is listed twice: it was read once")
        else:
            found.add(place[:-1], file, lambda file=path.parent / file: _content(file))
    return found


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in ("__macosx", "thumbs.db", "desktop.ini")


def _member_name(info: zipfile.ZipInfo) -> str:
    """The name with `/` even from Windows, and in UTF-8 where macOS wrote that unsaid."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")
