"""The zoo: how the backbones learnt the source, what each costs, and how well it transfers."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vtlab import names, style
from vtlab.plots.comparison import label_ends

DODGE = 0.2  # of a row, between two strategies of one backbone
ENDS = ("_low", "_high")


def plot_zoo(table: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Learning curves of the pretraining; below, a row per backbone: its cost, its accuracies.

    Args:
        table: From `zoo_table`, with or without accuracies; the rows are sorted by cost, the
            dearest at the top.
        curves: From `zoo_curves`.

    Raises:
        ValueError: If there is no backbone in the table, or no curve.

    Lessons 02 and 11.
    """
    if not len(table):
        raise ValueError("there is no backbone to draw")
    tasks = results(table)
    rows = len(table)
    figure, axes = style.new_figure(
        2, 1 + len(tasks), height=3.1 + 0.62 * rows, pad=0.09,
        height_ratios=(2.6, 0.9 + 0.55 * rows),
    )  # fmt: skip
    grid = axes[0, 0].get_gridspec()
    for ax in axes[0]:
        ax.remove()
    draw_pretraining(figure.add_subplot(grid[0, :]), curves)
    table = table.sort_values("megaflops", ascending=False)
    _draw_costs(axes[1, 0], table)
    for ax, (task, strategies) in zip(axes[1, 1:], tasks.items(), strict=True):
        _draw_accuracies(ax, table, task, strategies)
    if tasks:
        _draw_legend(axes[1, 1], [name for strategies in tasks.values() for name in strategies])
    return figure


def results(table: pd.DataFrame) -> dict[str, list[str]]:
    """The strategies of each task that the table has accuracies of, by its columns' names."""
    found: dict[str, list[str]] = {}
    for column in table.columns:
        if column.endswith("_low"):
            task, strategy = column.removesuffix("_low").rsplit("_", 1)
            found.setdefault(task, []).append(strategy)
    return found


def draw_pretraining(ax: Axes, curves: pd.DataFrame) -> None:
    """Draws the test accuracy of every backbone's pretraining against the images it has seen.

    Args:
        ax: Where.
        curves: From `zoo_curves`.

    Raises:
        ValueError: If there is no curve.
    """
    if not len(curves):
        raise ValueError("there is no curve to draw")
    style.prepare(ax, grid="y")
    ends = {}
    for name, log in curves.groupby("backbone", sort=False):
        label = names.label(name)
        ax.plot(
            log.images, log.test_accuracy, color=label.colour, linewidth=2, marker=label.marker,
            markersize=4.5, markeredgecolor="white", markeredgewidth=0.7, gid=f"curve {name}",
        )  # fmt: skip
        ends[name] = (log.images.iloc[-1], log.test_accuracy.iloc[-1])
    ax.set(xlim=(0, curves.images.max() * 1.01), ylim=(0, 1.02))
    style.percent_axis(ax.yaxis)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    style.heading(ax, "pretraining: accuracy on fresh drawings of the source")
    ax.set_xlabel("drawings seen, each once", labelpad=5, **style.text(style.SMALL, style.QUIET))
    label_ends(ax, ends)


def _draw_costs(ax: Axes, table: pd.DataFrame) -> None:
    """A bar per backbone: operations of one forward pass, with size and speed in figures."""
    style.prepare(ax)
    ax.spines["left"].set_visible(False)
    for place, row in enumerate(table.itertuples()):
        label = names.label(row.backbone)
        ax.barh(place, row.megaflops / 2, 0.42, color=label.colour, gid=f"cost {row.backbone}")
        ax.text(
            0, place + 0.25, f"{row.weights / 1e6:.1f} M weights, speed of training "
            f"{row.training_ratio:.2f}\N{MULTIPLICATION SIGN}", va="top", ha="left",
            **style.text(style.TINY, style.QUIET),
        )  # fmt: skip
    ax.set_yticks(range(len(table)), [names.label(name).text for name in table.backbone],
                  **style.text())  # fmt: skip
    for tick, name in zip(ax.get_yticklabels(), table.backbone, strict=True):
        tick.set_color(names.label(name).colour)
    ax.set(ylim=(len(table) - 0.35, -0.6), xlim=(0, 0.55 * table.megaflops.max()))
    ax.xaxis.set_major_locator(MaxNLocator(3))
    style.heading(ax, "cost")
    ax.set_xlabel("million multiply-adds per image", labelpad=5,
                  **style.text(style.SMALL, style.QUIET))  # fmt: skip


def _draw_accuracies(ax: Axes, table: pd.DataFrame, task: str, strategies: list[str]) -> None:
    """A row per backbone, in it a mark and an interval per strategy."""
    style.prepare(ax, grid="x")
    ax.spines["left"].set_visible(False)
    middle = (len(strategies) - 1) / 2
    for place, row in enumerate(table.to_dict("records")):
        for i, strategy in enumerate(strategies):
            label, key = names.label(strategy), f"{task}_{strategy}"
            height = place + DODGE * (i - middle)
            ax.plot(
                [row[key + end] for end in ENDS], [height] * 2, color=label.colour, alpha=0.35,
                linewidth=5, solid_capstyle="butt", gid=f"interval {strategy} {row['backbone']}",
            )  # fmt: skip
            ax.plot(
                [row[key]], [height], linestyle="none", marker=label.marker, markersize=6,
                color=label.colour, markeredgecolor="white", markeredgewidth=0.8, zorder=4,
                gid=f"mean {strategy} {row['backbone']}",
            )  # fmt: skip
    for place in range(1, len(table)):
        ax.axhline(place - 0.5, color=style.FAINT, linewidth=0.7)
    ax.set_yticks([])
    columns = [f"{task}_{s}{end}" for s in strategies for end in ENDS]
    low = max(0.0, 0.1 * (table[columns].min().min() * 10 // 1))
    ax.set(ylim=(len(table) - 0.35, -0.6), xlim=(low, 1.0))
    style.percent_axis(ax.xaxis, ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
    ax.set_xlim(low, 1.0)
    style.heading(ax, f"{task}: test accuracy")
    ax.set_xlabel("mark the mean, bar its 95\N{NO-BREAK SPACE}% interval", labelpad=5,
                  **style.text(style.SMALL, style.QUIET))  # fmt: skip


def _draw_legend(ax: Axes, strategies: list[str]) -> None:
    labels = [names.label(name) for name in dict.fromkeys(strategies)]
    marks = [
        ax.plot([], [], linestyle="none", marker=of.marker, color=of.colour, label=of.text)[0]
        for of in labels
    ]
    ax.figure.legend(
        handles=marks, loc="outside lower right", ncols=len(marks), frameon=False,
        prop={"size": style.SMALL, "family": list(style.families())}, labelcolor=style.INK,
        handletextpad=0.2, columnspacing=1.4,
    )  # fmt: skip
