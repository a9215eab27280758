"""Figures of numbers by stage, a line for each network: what a stage is made of, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from vtlab.plots import style
from vtlab.plots.legends import draw_legend
from vtlab.results import labels as names
from vtlab.results import metrics
from vtlab.results.formatting import format_percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# of an anatomy: column, what it is divided by, words
ANATOMY_PANELS = (
    ("channels", 1, "channels"),
    ("weights", 1e3, "weights, thousands"),
    ("operations", 1e6, "multiply-adds, millions per image"),
    ("field", 1, "receptive field, pixels"),
)


def plot_anatomy(tables: Mapping[str, pd.DataFrame], *, image_size: int = 64) -> Figure:
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
    if unlike := [name for name, table in tables.items() if list(table.index) != list(first.index)]:
        raise ValueError(f"{unlike[0]} has other stages")
    figure, axes = style.new_figure(1, len(ANATOMY_PANELS), height=3.5, sharey=True, pad=0.08)
    for ax, (column, unit, words) in zip(axes[0], ANATOMY_PANELS, strict=True):
        _draw_column(ax, tables, column, unit, words)
    # the side of the maps stands at the stage's name where all networks share it
    stages, ticks = axes[0, 0], []
    for stage in first.index:
        sides = {int(table.side[stage]) for table in tables.values()}
        ticks.append(stage if len(sides) > 1 else f"{stage}\n{max(sides)} × {max(sides)} cells")
    stages.set_yticks(range(len(ticks)), ticks, **style.font_style(style.SMALL))
    stages.set_ylim(len(ticks) - 0.5, -0.5)
    fields = axes[0, -1]
    fields.axvline(image_size, gid="image", **style.DOTTED)
    foot = fields.get_xaxis_transform()
    style.annotate(fields, "image", (image_size, 0), (4, 4), xycoords=foot)
    draw_legend(figure, tables)
    return figure


def _draw_column(
    ax: Axes, tables: Mapping[str, pd.DataFrame], column: str, unit: float, words: str
) -> None:
    """Draw one column of each network's table: a stage a row."""
    style.prepare_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    for name, table in tables.items():
        label = names.get_label(name)
        ax.plot(
            table[column] / unit,
            range(len(table)),
            color=label.colour,
            linewidth=1.8,
            marker=label.marker,
            gid=f"{column} {name}",
            **style.mark_style(6),
        )
    ax.set_xlim(0, 1.08 * max(table[column].max() for table in tables.values()) / unit)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    head, _, tail = words.partition(",")
    style.style_heading(ax, head)
    style.label_axes(ax, x=tail.strip(), pad=5)


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
        chance: Accuracy without any learning, a dotted line.

    Raises:
        ValueError: If there is nothing to draw.

    Lesson 02.
    """
    if not panels or not all(panels.values()):
        raise ValueError("there is nothing to draw")
    figure, axes = style.new_figure(1, len(panels), height=3.3, sharey=True, pad=0.08)
    for ax, (title, lines) in zip(axes[0], panels.items(), strict=True):
        style.prepare_axes(ax, grid="y")
        style.style_heading(ax, title)
        # a network may lack a stage: its line then begins later
        stages = list(dict.fromkeys(stage for of in lines.values() for stage in of))
        for name, of in lines.items():
            _draw_line(ax, name, [stages.index(stage) for stage in of], list(of.values()))
        size = style.SMALL if len(panels) < 3 else style.TINY
        ax.set_xticks(range(len(stages)), stages, **style.font_style(size, style.QUIET))
        ax.set_xlim(-0.3, len(stages) - 0.7)
        if chance is not None:
            ax.axhline(chance, gid="chance", **style.DOTTED)
    first = axes[0, 0]
    if percent:
        first.set_ylim(0, 1.02)
        style.set_percent_axis(first.yaxis)
    else:
        first.set_yscale("log")
        first.yaxis.set_minor_locator(NullLocator())
    style.label_axes(first, y=what)
    if chance is not None:
        edge = {"xycoords": first.get_yaxis_transform(), "va": "top", "ha": "right"}
        style.annotate(first, f"chance {format_percent(chance)}", (1, chance), (0, -4), **edge)
    draw_legend(figure, dict.fromkeys(name for lines in panels.values() for name in lines))
    return figure


def _draw_line(
    ax: Axes, name: str, places: list[int], values: list[Sequence[float] | float]
) -> None:
    """Draw one network's means, and a band of intervals where all stages have several values."""
    label = names.get_label(name)
    found = [metrics.t_interval(np.atleast_1d(value).astype(float).tolist()) for value in values]
    ax.plot(
        places,
        [of.mean for of in found],
        color=label.colour,
        linewidth=2,
        marker=label.marker,
        zorder=3,
        gid=f"mean {name}",
        **style.mark_style(6),
    )
    if all(np.size(value) > 1 for value in values):
        band = style.style_band(label.colour, 0.16, f"interval {name}")
        ax.fill_between(places, [of.low for of in found], [of.high for of in found], **band)
