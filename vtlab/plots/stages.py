"""From the pixels to the head: values by stage, features seen along two axes, gradients by depth."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from vtlab import metrics, names, style

# eight classes that colour-blind readers tell apart, each with a mark of its own
CLASSES = (("#0072B2", "o"), ("#D98E04", "^"), ("#00805F", "D"), ("#C4461B", "P"), ("#56A8DC", "s"),
           ("#A94C86", "v"), ("#1f2933", "X"), ("#9A8F00", "p"))  # fmt: skip


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
            ax.axhline(chance, linestyle=(0, (1, 2)), color=style.QUIET, linewidth=1.3, zorder=1,
                       gid="chance")  # fmt: skip
    if percent:
        axes[0, 0].set_ylim(0, 1.02)
        style.percent_axis(axes[0, 0].yaxis)
    else:
        axes[0, 0].set_yscale("log")
        axes[0, 0].yaxis.set_minor_locator(NullLocator())
    axes[0, 0].set_ylabel(what, labelpad=6, **style.text(style.SMALL, style.QUIET))
    if chance is not None:
        axes[0, 0].annotate(f"chance {style.percent(chance)}", (1, chance), (0, -4), va="top",
                            xycoords=axes[0, 0].get_yaxis_transform(), textcoords="offset points",
                            ha="right", **style.text(style.SMALL, style.QUIET))  # fmt: skip
    draw_legend(figure, dict.fromkeys(name for lines in panels.values() for name in lines))
    return figure


def _draw_line(ax: Axes, name: str, places: list[int], values: list[Sequence[float] | float]) -> None:
    label = names.label(name)
    found = [metrics.t_interval(np.atleast_1d(np.asarray(value, dtype=float))) for value in values]
    ax.plot(places, [of.mean for of in found], color=label.colour, linewidth=2, marker=label.marker,
            markersize=6, markeredgecolor="white", markeredgewidth=0.7, zorder=3,
            gid=f"mean {name}")  # fmt: skip
    if all(np.size(value) > 1 for value in values):
        ax.fill_between(places, [of.low for of in found], [of.high for of in found], color=label.colour,
                        alpha=0.16, linewidth=0, gid=f"interval {name}")  # fmt: skip


def draw_legend(figure: Figure, shown: Iterable[str]) -> None:
    """Draws the marks and names of networks below all axes."""
    ax = figure.axes[0]
    marks = [ax.plot([], [], color=of.colour, marker=of.marker, linewidth=2, markersize=6,
                     markeredgecolor="white", markeredgewidth=0.7, label=of.text)[0]
             for of in map(names.label, shown)]  # fmt: skip
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False,
                  prop=_small(), labelcolor=style.INK, columnspacing=2.2, handletextpad=0.6)  # fmt: skip


def _small() -> dict[str, object]:
    return {"size": style.SMALL, "family": list(style.families())}


def plot_axes(panels: Mapping[str, ArrayLike], labels: ArrayLike, classes: Sequence[str], *,
              columns: int | None = None) -> Figure:  # fmt: skip
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
        raise ValueError(f"{odd[0]}: {len(labels)} images need points ({len(labels)}, 2), "
                         f"got {points[odd[0]].shape}")  # fmt: skip
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
    marks = [axes[0, 0].plot([], [], linestyle="none", color=colour, marker=marker, markersize=5, label=name)[0]
             for name, (colour, marker) in zip(classes, CLASSES, strict=False)]  # fmt: skip
    figure.legend(handles=marks, loc="outside lower center", ncols=4, frameon=False, handletextpad=0.2,
                  prop=_small(), labelcolor=style.INK)  # fmt: skip
    return figure


def _draw_points(ax: Axes, points: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> None:
    style.prepare(ax)
    ax.set_xticks([])
    ax.set_yticks([])
    for k, (colour, marker) in zip(range(len(classes)), CLASSES, strict=False):
        own = points[labels == k]
        ax.plot(own[:, 0], own[:, 1], linestyle="none", color=colour, marker=marker, markersize=4,
                markeredgecolor="white", markeredgewidth=0.4, alpha=0.85, gid=f"class {k}")  # fmt: skip
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
            ax.plot(range(len(lengths)), lengths, color=INKS[look], linestyle=DASHES[look],
                    linewidth=2.2, dash_capstyle="butt", label=kind, gid=f"lengths {kind}")  # fmt: skip
        ax.set_xlabel("layer, from the images to the loss", labelpad=5,
                      **style.text(style.SMALL, style.QUIET))  # fmt: skip
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(10, numticks=9))
        ax.yaxis.set_minor_locator(NullLocator())
    axes[0, 0].set_ylabel("length of the gradient", labelpad=6, **style.text(style.SMALL, style.QUIET))
    axes[0, 0].legend(loc="lower right", frameon=False, labelcolor=style.INK, handlelength=2.6,
                      prop=_small())  # fmt: skip
    return figure
