"""Many starts and data sets at once: accuracy over images per class, a small figure for each pair."""

import pandas as pd
from matplotlib.figure import Figure

from vtlab import style
from vtlab.plots.comparison import draw_shots
from vtlab.plots.stages import draw_legend
from vtlab.strategies import FOUR

ROW = 1.85  # inches


def plot_starts(table: pd.DataFrame) -> Figure:
    """The strategies over images per class: a row for each data set, a column for each start.

    Training from scratch knows no start: one that has no such runs shows those of the start to its
    left, so that each small figure can be read alone.

    Args:
        table: As `real_table` gives it, or a part of it. `test_images` enters the intervals.

    Raises:
        ValueError: If there is no run.

    Lesson 16.
    """
    if not len(table):
        raise ValueError("there is no run to draw")
    data, starts = list(dict.fromkeys(table.data)), list(dict.fromkeys(table.start))
    strategies = [of.name for of in FOUR if of.name in set(table.strategy)]
    figure, axes = style.new_figure(len(data), len(starts), height=0.7 + ROW * len(data), pad=0.07,
                                    sharex=True, sharey=True)  # fmt: skip
    for number, (line, of) in enumerate(zip(axes, data, strict=True)):
        runs = table[table.data == of]
        scratch = runs[:0]
        for ax, start in zip(line, starts, strict=True):
            some = runs[runs.start == start]
            if not len(some):
                ax.set_axis_off()
                continue
            own = some[some.strategy == "scratch"]
            scratch, some = (own, some) if len(own) else (scratch, pd.concat([some, scratch]))
            draw_shots(ax, some.assign(trainable_weights=0), chance=some.chance.mean(),
                       test_images=int(some.test_images.min()), named=False)  # fmt: skip
            ax.set(xlabel="", ylabel="")
            if number == 0:
                style.heading(ax, f"from {start}")
        line[0].set_ylabel(of, labelpad=8, **style.text(style.SMALL, style.INK, weight="bold"))
    for ax in axes[-1]:
        ax.set_xlabel("images per class", labelpad=5, **style.text(style.SMALL, style.QUIET))
    draw_legend(figure, strategies)
    return figure
