"""The range test, read back from its artists."""

import pandas as pd
import pytest
from tests_support import artist

from vtlab.plots.learning_rates import plot_rate_range


def test_a_range_is_a_line_with_its_least_point():
    ax = plot_rate_range(pd.DataFrame({"rate": [1e-3, 1e-2, 1e-1], "loss": [2.0, 1.0, 4.0]})).axes[
        0
    ]
    assert list(artist(ax, "loss").get_ydata()) == [2.0, 1.0, 4.0] and ax.get_xscale() == "log"
    assert list(artist(ax, "least").get_xdata()) == [1e-2]
    assert artist(ax, "least loss at 0.01").get_xdata()[0] == 1e-2 and ax.get_ylim()[0] == 0
    with pytest.raises(ValueError, match="nothing"):
        plot_rate_range(pd.DataFrame({"rate": [], "loss": []}))


def test_a_suggested_rate_is_marked():
    table = pd.DataFrame({"rate": [1e-3, 1e-2, 1e-1], "loss": [2.0, 1.0, 4.0]})
    ax = plot_rate_range(table, suggested=1e-3).axes[0]
    assert artist(ax, "take 0.001").get_xdata()[0] == 1e-3
