"""The figures of lesson 05, read back from the artists; its tables; its experiment."""

import itertools

import pandas as pd
import pytest
from tests_support import artist

from vtlab.course import lesson_05
from vtlab.course.exercise import check
from vtlab.course.lesson_05 import plot_work

MEANS = {"scratch": 0.23, "probe": 0.8, "partial(1)": 0.82}
WORK = {"scratch": 30.0, "probe": 1.0, "partial(1)": 4.0}
RISE = {5: -0.1, 40: 0.0, 320: 0.1}


def sweep():
    """Two seeds about each mean; work grows with the shots."""
    return pd.DataFrame(
        [
            {
                "strategy": name,
                "shots": shots,
                "seed": seed,
                "operations": shots * WORK[name],
                "test_accuracy": MEANS[name] + rise + (seed - 0.5) / 50,
            }
            for name, (shots, rise), seed in itertools.product(MEANS, RISE.items(), (0, 1))
        ]
    )


def test_work_is_drawn_as_one_line_a_strategy_and_one_dashed_line_a_number_of_shots():
    ax = plot_work(sweep(), chance=1 / 8, marked=(5, 320), bills={"before": 1e4}).axes[0]
    assert artist(ax, "bill before").get_xdata()[0] == 1e4
    for strategy, factor in WORK.items():
        x, y = artist(ax, f"mean {strategy}").get_data()
        assert list(x) == [5 * factor, 40 * factor, 320 * factor]
        assert list(y) == pytest.approx([MEANS[strategy] + rise for rise in RISE.values()])
    assert list(artist(ax, "shots 5").get_xdata()) == [5, 20, 150]  # from the cheapest on
    assert ax.get_xscale() == "log" and artist(ax, "chance").get_ydata()[0] == 1 / 8


def test_a_table_without_work_is_refused():
    with pytest.raises(ValueError, match="operations"):
        plot_work(sweep().drop(columns="operations"))


def test_curves_are_drawn_whole_and_close_where_they_meet():
    runs = lesson_05.widest_shots_table()
    assert runs.groupby(["strategy", "shots"]).seed.nunique().min() >= 3
    whole, close = lesson_05.plot_learning_curves(runs, chance=1 / 8, low=0.7, first=40).axes[:2]
    means = runs[runs.strategy == "scratch"].groupby("shots").test_accuracy.mean()
    assert list(artist(whole, "mean scratch").get_ydata()) == pytest.approx(list(means))
    assert list(artist(close, "mean scratch").get_xdata()) == [40, 80, 160, 320]
    assert close.get_ylim() == (0.7, 1) and artist(whole, "close").get_y() == 0.7


def test_overfitting_is_the_gap_between_training_and_test():
    runs = sweep().assign(train_accuracy=0.95)
    axes = lesson_05.plot_overfitting(runs).axes
    assert [ax.get_title(loc="left") for ax in axes] == [
        "From scratch",
        "Linear probe",
        "Partial (1)",
    ]
    for ax, mean in zip(axes, MEANS.values(), strict=True):
        assert list(artist(ax, "train").get_ydata()) == pytest.approx([0.95] * 3)
        test = artist(ax, "test").get_ydata()
        assert list(test) == pytest.approx([mean + rise for rise in RISE.values()])


def test_a_cell_has_the_mean_its_interval_and_how_many_seeds():
    runs = sweep()
    two = lesson_05.list_means(runs)
    assert list(two) == ["scratch", "probe", "partial(1)"] and list(two.index) == [5, 40, 320]
    assert two.scratch[40].split() == ["23.0", "(2)"]  # two seeds have no interval worth printing
    third = runs[runs.seed == 0].assign(seed=2)
    assert lesson_05.list_means(pd.concat([runs, third])).probe[5].split()[1] == "±"


