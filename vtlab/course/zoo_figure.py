"""Lesson 02: four designs in one figure, their pretraining, cost and accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vtlab.plots import style
from vtlab.plots.legends import label_line_ends
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRATEGY_OFFSET = 0.2  # of a row, between two strategies of one backbone
INTERVAL_ENDS = ("_low", "_high")


def plot_zoo(
    table: pd.DataFrame, curves: pd.DataFrame, pixels: Mapping[str, float] | None = None
) -> Figure:
    """Learning curves of the pretraining; below, a row per backbone: its cost, its accuracies.

    Args:
        table: From `zoo_table`, with or without accuracies; the rows are sorted by cost, the
            most expensive at the top.
        curves: From `zoo_curves`.
        pixels: For each task's name, the accuracy of the nearest neighbour in plain pixels.

    Raises:
        ValueError: If there is no backbone in the table, or no curve.

    Lessons 02 and 11.
    """
    if not len(table):
        raise ValueError("there is no backbone to draw")
    tasks, rows = _strategies_by_task(table), len(table)
    height, ratios = 3.1 + 0.62 * rows, (2.6, 0.9 + 0.55 * rows)
    figure, axes = style.new_figure(
        2, 1 + len(tasks), height=height, pad=0.09, height_ratios=ratios
    )
    # the curves take the whole of the first row
    grid = axes[0, 0].get_gridspec()
    for ax in axes[0]:
        ax.remove()
    _draw_zoo_curves(figure.add_subplot(grid[0, :]), curves)
    table = table.sort_values("megaflops", ascending=False)
    _draw_zoo_costs(axes[1, 0], table)
    for ax, (task, strategies) in zip(axes[1, 1:], tasks.items(), strict=True):
        _draw_zoo_accuracies(ax, table, task, strategies)
        if pixels and task in pixels:
            _draw_zoo_yardstick(ax, pixels[task])
    if tasks:
        _draw_zoo_legend(axes[1, 1], [name for strategies in tasks.values() for name in strategies])
    return figure


def _strategies_by_task(table: pd.DataFrame) -> dict[str, list[str]]:
    """The strategies of each task that the table has accuracies of, by its columns' names."""
    found: dict[str, list[str]] = {}
    for column in table.columns:
        if column.endswith("_low"):
            task, strategy = column.removesuffix("_low").rsplit("_", 1)
            found.setdefault(task, []).append(strategy)
    return found


def _draw_zoo_curves(ax: Axes, curves: pd.DataFrame) -> None:
    """The test accuracy of every backbone's pretraining against the images it has seen."""
    if not len(curves):
        raise ValueError("there is no curve to draw")
    style.prepare_axes(ax, grid="y")
    ends = {}
    for name, log in curves.groupby("backbone", sort=False):
        label = names.get_label(name)
        ax.plot(
            log.images,
            log.test_accuracy,
            color=label.colour,
            linewidth=2,
            marker=label.marker,
            gid=f"curve {name}",
            **style.mark_style(4.5),
        )
        ends[name] = (log.images.iloc[-1], log.test_accuracy.iloc[-1])
    ax.set(xlim=(0, curves.images.max() * 1.01), ylim=(0, 1.02))
    style.set_percent_axis(ax.yaxis)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    style.style_heading(ax, "pretraining: accuracy on fresh drawings of the source")
    style.label_axes(ax, x="drawings seen, each once", pad=5)
    label_line_ends(ax, ends)


