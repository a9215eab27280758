"""Figures of what is inside the stages: receptive fields, feature maps, strongest patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from vtlab.plots import style
from vtlab.plots.sheet import GAP, Sheet, to_sheet_pictures
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# in cells, a cell being a picture and its gap
GROUP_GAP = 0.6  # from one group of pictures to the next
NAME_CELLS = 1.2  # the names at the left
IMAGE_CELLS = 2.4  # the image beside its maps

PIXELS = {"cmap": "magma", "interpolation": "nearest"}  # how numbers are shown as a picture


def plot_receptive_fields(
    maps: Mapping[str, Mapping[str, ArrayLike]],
    boxes: Mapping[str, Mapping[str, tuple[float, float]]],
) -> Figure:
    """Which pixels the middle cell of each stage depends on, and how much: a network a row.

    Bright is much, each picture up to its own maximum (by the square root, so that little is
    seen too). The square is the receptive field.

    Args:
        maps: For each backbone's name, for each stage, `(H, W)` from `gradient_sensitivity`.
        boxes: For the same names, the first and the last pixel of the field along a side.

    Raises:
        ValueError: If there is no map.

    Lesson 02.
    """
    if not maps:
        raise ValueError("there is no map to draw")
    stages = list(dict.fromkeys(stage for of in maps.values() for stage in of))
    shape = np.shape(next(iter(next(iter(maps.values())).values())))
    cell = style.WIDE / (len(stages) + 1)
    sheet = Sheet(len(maps), len(stages) + 1, cell, shape, under=1, head=0.24)
    for row, (name, of) in enumerate(maps.items()):
        label = names.get_label(name)
        _write_name(sheet, row, label.text, label.colour)
        for column, stage in enumerate(stages, 1):
            values = np.asarray(of[stage], dtype=float)
            root = PowerNorm(0.5, 0, values.max() if values.max() > 0 else 1)
            sheet.show(row, column, values, norm=root, **PIXELS)
            first, last = boxes[name][stage]
            size = last - first + 1
            _draw_field(sheet, row, column, first, size, shape[0])
            sheet.write_under(
                row, column, f"{size:.0f} pixels", size=style.SMALL, colour=style.QUIET
            )
    for column, stage in enumerate(stages, 1):
        sheet.write_over(0, column, stage, size=style.BODY, weight="bold")
    return sheet.figure


def _draw_field(
    sheet: Sheet, row: int, column: int, first: float, size: float, pixels: int
) -> None:
    """A square of the image's pixels, cut where it leaves the picture."""
    left, top = sheet.corner(row, column)
    unit, inset = sheet.width / pixels, 0.012
    low = max(first, 0) * unit + inset
    long = min(first + size, pixels) * unit - inset - low
    for colour, width in ((style.INK, 2.2), ("white", 1.0)):
        square = Rectangle((left + low, top + low), long, long, fill=False, linewidth=width)
        square.set(edgecolor=colour, gid=f"field {row} {column} {colour}")
        sheet.ax.add_patch(square)


def _write_name(sheet: Sheet, row: int, words: str, colour: str = style.INK, **how: Any) -> None:
    """A name at the left of a row of pictures."""
    bold = {"size": style.BODY, "colour": colour, "weight": "bold", "linespacing": 1.5}
    sheet.write_beside(row, words, **{"left": 0.06} | how | bold)


def plot_feature_maps(image: ArrayLike, maps: Mapping[str, ArrayLike]) -> Figure:
    """Feature maps of one image: a stage a row, a channel a column, each map up to its own maximum.

    Args:
        image: `(3, H, W)` uint8.
        maps: For each stage the chosen channels `(C, h, w)`.

    Raises:
        ValueError: If there is no map.

    Lesson 02.
    """
    if not maps:
        raise ValueError("there is no map to draw")
    shown = to_sheet_pictures(np.asarray(image)[None])[0]
    found = {stage: np.asarray(values, dtype=float) for stage, values in maps.items()}
    columns, rows = max(len(values) for values in found.values()), len(found)
    first = IMAGE_CELLS + 0.25  # where names begin
    left = first + NAME_CELLS
    cell = style.WIDE / (left + columns)
    # the image spans several rows at the left, which no cell of the sheet does: drawn by hand
    sheet = Sheet(rows, int(left + columns) + 1, cell, shown.shape[:2])
    side = IMAGE_CELLS * cell - GAP
    top = (sheet.foot - side * shown.shape[0] / shown.shape[1]) / 2
    sheet.ax.imshow(
        shown,
        extent=(GAP / 2, GAP / 2 + side, sheet.foot - top, top),
        aspect="auto",
        interpolation="catrom",
        gid="image",
    )
    for row, (stage, values) in enumerate(found.items()):
        words = f"{stage}\n{values.shape[-2]} × {values.shape[-1]}"
        _write_name(sheet, row, words, left=first * cell)
        for number, one in enumerate(values):
            low, high = min(one.min(), 0), one.max()
            limits = {"vmin": low, "vmax": high if high > low else low + 1}
            sheet.show(row, left + number, one, **limits, **PIXELS)
    sheet.set_width(style.WIDE)
    return sheet.figure


def plot_patches(rows: Mapping[str, Sequence[ArrayLike]]) -> Figure:
    """Patches in groups, a stage a row: what a channel responds to most.

    Args:
        rows: For each stage a list of groups, one per channel, each `(n, 3, s, s)` uint8. The
            side s may differ between stages; all are drawn as large.

    Raises:
        ValueError: If there is no patch, or a group is of another shape or type.

    Zeiler and Fergus (2014), https://arxiv.org/abs/1311.2901. Lesson 02.
    """
    groups = {stage: [to_sheet_pictures(group) for group in of] for stage, of in rows.items()}
    if not groups or not all(groups.values()):
        raise ValueError("there is no patch to draw")
    # a cell's size follows from the longest row, so that every row fits the page
    long = max(len(group) for of in groups.values() for group in of)
    many = max(map(len, groups.values()))
    total = NAME_CELLS + many * long + (many - 1) * GROUP_GAP
    cell = style.WIDE / total
    sheet = Sheet(len(groups), int(total) + 1, cell, (1, 1), head=0.05)
    for row, (stage, of) in enumerate(groups.items()):
        side = of[0].shape[1]
        _write_name(sheet, row, f"{stage}\n{side} pixels")
        for number, group in enumerate(of):
            for place, patch in enumerate(group):
                column = NAME_CELLS + number * (long + GROUP_GAP) + place
                sheet.show(row, column, patch, interpolation="nearest" if side < 16 else "catrom")
    sheet.set_width(style.WIDE)
    return sheet.figure
