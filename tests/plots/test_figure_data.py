"""A study, its runs and their tables are drawn alike; anything else is refused with one clear error."""

import numpy as np
import pandas as pd
import pytest
from tests_support import artist

import vtlab as vt
from vtlab.plots.figure_data import figure_epochs, figure_runs


@pytest.fixture(scope="module")
def study():
    return vt.compare(
        "garden",
        strategies=("probe", "full"),
        shots=2,
        seeds=2,
        setting=vt.Setting(image_size=32, epochs=2),
        progress=False,
    )


@pytest.mark.parametrize("plot", [vt.plots.accuracy, vt.plots.shots])
def test_a_study_its_runs_and_their_table_give_the_same_figure(study, plot):
    for given in (study, study.runs, iter(study.runs), study.table()):
        ax = plot(given, test_images=len(study.task.test)).axes[0]
        wanted = study.summary().set_index("strategy")
        for strategy in ("probe", "full"):
            accuracies = [run.test_accuracy for run in study.runs if run.strategy == strategy]
            mean, seeds = artist(ax, f"mean {strategy}"), artist(ax, f"seeds {strategy}")
            if plot is vt.plots.accuracy:
                assert list(seeds.get_xdata()) == accuracies
                assert mean.get_xdata()[0] == pytest.approx(wanted["mean"][strategy])
                bar = artist(ax, f"interval {strategy}")
                assert bar.get_x() == pytest.approx(wanted.low[strategy])
            else:
                assert list(seeds.get_ydata()) == accuracies
                assert list(mean.get_ydata()) == pytest.approx([wanted["mean"][strategy]])


def test_a_study_knows_the_size_of_its_test_set(study):
    _, test_images = figure_runs(study)
    assert test_images == len(study.task.test)
    assert figure_runs(study.table())[1] is None


def test_the_epochs_of_a_study_are_those_of_its_table(study):
    by_study, by_table = vt.plots.curves(study), vt.plots.curves(figure_epochs(study.runs))
    for first, second in zip(by_study.axes, by_table.axes, strict=True):
        for one, other in zip(first.lines, second.lines, strict=True):
            np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())
    assert len(artist(by_study.axes[0], "mean full").get_xdata()) == 2


def test_the_runs_of_a_study_are_numbered(study):
    loss = vt.plots.training(study, current=1).axes[0]
    gids = [line.get_gid() for line in loss.lines]
    assert gids == ["run 1", "run 2", "run 3", "run 4"]
    assert artist(loss, "run 1").get_linewidth() > artist(loss, "run 2").get_linewidth()


@pytest.mark.parametrize("plot", [vt.plots.accuracy, vt.plots.shots, vt.plots.curves])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("garden", "a study, its runs or their table, got a value of type str"),
        (7, "type int"),
        ([1.5], "type float"),
        ([], "there is no (run|epoch) to draw"),
        (pd.DataFrame({"strategy": ["full"]}), "no table of (runs|epochs): .* no column"),
    ],
)
def test_anything_else_is_refused(plot, given, message):
    with pytest.raises(ValueError, match=message):
        plot(given)