def _draw_zoo_costs(ax: Axes, table: pd.DataFrame) -> None:
    """A bar per backbone: operations of one forward pass, with size and speed in figures."""
    style.prepare_axes(ax)
    ax.spines["left"].set_visible(False)
    for place, row in enumerate(table.itertuples()):
        label = names.get_label(row.backbone)
        ax.barh(place, row.megaflops / 2, 0.42, color=label.colour, gid=f"cost {row.backbone}")
        speed = f"speed of training {row.training_ratio:.2f}\N{MULTIPLICATION SIGN}"
        words = f"{row.weights / 1e6:.1f} M weights, {speed}"
        ax.text(0, place + 0.25, words, va="top", **style.font_style(style.TINY, style.QUIET))
    labels = [names.get_label(name) for name in table.backbone]
    ax.set_yticks(range(len(table)), [label.text for label in labels], **style.font_style())
    for tick, label in zip(ax.get_yticklabels(), labels, strict=True):
        tick.set_color(label.colour)
    ax.set(ylim=(len(table) - 0.35, -0.6), xlim=(0, 0.55 * table.megaflops.max()))
    ax.xaxis.set_major_locator(MaxNLocator(3))
    style.style_heading(ax, "cost")
    style.label_axes(ax, x="million multiply-adds per image", pad=5)


def _draw_zoo_accuracies(ax: Axes, table: pd.DataFrame, task: str, strategies: list[str]) -> None:
    """A row per backbone, in it a mark and an interval per strategy."""
    style.prepare_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    middle = (len(strategies) - 1) / 2
    for place, row in enumerate(table.to_dict("records")):
        for i, strategy in enumerate(strategies):
            label, key = names.get_label(strategy), f"{task}_{strategy}"
            # strategies stand a little above one another, so that their intervals do not overlap
            height = place + STRATEGY_OFFSET * (i - middle)
            ax.plot(
                [row[key + end] for end in INTERVAL_ENDS],
                [height] * 2,
                color=label.colour,
                alpha=0.35,
                linewidth=5,
                solid_capstyle="butt",
                gid=f"interval {strategy} {row['backbone']}",
            )
            ax.plot(
                [row[key]],
                [height],
                linestyle="none",
                marker=label.marker,
                color=label.colour,
                zorder=4,
                gid=f"mean {strategy} {row['backbone']}",
                **style.mark_style(6, 0.8),
            )
    for place in range(1, len(table)):
        ax.axhline(place - 0.5, color=style.FAINT, linewidth=0.7)
    ax.set_yticks([])
    columns = [f"{task}_{s}{end}" for s in strategies for end in INTERVAL_ENDS]
    low = max(0.0, 0.1 * (table[columns].min().min() * 10 // 1))
    ax.set(ylim=(len(table) - 0.35, -0.6), xlim=(low, 1.0))
    style.set_percent_axis(ax.xaxis, ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
    style.style_heading(ax, f"{task}: test accuracy")
    style.label_axes(ax, x="mark the mean, bar its 95\N{NO-BREAK SPACE}% interval", pad=5)


def _draw_zoo_yardstick(ax: Axes, accuracy: float) -> None:
    """A line at the accuracy of plain pixels; where that is left of the axis, an arrow to it."""
    low, _ = ax.get_xlim()
    words = f"nearest in pixels {100 * accuracy:.0f} %"
    if accuracy >= low:
        ax.axvline(accuracy, gid="pixels", **style.DOTTED)
    else:
        words = f"← {words}"
    place, side = (accuracy, "right") if accuracy >= low else (low, "left")
    corner: dict[str, Any] = {"xycoords": ax.get_xaxis_transform(), "va": "bottom", "ha": side}
    style.annotate(
        ax, words, (place, 0), (-3 if side == "right" else 3, 3), size=style.TINY, **corner
    )


def _draw_zoo_legend(ax: Axes, strategies: list[str]) -> None:
    """Marks and names of the strategies at the lower right, below their panels."""
    labels = [names.get_label(name) for name in dict.fromkeys(strategies)]
    marks = [
        ax.plot([], [], linestyle="none", marker=of.marker, color=of.colour, label=of.text)[0]
        for of in labels
    ]
    style.find_styled_figure(ax).legend(
        handles=marks,
        loc="outside lower right",
        ncols=len(marks),
        frameon=False,
        **style.legend_font_style(),
        handletextpad=0.2,
        columnspacing=1.4,
    )
