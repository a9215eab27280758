"""What lesson 06 uses: its table and figures, and checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import matplotlib
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.shifted_worlds import PARTS as PARTS
from vtlab.course.shifted_worlds import RATE as RATE
from vtlab.course.shifted_worlds import SHIFT_SHOTS as SHIFT_SHOTS
from vtlab.course.shifted_worlds import SHIFTS as SHIFTS
from vtlab.course.shifted_worlds import genus_task as genus_task
from vtlab.course.shifted_worlds import shifted_task as shifted_task
from vtlab.course.shifted_worlds import source_network as source_network
from vtlab.course.shifted_worlds import unfreeze_one_part as unfreeze_one_part
from vtlab.course.tables import depth_table as depth_table
from vtlab.course.tables import read_committed_table
from vtlab.models.backbones import backbone
from vtlab.models.backbones import backbone_with_first_stages as backbone_with_first_stages
from vtlab.plots import style
from vtlab.plots.legends import spread_apart
from vtlab.results import metrics
from vtlab.training.strategies import Strategy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Look: TypeAlias = dict[str, Any]  # keywords for matplotlib

WEIGHT_KIND_EPOCHS = 40  # of the ways to let few weights learn, which move slowly

# way: words, colour, marker
DEPTH_STYLES = {
    "frozen": ("kept stages frozen", "#0072B2", "P"),
    "fine-tuned": ("kept stages trained", "#C4461B", "X"),
}
DEPTH_TITLES = {"garden": "Garden (near)", "digits": "Digits (far)"}
SHIFT_NAMES = {"noise": "noise", "species": "other species", "names": "names swapped"}
PART_NAMES = {
    "before": "before\nany repair",
    "statistics": "statistics\n(no weight)",
    "head": "head,\nsolved",
    "head by steps": "head,\nby steps",
    "everything": "every-\nthing",
}
REPAIR_COLOURS = {
    "head by steps": "#0072B2",
    "stage4": "#C77F00",
    "stage1": "#A94C86",
    "everything": "#00805F",
}
REPAIR_MARKERS = {"head by steps": "P", "stage4": "X", "stage1": "<", "everything": "*"}
NAME_GAP = 0.062  # between names, in accuracy
MARK_SPACING = 9.0  # points between marks of equally many weights
SAME_GROUP = 3  # times as many weights begin a new group of names


def plot_unfreezing_depth(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of stages that keep their pretrained weights, a panel per target.

    Args:
        table: From `depth_table`; its rows of the part "depth" are drawn, every seed as a dot.

    Raises:
        ValueError: If it has no such row.

    After figure 2 of Yosinski et al. (2014). Lesson 06.
    """
    rows = _depth_rows(table, "depth")
    targets = list(dict.fromkeys(rows.target))
    figure, axes = style.new_figure(columns=len(targets), height=3.7, sharey=True)
    last = int(rows.stages.max())
    for ax, target in zip(axes[0], targets, strict=True):
        style.prepare_axes(ax, grid="y")
        of_target = rows[rows.target == target]
        for way in DEPTH_STYLES:
            if (of_target.way == way).any():
                _draw_depth_line(ax, of_target[of_target.way == way], way, target)
        scratch = of_target[of_target.stages == 0].test_accuracy
        if len(scratch):
            ax.axhline(scratch.mean(), **style.DOTTED)
            style.annotate(ax, "from scratch", (last + 0.22, scratch.mean()), (0, 4), ha="right")
        ax.set(ylim=(0, 1.02), xlim=(-0.25, last + 0.25), xticks=range(last + 1))
        style.set_percent_axis(ax.yaxis)
        style.style_heading(ax, DEPTH_TITLES.get(target, target.capitalize()))
        style.label_axes(ax, x="pretrained stages kept, counted from the image", pad=5)
    style.label_axes(axes[0, 0], y="test accuracy")
    look = {"frameon": False, "prop": {"size": style.SMALL}, "labelcolor": "linecolor"}
    axes[0, -1].legend(*axes[0, 0].get_legend_handles_labels(), loc="lower left", **look)
    return figure


