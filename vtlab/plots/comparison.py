"""Strategies compared: accuracy with every seed visible, at one number of shots or over many.

A mean hides how much luck there is with few images. So every seed is a dot, the interval a bar,
and chance is always in the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, NullLocator
from scipy.optimize import isotonic_regression

from vtlab.plots import style
from vtlab.plots.image_grids import BLUE
from vtlab.results import labels as names
from vtlab.results import metrics, records
from vtlab.results.labels import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Runs = pd.DataFrame | Iterable[records.Run]

ROW = 0.52  # inches for a strategy
ROOMY = 6.0  # inches: a figure below that has no room for the interval in figures
TIER = 0.38  # of a row, for the name of a reference line


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
        runs: Runs of one number of images per class, or their table.
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
    table, test_images = _table(runs, test_images)
    rows = table.strategy.nunique()
    marks = (chance is not None) + (baseline is not None)
    height = 0.85 + ROW * (rows + TIER * marks) + 0.3 * bool(title)
    figure, axes = style.new_figure(width=width, height=height)
    draw_accuracy(axes[0, 0], table, chance=chance, baseline=baseline, test_images=test_images)
    if title:
        style.heading(axes[0, 0], title)
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
    table, test_images = _table(runs, test_images)
    only_one(table, "shots", "plot_shots shows several")
    style.prepare(ax, grid="x")
    means = summary(table, test_images)
    for place, row in enumerate(means.itertuples()):
        _draw_row(ax, place, row, table[table.strategy == row.strategy])
    ax.set_yticks(
        range(len(means)), [names.label(name).text for name in means.strategy], **style.text()
    )
    ax.set(xlim=(0, 1), ylim=(len(means) - 0.45, -0.55))
    roomy = ax.figure.get_figwidth() > ROOMY
    style.percent_axis(ax.xaxis, ticks=(0, 0.25, 0.5, 0.75, 1) if roomy else (0, 0.5, 1))
    ax.spines["left"].set_visible(False)
    words = [
        "test accuracy: each dot a seed,",
        "the line their mean, the bar its 95\N{NO-BREAK SPACE}% interval",
    ]
    words = (" " if roomy else "\n").join(words)
    ax.set_xlabel(words, labelpad=6, **style.text(style.SMALL, style.QUIET))
    _draw_marks(ax, chance, baseline)


def plot_shots(
    runs: Runs, *, chance: float | None = None, test_images: int | None = None
) -> Figure:
    """Test accuracy against images per class: a line and an interval for each strategy.

    Args:
        runs: Runs of several numbers of images per class, or their table.
        chance: Accuracy without any learning, a dotted line.
        test_images: As in `plot_accuracy`.

    Raises:
        ValueError: If there is no run.

    Lesson 05.
    """
    figure, axes = style.new_figure(height=4.6)
    draw_shots(axes[0, 0], runs, chance=chance, test_images=test_images)
    return figure


def draw_shots(
    ax: Axes,
    runs: Runs,
    *,
    chance: float | None = None,
    test_images: int | None = None,
    named: bool = True,
) -> None:
    """Draws what `plot_shots` describes; with or without the lines' names at their ends."""
    table, test_images = _table(runs, test_images)
    style.prepare(ax, grid="y")
    means = summary(table, test_images)
    where = _places(means.shots)
    ends: dict[str, tuple[float, float]] = {}
    for strategy, group in means.groupby("strategy", sort=False):
        label, group = (
            names.label(strategy),
            group.sort_values("shots", key=lambda shots: shots.map(where)),
        )
        x = [where[shots] for shots in group.shots]
        ax.fill_between(
            x,
            group.low,
            group.high,
            color=label.colour,
            alpha=0.13,
            linewidth=0,
            gid=f"interval {strategy}",
        )
        seeds = table[table.strategy == strategy]
        ax.plot(
            [where[shots] for shots in seeds.shots],
            seeds.test_accuracy,
            linestyle="none",
            marker="o",
            markersize=3,
            color=label.colour,
            alpha=0.35,
            markeredgewidth=0,
            gid=f"seeds {strategy}",
        )
        ax.plot(
            x,
            group["mean"],
            color=label.colour,
            linewidth=2,
            marker=label.marker,
            markersize=5.5,
            markeredgecolor="white",
            markeredgewidth=0.8,
            zorder=4,
            gid=f"mean {strategy}",
        )
        ends[strategy] = (x[-1], group["mean"].iloc[-1])
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(list(where.values())))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticklabels([str(shots) for shots in where], **style.text(style.SMALL, style.QUIET))
    low, high = min(where.values()), max(where.values())
    ax.set(xlim=(low / 1.18, high * 1.06), ylim=(0, 1.02))
    style.percent_axis(ax.yaxis)
    ax.set_xlabel("images per class", labelpad=6, **style.text(style.SMALL, style.QUIET))
    ax.set_ylabel("test accuracy", labelpad=6, **style.text(style.SMALL, style.QUIET))
    if chance is not None:
        line = {"linestyle": (0, (1, 2)), "color": style.QUIET, "linewidth": 1.3, "zorder": 1}
        ax.axhline(chance, **line, gid="chance")
        ends[f"chance {percent(chance)}"] = (high, chance)
    if named:
        label_ends(ax, ends)


