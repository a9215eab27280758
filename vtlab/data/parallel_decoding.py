"""Decoding of many image files into one tensor, by several threads.

Few images are decoded into memory, many into a file of the cache (`PixelStore`).
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vtlab.data.decoding import decode
from vtlab.data.file_names import Place, printable_path_name
from vtlab.data.listing import Listing
from vtlab.data.pixel_store import PixelStore
from vtlab.system.fingerprints import hash_bytes
from vtlab.system.memory import MAX_BYTES_IN_MEMORY

FILES_AT_A_TIME = 512  # that are decoded and wait

# from the numbers of the files that can be read to the order of the rows
RowOrder = Callable[[list[int]], list[int]]
# the rows; by the files' numbers their hashes, and sentences on why a file could not be read
DecodedFiles = tuple[Tensor, dict[int, bytes], dict[int, str]]


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
        places: Which; a file's number is its place in this list.
        size: Side of the images in pixels, S.
        order: From the numbers of the files that can be read to the order of the rows.
        progress: Called after every image with how many are done, and of how many.
        strict: Refuse a file that cannot be read.

    Returns:
        Images `(N, 3, S, S)` uint8; why files could not be read, by number; a note if some are copies.

    Raises:
        ValueError: With `strict`, naming the file.
    """
    from PIL import Image

    Image.init()  # imports Pillow's readers, which two threads should not do at once
    with _thread_map() as workers:
        decoder = _FileDecoder(listing, places, size, progress, strict, workers)
        small = len(places) * 3 * size * size <= MAX_BYTES_IN_MEMORY
        decoded = decoder.decode_to_memory if small else decoder.decode_to_store
        pixels, digests, unread = decoded(order)
    # a copy has the hash of an earlier file
    first: dict[bytes, int] = {}
    copies = [
        f"{decoder.name(i)} = {decoder.name(first[digest])}"
        for i, digest in sorted(digests.items())
        if i not in unread and first.setdefault(digest, i) != i
    ]
    if not copies:
        return pixels, unread, []
    note = (
        f"{len(copies)} images are copies of others, which flatters the test accuracy if one "
        f"lies on each side ({copies[0]} …)"
    )
    return pixels, unread, [note]


@dataclass(frozen=True)
class _FileDecoder:
    """Image files that become rows of a tensor, several at a time; arguments are `decode_files`'.

    `decode_to_memory` and `decode_to_store` both give the images in the wanted order, the sha256 of
    the files by number, and a sentence for each file that could not be read.
    """

    listing: Listing
    places: list[Place]
    size: int
    progress: Callable[[int, int], None] | None
    strict: bool
    workers: Callable[[Callable, Sequence], Iterator]

    def name(self, i: int) -> str:
        return printable_path_name(self.places[i])

    def decode_to_memory(self, arrange: RowOrder) -> DecodedFiles:
        """Decode all files into a tensor in memory."""
        numbers = range(len(self.places))
        pixels = torch.zeros(len(numbers), 3, self.size, self.size, dtype=torch.uint8)

        def decode_row(i: int) -> bytes | str:
            decoded = self._decode(i)
            if isinstance(decoded, str):
                return decoded
            pixels[i] = torch.from_numpy(decoded[1])
            return decoded[0]

        digests, unread = _sort_out(self._map(decode_row, numbers, self.progress))
        order = arrange(list(digests))
        return pixels if order == list(numbers) else pixels[order], digests, unread

    def decode_to_store(self, arrange: RowOrder) -> DecodedFiles:
        """Decode into a file of the cache what that file does not hold yet."""
        # first the hashes of all files, which say what the store has; they take little of the time
        digests, unread = _sort_out(self._map(self._hash, range(len(self.places))))
        number = list(digests)  # of the store's j-th file
        place = {i: j for j, i in enumerate(number)}

        def decode_row(j: int) -> bytes | str:
            decoded = self._decode(number[j], digests[number[j]])
            return decoded if isinstance(decoded, str) else decoded[1].tobytes()

        def decode_missing(decode: Callable, missing: list[int]) -> Iterator[bytes | str]:
            return self._map(decode, missing, self.progress)

        def arrange_stored(stored: list[int]) -> list[int]:
            return [place[i] for i in arrange([number[j] for j in stored])]

        store = PixelStore(list(digests.values()), self.size)
        pixels, _, undecoded = store.images(decode_row, arrange_stored, decode_missing)
        unread |= {number[j]: why for j, why in undecoded.items()}
        return pixels, digests, dict(sorted(unread.items()))

    def _map(
        self,
        function: Callable[[int], bytes | str],
        numbers: Sequence[int],
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[bytes | str]:
        """What a function gives for each file: bytes, or a sentence on why not, which `strict` refuses."""
        count = len(self.places)
        for done, found in enumerate(self.workers(function, numbers), count - len(numbers) + 1):
            if self.strict and isinstance(found, str):
                raise ValueError(found)
            yield found
            if progress:
                progress(done, count)

    def _read(self, i: int) -> bytes | str:
        try:
            return self.listing.readers[self.places[i]]()
        except Exception as error:  # a zip's errors have no common base
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            return f"{self.name(i)} cannot be read: {why}"

    def _hash(self, i: int) -> bytes | str:
        content = self._read(i)
        return content if isinstance(content, str) else hash_bytes(content)

    def _decode(self, i: int, known: bytes | None = None) -> tuple[bytes, np.ndarray] | str:
        """The file's hash and its pixels `(3, S, S)`."""
        content = self._read(i)
        if isinstance(content, str):
            return content
        digest = hash_bytes(content)
        if known not in (None, digest):
            return f"{self.name(i)} was changed while it was read"
        try:
            return digest, decode(content, self.size, self.name(i)).transpose(2, 0, 1)
        except ValueError as error:
            return str(error)


def _sort_out(results: Iterable[bytes | str]) -> tuple[dict[int, bytes], dict[int, str]]:
    """Hashes and sentences, each by the file's number."""
    found = dict(enumerate(results))
    digests = {i: result for i, result in found.items() if not isinstance(result, str)}
    unread = {i: result for i, result in found.items() if isinstance(result, str)}
    return digests, unread


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