def _draw_depth_line(ax: Axes, rows: pd.DataFrame, way: str, target: str) -> None:
    """The means over the seeds, joined, in the band of their intervals; every seed a dot."""
    words, colour, marker = DEPTH_STYLES[way]
    found = {int(n): metrics.t_interval(g.test_accuracy) for n, g in rows.groupby("stages")}
    ends = [of.low for of in found.values()], [of.high for of in found.values()]
    ax.fill_between(
        list(found), *ends, **style.style_band(colour, 0.14, f"interval {way} {target}")
    )
    dots: Look = {"markersize": 3, "alpha": 0.35, "markeredgewidth": 0}
    seeds = f"seeds {way} {target}"
    ax.plot(rows.stages, rows.test_accuracy, "o", color=colour, gid=seeds, **dots)
    line: Look = {"color": colour, "linewidth": 2, "marker": marker, "label": words}
    means = [of.mean for of in found.values()]
    ax.plot(list(found), means, gid=f"mean {way} {target}", **line, **style.mark_style(5.5, 0.8))


def plot_unfreezing_by_shift(table: pd.DataFrame) -> Figure:
    """A heat map: which part to adapt (columns) after which kind of shift (rows).

    A cell is the mean test accuracy over seeds, with half the width of its 95 % t-interval; the
    single part with the highest mean of a row is framed. The first column is before any adaptation.

    Args:
        table: From `depth_table`; its rows of the part "shift" are drawn.

    Raises:
        ValueError: If it has no such row.

    After figure 2 of Lee et al. (2023). Lesson 06.
    """
    rows = _depth_rows(table, "shift")
    shifts, parts = list(dict.fromkeys(rows.target)), list(dict.fromkeys(rows.way))
    cells = rows.groupby(["target", "way"]).test_accuracy.apply(metrics.t_interval).unstack()
    figure, axes = style.new_figure(height=1.1 + 0.62 * len(shifts))
    ax = axes[0, 0]
    style.hide_axes(ax)
    # what is no single part stands a little apart: "before" at the left, "everything" at the right
    places = {"before": -1.15} | {p: i + 0.15 * (p == "everything") for i, p in enumerate(parts)}
    for y, shift in enumerate(shifts):
        before = rows[rows.target == shift].groupby("seed").before.first().mean()
        _draw_shift_cell(ax, places["before"], y, before, None, f"before {shift}")
        for part in parts:
            of = cells.loc[shift, part]
            half = (of.high - of.low) / 2
            _draw_shift_cell(ax, places[part], y, of.mean, half, f"{part} {shift}")
        means = {part: cells.loc[shift, part].mean for part in parts if part != "everything"}
        best = max(means, key=means.__getitem__)
        frame = {"fill": False, "linewidth": 2.4, "edgecolor": style.INK, "gid": f"best {shift}"}
        ax.add_patch(_shift_cell_box(places[best], y, **frame))
        ax.text(
            -1.8, y, SHIFT_NAMES.get(shift, shift), ha="right", va="center", **style.font_style()
        )
    for part, x in places.items():
        font = style.font_style(style.BODY, style.INK if part in parts else style.QUIET)
        ax.text(x, -0.58, PART_NAMES.get(part, part), ha="center", va="bottom", **font)
    ax.text(
        (len(parts) - 2) / 2,
        len(shifts) - 0.38,
        "the one part that may change; framed: the highest mean of a single part",
        ha="center",
        va="top",
        **style.font_style(style.SMALL, style.QUIET),
    )
    ax.set(xlim=(-3.2, len(parts) - 0.3), ylim=(len(shifts) - 0.1, -1.15))
    return figure


def _draw_shift_cell(
    ax: Axes, x: float, y: float, mean: float, half: float | None, gid: str
) -> None:
    """A coloured field with a figure in it, and half an interval below where there is one."""
    colour = matplotlib.colormaps["YlGnBu"](0.04 + 0.92 * mean)
    ax.add_patch(_shift_cell_box(x, y, color=colour, linewidth=0, gid=gid))
    ink = _readable_ink(colour)
    middle: Look = {"ha": "center", "va": "center"}
    bold = style.font_style(style.BODY, ink, weight="bold")
    ax.text(x, y - (0.09 if half is not None else 0), f"{100 * mean:.0f}", **middle, **bold)
    if half is not None:
        ax.text(x, y + 0.22, f"± {100 * half:.0f}", **middle, **style.font_style(style.SMALL, ink))


def _shift_cell_box(x: float, y: float, **look: Any) -> Rectangle:
    """The field of a cell, a little smaller than its share of the axes."""
    return Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, **look)


