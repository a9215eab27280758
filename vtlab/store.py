"""The folder of a study: finished runs as small files that are never half there.

Each run is one JSON file, written beside its place, flushed to the disk and renamed; its
sha256 stands in `MANIFEST` (`sha256sum -c MANIFEST` reads it too). A file that is not listed,
or is not what was listed, is reported and never read as a result: its run is trained again.
`study.json` says what all runs of the folder share.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from vtlab.records import Run

if TYPE_CHECKING:
    import pandas as pd

MANIFEST, STUDY, LOCK = "MANIFEST", "study.json", ".lock"
NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # some network disks have none


def write_text(path: str | Path, text: str) -> None:
    """Write a file so that it is the old or the new one, whatever happens meanwhile.

    Raises:
        OSError: If it could not be written; the message names it, and the old file is there.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(text.encode())
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


class RunStore:
    """A study's folder, for one process at a time: `with RunStore(folder) as store:`.

    Attributes:
        damaged: Sentences about files that were refused on entering, one a file. Their runs
            are not among `runs()`, so they are trained again.
    """

    def __init__(self, folder: str | Path) -> None:
        """Name the folder; it is made, locked and read on entering."""
        self.folder = Path(folder)
        self.damaged: list[str] = []
        self._runs: dict[str, Run] = {}  # by file name
        self._hashes: dict[str, str] = {}  # of the same files
        self._lock: BinaryIO | None = None

    def __enter__(self) -> RunStore:
        """Make and lock the folder, clear what a killed process left, and read the runs.

        Raises:
            ValueError: If another process works in it, or it is a file.
            OSError: If it cannot be made or read.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{self.folder} is a file; the runs need a folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.folder)
        try:
            for left in self.folder.glob(".*.tmp"):
                left.unlink(missing_ok=True)
            self._read()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        """Unlock; the operating system does so for a killed process."""
        self._lock.close()
        self._lock = None

    def begin(self, fingerprint: dict) -> None:
        """Say what the study is, and refuse a folder that holds another one.

        Args:
            fingerprint: What all runs share, as JSON values; not which strategies, shots and
                seeds there are, so that a study can be widened.

        Raises:
            ValueError: Naming every field that differs, with both values; or if `study.json`
                is damaged.
            OSError: If it could not be written.
        """
        self._check_open()
        path = self.folder / STUDY
        wanted = json.loads(json.dumps(fingerprint))
        if not path.exists() and not self._runs:
            content = {"study": wanted, "sha256": _hash(_canonical(wanted))}
            write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
            return
        known = _study(path)
        odd = [f"{name} is {known.get(name)!r} there and {wanted.get(name)!r} here"
               for name in sorted(known.keys() | wanted.keys())
               if known.get(name) != wanted.get(name)]  # fmt: skip
        if odd:
            raise ValueError(f"{self.folder} holds another study ({'; '.join(odd)}): "
                             "take another folder (--out), or delete it")  # fmt: skip

    def add(self, run: Run) -> None:
        """Keep a finished run: after the return it outlasts a power cut.

        Raises:
            ValueError: If another run of this key is kept already.
            OSError: If it could not be written; what was there before still is.
        """
        self._check_open()
        name, text = f"{run.key}.json", run.to_json()
        if not re.fullmatch(r"[^\W.][^\s/\\:]*", run.key) or name == STUDY:
            raise ValueError(f"a run cannot be kept in a file called {name!r}")
        if self._hashes.get(name, _hash(text.encode())) != _hash(text.encode()):
            raise ValueError(f"{self.folder} has another run {run.key} already")
        write_text(self.folder / name, text)
        hashes = {**self._hashes, name: _hash(text.encode())}
        lines = [f"{digest}  {file}\n" for file, digest in sorted(hashes.items())]
        try:
            write_text(self.folder / MANIFEST, "".join(lines))
        except OSError:
            if name not in self._hashes:  # else it is listed, and the same as before
                with contextlib.suppress(OSError):
                    (self.folder / name).unlink()
            raise
        self._hashes, self._runs[name] = hashes, run

    def runs(self) -> list[Run]:
        """The runs that are exactly as they were written, in the order of their keys."""
        return [self._runs[name] for name in sorted(self._runs)]

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys whose run is not kept, in the given order."""
        return [key for key in keys if f"{key}.json" not in self._runs]

    def _check_open(self) -> None:
        if self._lock is None:
            raise ValueError(f"{self.folder} is not locked: use `with RunStore(folder) as store:`")

    def _read(self) -> None:
        self.damaged, self._runs, self._hashes = [], {}, {}
        listed = self._listed()
        files = {path.name for path in self.folder.glob("*.json")} - {STUDY}
        for name in sorted(files | listed.keys()):
            try:
                if name not in files:
                    raise ValueError(f"it is listed in {MANIFEST} but is not there")
                self._runs[name] = _run(self.folder / name, listed.get(name))
                self._hashes[name] = listed[name]
            except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
                self.damaged.append(f"{name} was refused ({error}); its run is trained again")

    def _listed(self) -> dict[str, str]:
        """The hash of each file, by name; lines that say no such thing count as damage."""
        try:
            content = (self.folder / MANIFEST).read_bytes()
        except FileNotFoundError:
            return {}
        listed = {}
        for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), 1):
            match = re.fullmatch(rb"([0-9a-f]{64})  ([^\s/\\]+\.json)", line)
            try:
                listed[match[2].decode()] = match[1].decode()
            except (TypeError, UnicodeDecodeError):
                self.damaged.append(f"line {number} of {MANIFEST} is damaged; the run that it "
                                    "listed is trained again")  # fmt: skip
        return listed


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(study: dict) -> bytes:
    return json.dumps(study, sort_keys=True).encode()


def _run(path: Path, listed: str | None) -> Run:
    content = path.read_bytes()
    if listed is None:
        raise ValueError(f"it is not listed in {MANIFEST}")
    if _hash(content) != listed:
        raise ValueError(f"its sha256 is not the one in {MANIFEST}")
    run = Run.from_json(content.decode())
    if f"{run.key}.json" != path.name:
        raise ValueError(f"it holds the run {run.key}")
    return run


def _study(path: Path) -> dict:
    """What `study.json` says; its own hash stands in it, so that it is never misread."""
    try:
        content = json.loads(path.read_bytes())
        if _hash(_canonical(content["study"])) != content["sha256"]:
            raise ValueError("its sha256 differs")
        return content["study"]
    except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
        state = "damaged" if path.exists() else "missing"
        raise ValueError(f"{path} is {state}, so nobody knows which study the runs there belong "
                         "to: take another folder (--out), or delete it") from None  # fmt: skip


def _locked(folder: Path) -> BinaryIO:
    """The folder's lock file, locked; closing it unlocks, and so does the process's end."""
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
        raise ValueError(f"another process{owner and f' ({owner})'} is working in {folder}: "
                         "wait for it, or take another folder (--out)") from None  # fmt: skip
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
