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
    ax = plot_work(sweep(), chance=1 / 8, marked=(5, 320)).axes[0]
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


def test_patience_changes_nothing_but_the_number_of_epochs():
    table = lesson_05.patience_table()
    measured = ["length", "train_accuracy", "test_accuracy", "seed"]
    recipe = [name for name in table if name not in measured]
    assert set(table.shots) == {5} and set(table.strategy) == {"scratch", "partial", "full"}
    assert (table.groupby(recipe, dropna=False).length.nunique() > 1).all()
    assert not table.duplicated([*recipe, "length", "seed"]).any()
    digits = lesson_05.plot_patience(table).axes[0]
    full = table[(table.task == "digits") & (table.strategy == "full")]
    means = full.groupby("length").test_accuracy.mean()
    assert list(artist(digits, "test full").get_ydata()) == pytest.approx(list(means))


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


@pytest.mark.parametrize(("images", "verdict"), [(10, "right"), (40, "not yet")])
def test_the_number_of_images_is_tried_with_other_seeds(images, verdict, monkeypatch, capsys):
    tried = []

    def train(network, task, strategy, seed):
        tried.append((strategy.name, task.shots, seed, len(network.stage_names)))
        return {"test_accuracy": 0.6 + 0.01 * task.shots}

    monkeypatch.setattr(lesson_05, "train_and_test", train)
    check("05.3", images)
    assert f"exercise 05.3: {verdict}" in capsys.readouterr().out
    assert [run[:3] for run in tried] == [("probe", images, seed) for seed in (100, 101, 102)]
