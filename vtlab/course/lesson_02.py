"""What lesson 02 uses: its table of small backbones and its figure, deep stacks, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator
from torch import nn

from vtlab.analysis.architecture import field_after
from vtlab.analysis.gradients import stack_gradient_lengths as stack_gradient_lengths
from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import ZOO as ZOO
from vtlab.course.tables import pretraining_log as pretraining_log
from vtlab.course.tables import zoo_curves as zoo_curves
from vtlab.course.tables import zoo_table as zoo_table
from vtlab.models.initialisation import deep_stack as deep_stack
from vtlab.plots import style
from vtlab.plots.legends import label_line_ends
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STRATEGY_OFFSET = 0.2  # of a row, between two strategies of one backbone
INTERVAL_ENDS = ("_low", "_high")


def plot_zoo(table: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Learning curves of the pretraining; below, a row per backbone: its cost, its accuracies.

    Args:
        table: From `zoo_table`, with or without accuracies; the rows are sorted by cost, the
            most expensive at the top.
        curves: From `zoo_curves`.

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


@exercise("02.1")
def _small_kernels(answer: object) -> Verdict:
    if not isinstance(answer, nn.Module):
        return False, "The answer is a module, such as nn.Sequential(…)."
    layers = [module for module in answer.modules() if isinstance(module, nn.Conv2d)]
    if not layers or any(layer.kernel_size != (3, 3) for layer in layers):
        return False, "All convolutions should be 3 × 3."
    if any((layer.in_channels, layer.out_channels) != (16, 16) for layer in layers):
        return False, "All convolutions should go from 16 to 16 channels."
    if any(layer.stride != (1, 1) or layer.padding != (1, 1) for layer in layers):
        return False, "All convolutions should have stride 1 and padding 1."
    size = field_after(answer).size
    return size == 7, (
        "27 weights for a pair of channels instead of 49."
        if size == 7
        else f"Its field has {size} pixels, not 7."
    )


@exercise("02.2", function_of="a list of kernels and strides")
def _own_field(answer: Callable) -> Verdict:
    for layers in (
        [],
        [(3, 1)],
        [(3, 1), (3, 1)],
        [(3, 2), (3, 1)],
        [(7, 2), (3, 2), (3, 1), (3, 2), (3, 1)],
    ):
        found = call_answer(answer, list(layers))
        truth = field_after(nn.Sequential(*(nn.Conv2d(1, 1, *layer) for layer in layers))).size
        if found != truth:
            return False, f"For {layers} it gave {found}."
    return True, "It widens, layer by layer, and strides count for all that follows."


letter_exercise(
    "02.3",
    "b",
    "A batch's mean ties all of its pixels together.",
    "Which layer asks whether it is training, and what does it do then?",
)
