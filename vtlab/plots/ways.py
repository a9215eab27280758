"""Ways to do something, side by side: whatever is compared that is no strategy."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vtlab import metrics, names, style
from vtlab.plots.images import BLUE

ROW = 0.36  # inches for a way


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
        columns=len(panels), height=0.95 + ROW * len(ways), sharex=True, sharey=True
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
            ax.annotate(name, (value, 1), (at[0], -2), xycoords=ax.get_xaxis_transform(), va="top",
                        ha=at[1], textcoords="offset points",
                        **style.text(style.SMALL, style.QUIET))  # fmt: skip
        if percent:
            ax.xaxis.set_major_formatter(lambda value, _: style.percent(value, 0))
        style.heading(ax, title)
        ax.set_xlabel(what, labelpad=6, **style.text(style.SMALL, style.QUIET))
    axes[0, 0].set_yticks(range(len(ways)), [names.label(way).text for way in ways],
                          **style.text(style.BODY))  # fmt: skip
    axes[0, 0].set_ylim(len(ways) - 0.4, -0.75 if marks else -0.6)
    return figure


def _draw_way(ax: Axes, place: int, way: str, values: np.ndarray, percent: bool) -> None:
    """One row: interval, mean, seeds, and the mean in figures at the right."""
    label = names.label(way)
    colour = label.colour if label.text != way else BLUE
    found = metrics.t_interval(values)
    if len(values) > 1:
        ax.barh(place, found.high - found.low, 0.5, found.low, color=colour, alpha=0.22,
                linewidth=0, zorder=2, gid=f"interval {way}")  # fmt: skip
    ax.plot([found.mean] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=2.2,
            solid_capstyle="butt", zorder=3, gid=f"mean {way}")  # fmt: skip
    heights = place + (np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(1))
    ax.plot(values, heights, linestyle="none", marker="o", markersize=4.6, color=colour,
            markeredgecolor="white", markeredgewidth=0.7, zorder=4, clip_on=False,
            gid=f"seeds {way}")  # fmt: skip
    words = f"{100 * found.mean:.0f}" if percent else f"{round(found.mean, 2) + 0.0:.2f}"  # no "-0.00"
    ax.annotate(words, (1, place), (22 if percent else 32, 0), xycoords=ax.get_yaxis_transform(), va="center",
                textcoords="offset points", ha="right",
                **style.text(style.SMALL, colour, weight="bold"))  # fmt: skip