def label_ends(
    ax: Axes, ends: dict[str, tuple[float, float]], colours: Mapping[str, str] | None = None
) -> None:
    """Names lines at the right edge of the axes, pushed apart where they would overlap.

    Args:
        ax: Axes whose limits are final.
        ends: For each name the last point of its line `(x, y)`, in data units.
        colours: Of names that are no strategy's.
    """
    low, high = ax.get_ylim()
    pixels = style.SMALL / 72 * ax.figure.dpi * 1.45
    # The layout is not settled yet; axes only become smaller than this by their labels.
    gap = pixels / (0.92 * ax.get_window_extent().height) * (high - low)
    places = spread([y for _, y in ends.values()], gap, low + gap / 2, high)
    for (name, (x, y)), place in zip(ends.items(), places, strict=True):
        label = names.label(name)
        known = label.text != name or name in (colours or {})
        colour = (colours or {}).get(name, label.colour if known else style.QUIET)
        ax.annotate(
            label.text,
            xy=(x, y),
            xytext=(1.025, place),
            xycoords="data",
            textcoords=ax.get_yaxis_transform(),
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.8,
                "shrinkA": 2,
                "shrinkB": 5,
                "alpha": 0.6,
                "relpos": (0, 0.5),
            },
            **style.text(style.SMALL, colour, weight="bold" if known else "normal"),
        )


def spread(wanted: Iterable[float], gap: float, low: float, high: float) -> np.ndarray:
    """Places as near as possible to those wanted, at least `gap` apart, within the limits.

    The least-squares answer: without the gaps it is an isotonic regression. Where the limits
    leave too little room, the gaps win and the upper limit is passed.
    """
    wanted = np.asarray(list(wanted), dtype=float)
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(len(wanted))
    flat = isotonic_regression(wanted[order] - steps).x
    places = np.empty_like(wanted)
    places[order] = flat.clip(low, max(low, high - steps[-1])) + steps
    return places


def only_one(table: pd.DataFrame, column: str, otherwise: str) -> None:
    """Refuses a table with several values in a column that the figure does not show."""
    found = list(dict.fromkeys(table[column]))
    if len(found) > 1:
        listed = ", ".join(str(value) for value in found)
        raise ValueError(f"this figure shows one value of {column}, got {listed}; {otherwise}")


def summary(table: pd.DataFrame, test_images: int | None) -> pd.DataFrame:
    """`metrics.summary`; of the seeds alone where the size of the test set is not known."""
    return metrics.summary(table, test_images or np.inf)


def _table(runs: Runs, test_images: int | None) -> tuple[pd.DataFrame, int | None]:
    if not isinstance(runs, pd.DataFrame):
        runs = list(runs)
        sizes = {len(run.predictions) for run in runs}
        test_images = test_images or (sizes.pop() if len(sizes) == 1 else None)
        runs = records.table(runs)
    if not len(runs):
        raise ValueError("there is no run to draw")
    return runs, test_images


def _draw_row(ax: Axes, place: int, row: tuple, runs: pd.DataFrame) -> None:
    """One strategy: its interval, mean and seeds, and right of the axes the same in figures."""
    label = names.label(row.strategy)
    ax.barh(
        place,
        row.high - row.low,
        0.5,
        row.low,
        color=label.colour,
        alpha=0.24,
        linewidth=0,
        zorder=2,
        gid=f"interval {row.strategy}",
    )
    ax.plot(
        [row.mean, row.mean],
        [place - 0.33, place + 0.33],
        color=label.colour,
        linewidth=2.4,
        solid_capstyle="butt",
        zorder=3,
        gid=f"mean {row.strategy}",
    )
    # A seed keeps its height in all rows, so that equal accuracies do not hide one another.
    heights = place + (np.linspace(-0.17, 0.17, len(runs)) if len(runs) > 1 else np.zeros(1))
    ax.plot(
        runs.sort_values("seed").test_accuracy,
        heights,
        linestyle="none",
        marker=label.marker,
        markersize=6.2,
        color=label.colour,
        markeredgecolor="white",
        markeredgewidth=0.9,
        zorder=4,
        clip_on=False,
        gid=f"seeds {row.strategy}",
    )
    at_right = {
        "xy": (1, place),
        "xycoords": ax.get_yaxis_transform(),
        "textcoords": "offset points",
        "va": "center",
        "ha": "right",
    }
    ax.annotate(
        percent(row.mean),
        xytext=(54, 0),
        **at_right,
        **style.text(style.BODY, label.colour, weight="bold"),
    )
    if row.high > row.low and ax.figure.get_figwidth() > ROOMY:
        ax.annotate(
            f"{100 * row.low:.1f} \N{EN DASH} {100 * row.high:.1f}",
            xytext=(122, 0),
            **at_right,
            **style.text(style.SMALL, style.QUIET),
        )


