"""One image file as a square of bytes, whatever camera or program it comes from.

Turned as its EXIF says, made RGB, the shorter side scaled, the middle square kept. What cannot
be read is one `ValueError` that names the file.
"""

from __future__ import annotations

import io

import numpy as np

LARGEST = 50_000_000  # pixels, checked from the header before decoding
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "HEIF")


def decode(content: bytes, size: int, name: str) -> np.ndarray:
    """One image file as bytes `(size, size, 3)`; Pillow's warnings pass through.

    Raises:
        ValueError: If it cannot be read or is too large; the message names it.
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
            image.draft("RGB", (2 * size, 2 * size))  # a JPEG is decoded at 1/2, 1/4 or 1/8
            image.load()
            square = _square(_rgb(image), size)
            return np.array(_turned(square, image))
    except Image.DecompressionBombError:  # ours, or Pillow's own for still larger ones
        why = f"has {pixels} pixels; the most is {LARGEST:,}"
    except Image.UnidentifiedImageError:
        heic = content[4:8] == b"ftyp" and "HEIF" not in known
        why = "cannot be read as an image" + ("; save it as JPEG" if heic else "")
    except Exception as error:  # Pillow's readers raise whatever they stumble over
        why = f"cannot be read as an image: {error}"
    raise ValueError(f"{name} {why}")


def _rgb(image):
    from PIL import Image

    if image.mode == "F":
        raise ValueError("its pixels are decimal numbers; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError("its pixels have more than 16 bits; save it with 8 or 16")
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return image.convert("RGB")


def _square(image, size: int):
    """The middle square, shorter side to `size`, with every pixel of it counted."""
    from PIL import Image

    (width, height), side = image.size, min(image.size)
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0,
                        box=(left, top, left + side, top + side))  # fmt: skip


def _turned(square, image):
    """The square as the photograph's EXIF says that the camera was held."""
    from PIL import Image

    way = Image.Transpose
    ways = {2: way.FLIP_LEFT_RIGHT, 3: way.ROTATE_180, 4: way.FLIP_TOP_BOTTOM, 5: way.TRANSPOSE,
            6: way.ROTATE_270, 7: way.TRANSVERSE, 8: way.ROTATE_90}  # fmt: skip
    try:
        turn = ways.get(image.getexif().get(0x0112))
    except Exception:  # broken metadata is common, and says nothing about the pixels
        turn = None
    return square if turn is None else square.transpose(turn)
