"""Pictures made here, and the bytes of their files."""

import io

import numpy as np
from PIL import Image


def picture(colour=(200, 30, 30), size=(40, 30), mode="RGB", form="PNG", **options) -> bytes:
    return saved(Image.new("RGB", size, colour).convert(mode), form, **options)


def saved(image: Image.Image, form="PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def scene(width: int, height: int) -> Image.Image:
    """Smooth colours and one dark bar, different in every corner."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    channels = [128 + 120 * np.sin(7 * x + 2), 128 + 120 * np.cos(5 * y + 9 * x), 250 * y * x]
    pixels = np.stack(channels, -1).clip(0, 255).astype(np.uint8)
    pixels[height // 3 : height // 2, width // 4 : width // 3] //= 4
    return Image.fromarray(pixels)


def grainy(seed: int, side: int = 20) -> Image.Image:
    """Noise: no two seeds give pictures that look the same."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)
