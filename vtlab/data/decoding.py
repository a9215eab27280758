"""One image file as a square of bytes, whatever camera or program it comes from.

Turned as its EXIF says, made RGB, the shorter side scaled, the middle square kept. What cannot
be read is one `ValueError` that names the file.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import Tensor

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
