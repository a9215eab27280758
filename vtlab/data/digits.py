"""Digits: handwritten ones to learn, and printed ones to learn from first; nothing is downloaded.

The handwritten digits are scikit-learn's 1,797 scans of 8 x 8 pixels (Alpaydin and Kaynak 1998,
https://doi.org/10.24432/C50P49, CC BY 4.0). The printed ones are drawn without end from the
fonts that come with matplotlib. Same classes, another hand: real pixels and a real shift, for
lesson 10.
"""

from __future__ import annotations

import functools
import importlib.util
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.garden.drawing import draw_fractal_noise, draw_plants_in_chunks, drawing_through_camera
from vtlab.system.randomness import derive_random_keys, random_uniform

DIGITS = tuple("0123456789")
TRAINING_SCANS = 797  # the first of the 1,797; the last 1,000 are the test set

# DejaVu and STIX to learn from; the test digits are Computer Modern, which no training saw.
TRAIN_FONTS = (
    *("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSans-Bold", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Oblique", "DejaVuSansMono-Bold"),
    *("DejaVuSansMono-BoldOblique", "DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSerif-Bold"),
    *("DejaVuSerif-BoldItalic", "STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol"),
    "STIXGeneralBolIta",
)
TEST_FONTS = ("cmr10", "cmti10", "cmb10", "cmss10", "cmtt10")
SEED = 61  # of the world of printed digits
TEST_STREAM, FIRST_TRAINING_STREAM = 99, 100  # of random numbers; each learner's seed has one


def handwritten_digits(size: int = 64) -> tuple[Tensor, Tensor]:
    """Scikit-learn's handwritten digits, dark ink on white, in the order of the collection.

    That order matters: digits that follow one another were written by one hand. A support vector
    machine in 9-fold cross-validation gets 97.3 % with the folds in order and 98.9 % with shuffled
    ones, where it recognises hands too. So the test set is the end of the collection, not a random part.

    Args:
        size: Side in pixels; the 8 x 8 scans, with a margin of one, are enlarged bicubically.

    Returns:
        `images (1797, 3, H, W)` uint8 and `labels (1797,)`.
    """
    from sklearn.datasets import load_digits

    scans = load_digits()
    paper = 1 - torch.from_numpy(scans.images).float()[:, None] / 16  # ink is 16
    paper = F.pad(paper, (1, 1, 1, 1), value=1.0)  # the scans reach to their edges
    large = F.interpolate(paper, (size, size), mode="bicubic", antialias=True)
    pixels = (large.clamp(0, 1) * 255).round().to(torch.uint8)
    return pixels.expand(-1, 3, -1, -1).contiguous(), torch.from_numpy(scans.target).long()


def printed_digits(
    per_class: int, seed: int | None, size: int = 64
) -> tuple[Tensor, Tensor, Tensor]:
    """So many printed digits of every class, class by class, in many fonts, places and colours.

    Args:
        per_class: How many of each digit; the first ones are the same for any number.
        seed: Of a learner (0 or more), in the training fonts; None for the test images, in
            fonts of other designs.
        size: Side in pixels.

    Returns:
        `images (N, 3, H, W)` uint8, `labels (N,)`, `masks (N, H, W)` bool, true on the ink.

    Raises:
        ValueError: If the seed is negative.
    """
    if seed is not None and seed < 0:
        raise ValueError(f"the seed {seed} is negative")
    labels = torch.arange(len(DIGITS)).repeat_interleave(per_class)
    number = torch.arange(per_class).repeat(len(DIGITS))
    image_keys = derive_random_keys(
        SEED,
        TEST_STREAM if seed is None else FIRST_TRAINING_STREAM + seed,
        labels * 100_003 + number,
    )
    fonts = TEST_FONTS if seed is None else TRAIN_FONTS
    images, masks = draw_plants_in_chunks(
        partial(_draw_printed, fonts, size=size), labels, image_keys, size
    )
    return images, labels, masks


def _draw_printed(
    fonts: tuple[str, ...], labels: Tensor, image_keys: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """Images and masks, each depending on its own key only."""
    atlas = _font_atlas(fonts, size)  # (fonts, 10, 2 S, 2 S)
    font = (random_uniform(image_keys, (), 0) * len(fonts)).long()
    radius = 0.18 + 0.22 * random_uniform(image_keys, (), 1)  # half the digit's height
    turn, slant, wide = (random_uniform(image_keys, 3, 2) - 0.5).unbind(1)
    turn, slant, wide = 0.5 * turn, 0.4 * slant, torch.exp(0.5 * wide)
    reach = 1.15 * radius[:, None]  # turned and slanted, a digit is a little longer
    centre = reach + (1 - 2 * reach) * random_uniform(image_keys, 2, 3)

    line = (torch.arange(2 * size) + 0.5) / (2 * size)  # sampled twice as finely, then averaged
    x = (line[None, None, :] - centre[:, :1, None]) / radius[:, None, None]
    y = (line[None, :, None] - centre[:, 1:, None]) / radius[:, None, None]
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None]
    across, down = cos * x + sin * y, cos * y - sin * x
    across = (across + slant[:, None, None] * down) / wide[:, None, None]
    grid = torch.stack([across, down.expand_as(across)], 3) / 2  # a digit fills half its tile
    ink = F.grid_sample(atlas[font, labels][:, None], grid, align_corners=False)
    ink = F.avg_pool2d(ink, 2)  # (N, 1, S, S)

    bright, dark = (
        0.72 + 0.28 * random_uniform(image_keys, (), 4),
        0.4 * random_uniform(image_keys, (), 5),
    )
    night = random_uniform(image_keys, (), 6) < 0.25  # light digits on a dark ground
    ground = _random_colour(image_keys, 7, torch.where(night, dark, bright), 0.45)
    stroke = _random_colour(image_keys, 8, torch.where(night, bright, dark), 0.8)
    paper = ground * (0.88 + 0.2 * draw_fractal_noise(image_keys, size)[:, None])
    return drawing_through_camera(torch.lerp(paper, stroke, ink), image_keys), ink[:, 0] > 0.5


def _random_colour(image_keys: Tensor, stream: int, value: Tensor, most: float) -> Tensor:
    """A colour of any hue and of this brightness, saturated up to `most`, `(N, 3, 1, 1)`."""
    hue, saturation = random_uniform(image_keys, 2, stream).unbind(1)
    thirds = (hue[:, None] * 6 + torch.tensor([0.0, 4.0, 2.0])).remainder(6)
    pure = ((thirds - 3).abs() - 1).clamp(0, 1)
    colour = value[:, None] * (1 - most * saturation[:, None] * (1 - pure))
    return colour[:, :, None, None]


@functools.lru_cache(maxsize=4)
def _font_atlas(fonts: tuple[str, ...], size: int) -> Tensor:
    """Every digit of every font, `(fonts, 10, 2 S, 2 S)` in [0, 1], as high as half its tile."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    tiles = torch.empty(len(fonts), len(DIGITS), 2 * size, 2 * size)
    for i, name in enumerate(fonts):
        file = str(_fonts_folder() / f"{name}.ttf")
        left, top, right, bottom = ImageFont.truetype(file, 1000).getbbox("0")
        font = ImageFont.truetype(file, 1000 * size / (bottom - top))
        for k, digit in enumerate(DIGITS):
            left, top, right, bottom = font.getbbox(digit)
            tile = Image.new("L", (2 * size, 2 * size))
            corner = (size - (left + right) / 2, size - (top + bottom) / 2)
            ImageDraw.Draw(tile).text(corner, digit, fill=255, font=font)
            tiles[i, k] = torch.from_numpy(np.asarray(tile) / np.float32(255))
    return tiles


def _fonts_folder() -> Path:
    """Where the fonts that come with matplotlib are; matplotlib itself is not imported."""
    found = importlib.util.find_spec("matplotlib")
    assert found is not None  # vtlab depends on it
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