def test_what_a_doubling_brings_is_paired_by_seed_and_of_one_table():
    def table(rise):
        return pd.DataFrame(
            [
                {
                    "strategy": name,
                    "shots": shots,
                    "seed": seed,
                    "test_accuracy": 0.1 * seed + (shots > 5) * (rise + 0.01 * seed),
                }
                for name in ("probe", "full")
                for shots in (2, 5, 10)
                for seed in range(3)
            ]
        )

    found = lesson_05.list_doublings(table(0.2), table(0.4)).set_index("strategy")
    assert list(found.shots) == [5, 5]  # 2 and 5 are no doubling
    assert found["mean"].to_dict() == pytest.approx({"probe": 41, "full": 21})
    assert found.high["full"] - found["mean"]["full"] == pytest.approx(4.303 / 3**0.5, rel=1e-3)
    ax = lesson_05.plot_doublings(found.reset_index()).axes[0]
    assert artist(ax, "mean full").get_ydata() == pytest.approx([21])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["5 → 10"]


def test_means_of_two_seeds_are_hollow_and_without_a_band():
    runs = lesson_05.widest_shots_table(least_seeds=1)
    whole = lesson_05.plot_learning_curves(runs).axes[0]
    few = runs[(runs.strategy == "full") & (runs.shots == 160)].test_accuracy
    assert len(few) == 2
    assert list(artist(whole, "few full").get_xdata()) == [160]
    assert artist(whole, "few full").get_ydata() == pytest.approx([few.mean()])
    assert max(artist(whole, "mean full").get_xdata()) == 80


def test_the_far_task_stands_beside_its_controls():
    far, controls = lesson_05.shots_table("digits"), lesson_05.controls_table()
    near_ax, far_ax = lesson_05.plot_near_and_far(
        lesson_05.widest_shots_table(), far, controls
    ).axes
    own = controls[(controls.data == "digits") & (controls.way == "random")]
    means = own.groupby("shots").test_accuracy.mean()
    drawn = artist(far_ax, "control random")
    assert list(drawn.get_ydata()) == pytest.approx(list(means[means.index.isin(far.shots)]))
    assert artist(near_ax, "control pixels") and artist(far_ax, "mean probe")


def test_leads_are_points_of_the_seeds_that_both_have():
    runs = sweep()
    lead = lesson_05.find_lead(
        runs[(runs.strategy == "probe") | (runs.seed == 0)], "probe", "scratch", 5
    )
    assert lead.mean == pytest.approx(57) and lead.n == 1


def test_a_mark_stands_where_a_seed_would_stop():
    looks = pd.DataFrame(
        {
            "strategy": "scratch",
            "seed": [0, 0, 1, 1],
            "epoch": [3, 6, 3, 6],
            "train": [0.5, 1.0, 0.7, 1.0],
            "val": [0.5, 0.5, 0.25, 0.5],  # of two best epochs the first
            "test": [0.2, 0.3, 0.4, 0.5],
        }
    )
    ax = lesson_05.plot_stopping(looks).axes[0]
    assert list(artist(ax, "train").get_ydata()) == pytest.approx([0.6, 1.0])
    stops = [line.get_xydata()[0].tolist() for line in ax.lines if line.get_gid() == "stop"]
    assert stops == [[3, 0.2], [6, 0.5]]


@pytest.mark.parametrize(
    ("images", "words"), [(3, "right. About 3"), (10, "not yet. Which"), ("3", "not yet. The")]
)
def test_images_are_converted_from_scratch_to_the_probe(images, words, capsys):
    check("05.1", images)
    assert f"exercise 05.1: {words}" in capsys.readouterr().out


@pytest.mark.parametrize(("images", "verdict"), [(10, "right"), (40, "not yet")])
def test_the_number_of_images_is_tried_with_other_seeds(images, verdict, monkeypatch, capsys):
    tried = []

    def train(network, task, strategy, seed):
        tried.append((strategy.name, task.shots, seed, len(network.stage_names)))
        return {"test_accuracy": 0.6 + 0.01 * task.shots}

    monkeypatch.setattr(lesson_05, "train_and_test", train)
    check("05.3", images)
    assert f"exercise 05.3: {verdict}" in capsys.readouterr().out
    assert [run[:3] for run in tried] == [("probe", images, seed) for seed in range(100, 105)]
