"""Grids of images: with titles, with what was predicted, or a row for each name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from vtlab.plots import style
from vtlab.plots.sheet import Sheet, check_sheet_lengths, to_sheet_pictures
from vtlab.results.formatting import format_percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_WIDTH = 1.9  # inches: a picture in a grid at most
ROW_CELL_WIDTH = 0.95  # inches: a picture in a named row at most
NAME_WIDTH = 1.2  # inches: the name of a row at most
NAME_GAP = 0.12  # inches between names and pictures


def plot_images(
    images: ArrayLike,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    masks: ArrayLike | None = None,
) -> Figure:
    """Images in a grid.

    Args:
        images: `(N, 3, H, W)` uint8.
        titles: One per image, shown above it.
        columns: Of the grid; 8 where there are so many images.
        masks: `(N, H, W)` bool, drawn as outlines.

    Raises:
        ValueError: If the images have another shape or type, or a length differs.
    """
    pictures, outlined = to_sheet_pictures(images), None if masks is None else np.asarray(masks)
    check_sheet_lengths(len(pictures), titles=titles, masks=outlined)
    lines = max(title.count("\n") + 1 for title in titles) if titles else 0
    sheet, places = _fill_grid(pictures, columns or min(len(pictures), 8), over=lines)
    for i, place in enumerate(places):
        sheet.show(*place, pictures[i])
        if outlined is not None:
            sheet.outline(*place, outlined[i])
        if titles:
            cut = [
                style.shorten_styled_text(line, sheet.width, style.SMALL)
                for line in titles[i].split("\n")
            ]
            sheet.write_over(*place, "\n".join(cut), size=style.SMALL, colour=style.QUIET)
    return sheet.figure


def plot_mistakes(
    images: ArrayLike,
    true: Sequence[int],
    predicted: Sequence[int],
    confidences: Sequence[float],
    classes: Sequence[str],
    *,
    columns: int | None = None,
) -> Figure:
    """Images with the class that was predicted, how surely, and the class that they are.

    Args:
        images: `(N, 3, H, W)` uint8, in the order to show.
        true: Class index of each image.
        predicted: Class index that the network gave.
        confidences: Probability of the predicted class.
        classes: The class names.
        columns: Of the grid; 5 where there are so many images.

    Raises:
        ValueError: If the images have another shape or type, or a length differs.

    Lesson 01.
    """
    pictures = to_sheet_pictures(images)
    check_sheet_lengths(len(pictures), true=true, predicted=predicted, confidences=confidences)
    sheet, places = _fill_grid(pictures, columns or min(len(pictures), 5), over=1, under=1)
    for i, place in enumerate(places):
        sheet.show(*place, pictures[i])
        colour = style.RIGHT if true[i] == predicted[i] else style.WRONG
        sure = f" {_format_confidence(confidences[i])}"
        room = sheet.width - style.measure_styled_text(sure, style.SMALL, "bold")
        guess = style.shorten_styled_text(classes[predicted[i]], room, style.SMALL, "bold") + sure
        truth = style.shorten_styled_text(f"is {classes[true[i]]}", sheet.width, style.SMALL)
        sheet.write_over(*place, guess, size=style.SMALL, colour=colour, weight="bold")
        sheet.write_under(*place, truth, size=style.SMALL)
    return sheet.figure


def plot_image_rows(
    rows: Mapping[str, ArrayLike],
    titles: Sequence[str] | None = None,
    *,
    masks: Mapping[str, ArrayLike] | None = None,
) -> Figure:
    """A row of images for each name, the name at its left.

    Args:
        rows: For each name, images `(N, 3, H, W)` uint8, the same number and size in each row.
        titles: One for each column, written above the first row.
        masks: For names whose images are to be outlined `(N, H, W)` bool.

    Raises:
        ValueError: If there is no row, rows differ in shape, or the titles or masks do not fit.

    Lesson 08.
    """
    shown = {name: to_sheet_pictures(images) for name, images in rows.items()}
    shapes = {images.shape for images in shown.values()}
    if len(shapes) != 1:
        raise ValueError(f"the rows' images should have one shape, not {sorted(shapes)}")
    ((columns, height, width, _),) = shapes
    if titles is not None and len(titles) != columns:
        raise ValueError(f"{columns} images in a row but {len(titles)} titles")
    outlined = {name: np.asarray(of) for name, of in (masks or {}).items()}
    for name, of in outlined.items():
        if name not in shown or of.shape != (columns, height, width):
            raise ValueError(f"masks {of.shape} of {name!r} do not fit the rows' images")
    names = [style.shorten_styled_text(name, NAME_WIDTH, style.BODY) for name in shown]
    side = max(style.measure_styled_text(name, style.BODY) for name in names) + NAME_GAP
    head = 0.25 if titles else 0
    cell = min((style.WIDE - side) / columns, ROW_CELL_WIDTH)
    sheet = Sheet(len(shown), columns, cell, (height, width), side=side, head=head)
    for row, (name, (key, images)) in enumerate(zip(names, shown.items(), strict=True)):
        sheet.write_beside(row, name, size=style.BODY)
        for column, image in enumerate(images):
            sheet.show(row, column, image)
        for column, mask in enumerate(outlined.get(key, ())):
            sheet.outline(row, column, mask)
    for column, title in enumerate(titles or ()):
        words = style.shorten_styled_text(title, sheet.width, style.SMALL)
        sheet.write_over(0, column, words, size=style.SMALL, colour=style.QUIET)
    return sheet.figure


def _format_confidence(confidence: float) -> str:
    """A probability in percent; nothing short of certainty is rounded up to it."""
    return f">{format_percent(0.99, 0)}" if 0.99 < confidence < 1 else format_percent(confidence, 0)


def _fill_grid(
    pictures: np.ndarray, columns: int, **lines: int
) -> tuple[Sheet, list[tuple[int, int]]]:
    """A sheet for the pictures, and the row and column of each, in reading order."""
    rows, cell = -(-len(pictures) // columns), min(style.WIDE / columns, CELL_WIDTH)
    places = [divmod(i, columns) for i in range(len(pictures))]
    return Sheet(rows, columns, cell, pictures.shape[1:3], **lines), places
