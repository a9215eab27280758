"""Many image files as one tensor, decoded by several threads.

Few images are decoded into memory, many into a file of the cache (`store`).
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vtlab.data.decoding import decode
from vtlab.data.file_names import Place, printable_path
from vtlab.data.listing import Listing
from vtlab.data.store import PixelStore
from vtlab.system.fingerprints import hash_bytes
from vtlab.system.memory import MAX_BYTES_IN_MEMORY

FILES_AT_A_TIME = 512  # images that are decoded and wait at a time
RowOrder = Callable[
    [list[int]], list[int]
]  # from the places of readable files to the order of the rows
DecodedRows = tuple[Tensor, dict[int, bytes], dict[int, str]]  # rows; hashes and sentences by place


def decode_files(
    listing: Listing,
    places: list[Place],
    size: int,
    order: RowOrder,
    progress: Callable[[int, int], None] | None = None,
    strict: bool = False,
) -> tuple[Tensor, dict[int, str], list[str]]:
    """The images of these files, decoded by several threads.

    Args:
        listing: Reads the files.
        places: Which.
        size: Side of the images in pixels, S.
        order: From the places (numbers) of the files that can be read to the order of the rows.
        progress: Called after every image with how many are done, and of how many.
        strict: Refuse a file that cannot be read.

    Returns:
        Images `(N, 3, S, S)` uint8; why files could not be read, by place; a note if some are copies.

    Raises:
        ValueError: With `strict`, naming the file.
    """
    from PIL import Image

    Image.init()  # imports Pillow's readers, which two threads should not do at once
    with _thread_map() as workers:
        files = _FileDecoder(listing, places, size, progress, strict, workers)
        keep = (
            files.decode_to_memory
            if len(places) * 3 * size * size <= MAX_BYTES_IN_MEMORY
            else files.decode_to_store
        )
        pixels, digests, unread = keep(order)
    first: dict[bytes, int] = {}
    twins = [
        f"{files.name(i)} = {files.name(first[digest])}"
        for i, digest in sorted(digests.items())
        if i not in unread and first.setdefault(digest, i) != i
    ]
    notes = (
        [
            f"{len(twins)} images are copies of others, which flatters the test accuracy if one "
            f"lies on each side ({twins[0]} …)"
        ]
        if twins
        else []
    )
    return pixels, unread, notes


@dataclass(frozen=True)
class _FileDecoder:
    """Image files that become rows, several at a time.

    `decode_to_memory` and `decode_to_store` both give the images in the wanted order, the sha256 of the files
    by place, and a sentence for each file that could not be read.
    """

    listing: Listing
    places: list[Place]
    size: int
    progress: Callable[[int, int], None] | None
    strict: bool
    workers: Callable[[Callable, Sequence], Iterator]

    def name(self, i: int) -> str:
        return printable_path(self.places[i])

    def decode_to_memory(self, arrange: RowOrder) -> DecodedRows:
        count = len(self.places)
        pixels = torch.zeros(count, 3, self.size, self.size, dtype=torch.uint8)

        def kept(i: int) -> bytes | str:
            found = self._decode(i)
            if not isinstance(found, str):
                pixels[i] = torch.from_numpy(found[1])
                return found[0]
            return found

        digests, unread = self._collect(kept, range(count))
        order = arrange(list(digests))
        return pixels if order == list(range(count)) else pixels[order], digests, unread

    def decode_to_store(self, arrange: RowOrder) -> DecodedRows:
        """First all files' hashes, then what the store does not have."""
        count = len(self.places)
        quiet = replace(self, progress=None)  # reading takes little of the time
        digests, unread = quiet._collect(self._hash, range(count))
        place = list(digests)  # of the store's j-th file

        def row(j: int) -> bytes | str:
            found = self._decode(place[j], digests[place[j]])
            return found if isinstance(found, str) else found[1].tobytes()

        def rows(decode: Callable, missing: list[int]) -> Iterator[bytes | str]:
            for done, found in enumerate(self.workers(decode, missing), count - len(missing) + 1):
                if self.strict and isinstance(found, str):
                    raise ValueError(found)
                yield found
                if self.progress:
                    self.progress(done, count)

        number = {i: j for j, i in enumerate(place)}
        pixels, _, lost = PixelStore(list(digests.values()), self.size).images(
            row, lambda there: [number[i] for i in arrange([place[j] for j in there])], rows
        )
        unread |= {place[j]: why for j, why in lost.items()}
        return pixels, digests, dict(sorted(unread.items()))

    def _collect(
        self, function: Callable, items: Sequence[int]
    ) -> tuple[dict[int, bytes], dict[int, str]]:
        """What a function gives for each file: a hash, or a sentence on why not."""
        digests, unread = {}, {}
        for i, found in zip(items, self.workers(function, items), strict=True):
            if isinstance(found, str):
                if self.strict:
                    raise ValueError(found)
                unread[i] = found
            else:
                digests[i] = found
            if self.progress:
                self.progress(i + 1, len(items))
        return digests, unread

    def _read(self, i: int) -> bytes | str:
        try:
            return self.listing.readers[self.places[i]]()
        except Exception as error:  # a zip's errors have no common base
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            return f"{self.name(i)} cannot be read: {why}"

    def _hash(self, i: int) -> bytes | str:
        found = self._read(i)
        return found if isinstance(found, str) else hash_bytes(found)

    def _decode(self, i: int, known: bytes | None = None) -> tuple[bytes, np.ndarray] | str:
        """The file's hash and its pixels `(3, S, S)`."""
        if isinstance(found := self._read(i), str):
            return found
        digest = hash_bytes(found)
        if known not in (None, digest):
            return f"{self.name(i)} was changed while it was read"
        try:
            return digest, decode(found, self.size, self.name(i)).transpose(2, 0, 1)
        except ValueError as error:
            return str(error)


@contextlib.contextmanager
def _thread_map() -> Iterator[Callable[[Callable, Sequence], Iterator]]:
    """A `map` in threads, since Pillow lets others run while it decodes; few results wait at a time."""
    pool = ThreadPoolExecutor(max(2, min(8, os.cpu_count() or 2)))

    def workers(function: Callable, items: Sequence) -> Iterator:
        for start in range(0, len(items), FILES_AT_A_TIME):
            yield from pool.map(function, items[start : start + FILES_AT_A_TIME])

    with warnings.catch_warnings():  # around all threads: the filters are the process's
        warnings.simplefilter("ignore")  # odd metadata is no reason to refuse a photograph
        try:
            yield workers
        finally:
            pool.shutdown(cancel_futures=True)
