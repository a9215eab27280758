"""The look of figures: sizes, text, and that nothing global is touched."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from tests_support import drawn_figure

from vtlab.plots import export, style
from vtlab.results.formatting import format_percent


def test_a_figure_has_the_size_and_the_axes_that_were_asked_for():
    figure, axes = style.new_figure(2, 3, width=6, height=4)
    assert axes.shape == (2, 3)
    assert tuple(figure.get_size_inches()) == (6, 4)
    assert style.new_figure(width=5)[0].get_size_inches()[1] == pytest.approx(3)


def test_figures_are_unknown_to_pyplot_and_change_no_global_setting():
    before = dict(matplotlib.rcParams)
    export.to_png(drawn_figure())
    assert pyplot.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def test_a_hostile_global_style_changes_no_pixel():
    plain = export.to_png(drawn_figure())
    hostile = {
        "font.family": "serif",
        "xtick.labelsize": 30,
        "axes.facecolor": "red",
        "axes.grid": True,
        "ytick.color": "red",
        "figure.dpi": 30,
    }
    with matplotlib.rc_context(hostile):
        assert export.to_png(drawn_figure()) == plain


def test_names_with_dollars_and_in_scripts_without_a_font_are_drawn_and_do_not_warn():
    figure, axes = style.new_figure(width=3, height=1)
    axes[0, 0].set_title("$5 and $\\frac", **style.font_style())
    axes[0, 0].set_xlabel("\N{TELUGU LETTER KA}", **style.font_style())
    export.to_png(figure, scale=1)


def test_shortened_words_fit_and_short_words_stay():
    assert style.shorten_styled_text("Velaria montis", 3) == "Velaria montis"
    cut = style.shorten_styled_text("Velaria montis", 0.7)
    assert cut.endswith("…") and cut.startswith("Vel")
    assert style.measure_styled_text(cut) <= 0.7 < style.measure_styled_text("Velaria montis")
    assert style.shorten_styled_text("abc", 0.0) == "a…"


def test_text_width_is_what_matplotlib_draws():
    figure, axes = style.new_figure(width=4, height=1)
    words = axes[0, 0].text(0, 0, "Velaria montis", **style.font_style(weight="bold"))
    figure.draw_without_rendering()
    drawn_width = words.get_window_extent().width / style.DPI
    assert style.measure_styled_text("Velaria montis", weight="bold") == pytest.approx(
        drawn_width, abs=0.05
    )


def test_percent_rounds_and_does_not_break():
    assert format_percent(0.8239) == "82.4\N{NO-BREAK SPACE}%"
    assert format_percent(1, 0) == "100\N{NO-BREAK SPACE}%"


def test_a_percent_axis_writes_shares_as_percent():
    _, axes = style.new_figure()
    axes[0, 0].set_xlim(0, 1)
    style.set_percent_axis(axes[0, 0].xaxis)
    axis = axes[0, 0].xaxis
    np.testing.assert_array_equal(axis.get_majorticklocs(), [0, 0.25, 0.5, 0.75, 1])
    assert axis.get_major_formatter()(0.25) == "25\N{NO-BREAK SPACE}%"


def test_the_first_font_comes_with_matplotlib():
    assert style._font_families()[0] == "DejaVu Sans"
