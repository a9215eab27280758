"""Names of lines keep apart."""

import numpy as np

from vtlab.plots.legends import spread_apart


def test_spread_keeps_the_order_the_gap_and_the_limits():
    places = spread_apart([0.5, 0.9, 0.52, 0.95], 0.1, 0.05, 1.0)
    assert list(np.argsort(places)) == [0, 2, 1, 3]
    assert np.diff(np.sort(places)).min() >= 0.1 - 1e-12
    assert places.max() <= 1.0 + 1e-12
    np.testing.assert_allclose(sorted(places)[:2], [0.46, 0.56])  # moved by the same little


def test_spread_leaves_alone_what_is_apart_already():
    np.testing.assert_allclose(spread_apart([0.8, 0.2], 0.1, 0, 1), [0.8, 0.2])
