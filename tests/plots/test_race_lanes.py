import numpy as np
import pytest

from vtlab.plots.race_lanes import RaceLane, plot_race

IMAGES = np.zeros((3, 3, 8, 8), np.uint8)
LANE = RaceLane(
    "full",
    "pass 2 of 10",
    ((0, 0.2), (1, 0.5), (2, 0.75)),
    (0, 1, 2),
    (0.5, 0.25, 1),
    (True, False, True),
)


def test_a_lane_has_a_curve_and_a_frame_and_a_bar_for_each_image():
    figure = plot_race([LANE, RaceLane("probe")], IMAGES, chance=0.1)
    curve, strip = figure.axes[:2]
    assert curve.lines[1].get_ydata().tolist() == [0.2, 0.5, 0.75]
    frames, bars = strip.patches[0::3], strip.patches[2::3]
    assert [frame.get_linestyle() == "-" for frame in frames] == [True, False, True]
    assert [bar.get_width() for bar in bars] == [0.5, 0.25, 1]
    assert not figure.axes[3].patches  # no answers before the start


def test_a_lane_says_itself_in_a_sentence():
    words = LANE.describe().replace("\N{NO-BREAK SPACE}", " ")
    assert words == "Full names 75 % of the held-out images right, 2 of the 3 that are shown"
    assert RaceLane("probe").describe() == "Linear probe has not begun"


def test_no_lane_is_refused():
    with pytest.raises(ValueError, match="needs a strategy"):
        plot_race([], IMAGES, chance=0.1)
