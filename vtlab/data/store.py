"""More images than memory: decoded once into a file that is mapped, not read.

The file's name is a hash of the images' contents and the size. Every row has a hash of its own, which is
checked whenever the store is opened: what is damaged is decoded again, and a build that was
interrupted goes on from the rows that it had written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from vtlab.system.cache import cache_folder, delete_unused_folders
from vtlab.system.files import write_bytes
from vtlab.system.fingerprints import HASH_BYTES, hash_bytes
from vtlab.system.locks import lock_folder
from vtlab.system.sealing import seal_json, unseal_json

VERSION = 1  # of decoding: another one makes other rows
INDEX, ROWS, LOG = "index.json", "rows.bin", "decoded.log"
TOGETHER = 64  # rows that are checked or copied at a time


class PixelStore:
    """The decoded images of one data set at one size, in a folder of the cache.

    Attributes:
        folder: Where.
        digests: The sha256 of each file, in the order in which they are listed.
        size: Side of the images in pixels, S.
    """

    def __init__(self, digests: list[bytes], size: int, root: Path | None = None) -> None:
        """Nothing is read yet."""
        key = hash_bytes(f"{VERSION} {size} ".encode(), *digests).hex()
        self.folder = (root or cache_folder() / "images") / key[:24]
        self.digests, self.size = digests, size
        self.row = 3 * size * size

    def images(
        self,
        decode: Callable[[int], bytes | str],
        arrange: Callable[[list[int]], list[int]],
        workers: Callable[[Callable, list[int]], Iterator],
    ) -> tuple[Tensor, list[int], dict[int, str]]:
        """All images, decoded where they are not in the store.

        Args:
            decode: Gives the bytes `(3, S, S)` of a file by its place, or a sentence on why it cannot.
            arrange: From the places of the files that could be decoded to the order they are wanted in.
            workers: A `map` that decodes several at once, and keeps the order.

        Returns:
            The images `(N, 3, S, S)` uint8, mapped from the file; their places, in that order; and the
            sentence for each file that could not be decoded.

        Raises:
            OSError: If there is no room; what was decoded stays, and the next build goes on from it.
            ValueError: If another process builds the same store.
        """
        if (found := self._whole(arrange)) is None:
            lock = lock_folder(
                self.folder, purpose="images", hint="set VTLAB_CACHE to another folder"
            )
            try:
                self._build(decode, arrange, workers)
            except OSError as error:
                why = error.strerror or str(error)
                raise OSError(
                    error.errno,
                    f"{len(self.digests)} images of {self.size} px could not be kept "
                    f"in {self.folder}: {why} (VTLAB_CACHE=FOLDER takes another place)",
                ) from error
            finally:
                lock.release()
            found = self._whole(arrange)
            if found is None:
                raise OSError(f"{self.folder} does not hold what was just written there")
        order, unread = found
        with contextlib.suppress(OSError):  # a cache that others share may be theirs to write
            os.utime(self.folder / INDEX)
        return _mapped(self.folder / ROWS, len(order), self.size), order, unread

    def _whole(
        self, arrange: Callable[[list[int]], list[int]]
    ) -> tuple[list[int], dict[int, str]] | None:
        """Order and unread files of a store in which every row is as it was written."""
        try:
            index = self._index()
            order, unread = index["order"], {int(i): why for i, why in index["unread"].items()}
            if order != arrange([i for i in range(len(self.digests)) if i not in unread]):
                return None
            whole = sum(1 for _ in self._good_rows(index)) == len(order)
        except (OSError, ValueError):
            return None
        return (order, unread) if whole else None

    def _index(self) -> dict:
        return unseal_json((self.folder / INDEX).read_bytes())

    def _good_rows(self, index: dict) -> Iterator[tuple[bytes, int]]:
        """Digest and offset of every row that is as it was written."""
        path = self.folder / ROWS
        if path.stat().st_size != self.row * len(index["order"]):
            return
        with path.open("rb") as file:
            for number, (place, check) in enumerate(
                zip(index["order"], index["checks"], strict=True)
            ):
                digest = self.digests[place]
                if _check(digest, file.read(self.row)) == bytes.fromhex(check):
                    yield digest, number * self.row

    def _build(self, decode: Callable, arrange: Callable, workers: Callable) -> None:
        delete_unused_folders(self.folder.parent, self.folder, INDEX)
        delete_unused_folders(
            self.folder.parent, self.folder, LOG, but=INDEX
        )  # builds that were never finished
        have: dict[bytes, tuple[str, int]] = {}
        with contextlib.suppress(OSError, ValueError):
            have |= {digest: (ROWS, at) for digest, at in self._good_rows(self._index())}
        have |= {digest: (LOG, at) for digest, at in self._logged()}
        places = {digest: i for i, digest in reversed(list(enumerate(self.digests)))}  # copies once
        missing = sorted(i for digest, i in places.items() if digest not in have)
        unread: dict[bytes, str] = {}
        with (self.folder / LOG).open("ab") as log:
            for place, found in zip(missing, workers(decode, missing), strict=True):
                digest = self.digests[place]
                if isinstance(found, str):
                    unread[digest] = found
                else:
                    have[digest] = LOG, log.tell() + 2 * HASH_BYTES
                    log.write(digest + _check(digest, found) + found)
        lost = {i: unread[d] for i, d in enumerate(self.digests) if d in unread}
        order = arrange([i for i in range(len(self.digests)) if i not in lost])
        checks = self._write(
            [have[self.digests[i]] for i in order], [self.digests[i] for i in order]
        )
        index = {
            "order": order,
            "checks": checks,
            "unread": {str(i): why for i, why in lost.items()},
        }
        write_bytes(self.folder / INDEX, seal_json(index))
        (self.folder / LOG).unlink()

    def _logged(self) -> Iterator[tuple[bytes, int]]:
        """Digest and offset of what an interrupted build had decoded; a torn end is cut off."""
        path = self.folder / LOG
        if not path.exists():
            return
        record, good = 2 * HASH_BYTES + self.row, 0
        with path.open("r+b") as file:
            while len(one := file.read(record)) == record:
                digest, check, row = (
                    one[:HASH_BYTES],
                    one[HASH_BYTES : 2 * HASH_BYTES],
                    one[2 * HASH_BYTES :],
                )
                if check == _check(digest, row):
                    yield digest, good + 2 * HASH_BYTES
                good += record
            file.truncate(good)

    def _write(self, places: list[tuple[str, int]], digests: list[bytes]) -> list[str]:
        """Copy rows into a new file in their final order; gives their checks."""
        new = self.folder / f".{ROWS}.{os.getpid()}.tmp"
        checks = []
        with contextlib.ExitStack() as files:
            sources = {
                name: files.enter_context((self.folder / name).open("rb"))
                for name in {name for name, _ in places}
            }
            target = files.enter_context(new.open("wb"))
            for (name, at), digest in zip(places, digests, strict=True):
                sources[name].seek(at)
                row = sources[name].read(self.row)
                checks.append(_check(digest, row).hex())
                target.write(row)
            target.flush()
            os.fsync(target.fileno())
        new.replace(self.folder / ROWS)
        return checks


def _check(digest: bytes, row: bytes) -> bytes:
    """A row's hash together with its file's: a row in another's place is found out, too."""
    return hash_bytes(digest, row)


def _mapped(path: Path, count: int, size: int) -> Tensor:
    """The rows as a tensor; writing to it changes this process's copy only."""
    if not count:
        return torch.empty(0, 3, size, size, dtype=torch.uint8)
    flat = torch.from_file(str(path), shared=False, size=count * 3 * size * size, dtype=torch.uint8)
    return flat.view(count, 3, size, size)
