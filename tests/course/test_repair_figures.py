"""Pictures of repairs, read back from their artists."""

import numpy as np
import pandas as pd
import pytest
from tests_support import artist

from vtlab.course.repair_figures import (
    PART_NAMES,
    compare_directions,
    plot_directions,
    plot_repairs,
)
from vtlab.course.shifted_worlds import PARTS, SHIFTS


@pytest.fixture
def repairs():
    rows = []
    for shift in SHIFTS:
        for place, part in enumerate(PARTS):
            solved = part in ("head", "statistics")
            for rate in (None,) if solved else (0.001, 0.003, 0.01):
                rows += [
                    (shift, part, rate, seed, 0.1 * place + 10 * (rate or 0) + 0.01 * seed, 0.05)
                    for seed in range(3)
                ]
    columns = ["shift", "part", "rate", "seed", "test_accuracy", "before"]
    return pd.DataFrame(rows, columns=columns)


def test_each_part_is_a_row_with_its_rates_and_the_interval_at_the_chosen_one(repairs):
    figure = plot_repairs(repairs)
    assert len(figure.axes) == len(SHIFTS)
    for ax, shift in zip(figure.axes, SHIFTS, strict=True):
        for place, part in enumerate(PARTS):
            top = 0 if part in ("head", "statistics") else 0.1  # the largest rate is the best here
            line = artist(ax, f"mean {part} {shift}")
            assert line.get_xdata()[0] == pytest.approx(0.1 * place + top + 0.01)
            assert np.mean(line.get_ydata()) == pytest.approx(place)
        dots = [one for one in ax.lines if str(one.get_gid()).startswith("rate ")]
        assert len(dots) == 3 * (len(PARTS) - 2)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [PART_NAMES.get(part, part) for part in PARTS]


def test_a_table_without_the_parts_is_refused(repairs):
    with pytest.raises(ValueError, match="no repair"):
        plot_repairs(repairs.assign(part="stem"))


def test_a_class_that_has_moved_points_to_its_new_place():
    random = np.random.default_rng(0)
    means = 10 * random.normal(size=(4, 6))
    labels = np.arange(40) % 4
    before = means[labels] + 0.01 * random.normal(size=(40, 6))
    after = 7 + 0.5 * means[(labels + 1) % 4]  # a smaller copy, elsewhere: the direction counts
    found = compare_directions(before, after, labels)
    assert found.argmax(1).tolist() == [1, 2, 3, 0]
    assert found[range(4), [1, 2, 3, 0]] == pytest.approx(1, abs=1e-3)
    assert np.diag(compare_directions(before, before, labels)) == pytest.approx(1)


def test_the_largest_similarity_of_each_row_is_framed_and_all_are_written():
    table = np.array([[0.1, 0.9, -0.2], [0.3, 0.2, 0.8], [-1, 0, 0.5]])
    before, after = plot_directions({"before": np.eye(3), "after": table}, "abc").axes
    for ax, title, columns in ((before, "before", [0, 1, 2]), (after, "after", [1, 2, 2])):
        frames = [artist(ax, f"largest {row} {title}") for row in range(3)]
        assert [frame.get_x() + 0.5 for frame in frames] == columns
        assert [frame.get_y() + 0.5 for frame in frames] == [0, 1, 2]
    assert {"90", "-20", "-100"} <= {text.get_text() for text in after.texts}


def test_features_and_matrices_that_do_not_fit_are_refused():
    old, labels = np.zeros((4, 3)), np.arange(4)
    with pytest.raises(ValueError, match="do not fit"):
        compare_directions(old, old[:2], labels)
    with pytest.raises(ValueError, match=r"a matrix \(3, 3\), got \(2, 2\)"):
        plot_directions({"one": np.eye(2)}, "abc")
