import numpy as np
import pandas as pd
import pytest
from tests_support import artist

from vtlab.course.lesson_09 import (
    cam_table,
    plot_cam_scores,
    plot_cascade,
    plot_cells,
    plot_ground_pairs,
    plot_randomised_maps,
    plot_scores_and_checks,
    plot_shortcut,
)
from vtlab.models.backbones import backbone
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


def test_a_baseline_that_is_the_same_for_all_seeds_has_no_interval():
    table = scores()
    table.loc[table.strategy == "centre", "hit"] = 0.2
    bars = [bar.get_gid() for bar in plot_cam_scores(table).axes[0].patches]
    assert bars == ["interval hit probe", "interval hit full"]


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


def test_the_cascade_shows_both_measures_and_the_likeness_of_different_images():
    axes = plot_cascade(cascade().assign(ssim=0.5)).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["Grad-CAM", "Guided backprop", "", ""]
    assert [ax.get_ylabel() for ax in axes[::2]] == ["rank correlation", "structural similarity"]
    assert np.allclose(drawn(axes[0], "grad_cam").get_ydata(), [1, 0.2, -0.1])
    assert np.allclose(drawn(axes[2], "grad_cam").get_ydata(), 0.5)
    assert drawn(axes[1], "other image guided_backprop").get_ydata()[0] == pytest.approx(0.15)
    assert [t.get_text() for t in axes[2].get_xticklabels()] == ["trained", "head", "stem"]


def test_an_empty_cascade_is_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_cascade(cascade().iloc[:0])


def test_all_methods_stand_by_their_mass_and_below_them_the_trivial_maps():
    methods, sanity = cam_table("methods"), cam_table("sanity")
    mass, deletion, insertion, stays = plot_scores_and_checks(methods, sanity).axes
    rows = [label.get_text() for label in mass.get_yticklabels()]
    assert rows[0] == "Guided backprop" and rows[-3:] == ["centre", "random", "edges"]
    assert len(rows) == 8
    means = methods.groupby("method")[["mass", "deletion", "insertion"]].mean()
    for ax, score in ((mass, "mass"), (deletion, "deletion"), (insertion, "insertion")):
        for name in ("occlusion", "random"):
            width = artist(ax, f"mean {name}").get_width()
            assert width == pytest.approx(means.loc[name, score])
    likeness = sanity.groupby(["method", "part"]).rank_correlation.mean()
    assert artist(stays, "mean grad_cam").get_width() == pytest.approx(
        likeness["grad_cam", "stage4"]
    )
    assert artist(stays, "mean edges").get_width() == 1
    yardstick = drawn(stays, "other image layer_cam").get_xdata()
    assert yardstick == pytest.approx([likeness["layer_cam", "other image"]] * 2)
    assert "mean occlusion" not in {bar.get_gid() for bar in stays.patches}  # was not checked


def test_the_shortcut_has_a_row_for_each_strategy_of_one_training():
    table = cam_table("shortcut")
    axes = plot_shortcut(table, "balanced").axes
    assert [ax.get_title(loc="left") for ax in axes][-1] == "Map on the plant, own ground"
    rows = table[(table.training == "balanced") & (table.strategy == "full")]
    assert sorted(drawn(axes[1], "seeds full").get_xdata()) == pytest.approx(sorted(rows.breaks))


def test_cells_are_shown_as_they_are_with_their_number_and_field(small_garden):
    network = backbone("mini_resnet", classes=8)
    ax = plot_cells(network, small_garden.test, ("stage2", "stage4")).axes[0]
    words = [text.get_text() for text in ax.texts]
    assert any(word.startswith("16 × 16 cells") for word in words)
    assert any(word.startswith("8 × 8 cells, field ") for word in words)
    assert [image.get_array().shape[0] for image in ax.images] == [64, 16, 8]
    assert [image.get_interpolation() for image in ax.images[1:]] == ["nearest"] * 2


def test_randomised_maps_are_a_row_of_every_method_and_one_of_edges(small_garden):
    network = backbone("mini_resnet", classes=8)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    figure = plot_randomised_maps(network, small_garden.test.pixels[:1])
    words = [text.get_text() for text in figure.axes[0].texts]
    for name in (
        "Grad-CAM",
        "LayerCAM",
        "Guided backprop",
        "plain edges",
        "trained",
        "head",
        "stem",
    ):
        assert name in words
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())


def test_pairs_that_are_drawn_are_named_right_but_by_the_first_before_the_other_ground(monkeypatch):
    import torch

    from vtlab.course import lesson_09

    task = lesson_09.paired_ground_task(0)
    labels, own = task.test.labels, torch.arange(len(task.test)) % 2 == 0
    said = {"scratch": torch.where(own, labels, (labels + 1) % 8), "probe": labels}
    networks = {name: backbone("mini_resnet", classes=8) for name in said}
    answers = iter(said.values())
    one_hot = torch.nn.functional.one_hot
    monkeypatch.setattr(lesson_09, "predict", lambda *_: one_hot(next(answers), 8).float())
    words = [text.get_text() for text in plot_ground_pairs(networks, task).axes[0].texts]
    assert sum(word.startswith("\N{BALLOT X}") for word in words) == 2
    assert sum(word.startswith("\N{CHECK MARK}") for word in words) == 6
