"""Inside networks: the families side by side, receptive fields, feature maps, strongest patches."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from vtlab import names, style
from vtlab.plots.sheet import GAP, Sheet, pictures
from vtlab.plots.stages import draw_legend

SIDE = 0.6  # cells: a group of pictures from the next
LABEL = 1.2  # cells: the names at the left
LARGE = 2.4  # cells: the image beside its maps
COLUMNS = (("channels", 1, "channels"), ("weights", 1e3, "weights, thousands"),
           ("operations", 1e6, "multiply-adds, millions per image"),
           ("field", 1, "receptive field, pixels"))  # fmt: skip


def plot_families(tables: Mapping[str, pd.DataFrame], *, image_size: int = 64) -> Figure:
    """Networks side by side, stage by stage: channels, weights, operations, receptive field.

    Args:
        tables: For each backbone's name its `anatomy`; the same stages in all.
        image_size: Side of the images in pixels, a dotted line at the receptive fields.

    Raises:
        ValueError: If there is no table, or one has other stages.

    Lesson 02.
    """
    if not tables:
        raise ValueError("there is no network to draw")
    first = next(iter(tables.values()))
    if odd := [name for name, table in tables.items() if list(table.index) != list(first.index)]:
        raise ValueError(f"{odd[0]} has other stages")
    figure, axes = style.new_figure(1, len(COLUMNS), height=3.5, sharey=True, pad=0.08)
    for ax, (column, unit, words) in zip(axes[0], COLUMNS, strict=True):
        _draw_column(ax, tables, column, unit, words)
    stages, ticks = axes[0, 0], []
    for stage in first.index:
        sides = {int(table.side[stage]) for table in tables.values()}
        ticks.append(stage if len(sides) > 1 else f"{stage}\n{max(sides)} × {max(sides)} cells")
    stages.set_yticks(range(len(ticks)), ticks, **style.text(style.SMALL))
    stages.set_ylim(len(ticks) - 0.5, -0.5)
    fields = axes[0, -1]
    fields.axvline(image_size, linestyle=(0, (1, 2)), color=style.QUIET, linewidth=1.3, zorder=1,
                   gid="image")  # fmt: skip
    fields.annotate("image", (image_size, 0), (4, 4), xycoords=fields.get_xaxis_transform(),
                    textcoords="offset points", **style.text(style.SMALL, style.QUIET))  # fmt: skip
    draw_legend(figure, tables)
    return figure


def _draw_column(ax: Axes, tables: Mapping[str, pd.DataFrame], column: str, unit: float,
                 words: str) -> None:  # fmt: skip
    style.prepare(ax, grid="x")
    ax.spines["left"].set_visible(False)
    for name, table in tables.items():
        label = names.label(name)
        ax.plot(table[column] / unit, range(len(table)), color=label.colour, linewidth=1.8,
                marker=label.marker, markersize=6, markeredgecolor="white", markeredgewidth=0.7,
                gid=f"{column} {name}")  # fmt: skip
    ax.set_xlim(0, 1.08 * max(table[column].max() for table in tables.values()) / unit)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    head, _, tail = words.partition(",")
    style.heading(ax, head)
    ax.set_xlabel(tail.strip(), labelpad=5, **style.text(style.SMALL, style.QUIET))


def plot_fields(maps: Mapping[str, Mapping[str, ArrayLike]],
                boxes: Mapping[str, Mapping[str, tuple[float, float]]]) -> Figure:  # fmt: skip
    """Which pixels the middle cell of each stage depends on, and how much: a network a row.

    Bright is much, each picture up to its own maximum (by the square root, so that little is
    seen too). The square is the receptive field.

    Args:
        maps: For each backbone's name, for each stage, `(H, W)` from `sensitivity`.
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
        label = names.label(name)
        _beside(sheet, row, label.text, label.colour)
        for column, stage in enumerate(stages, 1):
            values = np.asarray(of[stage], dtype=float)
            top = values.max() if values.max() > 0 else 1
            sheet.show(row, column, values, cmap="magma", norm=PowerNorm(0.5, 0, top),
                       interpolation="nearest")  # fmt: skip
            first, last = boxes[name][stage]
            size = last - first + 1
            _box(sheet, row, column, first, size, shape[0])
            sheet.under(row, column, f"{size:.0f} pixels", size=style.SMALL, colour=style.QUIET)
    for column, stage in enumerate(stages, 1):
        sheet.over(0, column, stage, size=style.BODY, weight="bold")
    return sheet.figure


