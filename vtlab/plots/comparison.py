"""Figures that compare strategies: a row each, with a dot per seed, the mean and its interval.

A mean hides how much luck there is with few images. So every seed is a dot, the interval a bar,
and chance is always in the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vtlab.plots import style
from vtlab.plots.figure_data import (
    Runs,
    figure_runs,
    require_one_figure_value,
    summarise_figure_runs,
)
from vtlab.results import labels as names
from vtlab.results import metrics
from vtlab.results.formatting import format_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_HEIGHT = 0.52  # inches for a strategy
LOW_ROW_HEIGHT = 0.36  # inches for one of many ways
MIN_ROOMY_WIDTH = 6.0  # inches: a figure below that has no room for the interval in figures
MARK_HEIGHT = 0.38  # of a row, for the name of a reference line


class _RowLook(NamedTuple):
    """How the dots of a row, their mean and their interval are drawn.

    Attributes:
        opacity: Of the interval's bar.
        mean_height: Half of the mean's line, as a share of the row.
        mean_width: Of the mean's line, in points.
        spread: Half of the dots' room, as a share of the row.
        dots: Their size in points.
        edge: Of their white edge, in points.
    """

    opacity: float
    mean_height: float
    mean_width: float
    spread: float
    dots: float
    edge: float


HIGH_ROW = _RowLook(0.24, 0.33, 2.4, 0.17, 6.2, 0.9)
LOW_ROW = _RowLook(0.22, 0.3, 2.2, 0.15, 4.6, 0.7)


def plot_accuracy(
    runs: Runs,
    *,
    chance: float | None = None,
    baseline: float | None = None,
    test_images: int | None = None,
    title: str | None = None,
    width: float = style.WIDE,
) -> Figure:
    """Test accuracy of each strategy: a dot per seed, the mean, its 95 % interval.

    Args:
        runs: A study, runs of one number of images per class, or their table.
        chance: Accuracy without any learning, a dotted line.
        baseline: Accuracy of the nearest neighbour in plain pixels, a dashed line.
        test_images: Size of the test set, for the binomial part of the interval; runs know it,
            a table does not. Without it the interval is that of the seeds alone.
        title: Over the figure.
        width: Inches, from 4 on.

    Raises:
        ValueError: If there is no run, or the runs are of several numbers of images per class.

    Lesson 01.
    """
    table, test_images = figure_runs(runs, test_images)
    rows = table.strategy.nunique()
    marks = (chance is not None) + (baseline is not None)
    height = 0.85 + ROW_HEIGHT * (rows + MARK_HEIGHT * marks) + 0.3 * bool(title)
    figure, axes = style.new_figure(width=width, height=height)
    draw_accuracy(axes[0, 0], table, chance=chance, baseline=baseline, test_images=test_images)
    if title:
        style.style_heading(axes[0, 0], title)
    return figure


def draw_accuracy(
    ax: Axes,
    runs: Runs,
    *,
    chance: float | None = None,
    baseline: float | None = None,
    test_images: int | None = None,
) -> None:
    """Draws what `plot_accuracy` describes."""
    table, test_images = figure_runs(runs, test_images)
    require_one_figure_value(table, "shots", "plot_shots shows several")
    style.prepare_axes(ax, grid="x")
    roomy = style.find_styled_figure(ax).get_figwidth() > MIN_ROOMY_WIDTH
    means = summarise_figure_runs(table, test_images)
    for place, row in enumerate(means.itertuples()):
        label, interval = names.get_label(row.strategy), (row.low, row.mean, row.high)
        bold = {"colour": label.colour, "size": style.BODY, "weight": "bold"}
        if not row.seeds:
            _write_at_right(ax, place, "diverged", 54, **bold)
            continue
        seeds = table[table.strategy == row.strategy].sort_values("seed").test_accuracy.dropna()
        _draw_dots(ax, place, label, label.colour, label.marker, seeds, interval, HIGH_ROW)
        # the same in figures, right of the axes, where no dot can be hidden
        _write_at_right(ax, place, format_percent(row.mean), 54, **bold)
        if row.high > row.low and roomy:
            span = f"{100 * row.low:.1f} \N{EN DASH} {100 * row.high:.1f}"
            _write_at_right(ax, place, span, 122)
    texts = [names.get_label(name).text for name in means.strategy]
    for place, count in enumerate(means.get("diverged", ())):
        if count:
            texts[place] += f"\n{count} of {count + means.seeds[place]} diverged"
    ax.set_yticks(range(len(means)), texts, **style.font_style())
    ax.set(xlim=(0, 1), ylim=(len(means) - 0.45, -0.55))
    style.set_percent_axis(ax.xaxis, ticks=(0, 0.25, 0.5, 0.75, 1) if roomy else (0, 0.5, 1))
    ax.spines["left"].set_visible(False)
    words = (
        "test accuracy: each dot a seed,",
        "the line their mean, the bar its 95\N{NO-BREAK SPACE}% interval",
    )
    style.label_axes(ax, x=(" " if roomy else "\n").join(words))
    marks = {"chance": (chance, (0, (1, 2))), "nearest in pixels": (baseline, (0, (4, 3)))}
    _draw_marks(ax, {name: (x, dashes) for name, (x, dashes) in marks.items() if x is not None})


def plot_intervals(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    what: str = "test accuracy",
    percent: bool = True,
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """One value of each way: a dot per seed, the mean, its 95 % t-interval.

    Args:
        panels: For each panel's title, for each way's name, its values, one per seed. The ways
            stand in the order of the first panel; another panel may lack some.
        what: The value's name, written below.
        percent: Whether the values are shares.
        marks: For each name, a value to compare with: a dotted line.

    Raises:
        ValueError: If there is no way to draw, or one without a value.

    Lesson 03.
    """
    ways = list(dict.fromkeys(way for values in panels.values() for way in values))
    if not ways:
        raise ValueError("there is nothing to compare")
    if empty := [way for values in panels.values() for way in values if not len(values[way])]:
        raise ValueError(f"{empty[0]} has no value")
    figure, axes = style.new_figure(
        columns=len(panels), height=0.95 + LOW_ROW_HEIGHT * len(ways), sharex=True, sharey=True
    )
    for ax, (title, values) in zip(axes[0], panels.items(), strict=True):
        style.prepare_axes(ax, grid="x")
        ax.use_sticky_edges = False  # or a bar that begins at the left end would touch the frame
        ax.spines["left"].set_visible(False)
        for place, way in enumerate(ways):
            if way in values:
                _draw_way(ax, place, way, [float(value) for value in values[way]], percent)
        for name, value in (marks or {}).items():
            ax.axvline(value, **style.DOTTED)
            low, high = ax.get_xlim()
            at_left = value <= (low + high) / 2
            style.annotate(
                ax,
                name,
                (value, 1),
                (3 if at_left else -3, -2),
                xycoords=ax.get_xaxis_transform(),
                va="top",
                ha="left" if at_left else "right",
            )
        if percent:
            ax.xaxis.set_major_formatter(lambda value, _: format_percent(value, 0))
        style.style_heading(ax, title)
        style.label_axes(ax, x=what)
    axes[0, 0].set_yticks(
        range(len(ways)), [names.get_label(way).text for way in ways], **style.font_style()
    )
    axes[0, 0].set_ylim(len(ways) - 0.4, -0.75 if marks else -0.6)
    return figure


def _draw_way(ax: Axes, place: int, way: str, values: list[float], percent: bool) -> None:
    """One row: interval, mean, seeds, and the mean in figures at the right."""
    label = names.get_label(way)
    colour = label.colour if label.text != way else style.BLUE
    found = metrics.t_interval(values)
    interval = found.low, found.mean, found.high
    _draw_dots(ax, place, label, colour, "o", values, interval, LOW_ROW)
    # "+ 0.0" turns -0.00 into 0.00
    words = f"{100 * found.mean:.0f}" if percent else f"{round(found.mean, 2) + 0.0:.2f}"
    _write_at_right(ax, place, words, 22 if percent else 32, colour=colour, weight="bold")


def _draw_dots(
    ax: Axes,
    place: int,
    label: names.Label,
    colour: str,
    marker: str,
    values: Sequence[float],
    interval: tuple[float, float, float],
    look: _RowLook,
) -> None:
    """Values in the row `place`: the bar of their interval `(low, mean, high)`, the mean, the dots."""
    low, mean, high = interval
    if np.isfinite(low):
        bar = style.style_band(colour, look.opacity, f"interval {label.name}")
        ax.barh(place, high - low, 0.5, low, zorder=2, **bar)
    ax.plot(
        [mean, mean],
        [place - look.mean_height, place + look.mean_height],
        color=colour,
        linewidth=look.mean_width,
        solid_capstyle="butt",
        zorder=3,
        gid=f"mean {label.name}",
    )
    # A seed keeps its height in all rows, so that equal values do not hide one another.
    spread = look.spread if len(values) > 1 else 0
    ax.plot(
        values,
        place + np.linspace(-spread, spread, len(values)),
        linestyle="none",
        marker=marker,
        color=colour,
        zorder=4,
        clip_on=False,
        gid=f"seeds {label.name}",
        **style.mark_style(look.dots, look.edge),
    )


def _write_at_right(ax: Axes, place: int, words: str, offset: float, **how: Any) -> None:
    """Writes right of a row; the words end `offset` points from the axes."""
    how |= {"xycoords": ax.get_yaxis_transform(), "va": "center", "ha": "right"}
    style.annotate(ax, words, (1, place), (offset, 0), **how)


def _draw_marks(ax: Axes, marks: Mapping[str, tuple[float, tuple]]) -> None:
    """Lines to compare with and their dashes, each named above the rows on a tier of its own."""
    bottom, top = ax.get_ylim()
    # a tier each above the rows: two values may lie so close that their names would overlap
    for tier, (name, (value, dashes)) in enumerate(marks.items()):
        middle = top - MARK_HEIGHT * (len(marks) - tier - 0.5)
        line = style.DOTTED | {"linestyle": dashes, "gid": name}
        ax.plot([value, value], [bottom, middle - MARK_HEIGHT / 2], **line)
        at_left = value < 0.65
        style.annotate(
            ax,
            f"{name} {format_percent(value)}",
            (value, middle),
            (4 if at_left else -4, 0),
            ha="left" if at_left else "right",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    ax.set_ylim(bottom, top - MARK_HEIGHT * len(marks))
