"""Inside networks: the families side by side, receptive fields, feature maps, strongest patches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from vtlab.plots import style
from vtlab.plots.image_grids import GAP, Sheet, pictures
from vtlab.results import labels as names
from vtlab.results import metrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 0.6  # cells: a group of pictures from the next
LABEL = 1.2  # cells: the names at the left
LARGE = 2.4  # cells: the image beside its maps
COLUMNS = (
    ("channels", 1, "channels"),
    ("weights", 1e3, "weights, thousands"),
    ("operations", 1e6, "multiply-adds, millions per image"),
    ("field", 1, "receptive field, pixels"),
)


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
    fields.axvline(
        image_size, linestyle=(0, (1, 2)), color=style.QUIET, linewidth=1.3, zorder=1, gid="image"
    )
    fields.annotate(
        "image",
        (image_size, 0),
        (4, 4),
        xycoords=fields.get_xaxis_transform(),
        textcoords="offset points",
        **style.text(style.SMALL, style.QUIET),
    )
    draw_legend(figure, tables)
    return figure


def _draw_column(
    ax: Axes, tables: Mapping[str, pd.DataFrame], column: str, unit: float, words: str
) -> None:
    style.prepare(ax, grid="x")
    ax.spines["left"].set_visible(False)
    for name, table in tables.items():
        label = names.label(name)
        ax.plot(
            table[column] / unit,
            range(len(table)),
            color=label.colour,
            linewidth=1.8,
            marker=label.marker,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.7,
            gid=f"{column} {name}",
        )
    ax.set_xlim(0, 1.08 * max(table[column].max() for table in tables.values()) / unit)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    head, _, tail = words.partition(",")
    style.heading(ax, head)
    ax.set_xlabel(tail.strip(), labelpad=5, **style.text(style.SMALL, style.QUIET))


def plot_fields(
    maps: Mapping[str, Mapping[str, ArrayLike]],
    boxes: Mapping[str, Mapping[str, tuple[float, float]]],
) -> Figure:
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
            sheet.show(
                row,
                column,
                values,
                cmap="magma",
                norm=PowerNorm(0.5, 0, top),
                interpolation="nearest",
            )
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
        sheet.ax.add_patch(
            Rectangle(
                (left + low, top + low),
                long,
                long,
                fill=False,
                linewidth=width,
                edgecolor=colour,
                gid=f"field {row} {column} {colour}",
            )
        )


def _beside(
    sheet: Sheet, row: int, words: str, colour: str = style.INK, left: float = 0.06
) -> None:
    """A name at the left of a row of pictures."""
    _, top = sheet.place(row, 0)
    sheet.ax.text(
        left,
        top + sheet.tall / 2,
        words,
        ha="left",
        va="center",
        linespacing=1.5,
        **style.text(style.BODY, colour, weight="bold"),
    )


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
    sheet.ax.imshow(
        shown,
        extent=(GAP / 2, GAP / 2 + side, sheet.foot - top, top),
        aspect="auto",
        interpolation="catrom",
        gid="image",
    )
    for row, (stage, values) in enumerate(found.items()):
        words = f"{stage}\n{values.shape[-2]} × {values.shape[-1]}"
        _beside(sheet, row, words, left=(LARGE + 0.25) * cell)
        for number, one in enumerate(values):
            low, high = min(one.min(), 0), one.max()
            sheet.show(
                row,
                left + number,
                one,
                cmap="magma",
                interpolation="nearest",
                vmin=low,
                vmax=high if high > low else low + 1,
            )
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


# eight classes that colour-blind readers tell apart, each with a mark of its own
CLASSES = (
    ("#0072B2", "o"),
    ("#D98E04", "^"),
    ("#00805F", "D"),
    ("#C4461B", "P"),
    ("#56A8DC", "s"),
    ("#A94C86", "v"),
    ("#1f2933", "X"),
    ("#9A8F00", "p"),
)


def plot_stages(
    panels: Mapping[str, Mapping[str, Mapping[str, Sequence[float] | float]]],
    *,
    what: str,
    percent: bool = True,
    chance: float | None = None,
) -> Figure:
    """A value by stage, a line per network; a band is the 95 % t-interval where there are several.

    Args:
        panels: For each panel's title, for each network's name, for each stage, its value or values.
        what: The value's name.
        percent: Whether the values are shares, drawn from 0 to 1; else they are lengths, on a
            logarithmic axis.
        chance: What costs nothing, a dotted line.

    Raises:
        ValueError: If there is nothing to draw.

    Lesson 02.
    """
    if not panels or not all(panels.values()):
        raise ValueError("there is nothing to draw")
    figure, axes = style.new_figure(1, len(panels), height=3.3, sharey=True, pad=0.08)
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        style.prepare(ax, grid="y")
        style.heading(ax, title)
        stages = list(dict.fromkeys(stage for of in lines.values() for stage in of))
        for name, of in lines.items():
            _draw_line(ax, name, [stages.index(stage) for stage in of], list(of.values()))
        size = style.SMALL if len(panels) < 3 else style.TINY
        ax.set_xticks(range(len(stages)), stages, **style.text(size, style.QUIET))
        ax.set_xlim(-0.3, len(stages) - 0.7)
        if chance is not None:
            ax.axhline(
                chance,
                linestyle=(0, (1, 2)),
                color=style.QUIET,
                linewidth=1.3,
                zorder=1,
                gid="chance",
            )
    if percent:
        axes[0, 0].set_ylim(0, 1.02)
        style.percent_axis(axes[0, 0].yaxis)
    else:
        axes[0, 0].set_yscale("log")
        axes[0, 0].yaxis.set_minor_locator(NullLocator())
    axes[0, 0].set_ylabel(what, labelpad=6, **style.text(style.SMALL, style.QUIET))
    if chance is not None:
        axes[0, 0].annotate(
            f"chance {names.percent(chance)}",
            (1, chance),
            (0, -4),
            va="top",
            xycoords=axes[0, 0].get_yaxis_transform(),
            textcoords="offset points",
            ha="right",
            **style.text(style.SMALL, style.QUIET),
        )
    draw_legend(figure, dict.fromkeys(name for lines in panels.values() for name in lines))
    return figure


def _draw_line(
    ax: Axes, name: str, places: list[int], values: list[Sequence[float] | float]
) -> None:
    label = names.label(name)
    found = [metrics.t_interval(np.atleast_1d(np.asarray(value, dtype=float))) for value in values]
    ax.plot(
        places,
        [of.mean for of in found],
        color=label.colour,
        linewidth=2,
        marker=label.marker,
        markersize=6,
        markeredgecolor="white",
        markeredgewidth=0.7,
        zorder=3,
        gid=f"mean {name}",
    )
    if all(np.size(value) > 1 for value in values):
        ax.fill_between(
            places,
            [of.low for of in found],
            [of.high for of in found],
            color=label.colour,
            alpha=0.16,
            linewidth=0,
            gid=f"interval {name}",
        )


def draw_legend(figure: Figure, shown: Iterable[str]) -> None:
    """Draws the marks and names of networks below all axes."""
    ax = figure.axes[0]
    marks = [
        ax.plot(
            [],
            [],
            color=of.colour,
            marker=of.marker,
            linewidth=2,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.7,
            label=of.text,
        )[0]
        for of in map(names.label, shown)
    ]
    figure.legend(
        handles=marks,
        loc="outside lower center",
        ncols=len(marks),
        frameon=False,
        prop=_small(),
        labelcolor=style.INK,
        columnspacing=2.2,
        handletextpad=0.6,
    )


def _small() -> dict[str, object]:
    return {"size": style.SMALL, "family": list(style.families())}


def plot_axes(
    panels: Mapping[str, ArrayLike],
    labels: ArrayLike,
    classes: Sequence[str],
    *,
    columns: int | None = None,
) -> Figure:
    """Features of images along two axes, coloured by class: a panel each.

    Args:
        panels: For each title `(N, 2)`, from `two_axes`.
        labels: `(N,)`.
        classes: The class names, eight at most.
        columns: How many side by side.

    Raises:
        ValueError: If there is no panel, one is not `(N, 2)`, or there are more classes than marks.

    Lesson 02.
    """
    labels = np.asarray(labels)
    if len(classes) > len(CLASSES):
        raise ValueError(f"{len(classes)} classes, but only {len(CLASSES)} marks")
    points = {title: np.asarray(of, dtype=float) for title, of in panels.items()}
    if odd := [title for title, of in points.items() if of.shape != (len(labels), 2)]:
        raise ValueError(
            f"{odd[0]}: {len(labels)} images need points ({len(labels)}, 2), "
            f"got {points[odd[0]].shape}"
        )
    if not points:
        raise ValueError("there is nothing to draw")
    columns = columns or min(len(points), 4)
    rows = -(-len(points) // columns)
    height = 0.5 + rows * (style.WIDE / columns + 0.25)
    figure, axes = style.new_figure(rows, columns, height=height, pad=0.06)
    for ax, (title, of) in zip(axes.flat, points.items(), strict=False):
        _draw_points(ax, of, labels, classes)
        style.heading(ax, title)
    for ax in axes.flat[len(points) :]:
        ax.set_visible(False)
    marks = [
        axes[0, 0].plot(
            [], [], linestyle="none", color=colour, marker=marker, markersize=5, label=name
        )[0]
        for name, (colour, marker) in zip(classes, CLASSES, strict=False)
    ]
    figure.legend(
        handles=marks,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        handletextpad=0.2,
        prop=_small(),
        labelcolor=style.INK,
    )
    return figure


def _draw_points(ax: Axes, points: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> None:
    style.prepare(ax)
    ax.set_xticks([])
    ax.set_yticks([])
    for k, (colour, marker) in zip(range(len(classes)), CLASSES, strict=False):
        own = points[labels == k]
        ax.plot(
            own[:, 0],
            own[:, 1],
            linestyle="none",
            color=colour,
            marker=marker,
            markersize=4,
            markeredgecolor="white",
            markeredgewidth=0.4,
            alpha=0.85,
            gid=f"class {k}",
        )
    ax.margins(0.06)
    ax.set_aspect("equal", adjustable="datalim")  # a distance is one in every direction


DASHES = ("-", (0, (5, 3)), (0, (1.4, 1.8)))
INKS = ("#C4461B", "#0072B2", "#00805F")


def plot_gradients(panels: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """How long a gradient is in each layer of a stack, from the images at the left to the loss.

    Args:
        panels: For each panel's title, for each kind of stack (three at most), its lengths.

    Raises:
        ValueError: If there is nothing to draw, or there are more than three kinds.

    Lesson 02.
    """
    kinds = list(dict.fromkeys(kind for of in panels.values() for kind in of))
    if not 0 < len(kinds) <= len(INKS):
        raise ValueError(f"one to {len(INKS)} kinds of stacks can be drawn, not {len(kinds)}")
    figure, axes = style.new_figure(1, len(panels), height=3.3, sharey=True, pad=0.08)
    for ax, (title, of) in zip(axes[0], panels.items(), strict=True):
        style.prepare(ax, grid="y")
        style.heading(ax, title)
        for kind, lengths in of.items():
            look = kinds.index(kind)
            ax.plot(
                range(len(lengths)),
                lengths,
                color=INKS[look],
                linestyle=DASHES[look],
                linewidth=2.2,
                dash_capstyle="butt",
                label=kind,
                gid=f"lengths {kind}",
            )
        ax.set_xlabel(
            "layer, from the images to the loss", labelpad=5, **style.text(style.SMALL, style.QUIET)
        )
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(10, numticks=9))
        ax.yaxis.set_minor_locator(NullLocator())
    axes[0, 0].set_ylabel(
        "length of the gradient", labelpad=6, **style.text(style.SMALL, style.QUIET)
    )
    axes[0, 0].legend(
        loc="lower right", frameon=False, labelcolor=style.INK, handlelength=2.6, prop=_small()
    )
    return figure
