"""A file on disk for the decoded images of a data set that is larger than memory.

The file is mapped into memory. Its folder's name is a hash of the images' contents and the size. Every
row has a hash, which is checked whenever the store is opened. This hash covers that of the row's image
file, so that a row in another's place is found out, too. What is damaged is decoded again, and a build
that was interrupted goes on from the rows that it had written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from vtlab.data.decoding import DEEP_BITS
from vtlab.system.cache import cache_folder, delete_unused_folders
from vtlab.system.files import write_bytes
from vtlab.system.fingerprints import HASH_BYTES, hash_bytes
from vtlab.system.locks import lock_folder
from vtlab.system.sealing import seal_json, unseal_json

DECODING_VERSION = 1  # another version of the decoding makes other rows
INDEX_FILE, ROWS_FILE, LOG_FILE = "index.json", "rows.bin", "decoded.log"


class PixelStore:
    """The decoded images of one data set at one size, in a folder of the cache.

    Attributes:
        folder: The folder that holds the file.
        digests: The sha256 of each file, in the order in which they are listed.
        size: Side of the images in pixels, S.
    """

    def __init__(
        self, digests: list[bytes], size: int, resize: str = "crop", bits: int = DEEP_BITS
    ) -> None:
        """Name the images and how they are decoded (`decoding.decode`); nothing is read yet."""
        other = "" if (resize, bits) == ("crop", DEEP_BITS) else f"{resize} {bits} "
        key = hash_bytes(f"{DECODING_VERSION} {size} {other}".encode(), *digests).hex()
        self.folder = cache_folder() / "images" / key[:24]
        self.digests, self.size = digests, size
        self.row_bytes = 3 * size * size

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
        if (found := self._read_intact(arrange)) is None:
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
            found = self._read_intact(arrange)
            if found is None:
                raise OSError(f"{self.folder} does not hold what was just written there")
        order, unread = found
        with contextlib.suppress(OSError):  # a cache that others share may be theirs to write
            os.utime(self.folder / INDEX_FILE)
        return _map_rows(self.folder / ROWS_FILE, len(order), self.size), order, unread

    def _read_intact(
        self, arrange: Callable[[list[int]], list[int]]
    ) -> tuple[list[int], dict[int, str]] | None:
        """Order and unread files of a store in which every row is as it was written."""
        try:
            index = self._read_index()
            order, unread = index["order"], {int(i): why for i, why in index["unread"].items()}
            if order != arrange([i for i in range(len(self.digests)) if i not in unread]):
                return None
            whole = sum(1 for _ in self._intact_rows(index)) == len(order)
        except (OSError, ValueError):
            return None
        return (order, unread) if whole else None

    def _read_index(self) -> dict:
        return unseal_json((self.folder / INDEX_FILE).read_bytes())

    def _intact_rows(self, index: dict) -> Iterator[tuple[bytes, int]]:
        """Digest and offset of every row that is as it was written."""
        path = self.folder / ROWS_FILE
        if path.stat().st_size != self.row_bytes * len(index["order"]):
            return
        with path.open("rb") as file:
            for number, (place, check) in enumerate(
                zip(index["order"], index["checks"], strict=True)
            ):
                digest = self.digests[place]
                if hash_bytes(digest, file.read(self.row_bytes)) == bytes.fromhex(check):
                    yield digest, number * self.row_bytes

    def _build(self, decode: Callable, arrange: Callable, workers: Callable) -> None:
        """Decode what is in neither file, and write all rows in their final order."""
        stores = self.folder.parent
        delete_unused_folders(stores, self.folder, INDEX_FILE)
        delete_unused_folders(stores, self.folder, LOG_FILE, but=INDEX_FILE)  # never finished
        have: dict[bytes, tuple[str, int]] = {}  # where each digest's row lies: file, offset
        with contextlib.suppress(OSError, ValueError):  # a damaged store gives what is intact
            have |= {d: (ROWS_FILE, at) for d, at in self._intact_rows(self._read_index())}
        have |= {digest: (LOG_FILE, at) for digest, at in self._logged_rows()}
        places = {digest: i for i, digest in reversed(list(enumerate(self.digests)))}  # copies once
        missing = sorted(i for digest, i in places.items() if digest not in have)
        unread: dict[bytes, str] = {}
        with (self.folder / LOG_FILE).open("ab") as log:
            for place, found in zip(missing, workers(decode, missing), strict=True):
                digest = self.digests[place]
                if isinstance(found, str):
                    unread[digest] = found
                else:
                    have[digest] = LOG_FILE, log.tell() + 2 * HASH_BYTES
                    log.write(digest + hash_bytes(digest, found) + found)
        # only now is it known which files can be read, and so in which order the rows go
        lost = {i: unread[d] for i, d in enumerate(self.digests) if d in unread}
        order = arrange([i for i in range(len(self.digests)) if i not in lost])
        checks = self._write_rows(
            [have[self.digests[i]] for i in order], [self.digests[i] for i in order]
        )
        index = {
            "order": order,
            "checks": checks,
            "unread": {str(i): why for i, why in lost.items()},
        }
        write_bytes(self.folder / INDEX_FILE, seal_json(index))
        (self.folder / LOG_FILE).unlink()

    def _logged_rows(self) -> Iterator[tuple[bytes, int]]:
        """Digest and offset of what an interrupted build had decoded; a torn end is cut off."""
        path = self.folder / LOG_FILE
        if not path.exists():
            return
        record, good = 2 * HASH_BYTES + self.row_bytes, 0
        with path.open("r+b") as file:
            while len(one := file.read(record)) == record:
                digest, rest = one[:HASH_BYTES], one[HASH_BYTES:]
                if rest[:HASH_BYTES] == hash_bytes(digest, rest[HASH_BYTES:]):
                    yield digest, good + 2 * HASH_BYTES
                good += record
            file.truncate(good)

    def _write_rows(self, places: list[tuple[str, int]], digests: list[bytes]) -> list[str]:
        """Copy rows into a new file in their final order; gives their checks."""
        new = self.folder / f".{ROWS_FILE}.{os.getpid()}.tmp"
        checks = []
        with contextlib.ExitStack() as files:
            sources = {
                name: files.enter_context((self.folder / name).open("rb"))
                for name in {name for name, _ in places}
            }
            target = files.enter_context(new.open("wb"))
            for (name, at), digest in zip(places, digests, strict=True):
                sources[name].seek(at)
                row = sources[name].read(self.row_bytes)
                checks.append(hash_bytes(digest, row).hex())
                target.write(row)
            target.flush()
            os.fsync(target.fileno())
        new.replace(self.folder / ROWS_FILE)
        return checks


def _map_rows(path: Path, count: int, size: int) -> Tensor:
    """The rows as a tensor; writing to it changes this process's copy only."""
    if not count:
        return torch.empty(0, 3, size, size, dtype=torch.uint8)
    flat = torch.from_file(str(path), shared=False, size=count * 3 * size * size, dtype=torch.uint8)
    return flat.view(count, 3, size, size)
