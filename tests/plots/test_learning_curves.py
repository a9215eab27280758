"""Learning curves, read back from their lines."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from vtlab.plots.learning_curves import average_learning_curves, plot_curves, plot_training


def epochs(strategy, seed, losses, shots=5):
    n = len(losses)
    return pd.DataFrame(
        {
            "strategy": strategy,
            "shots": shots,
            "seed": seed,
            "epoch": range(1, n + 1),
            "loss": losses,
            "train_accuracy": np.linspace(0.2, 1, n),
            "learning_rate": 0.1,
            "seconds": 0.1,
        }
    )


TABLE = pd.concat(
    [
        epochs("probe", 0, [2.0, 1.0, 0.5, 0.25]),
        epochs("probe", 1, [1.8, 0.4]),
        epochs("full", 0, [2.0, 1.5]),
        epochs("full", 1, [2.2, 1.7]),
    ]
)


def lines(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def test_loss_and_accuracy_stand_side_by_side_over_the_share_of_the_training():
    figure = plot_curves(TABLE)
    loss, accuracy = figure.axes
    first = lines(loss, "seed probe")[0]
    np.testing.assert_allclose(first.get_xdata(), [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(first.get_ydata(), [2, 1, 0.5, 0.25])
    np.testing.assert_allclose(lines(accuracy, "seed full")[0].get_ydata(), [0.2, 1])
    assert accuracy.get_ylim()[0] == 0 and loss.get_ylim()[0] == 0


def test_of_a_probe_that_is_fine_tuned_afterwards_the_fine_tuning_is_drawn():
    both = pd.concat(
        [
            epochs("lp_ft", 0, [9.0, 0.5, 0.4]),
            epochs("lp_ft", 0, [2.0, 1.0]),
            epochs("lp_ft", 1, [0.3, 0.2, 0.1]),
            epochs("full", 0, [3.0, 2.0]),
        ]
    )
    loss = plot_curves(both).axes[0]
    drawn = [line.get_ydata().tolist() for line in lines(loss, "seed lp_ft")]
    assert drawn == [[2, 1], [0.3, 0.2, 0.1]] and loss.get_ylim()[1] == pytest.approx(3.15)
    runs = plot_training(both.assign(run=[0] * 5 + [1] * 3 + [2] * 2)).axes[0]
    (line,) = lines(runs, "run 0")
    assert line.get_xdata().tolist() == [1, 2] and line.get_ydata().tolist() == [2, 1]


def test_every_seed_is_thin_and_the_mean_is_thick():
    loss = plot_curves(TABLE).axes[0]
    assert len(lines(loss, "seed probe")) == 2
    (mean,) = lines(loss, "mean full")
    np.testing.assert_allclose(mean.get_ydata(), [2.1, 1.6])
    assert mean.get_linewidth() > 2 * lines(loss, "seed full")[0].get_linewidth()


def test_strategies_are_named_once_at_their_ends():
    loss, accuracy = plot_curves(TABLE).axes
    assert [text.get_text() for text in accuracy.texts] == ["Linear probe", "Full"]
    assert not loss.texts


def test_the_mean_of_runs_of_different_length_begins_where_all_have_begun():
    long = (np.array([0.25, 0.5, 0.75, 1.0]), np.array([4.0, 3.0, 2.0, 1.0]))
    short = (np.array([0.5, 1.0]), np.array([2.0, 0.0]))
    x, y = average_learning_curves([long, short])
    np.testing.assert_allclose(x, [0.5, 0.75, 1])
    np.testing.assert_allclose(y, [2.5, 1.5, 0.5])


def test_a_training_of_one_epoch_shows_as_a_point():
    (mean,) = lines(plot_curves(epochs("full", 0, [1.0])).axes[0], "mean full")
    assert mean.get_marker() == "o"


def test_a_loss_that_is_not_finite_does_not_spoil_the_axis():
    table = epochs("full", 0, [2.0, np.inf, 1.0])
    assert plot_curves(table).axes[0].get_ylim()[1] == pytest.approx(2.1)


def test_no_epochs_and_mixed_shots_are_refused():
    with pytest.raises(ValueError, match="no epoch"):
        plot_curves(TABLE[:0])
    with pytest.raises(ValueError, match="one value of shots, got 5, 10"):
        plot_curves(pd.concat([TABLE, epochs("full", 0, [1.0], shots=10)]))


def test_no_figure_is_left_to_pyplot():
    plot_curves(TABLE)
    assert pyplot.get_fignums() == []
