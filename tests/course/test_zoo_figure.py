"""The zoo's figure, read back from its artists."""

import numpy as np
import pandas as pd
import pytest

from vtlab.course.zoo_figure import _strategies_by_task, plot_zoo

NAMES = ("mini_mobilenet", "mini_resnet")
CURVES = pd.DataFrame(
    {
        "backbone": np.repeat(NAMES, 3),
        "images": [10, 20, 30] * 2,
        "test_accuracy": [0.1, 0.3, 0.5, 0.2, 0.4, 0.7],
    }
)
TABLE = pd.DataFrame(
    {
        "backbone": NAMES,
        "weights": (600_000, 1_500_000),
        "megaflops": (100.0, 300.0),
        "training_ratio": (1.4, 1.0),
        "garden_probe": (0.7, 0.8),
        "garden_probe_low": (0.65, 0.78),
        "garden_probe_high": (0.75, 0.82),
        "digits_full": (0.5, 0.6),
        "digits_full_low": (0.4, 0.55),
        "digits_full_high": (0.6, 0.65),
    }
)


def line(ax, gid):
    (found,) = [line for line in ax.lines if line.get_gid() == gid]
    return found


def test_tasks_and_strategies_are_read_from_the_columns():
    assert _strategies_by_task(TABLE) == {"garden": ["probe"], "digits": ["full"]}


def test_curves_costs_and_accuracies_are_those_of_the_tables():
    figure = plot_zoo(TABLE, CURVES)
    costs, garden, digits, curves = figure.axes
    np.testing.assert_allclose(
        line(curves, "curve mini_resnet").get_xydata(), [(10, 0.2), (20, 0.4), (30, 0.7)]
    )
    widths = {bar.get_gid(): bar.get_width() for bar in costs.patches}
    assert widths == {
        "cost mini_resnet": 150,
        "cost mini_mobilenet": 50,
    }  # two operations a multiply-add
    assert line(garden, "mean probe mini_mobilenet").get_xdata() == [0.7]
    np.testing.assert_allclose(line(digits, "interval full mini_resnet").get_xdata(), [0.55, 0.65])
    assert "0.6 M weights, speed of training 1.40×" in [t.get_text() for t in costs.texts]


def test_the_dearest_backbone_stands_at_the_top_and_rows_agree():
    costs, garden, *_ = plot_zoo(TABLE, CURVES).axes
    assert [t.get_text() for t in costs.get_yticklabels()] == ["mini ResNet", "mini MobileNet"]
    assert line(garden, "mean probe mini_resnet").get_ydata()[0] == 0
    assert costs.get_ylim() == garden.get_ylim()
    assert costs.get_ylim()[0] > costs.get_ylim()[1]


def test_a_table_of_costs_alone_is_drawn_without_accuracies_and_a_gap_stays_a_gap():
    costs, curves = plot_zoo(
        TABLE[["backbone", "weights", "megaflops", "training_ratio"]], CURVES
    ).axes
    assert len(costs.patches) == 2 and len(curves.lines) == 2
    unknown = TABLE.copy()
    unknown.loc[0, ["garden_probe", "garden_probe_low", "garden_probe_high"]] = np.nan
    garden = plot_zoo(unknown, CURVES).axes[1]
    assert np.isnan(line(garden, "mean probe mini_mobilenet").get_xdata()).all()
    assert line(garden, "mean probe mini_resnet").get_xdata() == [0.8]


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="no backbone"):
        plot_zoo(TABLE[:0], CURVES)
    with pytest.raises(ValueError, match="no curve"):
        plot_zoo(TABLE, CURVES[:0])