def _draw_marks(ax: Axes, chance: float | None, baseline: float | None) -> None:
    """Chance and the baseline as lines, each named above the rows on a tier of its own."""
    marks = [("chance", chance, (0, (1, 2))), ("nearest in pixels", baseline, (0, (4, 3)))]
    marks = [mark for mark in marks if mark[1] is not None]
    bottom, top = ax.get_ylim()
    for tier, (name, value, pattern) in enumerate(marks):
        middle = top - TIER * (len(marks) - tier - 0.5)
        ax.plot(
            [value, value],
            [bottom, middle - TIER / 2],
            color=style.QUIET,
            linewidth=1.3,
            linestyle=pattern,
            zorder=1,
            gid=name,
        )
        left = value < 0.65
        ax.annotate(
            f"{name} {percent(value)}",
            xy=(value, middle),
            xytext=(4 if left else -4, 0),
            textcoords="offset points",
            ha="left" if left else "right",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            **style.text(style.SMALL, style.QUIET),
        )
    ax.set_ylim(bottom, top - TIER * len(marks))


def _places(shots: Iterable[int | str]) -> dict[int | str, float]:
    """Where each number of shots stands on the axis; "all" one step beyond the largest."""
    numbers = sorted({int(value) for value in shots if value != "all"})
    places: dict[int | str, float] = {number: float(number) for number in numbers}
    if "all" in set(shots):
        places["all"] = 2.0 * numbers[-1] if numbers else 1.0
    return places


WAYS_ROW = 0.36  # inches for a way


def plot_ways(
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
        columns=len(panels), height=0.95 + WAYS_ROW * len(ways), sharex=True, sharey=True
    )
    for ax, (title, values) in zip(axes[0], panels.items(), strict=True):
        style.prepare(ax, grid="x")
        ax.use_sticky_edges = False  # or a bar that begins at the left end would touch the frame
        ax.spines["left"].set_visible(False)
        for place, way in enumerate(ways):
            if way in values:
                _draw_way(ax, place, way, np.asarray(values[way], dtype=float), percent)
        for name, value in (marks or {}).items():
            ax.axvline(value, linestyle=(0, (1, 2)), color=style.QUIET, linewidth=1.3, zorder=1)
            low, high = ax.get_xlim()
            at = (-3, "right") if value > (low + high) / 2 else (3, "left")
            ax.annotate(
                name,
                (value, 1),
                (at[0], -2),
                xycoords=ax.get_xaxis_transform(),
                va="top",
                ha=at[1],
                textcoords="offset points",
                **style.text(style.SMALL, style.QUIET),
            )
        if percent:
            ax.xaxis.set_major_formatter(lambda value, _: names.percent(value, 0))
        style.heading(ax, title)
        ax.set_xlabel(what, labelpad=6, **style.text(style.SMALL, style.QUIET))
    axes[0, 0].set_yticks(
        range(len(ways)), [names.label(way).text for way in ways], **style.text(style.BODY)
    )
    axes[0, 0].set_ylim(len(ways) - 0.4, -0.75 if marks else -0.6)
    return figure


def _draw_way(ax: Axes, place: int, way: str, values: np.ndarray, percent: bool) -> None:
    """One row: interval, mean, seeds, and the mean in figures at the right."""
    label = names.label(way)
    colour = label.colour if label.text != way else BLUE
    found = metrics.t_interval(values)
    if len(values) > 1:
        ax.barh(
            place,
            found.high - found.low,
            0.5,
            found.low,
            color=colour,
            alpha=0.22,
            linewidth=0,
            zorder=2,
            gid=f"interval {way}",
        )
    ax.plot(
        [found.mean] * 2,
        [place - 0.3, place + 0.3],
        color=colour,
        linewidth=2.2,
        solid_capstyle="butt",
        zorder=3,
        gid=f"mean {way}",
    )
    heights = place + (np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(1))
    ax.plot(
        values,
        heights,
        linestyle="none",
        marker="o",
        markersize=4.6,
        color=colour,
        markeredgecolor="white",
        markeredgewidth=0.7,
        zorder=4,
        clip_on=False,
        gid=f"seeds {way}",
    )
    words = (
        f"{100 * found.mean:.0f}" if percent else f"{round(found.mean, 2) + 0.0:.2f}"
    )  # no "-0.00"
    ax.annotate(
        words,
        (1, place),
        (22 if percent else 32, 0),
        xycoords=ax.get_yaxis_transform(),
        va="center",
        textcoords="offset points",
        ha="right",
        **style.text(style.SMALL, colour, weight="bold"),
    )