def _box(sheet: Sheet, row: int, column: int, first: float, size: float, pixels: int) -> None:
    """A square of the image's pixels, cut where it leaves the picture."""
    left, top = sheet.place(row, column)
    unit, inset = sheet.width / pixels, 0.012
    low = max(first, 0) * unit + inset
    long = min(first + size, pixels) * unit - inset - low
    for colour, width in ((style.INK, 2.2), ("white", 1.0)):
        sheet.ax.add_patch(Rectangle((left + low, top + low), long, long, fill=False, linewidth=width,
                                     edgecolor=colour, gid=f"field {row} {column} {colour}"))  # fmt: skip


def _beside(sheet: Sheet, row: int, words: str, colour: str = style.INK, left: float = 0.06) -> None:
    """A name at the left of a row of pictures."""
    _, top = sheet.place(row, 0)
    sheet.ax.text(left, top + sheet.tall / 2, words, ha="left", va="center", linespacing=1.5,
                  **style.text(style.BODY, colour, weight="bold"))  # fmt: skip


def plot_maps(image: ArrayLike, maps: Mapping[str, ArrayLike]) -> Figure:
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
    shown = pictures(np.asarray(image)[None])[0]
    found = {stage: np.asarray(values, dtype=float) for stage, values in maps.items()}
    columns, rows = max(len(values) for values in found.values()), len(found)
    left = LARGE + 0.25 + LABEL
    cell = style.WIDE / (left + columns)
    sheet = Sheet(rows, int(left + columns) + 1, cell, shown.shape[:2])
    side = LARGE * cell - GAP
    top = (sheet.foot - side * shown.shape[0] / shown.shape[1]) / 2
    sheet.ax.imshow(shown, extent=(GAP / 2, GAP / 2 + side, sheet.foot - top, top), aspect="auto",
                    interpolation="catrom", gid="image")  # fmt: skip
    for row, (stage, values) in enumerate(found.items()):
        words = f"{stage}\n{values.shape[-2]} × {values.shape[-1]}"
        _beside(sheet, row, words, left=(LARGE + 0.25) * cell)
        for number, one in enumerate(values):
            low, high = min(one.min(), 0), one.max()
            sheet.show(row, left + number, one, cmap="magma", interpolation="nearest", vmin=low,
                       vmax=high if high > low else low + 1)  # fmt: skip
    _trim(sheet, style.WIDE)
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
    groups = {stage: [pictures(group) for group in of] for stage, of in rows.items()}
    if not groups or not all(groups.values()):
        raise ValueError("there is no patch to draw")
    long = max(len(group) for of in groups.values() for group in of)
    many = max(map(len, groups.values()))
    total = LABEL + many * long + (many - 1) * SIDE
    cell = style.WIDE / total
    sheet = Sheet(len(groups), int(total) + 1, cell, (1, 1), head=0.05)
    for row, (stage, of) in enumerate(groups.items()):
        side = of[0].shape[1]
        _beside(sheet, row, f"{stage}\n{side} pixels")
        for number, group in enumerate(of):
            for place, patch in enumerate(group):
                column = LABEL + number * (long + SIDE) + place
                sheet.show(row, column, patch, interpolation="nearest" if side < 16 else "catrom")
    _trim(sheet, style.WIDE)
    return sheet.figure


def _trim(sheet: Sheet, width: float) -> None:
    """Cuts the sheet's page to this width, in inches."""
    sheet.figure.set_figwidth(width)
    sheet.ax.set_xlim(0, width)


