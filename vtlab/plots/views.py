"""Augmented views: what each kind of augmentation makes of the same images."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from vtlab import style
from vtlab.plots.sheet import Sheet, pictures

CELL = 0.95  # inches: a picture at most
LABEL = 1.2  # inches: the name of a row at most
APART = 0.12  # inches between names and pictures


def plot_views(rows: Mapping[str, ArrayLike], titles: Sequence[str] | None = None) -> Figure:
    """A row of images for each name, the name at its left.

    Args:
        rows: For each name, images `(N, 3, H, W)` uint8, the same number and size in each row.
        titles: One for each column, written above the first row.

    Raises:
        ValueError: If there is no row, rows differ in shape, or the titles do not fit.

    Lesson 08.
    """
    shown = {name: pictures(images) for name, images in rows.items()}
    shapes = {images.shape for images in shown.values()}
    if len(shapes) != 1:
        raise ValueError(f"the rows' images should have one shape, not {sorted(shapes)}")
    ((columns, height, width, _),) = shapes
    if titles is not None and len(titles) != columns:
        raise ValueError(f"{columns} images in a row but {len(titles)} titles")
    names = [style.shorten(name, LABEL, style.BODY) for name in shown]
    side = max(style.text_width(name, style.BODY) for name in names) + APART
    head = 0.25 if titles else 0
    cell = min((style.WIDE - side) / columns, CELL)
    sheet = Sheet(len(shown), columns, cell, (height, width), side=side, head=head)
    for row, (name, images) in enumerate(zip(names, shown.values(), strict=True)):
        sheet.beside(row, name, size=style.BODY)
        for column, image in enumerate(images):
            sheet.show(row, column, image)
    for column, title in enumerate(titles or ()):
        words = style.shorten(title, sheet.width, style.SMALL)
        sheet.over(0, column, words, size=style.SMALL, colour=style.QUIET)
    return sheet.figure
