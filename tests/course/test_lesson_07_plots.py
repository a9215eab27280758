"""The picture of drift, read back from its artists."""

import itertools

import pandas as pd
import pytest
from matplotlib.colors import same_color
from tests_support import artist

from vtlab.course.lesson_07 import ACCURACIES, plot_drift
from vtlab.models.network import STAGE_NAMES
from vtlab.plots import style


def drift():
    rows = []
    for rate, seed in itertools.product((1e-5, 1e-3, 1e-2), range(3)):
        row = {"way": "full", "rate": rate, "seed": seed, "old_before": 0.9}
        row |= {column: 0.5 + 10 * rate + seed / 100 for column in ACCURACIES}
        for i, stage in enumerate(STAGE_NAMES):
            row |= {f"moved_{stage}": rate * (i + 1), f"cka_{stage}": 1 - rate * i}
        rows.append(row)
    return pd.DataFrame(rows)


def test_drift_shows_means_over_the_seeds_for_every_stage():
    accuracies, moved, alike = plot_drift(drift()).axes
    for column in ACCURACIES:
        assert list(artist(accuracies, column).get_ydata()) == pytest.approx([0.5101, 0.52, 0.61])
    for ax in (accuracies, moved, alike):  # the least rate is within the picture
        assert ax.get_xscale() == "log" and 1e-6 < ax.get_xlim()[0] < 1e-5
    assert artist(accuracies, "old_before").get_ydata()[0] == 0.9
    for i, stage in enumerate(STAGE_NAMES):
        assert list(artist(moved, f"moved_{stage}").get_ydata()) == pytest.approx(
            [1e-5 * (i + 1), 1e-3 * (i + 1), 1e-2 * (i + 1)]
        )
        assert list(artist(alike, f"cka_{stage}").get_ydata()) == pytest.approx(
            [1 - 1e-5 * i, 1 - 1e-3 * i, 1 - 1e-2 * i]
        )
    for ax, count in (
        (accuracies, len(ACCURACIES)),
        (moved, len(STAGE_NAMES)),
        (alike, len(STAGE_NAMES)),
    ):
        words = ax.get_legend().get_texts()
        assert len(words) == count and all(
            same_color(text.get_color(), style.INK) for text in words
        )
    looks = {(line.get_color(), line.get_marker()) for line in moved.lines}
    assert len(looks) == len({marker for _, marker in looks}) == len(STAGE_NAMES)
    with pytest.raises(ValueError, match="no rows of 'probe'; there are full"):
        plot_drift(drift(), "probe")
