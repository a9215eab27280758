"""Lesson 09: figures of what heat maps score, and of what stays when a network is made random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vtlab.analysis.baselines import BASELINES
from vtlab.plots import style
from vtlab.plots.comparison import plot_intervals
from vtlab.results import labels as names
from vtlab.results import metrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORE_LABELS = {
    "hit": ("hit: maximum on the object", "share of the images"),
    "mass": ("mass on the object", "share of the map's sum"),
    "overlap": ("overlap", "intersection over union"),
}
METHOD_STYLES = {
    "grad_cam": ("Grad-CAM", "#0072B2", "o"),
    "layer_cam": ("LayerCAM", "#00805F", "D"),
    "integrated_gradients": ("Integrated gradients", "#6E6E6E", "s"),
    "guided_backprop": ("Guided backprop", "#C4461B", "^"),
    "occlusion": ("Occlusion", "#A94C86", "v"),
}
CHECKED_METHODS = ("grad_cam", "layer_cam", "guided_backprop")
OTHER_IMAGE = "other image"
ROW_HEIGHT = 0.4  # inches for a strategy
MEASURES = {"rank_correlation": "rank correlation", "ssim": "structural similarity"}


def plot_cam_scores(table: pd.DataFrame, stage: str = "stage4") -> Figure:
    """Three scores of each strategy's maps: a dot per seed, the mean, its 95 % t-interval.

    The last rows are baselines, which know nothing of the network.

    Args:
        table: As `cam_table("scores")`: strategy (and the baselines' names), stage, seed, and
            the scores.
        stage: Which stage's maps.

    Raises:
        ValueError: If the table has no such stage.

    Lesson 09.
    """
    rows = table[table.stage == stage]
    if rows.empty:
        raise ValueError(f"no scores of {stage!r}, only of {', '.join(sorted(set(table.stage)))}")
    shown = sorted(set(rows.strategy) - set(BASELINES), key=names.rank_label)
    shown += [name for name in BASELINES if name in set(rows.strategy)]
    figure, axes = style.new_figure(
        1, len(SCORE_LABELS), height=1.15 + ROW_HEIGHT * len(shown), pad=0.11, sharey=True
    )
    for ax, (score, (words, unit)) in zip(axes[0], SCORE_LABELS.items(), strict=True):
        _draw_cam_score(ax, rows, shown, score)
        style.style_heading(ax, words)
        style.label_axes(ax, x=unit)
    labels = [name if name in BASELINES else names.get_label(name).text for name in shown]
    axes[0, 0].set_yticks(range(len(shown)), labels, **style.font_style())
    return figure


def _draw_cam_score(ax: Axes, rows: pd.DataFrame, shown: list[str], score: str) -> None:
    """A row for each strategy and baseline: the seeds as dots before the interval of their mean."""
    style.prepare_axes(ax, grid="x")
    for place, name in enumerate(shown):
        values = rows[rows.strategy == name][score].to_numpy()
        label = names.get_label(name)
        colour = style.QUIET if name in BASELINES else label.colour
        marker = "x" if name in BASELINES else label.marker
        of = metrics.t_interval(values)
        if np.ptp(values) > 0:  # a baseline that draws nothing at random is the same for all seeds
            ax.barh(
                place,
                of.high - of.low,
                0.7,
                of.low,
                color=colour,
                alpha=0.35,
                linewidth=0,
                zorder=2,
                gid=f"interval {score} {name}",
            )
            ax.plot(
                [of.mean] * 2,
                [place - 0.35, place + 0.35],
                color=colour,
                linewidth=1,
                zorder=3,
                solid_capstyle="butt",
                gid=f"mean {score} {name}",
            )
        spread = 0.22 if len(values) > 1 else 0  # so that equal seeds do not hide one another
        ax.plot(
            values,
            place + np.linspace(-spread, spread, len(values)),
            marker,
            color=colour,
            markersize=4.5,
            markeredgewidth=0.7,
            zorder=4,
            gid=f"{score} {name}",
        )
        _write_mean(ax, place, f"{100 * of.mean:.0f}", colour)
    ax.set(xlim=(0, 1.25 * rows[score].max()), ylim=(len(shown) - 0.45, -0.55))
    style.set_percent_axis(ax.xaxis, ticks=tuple(np.arange(0, rows[score].max() + 0.05, 0.2)))
    ax.spines["left"].set_visible(False)


def _write_mean(ax: Axes, place: int, words: str, colour: str) -> None:
    """Writes a row's mean at the right end of the axes."""
    ends: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "va": "center", "ha": "right"}
    style.annotate(ax, words, (1, place), (0, 0), colour=colour, weight="bold", **ends)


def plot_cascade(table: pd.DataFrame) -> Figure:
    """How alike maps stay to the trained network's while it is randomised from the head on, by both measures.

    Args:
        table: As `cam_table("sanity")`: method, part, seed, rank_correlation, ssim. The part
            "other image" is drawn as a dotted line: so alike are maps of different images.

    Raises:
        ValueError: If the table has no row.

    Adebayo et al. (2018), https://arxiv.org/abs/1810.03292. Lesson 09.
    """
    if table.empty:
        raise ValueError("there is nothing to draw")
    methods = [name for name in METHOD_STYLES if name in set(table.method)]
    figure, axes = style.new_figure(
        len(MEASURES), len(methods), height=4.6, sharex=True, sharey=True
    )
    for line, (measure, words) in zip(axes, MEASURES.items(), strict=True):
        for ax, name in zip(line, methods, strict=True):
            _draw_cascade(ax, table[table.method == name], measure)
        style.label_axes(line[0], y=words)
    for ax, name in zip(axes[0], methods, strict=True):
        style.style_heading(ax, METHOD_STYLES[name][0])
    words = "randomised up to here, from the head on (numbers: stages); dotted: maps of different images"
    figure.supxlabel(words, **style.font_style(style.SMALL, style.QUIET))
    return figure