def _readable_ink(colour: tuple[float, ...]) -> str:
    """Black or white, whichever stands out more: by 4.5 to 1 at least, on any colour (WCAG 2, 1.4.3)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "black" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "white"


def plot_unfreezing_by_weights(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of weights that learn, a panel per target, a mark per way.

    Ways in which equally many learn stand side by side, a little beside their place.

    Args:
        table: From `depth_table`; its rows of the part "weights" are drawn.

    Raises:
        ValueError: If it has no such row.

    Lesson 06.
    """
    rows = _depth_rows(table, "weights")
    targets = list(dict.fromkeys(rows.target))
    figure, axes = style.new_figure(columns=len(targets), height=3.9, sharey=True)
    least, most = rows.weights.min() / 1.6, rows.weights.max() * 1.6
    for ax, target in zip(axes[0], targets, strict=True):
        style.prepare_axes(ax, grid="y")
        marks = _weight_marks(ax, rows[rows.target == target])
        for mark in marks:
            look = {"color": style.BLUE, "transform": mark.place}
            thick = {"linewidth": 4, "alpha": 0.25, "solid_capstyle": "butt"}
            ends, gid = [mark.of.low, mark.of.high], f"interval {mark.way}"
            ax.plot([mark.weights] * 2, ends, gid=gid, **look, **thick)
            dot = {"gid": f"mean {mark.way}", "markersize": 6.5, "markeredgecolor": "white"}
            ax.plot(mark.weights, mark.of.mean, "o", **look, **dot)
        # names stand beside the first and the last group of marks, and above those between
        groups = _group_weight_marks(marks)
        for group in groups:
            side = "right" if group is groups[0] else "left" if group is groups[-1] else "above"
            _write_way_names(ax, group, side)
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set(xlim=(least, most), ylim=(0, 1.02))
        style.set_percent_axis(ax.yaxis)
        style.style_heading(ax, target.capitalize())
        style.label_axes(ax, x="weights that learn", pad=5)
    style.label_axes(axes[0, 0], y="test accuracy")
    return figure


class _WeightMark(NamedTuple):
    """A way to let weights learn as it is drawn: how many, the mean, and where."""

    way: str
    weights: float
    of: metrics.Interval
    place: Transform


def _weight_marks(ax: Axes, rows: pd.DataFrame) -> list[_WeightMark]:
    """A mark for each way; ways of equally many weights stand side by side."""
    groups = dict(iter(rows.groupby("way")))
    counts = {way: float(group.weights.iloc[0]) for way, group in groups.items()}
    marks = []
    for way, group in groups.items():
        weights, same = counts[way], [other for other in counts if counts[other] == counts[way]]
        points = MARK_SPACING * (same.index(way) - (len(same) - 1) / 2)
        aside = ScaledTranslation(points / 72, 0, style.find_styled_figure(ax).dpi_scale_trans)
        of = metrics.t_interval(group.test_accuracy)
        marks.append(_WeightMark(way, weights, of, ax.transData + aside))
    return marks


def _group_weight_marks(marks: list[_WeightMark]) -> list[list[_WeightMark]]:
    """The marks by their weights, least first; many times as many weights begin a new group."""
    groups: list[list[_WeightMark]] = []
    for mark in sorted(marks, key=lambda mark: mark.weights):
        if groups and mark.weights < SAME_GROUP * groups[-1][-1].weights:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _write_way_names(ax: Axes, marks: list[_WeightMark], side: str) -> None:
    """Names of a group of marks: above them, or beside them in one column, each tied to its mark."""
    if side == "above":
        for mark in marks:
            at = (mark.weights, mark.of.high)
            look: Look = {"xycoords": mark.place, "colour": style.INK, "ha": "center"}
            style.annotate(ax, mark.way, at, (0, 5), **look)
        return
    counts = [mark.weights for mark in marks]
    edge = max(counts) * 1.7 if side == "right" else min(counts) / 1.7
    heights = spread_apart([mark.of.mean for mark in marks], NAME_GAP, NAME_GAP / 2, 1.0)
    for mark, height in zip(marks, heights, strict=True):
        tie = {"arrowstyle": "-", "color": style.QUIET, "linewidth": 0.8, "alpha": 0.6}
        tie |= {"shrinkA": 2, "shrinkB": 4, "relpos": (side == "left", 0.5)}
        ax.annotate(
            mark.way,
            (mark.weights, mark.of.mean),
            (edge, height),
            mark.place,
            textcoords="data",
            va="center",
            ha="left" if side == "right" else "right",
            arrowprops=tie,
            **style.font_style(style.SMALL, style.INK),
        )


