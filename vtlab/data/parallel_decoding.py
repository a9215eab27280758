"""Decoding of many image files into one tensor, by several threads.

Few images are decoded into memory, many into a file of the cache (`PixelStore`).
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vtlab.data.decoding import (
    DEEP_BITS,
    RARE,
    ImageFacts,
    check_resize,
    choose_bits,
    decode_with_facts,
    find_cut_share,
    read_image_facts,
)
from vtlab.data.file_names import Place, printable_path_name
from vtlab.data.listing import Listing
from vtlab.data.pixel_store import PixelStore
from vtlab.system.fingerprints import hash_bytes
from vtlab.system.memory import MAX_BYTES_IN_MEMORY

FILES_AT_A_TIME = 512  # that are decoded and wait
MAX_CUT_SHARE = 0.26  # of an image, that is cut away unsaid: 4:3 becomes 1:1
DARK = 64  # of 255, that some pixel of a set should reach
PIXELS_AT_A_TIME = 2**26

# from the numbers of the files that can be read to the order of the rows
RowOrder = Callable[[list[int]], list[int]]
# the rows; by the files' numbers their hashes, and sentences on why a file could not be read
DecodedRows = tuple[Tensor, dict[int, bytes], dict[int, str]]


@dataclass(frozen=True, eq=False)
class DecodedFiles:
    """Image files as one tensor.

    Attributes:
        pixels: `(N, 3, S, S)` uint8.
        unread: Why files could not be read, by number.
        notes: What a reader should know: what is cut away, bits that are not used, dark images.
        bits: Of images with more than 8 bits, those that are used.
        digests: The sha256 of each file that could be read, by number.
        sizes: Width and height of these, by number.
    """

    pixels: Tensor
    unread: dict[int, str]
    notes: list[str]
    bits: int
    digests: dict[int, bytes]
    sizes: dict[int, tuple[int, int]]


def decode_files(
    listing: Listing,
    places: list[Place],
    size: int,
    order: RowOrder,
    progress: Callable[[int, int], None] | None = None,
    strict: bool = False,
    resize: str = "crop",
) -> DecodedFiles:
    """The images of these files, decoded by several threads.

    Images with more than 8 bits get one scale for all: white is the largest number of as many bits as nearly
    all their pixels take, so that 12 bits that are kept in 16 are not nearly black.

    Args:
        listing: Reads the files.
        places: Which; a file's number is its place in this list.
        size: Side of the images in pixels, S.
        order: From the numbers of the files that can be read to the order of the rows.
        progress: Called after every image with how many are done, and of how many.
        strict: Refuse a file that cannot be read.
        resize: How an image becomes a square, one of `decoding.RESIZES`.

    Raises:
        ValueError: With `strict`, naming the file; or if there is no such way to resize.
    """
    from PIL import Image

    check_resize(resize)
    Image.init()  # imports Pillow's readers, which two threads should not do at once
    with _thread_map() as workers:
        decoder = _FileDecoder(listing, places, size, progress, strict, workers, resize)
        small = len(places) * 3 * size * size <= MAX_BYTES_IN_MEMORY
        decoded = decoder.decode_to_memory if small else decoder.decode_to_store
        pixels, digests, unread = decoded(order)
    readable = [i for i in digests if i not in unread]
    return DecodedFiles(
        pixels,
        unread,
        [*decoder.describe_files(readable), *describe_pixels(pixels, len(readable))],
        decoder.bits,
        {i: digests[i] for i in readable},
        {i: decoder.facts[i][:2] for i in readable if i in decoder.facts},
    )


def describe_copies(
    digests: Mapping[int, bytes], names: Sequence[str], labels: Sequence[object]
) -> list[str]:
    """Sentences about images that have the hash of an earlier one, and perhaps another label.

    Args:
        digests: Of the images, by number.
        names: What each number is called.
        labels: The class of each, or its number.
    """
    first: dict[bytes, int] = {}
    copies = [
        (i, first[digest])
        for i, digest in sorted(digests.items())
        if first.setdefault(digest, i) != i
    ]
    torn = [(i, j) for i, j in copies if labels[i] != labels[j]]
    whys = {
        "are copies of others, which flatters the test accuracy if one lies on each side": copies,
        "are copies of one with another label, and one of the two is wrong": torn,
    }
    return [
        f"{len(found)} images {why} ({names[found[0][0]]} = {names[found[0][1]]} …)"
        for why, found in whys.items()
        if found
    ]


def describe_what_is_cut(sizes: Mapping[str, tuple[int, int]]) -> list[str]:
    """A sentence about images of which much lies outside the middle square, by names, widths and heights."""
    shares = {name: find_cut_share(*size) for name, size in sizes.items()}
    if not (cut := {name: share for name, share in shares.items() if share > MAX_CUT_SHARE}):
        return []
    most = max(cut, key=lambda name: cut[name])
    return [
        f"the middle square is kept: of {len(cut)} of {len(sizes)} images more than a quarter is cut "
        f"away ({cut[most]:.0%} of {most}); resize 'pad' or 'squeeze' keeps all of it"
    ]


def describe_what_is_enlarged(sizes: Mapping[str, tuple[int, int]], size: int) -> list[str]:
    """A sentence about images that are enlarged more than twice, by names, widths and heights."""
    if not (small := [name for name in sizes if 2 * min(sizes[name]) < size]):
        return []
    least = min(small, key=lambda name: min(sizes[name]))
    width, height = sizes[least]
    return [
        f"{len(small)} of {len(sizes)} images are enlarged more than twice, to {size} px: the smallest has "
        f"{width} x {height} px ({least})"
    ]


def describe_shortcuts(
    labels: Sequence[int], classes: Sequence[str], looks: Iterable[Sequence[str]]
) -> list[str]:
    """A sentence where how images were made tells a class: all of it, and no others, are of one size, or grey.

    A network may learn that instead of what the images show (Geirhos et al. 2020).

    Args:
        labels: The class of each image.
        classes: Their names.
        looks: What each image looks like in words, such as "20 x 20 px", in one respect after the other.
    """
    counts = Counter(labels)
    for look in looks:
        by_class = defaultdict[int, set[str]](set)
        for label, one in zip(labels, look, strict=True):
            by_class[label].add(one)
        owners = Counter(one for own in by_class.values() for one in own)
        for label, own in sorted(by_class.items()):
            (first, *others) = own
            if not others and owners[first] == 1 < len(by_class) and counts[label] > 2:
                return [
                    f"all images of class {classes[label]!r} are {first}, and no others are: a network may "
                    "learn that instead of what they show"
                ]
    return []


def describe_colours(pixels: Tensor) -> list[str]:
    """Whether each image of `(N, 3, H, W)` is "grey" or "in colour", as some of its pixels say."""
    found = []
    for part in pixels.split(max(1, PIXELS_AT_A_TIME // pixels[0].numel())) if len(pixels) else ():
        some = part[:, :, ::4, ::4]
        found += (some == some[:, :1]).flatten(1).all(1).tolist()
    return ["grey" if one else "in colour" for one in found]


def describe_pixels(pixels: Tensor, count: int) -> list[str]:
    """Sentences about images that hold no information, or little."""
    if not count:
        return []
    plain, bright, brightest = 0, 0, 0
    for part in pixels.split(max(1, PIXELS_AT_A_TIME // pixels[0].numel())):
        low, high = torch.aminmax(part.flatten(2), dim=2)  # (n, 3)
        plain += int((low == high).all(1).sum())
        brightest = max(brightest, int(high.max()))
        bright += int((part >= DARK).sum()) if bright <= RARE * pixels.numel() else 0
    notes = []
    if plain:
        one = "1 image is" if plain == 1 else f"{plain} of {count} images are"
        notes.append(f"{one} of one colour and nothing else")
    if brightest < DARK:
        notes.append(f"all images are dark: the brightest pixel is {brightest} of 255")
    elif bright <= RARE * pixels.numel():
        notes.append(f"the images are dark: of a thousand pixels not one reaches {DARK} of 255")
    return notes


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
    resize: str
    facts: dict[int, ImageFacts] = field(default_factory=dict)  # by the files' numbers

    def name(self, i: int) -> str:
        return printable_path_name(self.places[i])

    @property
    def bits(self) -> int:
        """Of the files with more than 8 bits, those that nearly all their pixels take."""
        levels = [facts.levels for facts in self.facts.values() if facts.levels]
        return choose_bits(levels)[0] if levels else DEEP_BITS

    def describe_files(self, readable: list[int]) -> list[str]:
        """Sentences about what of these files is not in the images, and about their scale."""
        facts = {i: self.facts[i] for i in readable if i in self.facts}
        notes = []
        sizes = {self.name(i): (f.width, f.height) for i, f in facts.items()}
        if self.resize == "crop":
            notes += describe_what_is_cut(sizes)
        notes += describe_what_is_enlarged(sizes, self.size)
        deep = [i for i in facts if facts[i].levels]
        if deep and self.bits < DEEP_BITS:
            notes.append(
                f"{len(deep)} images with more than 8 bits have one scale: {self.bits} bits are used, so "
                f"that {2**self.bits - 1:,} is white"
            )
            if above := [i for i in deep if any(facts[i].levels[self.bits + 1 :])]:
                brighter = sum(sum(facts[i].levels[self.bits + 1 :]) for i in above)
                notes[-1] += (
                    f"; {brighter} pixels are brighter, and white, too ({self.name(above[0])} …)"
                )
        if clear := [i for i in facts if facts[i].is_clear]:
            notes.append(
                f"{len(clear)} of {len(facts)} images have an opacity ({self.name(clear[0])} …): what is clear "
                "is white"
            )
        if others := [i for i in facts if facts[i].is_fourth_left_out]:
            notes.append(
                f"{len(others)} of {len(facts)} images have more than three bands, and no opacity "
                f"({self.name(others[0])} …): the first three are red, green and blue, the others are not used"
            )
        if more := [i for i in facts if facts[i].is_animated]:
            count = "1 file holds" if len(more) == 1 else f"{len(more)} files hold"
            notes.append(f"{count} several images; the first was read ({self.name(more[0])} …)")
        return notes

    def decode_to_memory(self, arrange: RowOrder) -> DecodedRows:
        """Decode all files into a tensor in memory."""
        numbers = range(len(self.places))
        pixels = torch.zeros(len(numbers), 3, self.size, self.size, dtype=torch.uint8)

        def decode_row(i: int, bits: int = DEEP_BITS) -> bytes | str:
            decoded = self._decode(i, bits)
            if isinstance(decoded, str):
                return decoded
            pixels[i] = torch.from_numpy(decoded[1])
            return decoded[0]

        digests, unread = _sort_out(self._map(decode_row, numbers, self.progress))
        if self.bits < DEEP_BITS:  # known only now: those files again
            deep = [i for i in digests if self.facts[i].levels]
            again = self.workers(partial(decode_row, bits=self.bits), deep)
            unread |= {i: why for i, why in zip(deep, again, strict=True) if isinstance(why, str)}
        order = arrange(list(digests))
        return pixels if order == list(numbers) else pixels[order], digests, unread

    def decode_to_store(self, arrange: RowOrder) -> DecodedRows:
        """Decode into a file of the cache what that file does not hold yet."""
        # first the hashes of all files, which say what the store has; they take little of the time
        digests, unread = _sort_out(self._map(self._hash, range(len(self.places))))
        number = list(digests)  # of the store's j-th file
        place = {i: j for j, i in enumerate(number)}
        bits = self.bits

        def decode_row(j: int) -> bytes | str:
            decoded = self._decode(number[j], bits, digests[number[j]])
            return decoded if isinstance(decoded, str) else decoded[1].tobytes()

        def decode_missing(decode: Callable, missing: list[int]) -> Iterator[bytes | str]:
            return self._map(decode, missing, self.progress)

        def arrange_stored(stored: list[int]) -> list[int]:
            return [place[i] for i in arrange([number[j] for j in stored])]

        store = PixelStore(list(digests.values()), self.size, self.resize, bits)
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
        if isinstance(content, str):
            return content
        if facts := read_image_facts(content):
            self.facts[i] = facts
        return hash_bytes(content)

    def _decode(
        self, i: int, bits: int, known: bytes | None = None
    ) -> tuple[bytes, np.ndarray] | str:
        """The file's hash and its pixels `(3, S, S)`."""
        content = self._read(i)
        if isinstance(content, str):
            return content
        digest = hash_bytes(content)
        if known not in (None, digest):
            return f"{self.name(i)} was changed while it was read"
        try:
            pixels, self.facts[i] = decode_with_facts(
                content, self.size, self.name(i), resize=self.resize, bits=bits
            )
        except ValueError as error:
            return str(error)
        return digest, pixels.transpose(2, 0, 1)


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
