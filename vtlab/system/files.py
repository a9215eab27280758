"""Files that are read or written whole, and the folders that come with the package.

Everything that must outlast a kill, a full disk or a power cut is written through here: to a
file beside its place, which is flushed to the disk and then renamed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Given = TypeVar("Given")
MAX_FILE_BYTES = 100_000_000  # of a file that is read whole


def expand_home(given: Given) -> Given:
    """A path that begins with "~" as the shell would have it, below the home folder; all else as it is.

    A shell leaves "~" alone in quotes and after "=", and Python everywhere.

    Raises:
        ValueError: If it is empty, as a variable of the shell that is not set: that would be the folder one
            is in.
    """
    if isinstance(given, str) and not given.strip():
        raise ValueError("a path or name is empty; '.' is the folder you are in")
    if isinstance(given, str | Path) and str(given).startswith("~"):
        with contextlib.suppress(RuntimeError):  # of a user who is not there
            return type(given)(Path(given).expanduser())
    return given


def write_text(path: str | Path, text: str) -> None:
    """Write text with the care of `write_bytes`.

    Raises:
        OSError: If it could not be written; the old file is still there.
    """
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file so that it is the old or the new one, whatever happens meanwhile.

    Raises:
        OSError: If it could not be written; the message names it, and the old file is there.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _rename(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            why = error.strerror or str(error)
            raise OSError(error.errno, f"{path} could not be written: {why}") from error
        raise
    _flush_folder(path.parent)


def write_csv(path: str | Path, table: pd.DataFrame, *, for_spreadsheets: bool = False) -> None:
    """Write a table without its index, with the same care as `write_text`.

    Args:
        path: The file.
        table: What it will hold.
        for_spreadsheets: Begin with the mark of UTF-8, without which Excel misreads names that are not ASCII.

    Raises:
        OSError: If it could not be written; the old file is still there.
    """
    text = table.to_csv(index=False, lineterminator="\n")
    write_bytes(path, text.encode("utf-8-sig" if for_spreadsheets else "utf-8"))


def _rename(temporary: Path, path: Path) -> None:
    """Rename; on Windows again for a second, since virus scanners hold fresh files open."""
    for _ in range(20 if os.name == "nt" else 0):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            time.sleep(0.05)
    temporary.replace(path)


def _flush_folder(folder: Path) -> None:
    """A rename reaches the disk with its folder (on Windows by itself)."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # some disks flush files only
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def find_shipped_files(name: str) -> Path:
    """Where `weights`, `results` or `lessons` are: packed into an installed package, or in a clone."""
    package = Path(__file__).parents[1]
    packed = package / "_shipped" / name
    if packed.is_dir():
        return packed
    return package.parent / name if name == "lessons" else package.parent / "data" / name


def read_file(path: Path) -> bytes:
    """A file's bytes, whatever a person named.

    Raises:
        OSError: If it cannot be opened.
        ValueError: If it is no file, or larger than `MAX_FILE_BYTES`.
    """
    status = path.stat()  # of what a link leads to
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no file")  # reading a pipe would wait for ever
    if status.st_size > MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
    return path.read_bytes()
