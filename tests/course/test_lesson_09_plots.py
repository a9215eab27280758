import numpy as np
import pandas as pd
import pytest
from tests_support import artist

from vtlab.course.lesson_09 import plot_cam_scores, plot_cascade
from vtlab.results.metrics import t_interval


def scores(strategies=("probe", "full", "centre")) -> pd.DataFrame:
    rows = [
        {
            "strategy": name,
            "stage": "stage4",
            "seed": seed,
            "hit": 0.9 - 0.3 * i + 0.01 * seed,
            "mass": 0.4,
            "overlap": 0.5,
        }
        for i, name in enumerate(strategies)
        for seed in (0, 1, 2)
    ]
    return pd.DataFrame(rows)


def cascade() -> pd.DataFrame:
    rows = [
        {"method": method, "part": part, "seed": seed, "rank_correlation": value, "ssim": value}
        for method in ("grad_cam", "guided_backprop")
        for seed in range(2)
        for part, value in (("trained", 1.0), ("head", 0.2), ("stem", -0.1), ("other image", 0.15))
    ]
    return pd.DataFrame(rows)


def drawn(ax, gid):
    return next(line for line in ax.lines if line.get_gid() == gid)


def test_every_seed_of_every_strategy_is_a_dot_in_three_scores():
    axes = plot_cam_scores(scores()).axes
    assert len(axes) == 3
    assert drawn(axes[0], "hit full").get_xdata() == pytest.approx([0.6, 0.61, 0.62])
    assert drawn(axes[1], "mass probe").get_xdata() == pytest.approx([0.4] * 3)


def test_baselines_stand_below_the_strategies_under_their_own_names():
    names = [label.get_text() for label in plot_cam_scores(scores()).axes[0].get_yticklabels()]
    assert names == ["Linear probe", "Full", "centre"]


def test_the_interval_is_a_bar_taller_than_the_dots_are_spread_and_behind_them():
    ax = plot_cam_scores(scores()).axes[0]
    bar, mean, dots = (
        artist(ax, "interval hit full"),
        artist(ax, "mean hit full"),
        artist(ax, "hit full"),
    )
    of = t_interval([0.6, 0.61, 0.62])
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((of.low, of.high))
    assert mean.get_xdata() == pytest.approx([0.61] * 2)
    assert (
        bar.get_y() < min(dots.get_ydata()) < max(dots.get_ydata()) < bar.get_y() + bar.get_height()
    )
    assert bar.get_zorder() < dots.get_zorder()


def test_one_seed_is_drawn_without_an_interval():
    ax = plot_cam_scores(scores().query("seed == 0")).axes[0]
    assert len(ax.lines) == 3 and not ax.patches


def test_each_score_says_what_it_is_a_share_of():
    axes = plot_cam_scores(scores()).axes
    assert [ax.get_xlabel() for ax in axes] == [
        "share of the images",
        "share of the map's sum",
        "intersection over union",
    ]


def test_a_stage_without_scores_is_named():
    with pytest.raises(ValueError, match="'stage1', only of stage4"):
        plot_cam_scores(scores(), "stage1")


def test_the_cascade_shows_the_mean_and_the_likeness_of_different_images():
    axes = plot_cascade(cascade()).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["Grad-CAM", "Guided backprop"]
    assert np.allclose(drawn(axes[0], "grad_cam").get_ydata(), [1, 0.2, -0.1])
    assert drawn(axes[1], "other image guided_backprop").get_ydata()[0] == pytest.approx(0.15)
    assert [t.get_text() for t in axes[0].get_xticklabels()] == ["trained", "head", "stem"]


def test_an_empty_cascade_is_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_cascade(cascade().iloc[:0])
