"""How much to unfreeze: by depth, by kind of shift, and accuracy against weights that learn."""

from __future__ import annotations

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from vtlab import metrics, style
from vtlab.plots.comparison import spread

# way: words, colour, marker
DEPTH = {"frozen": ("pretrained, frozen", "#0072B2", "o"),
         "fine-tuned": ("pretrained, fine-tuned", "#00805F", "D")}  # fmt: skip
NAMES = {"noise": "noise", "species": "other species", "names": "names swapped"}
BAND = 0.14
GAP = 0.062  # between names, in accuracy
ASIDE = 9.0  # points between marks of equally many weights


def plot_depth(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of stages that keep their pretrained weights, a panel per target.

    Args:
        table: From `depth_table`; its rows of the part "depth" are drawn, every seed as a dot.

    Raises:
        ValueError: If it has no such row.

    After figure 2 of Yosinski et al. (2014). Lesson 06.
    """
    rows = _part(table, "depth")
    targets = list(dict.fromkeys(rows.target))
    figure, axes = style.new_figure(columns=len(targets), height=3.7, sharey=True)
    last = int(rows.stages.max())
    for ax, target in zip(axes[0], targets, strict=True):
        style.prepare(ax, grid="y")
        here = rows[rows.target == target]
        for way, (words, colour, marker) in DEPTH.items():
            if (here.way == way).any():
                _line(ax, here[here.way == way], f"{way} {target}", words, colour, marker)
        if len(here[here.stages == 0]):
            scratch = here[here.stages == 0].test_accuracy.mean()
            ax.axhline(scratch, color=style.QUIET, linestyle=(0, (1, 2)), linewidth=1.3, zorder=1)
            ax.annotate("from scratch", (last + 0.22, scratch), (0, 4), ha="right",
                        textcoords="offset points", **style.text(style.SMALL, style.QUIET))  # fmt: skip
        ax.set(ylim=(0, 1.02), xlim=(-0.25, last + 0.25), xticks=range(last + 1))
        style.percent_axis(ax.yaxis)
        style.heading(ax, target.capitalize())
        ax.set_xlabel("pretrained stages kept, counted from the image", labelpad=5,
                      **style.text(style.SMALL, style.QUIET))  # fmt: skip
    axes[0, 0].set_ylabel("test accuracy", labelpad=6, **style.text(style.SMALL, style.QUIET))
    axes[0, -1].legend(*axes[0, 0].get_legend_handles_labels(), loc="lower left", frameon=False,
                       prop={"size": style.SMALL}, labelcolor="linecolor")  # fmt: skip
    return figure


def plot_shifts(table: pd.DataFrame) -> Figure:
    """A heat map: which part to adapt (columns) after which kind of shift (rows).

    A cell is the mean test accuracy over seeds, with half the width of its 95 % t-interval; the
    single part with the highest mean of a row is framed. The first column is before any adaptation.

    Args:
        table: From `depth_table`; its rows of the part "shift" are drawn.

    Raises:
        ValueError: If it has no such row.

    After figure 2 of Lee et al. (2023). Lesson 06.
    """
    rows = _part(table, "shift")
    shifts, parts = list(dict.fromkeys(rows.target)), list(dict.fromkeys(rows.way))
    cells = rows.groupby(["target", "way"]).test_accuracy.apply(metrics.t_interval).unstack()
    figure, axes = style.new_figure(height=1.1 + 0.62 * len(shifts))
    ax = axes[0, 0]
    style.blank(ax)
    for y, shift in enumerate(shifts):
        before = rows[rows.target == shift].groupby("seed").before.first().mean()
        _cell(ax, -1.15, y, before, None, f"before {shift}")
        single = [part for part in parts if part != "everything"]
        best = max(single, key=lambda part, s=shift: cells.loc[s, part].mean)
        for x, part in enumerate(parts):
            of = cells.loc[shift, part]
            place = x + 0.15 * (part == "everything")
            _cell(ax, place, y, of.mean, (of.high - of.low) / 2, f"{part} {shift}")
            if part == best:
                ax.add_patch(matplotlib.patches.Rectangle(
                    (place - 0.47, y - 0.45), 0.94, 0.9, fill=False, linewidth=2.4,
                    edgecolor=style.INK, gid=f"best {shift}"))  # fmt: skip
        ax.text(-1.8, y, NAMES.get(shift, shift), ha="right", va="center", **style.text())
    for x, part in [(-1.15, "before"), *((i + 0.15 * (p == "everything"), p) for i, p in enumerate(parts))]:
        ax.text(x, -0.58, part.replace(" by", "\nby"), ha="center", va="bottom",
                **style.text(style.BODY, style.INK if part in parts else style.QUIET))  # fmt: skip
    ax.text((len(parts) - 2) / 2, len(shifts) - 0.38,
            "the one part that may change; framed: the highest mean of a single part", ha="center",
            va="top", **style.text(style.SMALL, style.QUIET))  # fmt: skip
    ax.set(xlim=(-3.2, len(parts) - 0.3), ylim=(len(shifts) - 0.1, -1.15))
    return figure


def plot_weights(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of weights that learn, a panel per target, a mark per way.

    Ways in which equally many learn stand side by side, a little beside their place.

    Args:
        table: From `depth_table`; its rows of the part "weights" are drawn.

    Raises:
        ValueError: If it has no such row.

    Lesson 06.
    """
    rows = _part(table, "weights")
    targets = list(dict.fromkeys(rows.target))
    figure, axes = style.new_figure(columns=len(targets), height=3.9, sharey=True)
    least, most = rows.weights.min() / 1.6, rows.weights.max() * 1.6
    for ax, target in zip(axes[0], targets, strict=True):
        style.prepare(ax, grid="y")
        here = {way: group for way, group in rows[rows.target == target].groupby("way")}
        means = {way: (group.weights.iloc[0], metrics.t_interval(group.test_accuracy))
                 for way, group in here.items()}  # fmt: skip
        aside = _aside(ax, {way: weights for way, (weights, _) in means.items()})
        for way, (weights, of) in means.items():
            colour = _colour(weights, least, most)
            ax.plot([weights] * 2, [of.low, of.high], color=colour, linewidth=4, alpha=0.25,
                    solid_capstyle="butt", transform=aside[way], gid=f"interval {way}")  # fmt: skip
            ax.plot(weights, of.mean, "o", color=colour, markersize=6.5, markeredgecolor="white",
                    transform=aside[way], gid=f"mean {way}")  # fmt: skip
        groups = _groups({way: weights for way, (weights, _) in means.items()})
        for group in groups:
            side = "right" if group is groups[0] else "left" if group is groups[-1] else "above"
            _name(ax, {way: means[way] for way in group}, aside, least, most, side)
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set(xlim=(least, most), ylim=(0, 1.02))
        style.percent_axis(ax.yaxis)
        style.heading(ax, target.capitalize())
        ax.set_xlabel("weights that learn", labelpad=5, **style.text(style.SMALL, style.QUIET))
    axes[0, 0].set_ylabel("test accuracy", labelpad=6, **style.text(style.SMALL, style.QUIET))
    return figure


def _part(table: pd.DataFrame, part: str) -> pd.DataFrame:
    rows = table[table.part == part]
    if rows.empty:
        raise ValueError(f"the table has no rows of the part {part!r}")
    return rows


def _line(ax: Axes, rows: pd.DataFrame, gid: str, words: str, colour: str, marker: str) -> None:
    found = {int(n): metrics.t_interval(g.test_accuracy) for n, g in rows.groupby("stages")}
    places = list(found)
    ax.fill_between(places, [of.low for of in found.values()], [of.high for of in found.values()],
                    color=colour, alpha=BAND, linewidth=0, gid=f"interval {gid}")  # fmt: skip
    ax.plot(rows.stages, rows.test_accuracy, "o", color=colour, markersize=3, alpha=0.35,
            markeredgewidth=0, gid=f"seeds {gid}")  # fmt: skip
    ax.plot(places, [of.mean for of in found.values()], color=colour, linewidth=2, marker=marker,
            markersize=5.5, markeredgecolor="white", markeredgewidth=0.8, label=words,
            gid=f"mean {gid}")  # fmt: skip


def _colour(weights: float, least: float, most: float) -> str:
    return "#0072B2" if weights < (least * most) ** 0.5 else "#00805F"


def _groups(weights: dict[str, float]) -> list[list[str]]:
    """The ways by their weights, least first; three times as many weights begin a new group."""
    groups: list[list[str]] = []
    for way in sorted(weights, key=weights.get):
        if groups and weights[way] < 3 * weights[groups[-1][-1]]:
            groups[-1].append(way)
        else:
            groups.append([way])
    return groups


def _aside(ax: Axes, weights: dict[str, float]) -> dict[str, Transform]:
    """For each way where its mark goes: ways of equally many weights stand side by side."""
    places = {}
    for way, number in weights.items():
        same = [other for other in weights if weights[other] == number]
        points = ASIDE * (same.index(way) - (len(same) - 1) / 2)
        places[way] = ax.transData + ScaledTranslation(points / 72, 0, ax.figure.dpi_scale_trans)
    return places


def _name(ax: Axes, means: dict, aside: dict, least: float, most: float, side: str) -> None:
    """Names of a group of marks: above them, or beside them in one column, each tied to its mark."""
    if side == "above":
        for way, (weights, of) in means.items():
            ax.annotate(way, (weights, of.high), (0, 5), aside[way], textcoords="offset points", ha="center",
                        **style.text(style.SMALL, _colour(weights, least, most)))  # fmt: skip
        return
    many = [weights for weights, _ in means.values()]
    edge = max(many) * 1.7 if side == "right" else min(many) / 1.7
    places = spread([of.mean for _, of in means.values()], GAP, GAP / 2, 1.0)
    for (way, (weights, of)), place in zip(means.items(), places, strict=True):
        colour = _colour(weights, least, most)
        ax.annotate(way, (weights, of.mean), (edge, place), aside[way], textcoords="data", va="center",
                    ha="left" if side == "right" else "right",
                    arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "alpha": 0.5,
                                "shrinkA": 2, "shrinkB": 4, "relpos": (side == "left", 0.5)},
                    **style.text(style.SMALL, colour))  # fmt: skip


def _ink_on(colour: tuple[float, ...]) -> str:
    """Black or white, whichever stands out more: by 4.5 to 1 at least, on any colour (WCAG 2, 1.4.3)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "black" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "white"


def _cell(ax: Axes, x: float, y: float, mean: float, half: float | None, gid: str) -> None:
    """A coloured field with a figure in it."""
    colour = matplotlib.colormaps["cividis"](0.08 + 0.9 * mean)
    ink = _ink_on(colour)
    ax.add_patch(matplotlib.patches.Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, color=colour,
                                              linewidth=0, gid=gid))  # fmt: skip
    ax.text(x, y - (0.09 if half is not None else 0), f"{100 * mean:.0f}", ha="center", va="center",
            **style.text(style.BODY, ink, weight="bold"))  # fmt: skip
    if half is not None:
        ax.text(x, y + 0.22, f"± {100 * half:.0f}", ha="center", va="center",
                **style.text(style.SMALL, ink))  # fmt: skip
