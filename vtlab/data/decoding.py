"""Decoding one image file to a square of bytes, whatever camera or program it comes from.

The image is turned as its EXIF says, made RGB, and made square: its middle is cut out, or it is padded or
squeezed (`RESIZES`). What cannot be read is one `ValueError` that names the file.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 50_000_000  # checked from the header before decoding
MAX_DECODING_BYTES = 280_000_000  # that an image may take while it is decoded, its file included
STRIP_PIXELS = 2_000_000  # that are made RGB at a time
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "HEIF")
# bytes of a pixel as Pillow keeps it, by mode; 4 in all others
BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
# how often a decoder holds all pixels, by format; once in all others
DECODER_BUFFERS = {"WEBP": 4, "AVIF": 4, "HEIF": 4, "TIFF": 2, "GIF": 3}
# how an image that is no square becomes one
RESIZES = {
    "crop": "the middle square is kept",
    "pad": "the whole image, with grey beside it",
    "squeeze": "the whole image, its longer side squeezed",
}
PAD_COLOUR = (124, 116, 104)  # ImageNet's mean
DEEP_BITS = 16  # of a pixel in a file with more than 8
DEEP_MODE = re.compile("RGB[AXa]?;16[LBN]")  # of colours in such a file
HEIC_EXTRA = "pillow-heif"  # the package that reads HEIC
RARE = 0.001  # of a set's numbers, that may be above the scale
EXTRA_SAMPLES_TAG, PHOTOMETRIC_TAG, BITS_TAG = 338, 262, 258  # of TIFF
ORIENTATION_TAG = 0x0112  # of EXIF, which says how the camera was held
TRANSPOSITIONS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


class ImageFacts(NamedTuple):
    """What an image file says about itself.

    Attributes:
        width: In pixels, before anything is cut.
        height: In pixels.
        levels: Of an image with more than 8 bits, grey or in colour, how many of its numbers take 0, 1, …,
            16 bits; empty of all others.
        is_animated: Whether more images follow the first one, which is the one that is read.
        is_clear: Whether parts of it may be transparent.
        is_fourth_left_out: Whether it has bands beside three colours that are no opacity.
    """

    width: int
    height: int
    levels: tuple[int, ...]
    is_animated: bool
    is_clear: bool
    is_fourth_left_out: bool = False


def check_resize(resize: str) -> None:
    """Refuse a way to make a square that nobody knows.

    Raises:
        ValueError: With the ways.
    """
    if resize not in RESIZES:
        raise ValueError(f"resize is {resize!r}; there are {', '.join(RESIZES)}")


def count_levels(numbers: np.ndarray) -> tuple[int, ...]:
    """How many of these whole numbers take 0, 1, …, 16 bits."""
    numbers = numbers.clip(0, 65535) if numbers.dtype.itemsize > 2 else numbers
    shades = np.bincount(numbers.ravel(), minlength=65536)
    return tuple(np.add.reduceat(shades, [0, *(2**k for k in range(DEEP_BITS))]).tolist())


def choose_bits(levels: Iterable[tuple[int, ...]]) -> tuple[int, int]:
    """The least bits that all but one in a thousand of these numbers take, and how many are above.

    So one defect pixel of a camera does not make a set black.

    Args:
        levels: Of each image, `count_levels`.
    """
    counts = np.sum(list(levels), axis=0)
    above = counts.sum() - counts.cumsum()
    bits = max(8, int(np.argmax(above <= RARE * counts.sum())))
    return bits, int(above[bits])


def find_cut_share(width: int, height: int) -> float:
    """The share of an image, in [0, 1), that lies outside its middle square."""
    return 1 - min(width, height) / max(width, height)


def decode(
    content: bytes, size: int, name: str, *, resize: str = "crop", bits: int = DEEP_BITS
) -> np.ndarray:
    """One image file as bytes `(size, size, 3)`; Pillow's warnings pass through.

    Args:
        content: The file.
        size: Side of the square in pixels.
        name: Of the file, for messages.
        resize: One of `RESIZES`.
        bits: Of an image with more than 8, the bits that are used: 12 where white is 4095.

    Raises:
        ValueError: If it cannot be read, has more than 50 million pixels, or would take more than
            280 MB of memory; the message names it.
    """
    return decode_with_facts(content, size, name, resize=resize, bits=bits)[0]


def decode_with_facts(
    content: bytes, size: int, name: str, *, resize: str = "crop", bits: int = DEEP_BITS
) -> tuple[np.ndarray, ImageFacts]:
    """The same with what the file says about itself."""
    from PIL import Image

    formats = _find_formats(content)
    dimensions = "too many"
    try:
        if not content:
            raise ValueError("it is empty (0 bytes)")
        with Image.open(io.BytesIO(content), formats=formats) as image:
            width, height = image.size
            dimensions = f"{width} x {height}"
            if width * height > MAX_PIXELS:
                raise Image.DecompressionBombError
            image.draft("RGB", (2 * size, 2 * size))  # a JPEG is decoded at 1/2, 1/4 or 1/8
            deep = _find_deep_mode(image)
            needed = _decoding_bytes(image, width * height) * (3 if deep else 1) + len(content)
            if needed > MAX_DECODING_BYTES:
                raise ValueError(
                    f"it would take {needed // 10**6} MB of memory; "
                    f"the most is {MAX_DECODING_BYTES // 10**6}"
                )
            colours = _read_deep_colours(content, deep) if deep else None
            whole = image if colours is None else _scale_colours(colours, bits)
            whole.load()
            if _has_other_bands(image):
                whole = whole.convert("RGB")
            square = _turn_upright(make_square(whole, size, resize, bits), image)
            return np.array(square), _describe(image, width, height, colours)
    except Image.DecompressionBombError:  # ours, or Pillow's own for still larger ones
        why = f"has {dimensions} pixels; the most is {MAX_PIXELS:,}"
    except Image.UnidentifiedImageError:
        heic = content[4:8] == b"ftyp" and "HEIF" not in formats
        hint = f"; pip install {HEIC_EXTRA} lets HEIC be read, or save it as JPEG" if heic else ""
        why = f"cannot be read as an image{hint}"
    except Exception as error:  # Pillow's readers raise whatever they stumble over
        why = f"cannot be read as an image: {error}"
    raise ValueError(f"{name} {why}")


def read_image_facts(content: bytes) -> ImageFacts | None:
    """What an image file says about itself, mostly from its header; None where it cannot be read."""
    from PIL import Image

    with (
        contextlib.suppress(Exception, Image.DecompressionBombError),
        Image.open(io.BytesIO(content), formats=_find_formats(content)) as image,
    ):
        width, height = image.size
        if width * height <= MAX_PIXELS:
            deep = _find_deep_mode(image)
            colours = _read_deep_colours(content, deep) if deep else None
            return _describe(image, width, height, colours)
    return None


def _find_deep_mode(image: Image.Image) -> str:
    """How an unread image in colour with 16 bits each is packed, such as "RGB;16B"; "" for all others."""
    words = [word for tile in getattr(image, "tile", ()) for word in _as_tuple(tile.args)]
    return next((word for word in words if DEEP_MODE.fullmatch(str(word))), "")


def _as_tuple(given: Any) -> tuple[Any, ...]:
    return given if isinstance(given, tuple) else (given,)


def _read_deep_colours(content: bytes, mode: str) -> np.ndarray:
    """The numbers of such an image: `(H, W, 3)`, or 4 with opacity.

    Pillow keeps the upper byte of each number, so it is read twice, once with its bytes in the other order.
    """
    from PIL import Image

    little = mode[-1] == "L" or (mode[-1] == "N" and sys.byteorder == "little")
    planes = []
    for packed in (mode, mode[:-1] + ("B" if little else "L")):
        with Image.open(io.BytesIO(content), formats=_find_formats(content)) as image:
            for i, tile in enumerate(image.tile):
                words = tuple(packed if word == mode else word for word in _as_tuple(tile.args))
                image.tile[i] = tile._replace(args=words)
            planes.append(np.asarray(image))
    return planes[0].astype(np.uint16) << 8 | planes[1]


def _scale_colours(colours: np.ndarray, bits: int) -> Image.Image:
    """The same in bytes; opacity has all its 16 bits always."""
    from PIL import Image

    shades = _to_shades(colours[:, :, :3], bits)
    return Image.fromarray(np.dstack([shades, _to_shades(colours[:, :, 3:], DEEP_BITS)]))


def _to_shades(deep: np.ndarray, bits: int) -> np.ndarray:
    """Numbers of so many bits as bytes; what is brighter, as in an image of another set, is white, too."""
    white = 2**bits - 1
    shades = (np.arange(65536).clip(max=white) * 255 + white // 2) // white
    return shades.astype(np.uint8)[deep]


def _describe(
    image: Image.Image, width: int, height: int, colours: np.ndarray | None
) -> ImageFacts:
    levels: tuple[int, ...] = ()
    if image.mode.startswith("I") or colours is not None:
        levels = count_levels(np.asarray(image) if colours is None else colours[:, :, :3])
    more, others = False, _has_other_bands(image)
    if image.format not in ("MPO", "HEIF"):  # a telephone's second picture is a map of depths
        with contextlib.suppress(Exception):  # of a damaged second image, say
            more = bool(getattr(image, "is_animated", False))
    clear = image.has_transparency_data and not others
    return ImageFacts(width, height, levels, more, clear, others)


def _has_other_bands(image: Image.Image) -> bool:
    """Whether a TIFF has bands beside its three colours, of which it does not say that they are opacity."""
    tags = getattr(image, "tag_v2", {})
    extra = tags.get(EXTRA_SAMPLES_TAG, ())
    return (
        tags.get(PHOTOMETRIC_TAG) == 2 and len(tags.get(BITS_TAG, ())) > 3 and not {1, 2} & {*extra}
    )


def _find_formats(content: bytes) -> list[str]:
    """The formats that are read here: none that would start another program."""
    from PIL import Image

    Image.init()
    if content[4:8] == b"ftyp":
        _register_heif()
    return [f for f in FORMATS if f in Image.OPEN]


@cache
def _register_heif() -> None:
    """Let Pillow read HEIC where the package for it is installed."""
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()


def _to_rgb(image: Image.Image, bits: int, by: int = 1) -> Image.Image:
    """An image in RGB, on white where it is clear, its sides divided by a whole number."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("its pixels are decimal numbers; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError("its pixels have more than 16 bits; save it with 8 or 16")
        return Image.fromarray(_to_shades(deep, bits)).reduce(by).convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA").reduce(by)  # first, as laying on white is the slower part
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return image.convert("RGB").reduce(by)


