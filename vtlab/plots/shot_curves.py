"""Figures of test accuracy against images per class: a line for each strategy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, NullLocator

from vtlab.plots import style
from vtlab.plots.figure_data import Runs, figure_runs, summarise_figure_runs
from vtlab.plots.legends import label_line_ends
from vtlab.results import labels as names
from vtlab.results.formatting import format_percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_shots(
    runs: Runs, *, chance: float | None = None, test_images: int | None = None
) -> Figure:
    """Test accuracy against images per class: a line and an interval for each strategy.

    Args:
        runs: A study, runs of several numbers of images per class, or their table.
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
    table, test_images = figure_runs(runs, test_images)
    style.prepare_axes(ax, grid="y")
    means = summarise_figure_runs(table, test_images)
    place_of = _place_shots(means.shots)
    ends: dict[str, tuple[float, float]] = {}
    for strategy, group in means.groupby("strategy", sort=False):
        colour, marker = names.get_label(strategy).colour, names.get_label(strategy).marker
        group = group.sort_values("shots", key=lambda shots: shots.map(place_of))
        places = [place_of[shots] for shots in group.shots]
        band = style.style_band(colour, 0.13, f"interval {strategy}")
        ax.fill_between(places, group.low, group.high, **band)
        # every seed below the mean, so that the spread is seen and not only its summary
        seeds = table[table.strategy == strategy]
        ax.plot(
            [place_of[shots] for shots in seeds.shots],
            seeds.test_accuracy,
            linestyle="none",
            marker="o",
            markersize=3,
            color=colour,
            alpha=0.35,
            markeredgewidth=0,
            gid=f"seeds {strategy}",
        )
        ax.plot(
            places,
            group["mean"],
            color=colour,
            linewidth=2,
            marker=marker,
            zorder=4,
            gid=f"mean {strategy}",
            **style.mark_style(5.5, 0.8),
        )
        told = group[group.seeds > 0]
        if len(told):
            ends[strategy] = (place_of[told.shots.iloc[-1]], told["mean"].iloc[-1])
    # a tick for each number of shots that was run, and for no other
    low, high = min(place_of.values()), max(place_of.values())
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(list(place_of.values())))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticklabels(
        [str(shots) for shots in place_of], **style.font_style(style.SMALL, style.QUIET)
    )
    ax.set(xlim=(low / 1.18, high * 1.06), ylim=(0, 1.02))
    style.set_percent_axis(ax.yaxis)
    style.label_axes(ax, x="images per class", y="test accuracy")
    if chance is not None:
        ax.axhline(chance, gid="chance", **style.DOTTED)
        ends[f"chance {format_percent(chance)}"] = (high, chance)
    if named and ends:
        label_line_ends(ax, ends)
    _note_diverged_runs(ax, means)


def _note_diverged_runs(ax: Axes, means: pd.DataFrame) -> None:
    """Writes which runs have no dot, and stand in no mean."""
    if "diverged" not in means or not means.diverged.any():
        return
    counts = means.groupby("strategy", sort=False)[["diverged", "seeds"]].sum()
    words = ", ".join(
        f"{names.get_label(name).text} {row.diverged} of {row.diverged + row.seeds}"
        for name, row in counts[counts.diverged > 0].iterrows()
    )
    words = f"runs that diverged and are not drawn: {words}"
    style.annotate(ax, words, (0, 1), (4, -2), xycoords="axes fraction", va="top")


def _place_shots(shots: Iterable[int | str]) -> dict[int | str, float]:
    """Where each number of shots stands on the axis; "all" one step beyond the largest."""
    numbers = sorted({int(value) for value in shots if value != "all"})
    places: dict[int | str, float] = {number: float(number) for number in numbers}
    if "all" in set(shots):
        places["all"] = 2.0 * numbers[-1] if numbers else 1.0
    return places