def _draw_cascade(ax: Axes, rows: pd.DataFrame, measure: str) -> None:
    """One method: a thin line for each seed, below the thick one of the mean."""
    _, colour, marker = METHOD_STYLES[(name := rows.method.iloc[0])]
    parts = [part for part in dict.fromkeys(rows.part) if part != OTHER_IMAGE]
    style.prepare_axes(ax, grid="y")
    for _, run in rows[rows.part != OTHER_IMAGE].groupby("seed"):
        values = run.set_index("part")[measure].loc[parts]
        ax.plot(range(len(parts)), values, color=colour, linewidth=0.7, alpha=0.45)
    means = rows.groupby("part")[measure].mean()
    look = {"color": colour, "linewidth": 2.2, "marker": marker, "markersize": 5, "gid": name}
    ax.plot(range(len(parts)), means.loc[parts], **look)
    if OTHER_IMAGE in means:
        ax.axhline(means[OTHER_IMAGE], **style.DOTTED, gid=f"{OTHER_IMAGE} {name}")
    ax.axhline(0, color=style.FAINT, linewidth=0.9)
    words = [part.removeprefix("stage") for part in parts]
    ax.set_xticks(range(len(parts)), words, **style.font_style(style.SMALL, style.QUIET))
    ax.set_ylim(-0.3, 1.05)


CHECKED_PART = "stage4"  # of the cascade: the head and this stage are random
SCORE_PANELS = {
    "mass": ("Mass on the plant", "more is better"),
    "deletion": ("Deletion", "less is better"),
    "insertion": ("Insertion", "more is better"),
}


def plot_scores_and_checks(methods: pd.DataFrame, sanity: pd.DataFrame) -> Figure:
    """Three scores of all methods and trivial maps, and how much of a map stays in a random network.

    A dot is a seed, a bar the mean. In the last panel the dotted line is how alike maps of different images
    are; a trivial map never saw the network, so that all of it stays.

    Args:
        methods: As `cam_table("methods")`.
        sanity: As `cam_table("sanity")`; methods that are not in it have no bar.

    Lesson 09.
    """
    means = methods.groupby("method").mass.mean()
    shown = sorted(METHOD_STYLES, key=lambda name: -means[name]) + list(BASELINES)
    figure, axes = style.new_figure(1, len(SCORE_PANELS) + 1, height=3.5, pad=0.08, sharey=True)
    line = axes[0]
    for place, name in enumerate(shown):
        for ax, score in zip(line, SCORE_PANELS, strict=False):
            _draw_score_row(ax, place, name, methods[methods.method == name][score].to_numpy())
        rows = sanity[sanity.method == name]
        stays = rows[rows.part == CHECKED_PART].rank_correlation.to_numpy()
        if name in BASELINES:
            stays = np.ones(1)
        if len(stays):
            _draw_score_row(line[-1], place, name, stays)
        if len(rows):
            other = rows[rows.part == OTHER_IMAGE].rank_correlation.mean()
            dotted = style.DOTTED | {"zorder": 5, "color": style.INK}
            ends = [place - 0.42, place + 0.42]
            line[-1].plot([other] * 2, ends, **dotted, gid=f"{OTHER_IMAGE} {name}")
    heads = [*SCORE_PANELS.values(), ("Stays when broken", "less is better")]
    for ax, (words, better) in zip(line, heads, strict=True):
        style.prepare_axes(ax, grid="x")
        ax.spines["left"].set_visible(False)
        style.style_heading(ax, words)
        style.label_axes(ax, x=better)
        ax.set(xlim=(-0.15 if ax is line[-1] else 0, 1.3), ylim=(len(shown) - 0.45, -0.55))
        ax.set_xticks((0, 0.5, 1))
    said = [METHOD_STYLES[name][0] if name in METHOD_STYLES else name for name in shown]
    line[0].set_yticks(range(len(shown)), said, **style.font_style())
    return figure


def _draw_score_row(ax: Axes, place: int, name: str, values: np.ndarray) -> None:
    """One row: a bar up to the mean, a dot for each seed, the mean in figures."""
    _, colour, marker = METHOD_STYLES.get(name, ("", style.QUIET, "X"))
    mean = values.mean()
    ax.barh(place, mean, 0.6, color=colour, alpha=0.3, linewidth=0, gid=f"mean {name}")
    heights = place + np.linspace(-0.2, 0.2, len(values))
    ax.plot(values, heights, marker, color=colour, markersize=3.5, linestyle="none")
    _write_mean(ax, place, f"{mean:z.2f}", colour)


SHORTCUT_PANELS = {
    "Accuracy, own ground": "holds",
    "Accuracy, other ground": "breaks",
    "Map on the plant, own ground": "holds_mass",
}


def plot_shortcut(table: pd.DataFrame, training: str) -> Figure:
    """What a planted shortcut does to accuracy and to maps: a row for each strategy, a dot per seed.

    Args:
        table: As `cam_table("shortcut")`.
        training: "tied" or "balanced".

    Lesson 09.
    """
    rows = table[table.training == training].sort_values("seed")
    return plot_intervals(
        {
            title: {name: of[column].tolist() for name, of in rows.groupby("strategy", sort=False)}
            for title, column in SHORTCUT_PANELS.items()
        },
        what=f"percent, {training} grounds in training",
    )
