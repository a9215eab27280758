"""The folder of a study: finished runs as small files that are never half there.

Each run is one JSON file, written beside its place, flushed to the disk and renamed; its
sha256 stands in `MANIFEST` (`sha256sum -c MANIFEST` reads it too). A file that is not listed,
or is not what was listed, is reported and never read as a result: its run is trained again.
`study.json` says what all runs of the folder share.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from filelock import BaseFileLock

from vtlab.results.records import Run
from vtlab.system.files import write_bytes, write_text
from vtlab.system.fingerprints import fingerprint_bytes
from vtlab.system.locks import lock_folder
from vtlab.system.sealing import seal_json, unseal_json

MANIFEST, STUDY = "MANIFEST", "study.json"


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
        self._lock: BaseFileLock | None = None

    def __enter__(self) -> RunStore:
        """Make and lock the folder, clear what a killed process left, and read the runs.

        Raises:
            ValueError: If another process works in it, or it is a file.
            OSError: If it cannot be made or read.
        """
        self._lock = lock_folder(
            self.folder, purpose="the runs", hint="take another folder (--out)"
        )
        try:
            self._read()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock; the operating system does so for a killed process."""
        self._lock.release()
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
            write_bytes(path, seal_json(wanted))
            return
        known = _study(path)
        odd = [
            f"{name} is {known.get(name)!r} there and {wanted.get(name)!r} here"
            for name in sorted(known.keys() | wanted.keys())
            if known.get(name) != wanted.get(name)
        ]
        if odd:
            raise ValueError(
                f"{self.folder} holds another study ({'; '.join(odd)}): "
                "take another folder (--out), or delete it"
            )

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
        if self._hashes.get(name, fingerprint_bytes(text.encode())) != fingerprint_bytes(
            text.encode()
        ):
            raise ValueError(f"{self.folder} has another run {run.key} already")
        write_text(self.folder / name, text)
        hashes = {**self._hashes, name: fingerprint_bytes(text.encode())}
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
                self.damaged.append(
                    f"line {number} of {MANIFEST} is damaged; the run that it "
                    "listed is trained again"
                )
        return listed


def _run(path: Path, listed: str | None) -> Run:
    content = path.read_bytes()
    if listed is None:
        raise ValueError(f"it is not listed in {MANIFEST}")
    if fingerprint_bytes(content) != listed:
        raise ValueError(f"its sha256 is not the one in {MANIFEST}")
    run = Run.from_json(content.decode())
    if f"{run.key}.json" != path.name:
        raise ValueError(f"it holds the run {run.key}")
    return run


def _study(path: Path) -> dict:
    """What `study.json` says; its own hash stands in it, so that it is never misread."""
    try:
        return unseal_json(path.read_bytes())
    except (FileNotFoundError, ValueError):
        state = "damaged" if path.exists() else "missing"
        raise ValueError(
            f"{path} is {state}, so nobody knows which study the runs there belong "
            "to: take another folder (--out), or delete it"
        ) from None
