"""The folder of a study, in which every finished run is one sealed JSON file, written whole or not at all.

A file that is not exactly what was written is reported and never read as a result: its run is
trained again. A folder with runs of another version is refused. `study.json` says what all runs of
the folder share.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import BaseFileLock

from vtlab.results.records import RecordFieldsError, Run
from vtlab.system.files import expand_home, write_bytes
from vtlab.system.fingerprints import list_fingerprint_differences
from vtlab.system.locks import lock_folder
from vtlab.system.sealing import seal_json, unseal_json

STUDY_FILE = "study.json"
OLD_MANIFEST = "MANIFEST"  # where earlier versions kept the hashes of all runs


class RunStore:
    """A study's folder, for one process at a time: `with RunStore(folder) as store:`.

    Attributes:
        damaged: Sentences about files that were refused on entering, one a file. Their runs
            are not among `runs()`, so they are trained again.
    """

    def __init__(self, folder: str | Path) -> None:
        """Name the folder; it is made, locked and read on entering."""
        self.folder = Path(expand_home(folder))
        self.damaged: list[str] = []
        self._runs: dict[str, Run] = {}  # by key
        self._lock: BaseFileLock | None = None

    def __enter__(self) -> RunStore:
        """Make and lock the folder, clear what a killed process left, and read the runs.

        Raises:
            ValueError: If another process works in it, it is a file, or another version of vtlab
                wrote it.
            OSError: If it cannot be made or read.
        """
        if (self.folder / OLD_MANIFEST).exists():
            raise ValueError(self._refusal())
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
        assert self._lock is not None
        self._lock.release()
        self._lock = None

    def begin(self, fingerprint: dict[str, Any]) -> None:
        """Say what the study is, and refuse a folder that holds another one.

        Args:
            fingerprint: What all runs share, as JSON values; not which strategies, shots and
                seeds there are, so that a study can be widened.

        Raises:
            ValueError: Naming every field that differs, with both values; or if `study.json`
                is damaged.
            OSError: If it could not be written.
        """
        self._check_locked()
        path = self.folder / STUDY_FILE
        wanted = json.loads(json.dumps(fingerprint))
        if not path.exists() and not self._runs:
            write_bytes(path, seal_json(wanted))
            return
        if differences := list_fingerprint_differences(_read_study(path), wanted):
            raise ValueError(
                f"{self.folder} holds another study ({'; '.join(differences)}): "
                "take another folder (--out), or delete it"
            )

    def add(self, run: Run) -> None:
        """Keep a finished run: after the return it outlasts a power cut.

        Raises:
            ValueError: If another run of this key is kept already.
            OSError: If it could not be written; what was there before still is.
        """
        self._check_locked()
        name, sealed = f"{run.key}.json", seal_json(asdict(run))
        if not re.fullmatch(r"[^\W.][^\s/\\:]*", run.key) or name == STUDY_FILE:
            raise ValueError(f"a run cannot be kept in a file called {name!r}")
        if run.key in self._runs and seal_json(asdict(self._runs[run.key])) != sealed:
            raise ValueError(f"{self.folder} has another run {run.key} already")
        write_bytes(self.folder / name, sealed)
        self._runs[run.key] = run

    def runs(self) -> list[Run]:
        """The runs that are exactly as they were written, in the order of their keys."""
        return [self._runs[key] for key in sorted(self._runs)]

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys whose run is not kept, in the given order."""
        return [key for key in keys if key not in self._runs]

    def _refusal(self) -> str:
        return (
            f"{self.folder} holds runs of another version of vtlab: take another folder (--out), or "
            "delete it"
        )

    def _check_locked(self) -> None:
        if self._lock is None:
            raise ValueError(f"{self.folder} is not locked: use `with RunStore(folder) as store:`")

    def _read(self) -> None:
        """Read every run of the folder; a file that is not what was written is noted as damaged."""
        self.damaged, self._runs = [], {}
        for path in sorted(self.folder.glob("*.json")):
            if path.name == STUDY_FILE:
                continue
            try:
                run = Run.from_values(unseal_json(path.read_bytes()))
                if f"{run.key}.json" != path.name:
                    raise ValueError(f"it holds the run {run.key}")
            except RecordFieldsError:
                raise ValueError(self._refusal()) from None
            except (OSError, ValueError, TypeError, KeyError) as error:
                self.damaged.append(f"{path.name} was refused ({error}); its run is trained again")
            else:
                self._runs[run.key] = run


def _read_study(path: Path) -> dict[str, Any]:
    """What `study.json` says; its own hash stands in it, so that it is never misread."""
    try:
        return unseal_json(path.read_bytes())
    except (FileNotFoundError, ValueError):
        state = "damaged" if path.exists() else "missing"
        raise ValueError(
            f"{path} is {state}, so nobody knows which study the runs there belong "
            "to: take another folder (--out), or delete it"
        ) from None
