"""What moved and what did not, read back from the marks."""

import numpy as np
import pandas as pd
import pytest

from vtlab.plots.weight_movement import plot_movement

TABLE = pd.DataFrame(
    {"weights": [0.0, 0.0123, 1.5], "statistics": [0.31, 1e-6, np.nan]},
    index=["stem", "stage1", "head"],
)


def mark(ax, gid):
    (line,) = (line for line in ax.lines if line.get_gid() == gid)
    return line


def words(ax):
    return {text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in ax.texts}


def test_a_mark_is_filled_where_something_moved_and_stands_at_its_share():
    (ax,) = plot_movement(TABLE).axes
    moved = mark(ax, "statistics stem")
    assert moved.get_xdata() == [0.31] and moved.get_markerfacecolor() != "white"


def test_what_did_not_move_is_hollow_and_said_to_stand_still():
    (ax,) = plot_movement(TABLE).axes
    assert mark(ax, "weights stem").get_markerfacecolor() == "white"
    assert words(ax) == {"did not move", "31 %", "1.2 %", "under 0.01 %", "150 %"}


def test_a_part_without_statistics_has_no_mark_for_them():
    (ax,) = plot_movement(TABLE).axes
    assert not [line for line in ax.lines if line.get_gid() == "statistics head"]


def test_several_ways_stand_side_by_side_under_their_names_on_one_scale():
    left, right = plot_movement({"by hand": TABLE, "by the library": TABLE}).axes
    assert (left.get_title("left"), right.get_title("left")) == ("by hand", "by the library")
    assert left.get_xlim() == right.get_xlim() and left.get_legend() and not right.get_legend()


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="no movement"):
        plot_movement({})
    with pytest.raises(ValueError, match="no movement"):
        plot_movement(TABLE[:0])
