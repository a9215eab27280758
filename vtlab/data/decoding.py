"""Decoding one image file to a square of bytes, whatever camera or program it comes from.

The image is turned as its EXIF says, made RGB, its shorter side scaled, its middle square kept. What
cannot be read is one `ValueError` that names the file.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

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


def decode(content: bytes, size: int, name: str) -> np.ndarray:
    """One image file as bytes `(size, size, 3)`; Pillow's warnings pass through.

    Raises:
        ValueError: If it cannot be read, has more than 50 million pixels, or would take more than
            280 MB of memory; the message names it.
    """
    from PIL import Image

    Image.init()
    formats = [f for f in FORMATS if f in Image.OPEN]  # none that would start another program
    dimensions = "too many"
    try:
        if not content:
            raise ValueError("it is empty (0 bytes)")
        with Image.open(io.BytesIO(content), formats=formats) as image:
            dimensions = f"{image.width} x {image.height}"
            pixels = image.width * image.height
            if pixels > MAX_PIXELS:
                raise Image.DecompressionBombError
            image.draft("RGB", (2 * size, 2 * size))  # a JPEG is decoded at 1/2, 1/4 or 1/8
            if (needed := _decoding_bytes(image, pixels) + len(content)) > MAX_DECODING_BYTES:
                raise ValueError(
                    f"it would take {needed // 10**6} MB of memory; "
                    f"the most is {MAX_DECODING_BYTES // 10**6}"
                )
            image.load()
            return np.array(_turn_upright(_middle_square(image, size), image))
    except Image.DecompressionBombError:  # ours, or Pillow's own for still larger ones
        why = f"has {dimensions} pixels; the most is {MAX_PIXELS:,}"
    except Image.UnidentifiedImageError:
        heic = content[4:8] == b"ftyp" and "HEIF" not in formats
        why = "cannot be read as an image" + ("; save it as JPEG" if heic else "")
    except Exception as error:  # Pillow's readers raise whatever they stumble over
        why = f"cannot be read as an image: {error}"
    raise ValueError(f"{name} {why}")


def _to_rgb(image: Image.Image, by: int = 1) -> Image.Image:
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


def _decoding_bytes(image: Image.Image, pixels: int) -> int:
    """Bytes that decoding will take, from the header; `pixels` are those before a JPEG's reduction."""
    from PIL.JpegImagePlugin import JpegImageFile

    if isinstance(image, JpegImageFile) and image.info.get("progression"):
        # held whole before it is made smaller
        layers = [across * down for _, across, down, _ in image.layer]
        return round(pixels * 2.2 * sum(layers) / max(layers))  # 16-bit coefficients
    each = BYTES_PER_PIXEL.get(image.mode, 4) * DECODER_BUFFERS.get(image.format or "", 1)
    return image.width * image.height * each


def _middle_square(image: Image.Image, size: int) -> Image.Image:
    """The middle square in RGB, shorter side to `size`, with every pixel of it counted."""
    from PIL import Image

    (width, height), side = image.size, min(image.size)
    left, top = (width - side) / 2, (height - side) / 2
    if side * side <= 2 * STRIP_PIXELS:
        return _to_rgb(image).resize(
            (size, size),
            Image.Resampling.BICUBIC,
            reducing_gap=3.0,
            box=(left, top, left + side, top + side),
        )
    # A large one is made RGB and smaller strip by strip, or it would be in memory several times.
    by = max(1, side // (3 * size))
    small = Image.new("RGB", (-(-side // by), -(-side // by)))
    left, top, high = int(left), int(top), by * max(1, STRIP_PIXELS // (side * by))
    for y in range(0, side, high):
        strip = image.crop((left, top + y, left + side, top + min(y + high, side)))
        small.paste(_to_rgb(strip, by), (0, y // by))
    return small.resize((size, size), Image.Resampling.BICUBIC)


def _turn_upright(square: Image.Image, image: Image.Image) -> Image.Image:
    """The square as the photograph's EXIF says that the camera was held."""
    from PIL import Image

    try:
        way = TRANSPOSITIONS.get(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # broken metadata is common, and says nothing about the pixels
        way = None
    return square if way is None else square.transpose(Image.Transpose[way])


def decode_image_tensor(content: bytes, size: int, name: str) -> Tensor:
    """One image file as a batch of one, bytes `(1, 3, size, size)`; errors are `decode`'s."""
    return torch.from_numpy(decode(content, size, name)).permute(2, 0, 1)[None]
