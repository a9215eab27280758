"""Locks on folders, so that one process at a time works in each."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

LOCK_FILE = ".lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # some network disks have none


def lock_folder(folder: Path, *, purpose: str, hint: str) -> BaseFileLock:
    """Make a folder, lock it, and clear what a killed process left half written there.

    On a disk that knows no locks the folder is used without one.

    Args:
        folder: The folder to lock; it is made where it is missing.
        purpose: What is kept in it, for the message, such as "runs".
        hint: What a person can do who may not have it.

    Returns:
        The lock; `release()` unlocks, and so does the process's end.

    Raises:
        ValueError: If another process works in it, it cannot be written to, or it is a file.
        OSError: If it cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; {purpose} need a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        raise ValueError(f"{folder} cannot be made: its place cannot be written to") from None
    path = folder / LOCK_FILE
    lock = FileLock(
        path, timeout=0, thread_local=False, fallback_to_soft=False, on_acquired=_write_owner
    )
    try:
        lock.acquire()
    except Timeout:
        owner = ""
        with contextlib.suppress(OSError):  # Windows lets nobody read a locked file
            owner = path.read_text(errors="replace")[:20].strip()
        raise ValueError(
            f"another process{owner and f' ({owner})'} is working in {folder}: wait for it, or {hint}"
        ) from None
    except PermissionError:
        raise ValueError(f"{folder} cannot be written to") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    try:
        for file in folder.glob(".*.tmp"):
            file.unlink(missing_ok=True)
    except BaseException:
        lock.release()
        raise
    return lock


def _write_owner(handle: int) -> None:
    """Say in the lock file which process holds it."""
    with contextlib.suppress(OSError):  # a courtesy; a full disk has no room for it
        os.truncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
