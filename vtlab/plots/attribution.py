"""What heat maps are worth: their scores beside the baselines', and the randomisation test."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vtlab import metrics, names, style

SCORE_WORDS = {"hit": ("maximum on the object", "share of the images"),
               "mass": ("mass on the object", "share of the map's sum"),
               "overlap": ("overlap", "intersection over union")}  # fmt: skip
KNOWS_NOTHING = {"centre": "centre", "random": "random", "edges": "edges"}
METHOD_WORDS = {"grad_cam": ("Grad-CAM", "#0072B2", "o"), "layer_cam": ("LayerCAM", "#00805F", "D"),
                "integrated_gradients": ("Integrated gradients", "#6E6E6E", "s"),
                "guided_backprop": ("Guided backprop", "#C4461B", "^"),
                "occlusion": ("Occlusion", "#A94C86", "v")}  # fmt: skip
OTHER = "other image"
ROW = 0.4  # inches for a strategy


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
    shown = sorted(set(rows.strategy) - set(KNOWS_NOTHING), key=names.order)
    shown += [name for name in KNOWS_NOTHING if name in set(rows.strategy)]
    figure, axes = style.new_figure(1, len(SCORE_WORDS), height=1.15 + ROW * len(shown),
                                    pad=0.11, sharey=True)  # fmt: skip
    for ax, (score, (words, unit)) in zip(axes[0], SCORE_WORDS.items(), strict=True):
        _draw_score(ax, rows, shown, score)
        style.heading(ax, words)
        ax.set_xlabel(unit, labelpad=6, **style.text(style.SMALL, style.QUIET))
    labels = [KNOWS_NOTHING.get(name) or names.label(name).text for name in shown]
    axes[0, 0].set_yticks(range(len(shown)), labels, **style.text())
    return figure


def _draw_score(ax: Axes, rows: pd.DataFrame, shown: list[str], score: str) -> None:
    style.prepare(ax, grid="x")
    for place, name in enumerate(shown):
        values = rows[rows.strategy == name][score].to_numpy()
        label = names.label(name)
        colour = style.QUIET if name in KNOWS_NOTHING else label.colour
        marker = "x" if name in KNOWS_NOTHING else label.marker
        of = metrics.t_interval(values)
        if len(values) > 1:
            ax.barh(place, of.high - of.low, 0.7, of.low, color=colour, alpha=0.35, linewidth=0, zorder=2,
                    gid=f"interval {score} {name}")  # fmt: skip
            ax.plot([of.mean] * 2, [place - 0.35, place + 0.35], color=colour, linewidth=1, zorder=3,
                    solid_capstyle="butt", gid=f"mean {score} {name}")  # fmt: skip
        heights = place + (np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1))
        ax.plot(values, heights, marker, color=colour, markersize=2.8, markeredgewidth=0.7, zorder=4,
                gid=f"{score} {name}")  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(len(shown) - 0.45, -0.55))
    style.percent_axis(ax.xaxis, ticks=(0, 0.5, 1))
    ax.spines["left"].set_visible(False)


def plot_cascade(table: pd.DataFrame, value: str = "rank_correlation") -> Figure:
    """How alike maps stay to the trained network's while it is randomised from the head on.

    Args:
        table: As `cam_table("sanity")`: method, part, seed, rank_correlation, ssim. The part
            "other image" is drawn as a dashed line: so alike are maps of different images.
        value: "rank_correlation" or "ssim".

    Raises:
        ValueError: If the table has no row.

    Adebayo et al. (2018), https://arxiv.org/abs/1810.03292. Lesson 09.
    """
    if table.empty:
        raise ValueError("there is nothing to draw")
    parts = [part for part in dict.fromkeys(table.part) if part != OTHER]
    methods = [name for name in METHOD_WORDS if name in set(table.method)]
    figure, axes = style.new_figure(1, len(methods), height=2.7, sharey=True)
    for ax, name in zip(axes[0], methods, strict=True):
        words, colour, marker = METHOD_WORDS[name]
        rows = table[table.method == name]
        style.prepare(ax, grid="y")
        means = rows.groupby("part")[value].mean()
        for _, run in rows[rows.part != OTHER].groupby("seed"):
            ax.plot(range(len(parts)), run.set_index("part")[value].loc[parts], color=colour,
                    linewidth=0.7, alpha=0.45)  # fmt: skip
        ax.plot(range(len(parts)), means.loc[parts], color=colour, linewidth=2.2, marker=marker,
                markersize=5, gid=name)  # fmt: skip
        if OTHER in means:
            ax.axhline(means[OTHER], color=style.QUIET, linewidth=1.2, linestyle=(0, (4, 3)),
                       gid=f"{OTHER} {name}")  # fmt: skip
        ax.axhline(0, color=style.FAINT, linewidth=0.9)
        ax.set_xticks(range(len(parts)), parts, rotation=60, ha="right",
                      **style.text(style.SMALL, style.QUIET))  # fmt: skip
        ax.set_ylim(min(-0.25, 1.1 * table[value].min()), 1.05)
        style.heading(ax, words)
    said = {"rank_correlation": "rank correlation", "ssim": "structural similarity"}[value]
    axes[0, 0].set_ylabel(f"{said} with the\ntrained network's map", labelpad=6,
                          **style.text(style.SMALL, style.QUIET))  # fmt: skip
    figure.supxlabel("randomised up to here, from the head on; dashed: maps of different images",
                     **style.text(style.SMALL, style.QUIET))  # fmt: skip
    return figure
