"""Listings of the image files in a folder or in a zip; no image is unpacked or read yet.

They cope with whatever a person, a program or an attacker put there: links that go in circles, pipes
that would never end, members that climb out of an archive, one name twice.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import threading
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vtlab.data.file_names import (
    Place,
    is_hidden_name,
    is_image_name,
    natural_key,
    printable_name,
    printable_path_name,
)
from vtlab.data.text_encodings import decode_text
from vtlab.system.files import MAX_FILE_BYTES, read_file

MAX_ZIP_DEPTH = 64  # folders above a member
MAX_JUDGED_NAMES = 5000  # that tell the encoding of all
CAMS_FOLDER = "vtlab-cams"  # where `vtlab predict --cam` writes its pictures


class Listing:
    """The files in a folder or a zip, or those that a table names, and how to read each.

    Attributes:
        name: Of the whole, for messages.
        folders: For each folder the files right inside it.
        readers: For each file a function that gives its bytes; it raises `OSError` or `ValueError` (or
            what a zip raises) where that cannot be.
        skipped: A sentence for whatever could not be listed. What a system leaves about is not
            mentioned (`file_names.is_hidden_name`).
        notes: A sentence for whatever was there more than once, led back, or is vtlab's own; no image is
            lost by that.
    """

    def __init__(self, name: str) -> None:
        """An empty listing."""
        self.name = printable_name(name)
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

    def subfolders(self, at: Place) -> list[str]:
        """The names of the folders right inside a folder, `img2` before `img10`."""
        names = {f[len(at)] for f in self.folders if len(f) > len(at) and f[: len(at)] == at}
        return sorted(names, key=natural_key)

    def files(self, at: Place = (), images: bool = True, deep: bool = True) -> list[Place]:
        """The files in a folder, in natural order.

        Args:
            at: The folder.
            images: Those whose names end as images' do, or the others.
            deep: With all folders below it.
        """
        folders = [f for f in self.folders if f == at or (deep and f[: len(at)] == at)]
        files = [
            file for f in folders for file in self.folders[f] if is_image_name(file[-1]) == images
        ]
        return sorted(files, key=lambda file: [natural_key(part) for part in file])

    def drop_own_output(self) -> Listing:
        """The same without what vtlab wrote among the images: reports, and pictures of `predict --cam`."""
        for at in [folder for folder in self.folders if folder]:
            if at[-1] == CAMS_FOLDER:
                what = "holds pictures of vtlab predict --cam"
            elif self._is_report(at):
                what = "is a report of vtlab's"
            else:
                continue
            self.folders = {f: files for f, files in self.folders.items() if f[: len(at)] != at}
            self.notes.append(f"{printable_path_name(at)}/ {what} and was left out")
        return self

    def _is_report(self, at: Place) -> bool:
        marks = ((*at, "report.html"), (*at, "runs", "study.json"))
        return (*at, "runs") in self.folders and any(mark in self.readers for mark in marks)


def list_folder(path: Path) -> Listing:
    """List a folder with all below it; links are followed as long as they do not go in circles."""
    path = path.resolve()  # in "cat/.." or ".." the folders above would be other ones
    found = Listing(path.name)

    def note_closed(error: OSError) -> None:  # os.walk would leave the folder out in silence
        place = Path(error.filename).relative_to(path).parts
        found.skipped.append(f"{printable_path_name(place)}/ cannot be opened: {error.strerror}")

    for top, below, names in os.walk(path, onerror=note_closed, followlinks=True):
        folder = Path(top)
        place = folder.relative_to(path).parts
        if folder.resolve() in {above.resolve() for above in folder.parents}:
            below.clear()  # or os.walk would go round for ever
            found.notes.append(f"{printable_path_name(place)}/ is a link back to a folder above it")
            continue
        below[:] = [name for name in below if not is_hidden_name(name)]
        found.add(place)
        for name in names:
            if not is_hidden_name(name):
                found.add(place, name, partial(read_file, folder / name))
    return found.drop_own_output()


def list_zip(path: Path, archive: zipfile.ZipFile) -> Listing:
    """List an open archive; its members are read one at a time, and only while it is open.

    Raises:
        ValueError: If all of it is encrypted; or if a member's name climbs out of the archive, or lies over 64
            folders deep: such a zip is not to be trusted.
    """
    found, one_at_a_time = Listing(path.name), threading.Lock()

    def read(info: zipfile.ZipInfo) -> bytes:
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ValueError("it is a link")
        if info.file_size > MAX_FILE_BYTES:
            raise ValueError(f"it unpacks to more than {MAX_FILE_BYTES:,} bytes")
        with one_at_a_time:  # ZipFile counts its readers without a lock
            return archive.read(info)

    members = archive.infolist()
    if members and all(info.flag_bits & 1 or info.is_dir() for info in members):
        raise ValueError(
            f"{path.name} is encrypted: unpack it with its password, and give the folder"
        )
    names, encoding = _decode_names(members)
    if encoding:
        found.notes.append(f"names in {found.name} are not in UTF-8: they were read as {encoding}")
    for info, name in zip(members, names, strict=True):
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if ".." in parts or name.startswith("/") or re.match("[A-Za-z]:", name):
            raise ValueError(f"{path.name} is refused: its member {name!r} climbs out of the zip")
        if len(parts) > MAX_ZIP_DEPTH:
            raise ValueError(f"{path.name} is refused: a member lies {len(parts)} folders deep")
        if any(is_hidden_name(part) for part in parts):
            continue
        if name.endswith("/"):
            found.add(parts)
        elif parts in found.readers:
            found.notes.append(
                f"{printable_path_name(parts)} is in the zip twice: the first one was read"
            )
        elif parts:
            found.add(parts[:-1], parts[-1], partial(read, info))
    return found.drop_own_output()


def _decode_names(members: list[zipfile.ZipInfo]) -> tuple[list[str], str]:
    """The members' names, with `/` even from Windows, and in which encoding they are where nothing says it.

    A zip says of a name that it is in UTF-8, or else means code page 437. But macOS writes UTF-8 unsaid, and
    Windows in East Asia and Russia its own code page. All names tell together which it is.

    Returns:
        The names; "" for UTF-8 and for code page 437.
    """
    raw: list[bytes | None] = []
    for info in members:
        name = info.orig_filename.partition("\0")[0]
        try:
            raw.append(None if info.flag_bits & 0x800 else name.encode("cp437"))
        except UnicodeError:  # Python has found the name in Unicode elsewhere
            raw.append(None)
    parts = {
        part for name in raw if name for part in re.split(rb"[/.]", name) if not part.isascii()
    }
    # backslashes are second bytes, too: names are decoded before they are split at those
    joined = b"\n".join(sorted(parts)[:MAX_JUDGED_NAMES])
    encoding = decode_text(joined, western="cp437")[1] if joined else "utf-8"
    names = []
    for info, content in zip(members, raw, strict=True):
        name = info.filename
        if content is not None:
            with contextlib.suppress(UnicodeError):
                name = content.decode(encoding)
        names.append(name.replace("\\", "/"))
    return names, "" if encoding in ("utf-8", "cp437") else encoding