def plot_repair_rates(faster: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Accuracy after the names were swapped and a part was trained, against the rate: a line for each part.

    A small dot is a seed, a line joins means; dotted are the network as it was, and with its head solved.

    Args:
        faster: From `repairs_table`.
        table: From `depth_table`, whose solved heads are dotted.

    Raises:
        ValueError: If the table has no repair of swapped names.

    Lesson 06.
    """
    rows = _depth_rows(table, "shift")
    rows = rows[rows.target == "names"]
    marks = {
        "head, solved": rows[rows.way == "head"].test_accuracy.mean(),
        "before any repair": rows.before.mean(),
    }
    figure, axes = style.new_figure(width=0.8 * style.WIDE, height=3.7)
    ax = axes[0, 0]
    style.prepare_axes(ax, grid="y")
    ends = {}
    for part, colour in REPAIR_COLOURS.items():
        runs = faster[faster.part == part]
        means = runs.groupby("rate").test_accuracy.mean()
        dots: Look = {"markersize": 3, "alpha": 0.35, "markeredgewidth": 0}
        ax.plot(runs.rate, runs.test_accuracy, "o", color=colour, **dots)
        line: Look = {"color": colour, "linewidth": 2, "marker": REPAIR_MARKERS[part]}
        ax.plot(means.index, means, gid=f"mean {part}", **line, **style.mark_style(7))
        ends[part] = float(means.index[-1]), float(means.iloc[-1])
    for words, value in marks.items():
        ax.axhline(value, **style.DOTTED)
        at = (1, value), (-4, 4)
        style.annotate(ax, words, *at, xycoords=ax.get_yaxis_transform(), ha="right")
    for place in sorted({x for x, _ in ends.values()}):
        here = [part for part, (x, _) in ends.items() if x == place]
        heights = spread_apart([ends[part][1] for part in here], 0.07, 0.05, 1.0)
        for part, height in zip(here, heights, strict=True):
            font = style.font_style(style.SMALL, REPAIR_COLOURS[part], weight="bold")
            ax.text(place * 1.12, height, part, va="center", **font)
    ax.set_xscale("log")
    rates = sorted(set(faster.rate))
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set(ylim=(-0.03, 1), xlim=(min(rates) / 1.3, max(rates) * 3.2))
    style.set_percent_axis(ax.yaxis)
    style.style_heading(ax, "Swapped names: which part, or which rate?")
    style.label_axes(ax, x="learning rate of the thirty steps", y="test accuracy")
    return figure


def repairs_table() -> pd.DataFrame:
    """The committed table, a row per run: `part` trained at `rate` after the `shift` of swapped names.

    Columns as in `depth_table`.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 06.
    """
    return read_committed_table("repairs")


def _depth_rows(table: pd.DataFrame, part: str) -> pd.DataFrame:
    rows = table[table.part == part]
    if rows.empty:
        raise ValueError(f"the table has no rows of the part {part!r}")
    return rows


@exercise("06.1")
def _biases_only(answer: object) -> Verdict:
    if not isinstance(answer, Strategy):
        return False, "The answer is a strategy, such as vt.Strategy('full', …)."
    if answer.start != "pretrained" or not answer.head_learns:
        return False, "The weights start pretrained, and the head learns."
    network = backbone("mini_resnet")
    if set(answer.learning_parts(network)) != set(network.parts):
        return False, "All five stages should take part."
    right = answer.kind == "bias"
    return right, "Biases and the head." if right else "Which kind of weights is it?"


@exercise("06.2", function_of="an epoch, names and a number of epochs")
def _thawed(answer: Callable) -> Verdict:
    names = ("stem", "stage1", "stage2")
    for epoch, each, learning in [
        (0, 2, 0),
        (1, 2, 0),
        (2, 2, 1),
        (5, 2, 2),
        (6, 2, 3),
        (40, 3, 3),
    ]:
        found = call_answer(answer, epoch, names, each)
        if tuple(found) != names[len(names) - learning :]:
            return False, f"In epoch {epoch}, one more every {each}, it gave {tuple(found)}."
    return True, "From the head towards the image."


CONTRAST_PARTS = ("statistics", "stage1", "stage4", "head")


@exercise("06.3")
def _repair_contrast(answer: object) -> Verdict:
    if not isinstance(answer, Mapping) or {*answer} != {*CONTRAST_PARTS}:
        return False, f"The answer is a dict with the accuracy of {', '.join(CONTRAST_PARTS)}."
    found = {part: float(accuracy) for part, accuracy in answer.items()}
    if max(found.values()) > 1:
        return False, "Accuracies are shares: 0.5 and not 50."
    if found["head"] > 0.35:
        return False, "A solved head should do little here. Is the world that of low contrast?"
    right = found["statistics"] > found["head"] + 0.2
    return right, (
        "Low contrast changes the size of all activations: exactly what BatchNorm's statistics measure."
        if right
        else "New statistics should do far more than the head: is the network `knowing`, the task yours?"
    )
