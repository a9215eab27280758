"""Features of more images than memory, kept from one process to the next.

The file's name is a hash of the images, the stages' weights and all else that the features depend on.
Every part has a hash of its own. What is missing or damaged is computed again, and what cannot
be written costs time, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from vtlab.files import opened
from vtlab.fingerprints import of_tensors
from vtlab.network import Network
from vtlab.pixel_store import HASH, cache_folder, forget

VERSION = 1  # of the file
NAME = "features.bin"


def key(network: Network, pixels: Tensor, half: bool) -> str:
    """A name for the features of these images: another one where anything that they depend on differs."""
    known = (VERSION, torch.__version__, network.device.type, torch.get_num_threads(), half,
             network.normalisation, network.pooling, str(network.stages),
             of_tensors(network.stages.state_dict()), of_tensors({"pixels": pixels}))  # fmt: skip
    return hashlib.sha256(repr(known).encode()).hexdigest()[:24]


class FeatureFile:
    """The features of one set of images, in parts of equal length (the last may be shorter)."""

    def __init__(self, folder: Path, first: Tensor) -> None:
        """Open it, if it can be had.

        Args:
            folder: A folder of its own.
            first: The first part, `(n, D)` float32, computed now. A file that begins otherwise is
                not believed: it begins anew.
        """
        self.first, self._file, self._lock = first, None, None
        with contextlib.suppress(OSError, ValueError):  # no room, or another process has it
            self._lock = opened(folder, "features", "go on without them")
            self._file = _opened(folder / NAME)
            os.utime(folder / NAME)
            forget(folder.parent, folder, NAME)
            if (begins := self.read(0, len(first))) is None or not torch.equal(begins, first):
                self._file.truncate(0)
                self.write(0, first)

    @classmethod
    def of(cls, network: Network, pixels: Tensor, half: bool, first: Tensor) -> FeatureFile:
        """The file of these images' features in the cache."""
        return cls(cache_folder() / "features" / key(network, pixels, half), first)

    def read(self, number: int, count: int) -> Tensor | None:
        """Part `number`, `(count, D)`; None if it is not there, or not as it was written."""
        if self._file is None:
            return None
        with contextlib.suppress(OSError):
            self._file.seek(self._place(number))
            check, content = self._file.read(HASH), self._file.read(count * self._row)
            if len(content) == count * self._row and check == _check(number, content):
                return torch.frombuffer(bytearray(content), dtype=torch.float32).view(count, -1)
        return None

    def write(self, number: int, part: Tensor) -> None:
        """Keep a part; where there is no room, nothing more is kept."""
        if self._file is None:
            return
        content = part.contiguous().numpy().tobytes()
        try:
            self._file.seek(self._place(number))
            self._file.write(_check(number, content) + content)
        except OSError:
            self.close()

    def close(self) -> None:
        """Let others have it."""
        for file in (self._file, self._lock):
            with contextlib.suppress(OSError):
                if file is not None:
                    file.close()
        self._file = self._lock = None

    @property
    def _row(self) -> int:
        return self.first.shape[1] * self.first.element_size()

    def _place(self, number: int) -> int:
        return number * (HASH + len(self.first) * self._row)


def _opened(path: Path) -> BinaryIO:
    path.touch()
    return path.open("r+b", buffering=0)


def _check(number: int, content: bytes) -> bytes:
    """A part's hash together with its number: a part in another's place is found out, too."""
    return hashlib.sha256(number.to_bytes(8, "little") + content).digest()
