"""Files that are never half there, files that know their own sha256, and locked folders.

Everything that must outlast a kill, a full disk or a power cut is written through here: beside
its place, flushed to the disk, renamed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import pandas as pd

LOCK = ".lock"
NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # some network disks have none


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


def write_csv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table without its index, with the same care as `write_text`.

    Raises:
        OSError: If it could not be written; the old file is still there.
    """
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


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


def sha256_of(content: bytes) -> str:
    """The sha256 as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sealed(values: dict) -> bytes:
    """JSON values with their own sha256, as `unsealed` reads them and nothing else."""
    plain = json.dumps(values, sort_keys=True, indent=1)
    seal = sha256_of(plain.encode())
    return f'{{"sha256": "{seal}",\n"content": {plain}}}\n'.encode()


def unsealed(content: bytes) -> dict:
    """The values that `sealed` wrote.

    Raises:
        ValueError: If a single bit is another one.
    """
    try:
        values = json.loads(content)["content"]
        whole = isinstance(values, dict) and sealed(values) == content
    except (ValueError, TypeError, KeyError, RecursionError):
        whole = False
    if not whole:
        raise ValueError("its sha256 differs")
    return values


def opened(folder: Path, what: str, otherwise: str) -> BinaryIO:
    """Make a folder, lock it, and clear what a killed process left half written there.

    Args:
        folder: Which.
        what: What is kept in it, for the message, such as "runs".
        otherwise: What a person can do who may not have it.

    Returns:
        The lock file; closing it unlocks, and so does the process's end.

    Raises:
        ValueError: If another process works in it, it cannot be written to, or it is a file.
        OSError: If it cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; {what} need a folder")
    folder.mkdir(parents=True, exist_ok=True)
    lock = _locked(folder, otherwise)
    try:
        for left in folder.glob(".*.tmp"):
            left.unlink(missing_ok=True)
    except BaseException:
        lock.close()
        raise
    return lock


def _locked(folder: Path, otherwise: str) -> BinaryIO:
    try:
        file = (folder / LOCK).open("a+b", buffering=0)
    except PermissionError:
        raise ValueError(f"{folder} cannot be written to") from None
    try:
        _lock(file)
    except OSError as error:
        if error.errno in NO_LOCKS_HERE:
            return file
        file.seek(0)
        owner = file.read(20).decode(errors="replace").strip()
        file.close()
        raise ValueError(
            f"another process{owner and f' ({owner})'} is working in {folder}: "
            f"wait for it, or {otherwise}"
        ) from None
    with contextlib.suppress(OSError):  # who holds it is a courtesy; a full disk has no room
        file.truncate(0)
        file.write(str(os.getpid()).encode())
    return file


def _lock(file: BinaryIO) -> None:
    """Lock without waiting; OSError where somebody has it."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(1 << 20)  # a byte past the content, which stays readable to others
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        finally:
            file.seek(0)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def shipped_folder(name: str) -> Path:
    """Where `weights`, `results` or `lessons` are: packed into an installed package, or in a clone."""
    package = Path(__file__).parents[1]
    packed = package / "_shipped" / name
    if packed.is_dir():
        return packed
    return package.parent / name if name == "lessons" else package.parent / "data" / name