def _decoding_bytes(image: Image.Image, pixels: int) -> int:
    """Bytes that decoding will take, from the header; `pixels` are those before a JPEG's reduction."""
    from PIL.JpegImagePlugin import JpegImageFile

    if isinstance(image, JpegImageFile) and image.info.get("progression"):
        # held whole before it is made smaller
        layers = [across * down for _, across, down, _ in image.layer]
        return round(pixels * 2.2 * sum(layers) / max(layers))  # 16-bit coefficients
    each = BYTES_PER_PIXEL.get(image.mode, 4) * DECODER_BUFFERS.get(image.format or "", 1)
    return image.width * image.height * each


def make_square(
    image: Image.Image, size: int, resize: str = "crop", bits: int = DEEP_BITS
) -> Image.Image:
    """A square in RGB of side `size`, made in one of the ways of `RESIZES`; the arguments are `decode`'s."""
    from PIL import Image

    (width, height), side = image.size, min(image.size)
    if resize == "crop":
        corner = (width - side) / 2, (height - side) / 2
        return _resize_box(image, corner, (side, side), (size, size), bits)
    if resize == "squeeze":
        return _resize_box(image, (0, 0), image.size, (size, size), bits)
    scale = size / max(image.size)
    small = max(1, round(width * scale)), max(1, round(height * scale))
    square = Image.new("RGB", (size, size), PAD_COLOUR)
    square.paste(
        _resize_box(image, (0, 0), image.size, small, bits),
        ((size - small[0]) // 2, (size - small[1]) // 2),
    )
    return square


def _resize_box(
    image: Image.Image,
    corner: tuple[float, float],
    box: tuple[int, int],
    size: tuple[int, int],
    bits: int,
) -> Image.Image:
    """A part of an image in RGB and in another size, with every pixel of the part counted.

    Args:
        image: In any mode.
        corner: The part's left and top.
        box: The part's width and height.
        size: Width and height of what comes out.
        bits: As in `decode`.
    """
    from PIL import Image

    (left, top), (width, height) = corner, box
    if width * height <= 2 * STRIP_PIXELS:
        return _to_rgb(image, bits).resize(
            size,
            Image.Resampling.BICUBIC,
            reducing_gap=3.0,
            box=(left, top, left + width, top + height),
        )
    # A large one is made RGB and smaller strip by strip, or it would be in memory several times.
    by = max(1, min(width // (3 * size[0]), height // (3 * size[1])))
    small = Image.new("RGB", (-(-width // by), -(-height // by)))
    left, top, high = int(left), int(top), by * max(1, STRIP_PIXELS // (width * by))
    for y in range(0, height, high):
        strip = image.crop((left, top + y, left + width, top + min(y + high, height)))
        small.paste(_to_rgb(strip, bits, by), (0, y // by))
    return small.resize(size, Image.Resampling.BICUBIC)


def _turn_upright(square: Image.Image, image: Image.Image) -> Image.Image:
    """The square as the photograph's EXIF says that the camera was held."""
    from PIL import Image

    try:
        way = TRANSPOSITIONS.get(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # broken metadata is common, and says nothing about the pixels
        way = None
    return square if way is None else square.transpose(Image.Transpose[way])


def decode_image_tensor(
    content: bytes, size: int, name: str, *, resize: str = "crop", bits: int = DEEP_BITS
) -> Tensor:
    """One image file as a batch of one, bytes `(1, 3, size, size)`; arguments and errors are `decode`'s."""
    pixels = decode(content, size, name, resize=resize, bits=bits)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]
