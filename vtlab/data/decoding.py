"""One image file as a square of bytes, whatever camera or program it comes from.

Turned as its EXIF says, made RGB, the shorter side scaled, the middle square kept. What cannot
be read is one `ValueError` that names the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vtlab.data.listing import Listing, Place, spoken
from vtlab.data.store import PixelStore
from vtlab.system.memory import MAX_BYTES_IN_MEMORY

LARGEST = 50_000_000  # pixels, checked from the header before decoding
MEMORY = 280_000_000  # bytes that an image may take while it is decoded, its file included
BYTES = {
    "1": 1,
    "L": 1,
    "P": 1,
    "I;16": 2,
    "I;16B": 2,
    "I;16L": 2,
}  # a pixel, as Pillow keeps it; else 4
BUFFERS = {
    "WEBP": 4,
    "AVIF": 4,
    "HEIF": 4,
    "TIFF": 2,
    "GIF": 3,
}  # how often decoders hold all pixels; else 1
STRIP = 2_000_000  # pixels that are made RGB at a time
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "HEIF")


def decode(content: bytes, size: int, name: str) -> np.ndarray:
    """One image file as bytes `(size, size, 3)`; Pillow's warnings pass through.

    Raises:
        ValueError: If it cannot be read, has more than 50 million pixels, or would take more than
            280 MB of memory; the message names it.
    """
    from PIL import Image

    Image.init()
    known = [f for f in FORMATS if f in Image.OPEN]  # none that would start another program
    pixels = "too many"
    try:
        if not content:
            raise ValueError("it is empty (0 bytes)")
        with Image.open(io.BytesIO(content), formats=known) as image:
            pixels = f"{image.width} x {image.height}"
            if image.width * image.height > LARGEST:
                raise Image.DecompressionBombError
            before = image.width * image.height
            image.draft("RGB", (2 * size, 2 * size))  # a JPEG is decoded at 1/2, 1/4 or 1/8
            if (takes := _memory(image, before) + len(content)) > MEMORY:
                raise ValueError(
                    f"it would take {takes // 10**6} MB of memory; the most is {MEMORY // 10**6}"
                )
            image.load()
            return np.array(_turned(_square(image, size), image))
    except Image.DecompressionBombError:  # ours, or Pillow's own for still larger ones
        why = f"has {pixels} pixels; the most is {LARGEST:,}"
    except Image.UnidentifiedImageError:
        heic = content[4:8] == b"ftyp" and "HEIF" not in known
        why = "cannot be read as an image" + ("; save it as JPEG" if heic else "")
    except Exception as error:  # Pillow's readers raise whatever they stumble over
        why = f"cannot be read as an image: {error}"
    raise ValueError(f"{name} {why}")


def _rgb(image, by: int = 1):
    """An image in RGB, on white where it is clear, its sides divided by a whole number."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("its pixels are decimal numbers; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError("its pixels have more than 16 bits; save it with 8 or 16")
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8)).reduce(by).convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA").reduce(by)  # first, as laying on white is the slower part
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return image.convert("RGB").reduce(by)


def _memory(image, before: int) -> int:
    """Bytes that decoding will take, from the header: `before` is pixels without a JPEG's reduction."""
    if image.info.get("progression"):  # a JPEG that is held whole before it is made smaller
        layers = [across * down for _, across, down, _ in image.layer]
        return round(before * 2.2 * sum(layers) / max(layers))  # 16-bit coefficients
    return image.width * image.height * BYTES.get(image.mode, 4) * BUFFERS.get(image.format, 1)


def _square(image, size: int):
    """The middle square in RGB, shorter side to `size`, with every pixel of it counted."""
    from PIL import Image

    (width, height), side = image.size, min(image.size)
    left, top = (width - side) / 2, (height - side) / 2
    if side * side <= 2 * STRIP:
        return _rgb(image).resize(
            (size, size),
            Image.Resampling.BICUBIC,
            reducing_gap=3.0,
            box=(left, top, left + side, top + side),
        )
    # A large one is made RGB and smaller strip by strip, or it would be in memory several times.
    by = max(1, side // (3 * size))
    small = Image.new("RGB", (-(-side // by), -(-side // by)))
    left, top, high = int(left), int(top), by * max(1, STRIP // (side * by))
    for y in range(0, side, high):
        strip = image.crop((left, top + y, left + side, top + min(y + high, side)))
        small.paste(_rgb(strip, by), (0, y // by))
    return small.resize((size, size), Image.Resampling.BICUBIC)


def _turned(square, image):
    """The square as the photograph's EXIF says that the camera was held."""
    from PIL import Image

    way = Image.Transpose
    ways = {
        2: way.FLIP_LEFT_RIGHT,
        3: way.ROTATE_180,
        4: way.FLIP_TOP_BOTTOM,
        5: way.TRANSPOSE,
        6: way.ROTATE_270,
        7: way.TRANSVERSE,
        8: way.ROTATE_90,
    }
    try:
        turn = ways.get(image.getexif().get(0x0112))
    except Exception:  # broken metadata is common, and says nothing about the pixels
        turn = None
    return square if turn is None else square.transpose(turn)


def photograph(content: bytes, size: int, name: str) -> Tensor:
    """An image file as bytes `(1, 3, size, size)`.

    Raises:
        ValueError: If it cannot be read; the message names it.
    """
    return torch.from_numpy(decode(content, size, name)).permute(2, 0, 1)[None]


TOGETHER = 512  # images that are decoded and wait at a time
Order = Callable[
    [list[int]], list[int]
]  # from the places of readable files to the order of the rows
Found = tuple[Tensor, dict[int, bytes], dict[int, str]]  # rows; hashes and sentences by place


def read_rows(
    tree: Listing,
    places: list[Place],
    size: int,
    order: Order,
    progress: Callable[[int, int], None] | None = None,
    strict: bool = False,
) -> tuple[Tensor, dict[int, str], list[str]]:
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
        keep = (
            files.in_memory
            if len(places) * 3 * size * size <= MAX_BYTES_IN_MEMORY
            else files.in_a_store
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

    def _sorted_out(
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
