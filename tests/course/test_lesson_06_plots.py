"""Pictures of how much to unfreeze, read back from their artists."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from depth import TARGETS, WEIGHT_KINDS
from tests_support import artist

from vtlab.course.exercise import check
from vtlab.course.lesson_06 import (
    CONTRAST_PARTS,
    MARK_SPACING,
    PARTS,
    SHIFTS,
    plot_repair_rates,
    plot_unfreezing_by_shift,
    plot_unfreezing_by_weights,
    plot_unfreezing_depth,
)


def rows(part, **columns):
    names = list(columns)
    return pd.DataFrame(
        [
            {"part": part, **dict(zip(names, values, strict=True))}
            for values in itertools.product(*columns.values())
        ]
    )


@pytest.fixture
def table():
    deep = rows(
        "depth", target=TARGETS, way=["frozen", "fine-tuned"], stages=range(6), seed=range(3)
    )
    deep = deep[(deep.stages > 0) | (deep.way == "fine-tuned")]
    deep["test_accuracy"] = 0.1 * deep.stages + 0.01 * deep.seed + 0.2 * (deep.way == "frozen")
    shift = rows("shift", target=SHIFTS, way=PARTS, seed=range(3))
    shift["test_accuracy"] = [0.1 + 0.1 * PARTS.index(way) for way in shift.way] + 0.01 * shift.seed
    few = rows("weights", target=TARGETS, way=[*WEIGHT_KINDS, "adapters"], seed=range(3))
    few["weights"] = [
        {"head": 2056, "biases": 3000, "BatchNorm": 5000, "adapters": 50_000}.get(w, 1_000_000)
        for w in few.way
    ]
    few["test_accuracy"] = 0.5 + 0.1 * few.seed
    return pd.concat([deep, shift.assign(before=0.3), few], ignore_index=True)


def test_depth_is_a_line_of_means_per_way_and_target(table):
    garden, digits = plot_unfreezing_depth(table).axes
    for ax, target in ((garden, "garden"), (digits, "digits")):
        line = artist(ax, f"mean fine-tuned {target}")
        assert list(line.get_xdata()) == list(range(6))
        assert line.get_ydata() == pytest.approx([0.01 + 0.1 * n for n in range(6)])
        assert list(artist(ax, f"mean frozen {target}").get_xdata()) == [1, 2, 3, 4, 5]
        assert len(artist(ax, f"seeds frozen {target}").get_xdata()) == 15


def test_the_best_single_part_of_a_shift_is_framed(table):
    ax = plot_unfreezing_by_shift(table).axes[0]
    for y, shift in enumerate(SHIFTS):
        frame = artist(ax, f"best {shift}")  # the last but everything, which has more
        assert frame.get_x() + frame.get_width() / 2 == pytest.approx(PARTS.index("head by steps"))
        assert frame.get_y() + frame.get_height() / 2 == pytest.approx(y)
    written = [text.get_text() for text in ax.texts]
    assert written.count("30") == len(SHIFTS) and written.count("81") == len(SHIFTS)


def contrast(one, other):
    """As WCAG 2 has it."""

    def luminance(colour):
        rgb = np.array(matplotlib.colors.to_rgb(colour))
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mean", np.linspace(0, 1, 21))
def test_figures_can_be_read_on_every_colour_of_the_heat_map(table, mean):
    table.loc[table.part == "shift", ["test_accuracy", "before"]] = mean
    ax = plot_unfreezing_by_shift(table).axes[0]
    cell = artist(ax, "stem noise").get_facecolor()
    inks = {
        text.get_color() for text in ax.texts if text.get_text() in (f"{100 * mean:.0f}", "± 0")
    }
    assert len(inks) == 1 and contrast(cell, inks.pop()) >= 4.5


def test_ways_with_equally_many_weights_stand_side_by_side(table):
    figure = plot_unfreezing_by_weights(table)
    ax = figure.axes[0]
    figure.draw_without_rendering()

    def across(way):
        mark = artist(ax, f"mean {way}")
        return mark.get_transform().transform((mark.get_xdata()[0], mark.get_ydata()[0]))[0]

    assert across("head") == pytest.approx(ax.transData.transform((2056, 0.6))[0])
    many = table[table.weights == 1_000_000].way.unique()
    steps = np.diff(sorted(across(way) for way in many))
    assert len(many) > 1 and steps == pytest.approx(MARK_SPACING / 72 * figure.dpi)


def test_marks_stand_at_their_weights(table):
    ax = plot_unfreezing_by_weights(table).axes[0]
    assert ax.get_xscale() == "log"
    for way, weights in (("head", 2056), ("adapters", 50_000), ("everything", 1_000_000)):
        mark = artist(ax, f"mean {way}")
        assert mark.get_xdata()[0] == weights and mark.get_ydata()[0] == pytest.approx(0.6)
        low, high = artist(ax, f"interval {way}").get_ydata()
        assert (low + high) / 2 == pytest.approx(0.6) and high > low
    assert {"head", "biases", "everything"} <= {text.get_text() for text in ax.texts}


def test_a_table_without_the_rows_is_refused(table):
    for plot in (plot_unfreezing_depth, plot_unfreezing_by_shift, plot_unfreezing_by_weights):
        with pytest.raises(ValueError, match="no rows of the part"):
            plot(table[table.part == "none"])


def test_a_part_is_a_line_over_the_rates_and_ends_beside_its_name(table):
    rates = {"head by steps": (0.001, 0.1), "stage4": (0.001, 0.01), "stage1": (0.001, 0.01)}
    rates["everything"] = (0.001, 0.01)
    runs = [
        (part, rate, seed, 0.2 + 5 * rate + 0.02 * seed)
        for part, ours in rates.items()
        for rate in ours
        for seed in range(3)
    ]
    faster = pd.DataFrame(runs, columns=["part", "rate", "seed", "test_accuracy"])
    ax = plot_repair_rates(faster, table).axes[0]
    for part, ours in rates.items():
        line = artist(ax, f"mean {part}")
        assert tuple(line.get_xdata()) == ours
        assert line.get_ydata() == pytest.approx([0.22 + 5 * rate for rate in ours])
        (name,) = (text for text in ax.texts if text.get_text() == part)
        assert ours[-1] < name.get_position()[0] < 1.3 * ours[-1]
    assert {"head, solved", "before any repair"} <= {text.get_text() for text in ax.texts}


GOOD = {"statistics": 0.6, "stage1": 0.4, "stage4": 0.15, "head": 0.13}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (GOOD, "right. Low contrast"),
        ("statistics", "not yet. The answer is a dict"),
        ({"statistics": 0.6}, "not yet. The answer is a dict"),
        (GOOD | {"head": 0.9}, "not yet. A solved head"),
        (GOOD | {"statistics": 0.15}, "not yet. New statistics"),
        (dict.fromkeys(CONTRAST_PARTS, 60), "not yet. Accuracies are shares"),
    ],
)
def test_exercise_3_is_judged_by_what_the_repairs_gave(answer, words, capsys):
    check("06.3", answer)
    assert f"exercise 06.3: {words}" in capsys.readouterr().out
