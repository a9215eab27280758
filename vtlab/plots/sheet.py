"""A contact sheet: many images in one picture, quick enough to follow a control.

`plot_images` gives every image axes of its own, which costs ten times as much to draw.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image

from vtlab import style
from vtlab.plots.images import draw_outline, pictures, same_length

GAP = 10  # pixels of the page between two images
WORDS = 20  # pixels of the page for a line of words


def plot_sheet(
    images: ArrayLike,
    *,
    titles: Sequence[str],
    columns: int = 8,
    masks: ArrayLike | None = None,
) -> Figure:
    """Images in a grid, each with a line of words above it.

    Args:
        images: `(N, 3, H, W)` uint8.
        titles: One per image.
        columns: Of the grid.
        masks: `(N, H, W)` bool, drawn as outlines.

    Raises:
        ValueError: If the images have another shape or type, or a length differs.
    """
    images = pictures(images)
    same_length(len(images), titles=titles, masks=masks)
    rows = -(-len(images) // columns)
    side = round(style.WIDE * style.DPI / columns) - GAP
    step = side + GAP
    height, width = rows * (step + WORDS), columns * step
    canvas = np.full((height, width, 3), 255, np.uint8)
    outlines = np.zeros((height, width), bool)
    figure = Figure((width / style.DPI, height / style.DPI), dpi=style.DPI, facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1))
    for i, image in enumerate(images):
        top, left = i // columns * (step + WORDS) + WORDS, i % columns * step + GAP // 2
        place = slice(top, top + side), slice(left, left + side)
        canvas[place] = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
        if masks is not None:
            mask = Image.fromarray(np.asarray(masks[i], dtype=np.uint8) * 255)
            outlines[place] = np.asarray(mask.resize((side, side), Image.Resampling.BILINEAR)) > 127
        words = style.shorten(titles[i], side / style.DPI, style.SMALL)
        ax.text(left, top - 5, words, **style.text(style.SMALL, style.QUIET))
    style.blank(ax)
    ax.imshow(canvas, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    if masks is not None:
        draw_outline(ax, outlines)
        ax.set(xlim=(0, width), ylim=(height, 0))
    return figure
