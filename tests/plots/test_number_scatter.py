import numpy as np
import pytest

from vtlab import plots
from vtlab.plots.export import to_png


def test_every_answer_stands_over_its_true_number():
    true = [1.0, 2.0, 4.0]
    figure = plots.answers(true, {"probe": [[1, 2, 3], [2, 2, 5]], "full": [[0, 3, 4]]}, what="age")
    first, second = figure.axes[:2]
    lines = [line for line in first.lines if line.get_linestyle() == "None"]
    assert [line.get_xdata().tolist() for line in lines] == [true, true]
    assert [line.get_ydata().tolist() for line in lines] == [[1, 2, 3], [2, 2, 5]]
    (diagonal,) = (line for line in second.lines if line.get_linestyle() != "None")
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert first.get_title(loc="left") == "Linear probe" and first.get_xlabel() == "true age"
    assert first.get_xlim() == first.get_ylim() == second.get_xlim()
    assert len(to_png(figure)) > 1000


def test_answers_of_other_images_are_refused():
    with pytest.raises(
        ValueError, match=r"probe: runs have answers of shape \(1, 2\), not \(runs, 3\)"
    ):
        plots.answers([1, 2, 3], {"probe": [[1, 2]]})
    with pytest.raises(ValueError, match="no answers to draw"):
        plots.answers([1, 2, 3], {})
