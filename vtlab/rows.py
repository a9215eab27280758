"""Many image files as rows of bytes: in memory, or, if they are too many, in a store on the disk.

Whatever cannot be read is left out with a sentence that names it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vtlab.decoding import decode
from vtlab.listing import Listing, Place, spoken
from vtlab.pixel_store import IN_MEMORY, PixelStore

TOGETHER = 512  # images that are decoded and wait at a time
Order = Callable[[list[int]], list[int]]  # from the places of readable files to the order of the rows
Found = tuple[Tensor, dict[int, bytes], dict[int, str]]  # rows; hashes and sentences by place


def read_rows(tree: Listing, places: list[Place], size: int, order: Order,
              progress: Callable[[int, int], None] | None = None, strict: bool = False,
              ) -> tuple[Tensor, dict[int, str], list[str]]:  # fmt: skip
    """The images of these files, decoded by several threads.

    Args:
        tree: Reads the files.
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
    with _several() as workers:
        files = _Files(tree, places, size, progress, strict, workers)
        keep = files.in_memory if len(places) * 3 * size * size <= IN_MEMORY else files.in_a_store
        pixels, digests, unread = keep(order)
    first: dict[bytes, int] = {}
    twins = [f"{files.name(i)} = {files.name(first[digest])}" for i, digest in sorted(digests.items())
             if i not in unread and first.setdefault(digest, i) != i]  # fmt: skip
    notes = [f"{len(twins)} images are copies of others, which flatters the test accuracy if one "
             f"lies on each side ({twins[0]} …)"] if twins else []  # fmt: skip
    return pixels, unread, notes


@dataclass(frozen=True)
class _Files:
    """Image files that become rows, several at a time.

    `in_memory` and `in_a_store` both give the images in the wanted order, the sha256 of the files
    by place, and a sentence for each file that could not be read.
    """

    tree: Listing
    places: list[Place]
    size: int
    progress: Callable[[int, int], None] | None
    strict: bool
    workers: Callable[[Callable, Sequence], Iterator]

    def name(self, i: int) -> str:
        return spoken(self.places[i])

    def in_memory(self, arrange: Order) -> Found:
        count = len(self.places)
        pixels = torch.zeros(count, 3, self.size, self.size, dtype=torch.uint8)

        def kept(i: int) -> bytes | str:
            found = self._decoded(i)
            if not isinstance(found, str):
                pixels[i] = torch.from_numpy(found[1])
                return found[0]
            return found

        digests, unread = self._sorted_out(kept, range(count))
        order = arrange(list(digests))
        return pixels if order == list(range(count)) else pixels[order], digests, unread

    def in_a_store(self, arrange: Order) -> Found:
        """First all files' hashes, then what the store does not have."""
        count = len(self.places)
        quiet = replace(self, progress=None)  # reading takes little of the time
        digests, unread = quiet._sorted_out(self._hashed, range(count))
        place = list(digests)  # of the store's j-th file

        def row(j: int) -> bytes | str:
            found = self._decoded(place[j], digests[place[j]])
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

    def _sorted_out(self, function: Callable, items: Sequence[int]) -> tuple[dict[int, bytes], dict[int, str]]:
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

    def _content(self, i: int) -> bytes | str:
        try:
            return self.tree.readers[self.places[i]]()
        except Exception as error:  # a zip's errors have no common base
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            return f"{self.name(i)} cannot be read: {why}"

    def _hashed(self, i: int) -> bytes | str:
        found = self._content(i)
        return found if isinstance(found, str) else hashlib.sha256(found).digest()

    def _decoded(self, i: int, known: bytes | None = None) -> tuple[bytes, np.ndarray] | str:
        """The file's hash and its pixels `(3, S, S)`."""
        if isinstance(found := self._content(i), str):
            return found
        digest = hashlib.sha256(found).digest()
        if known not in (None, digest):
            return f"{self.name(i)} was changed while it was read"
        try:
            return digest, decode(found, self.size, self.name(i)).transpose(2, 0, 1)
        except ValueError as error:
            return str(error)


@contextlib.contextmanager
def _several() -> Iterator[Callable[[Callable, Sequence], Iterator]]:
    """A `map` in threads, since Pillow lets others run while it decodes; few results wait at a time."""
    pool = ThreadPoolExecutor(max(2, min(8, os.cpu_count() or 2)))

    def workers(function: Callable, items: Sequence) -> Iterator:
        for start in range(0, len(items), TOGETHER):
            yield from pool.map(function, items[start : start + TOGETHER])

    with warnings.catch_warnings():  # around all threads: the filters are the process's
        warnings.simplefilter("ignore")  # odd metadata is no reason to refuse a photograph
        try:
            yield workers
        finally:
            pool.shutdown(cancel_futures=True)
