"""Figures as the value of a notebook's cell: in the user's own format and density, with words."""

import base64
import io

import matplotlib
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from IPython.core.pylabtools import select_figure_formats
from matplotlib.figure import Figure as PlainFigure
from matplotlib_inline.config import InlineBackend
from PIL import Image
from traitlets.config import Config, Configurable

from vtlab.plots import figure as cell_figure
from vtlab.plots.heatmaps import plot_cams
from vtlab.plots.image_grids import plot_images
from vtlab.plots.style import label_axes, new_figure, style_heading

# matplotlib-inline's own code, when a test chooses a format in the settings
pytestmark = pytest.mark.filterwarnings("ignore:InlineBackend:DeprecationWarning")


class Shell(Configurable):
    """What of IPython shows a cell's value."""

    def __init__(self, **settings: object) -> None:
        super().__init__(config=Config({"InlineBackend": settings}))
        self.display_formatter = DisplayFormatter()


@pytest.fixture
def open_shell(monkeypatch):
    """Begins a notebook with these settings of its inline figures."""

    def begin(**settings: object) -> Shell:
        shell = Shell(**settings)
        monkeypatch.setattr(cell_figure, "_find_shell", lambda: shell)
        return shell

    InlineBackend.clear_instance()
    yield begin
    InlineBackend.clear_instance()


def draw():
    figure, axes = new_figure(width=4, height=2)
    style_heading(axes[0, 0], "Few images")
    label_axes(axes[0, 0], "shots", "accuracy")
    axes[0, 0].plot([1, 2], [3, 4], label="Full")
    return figure


def show(shell, figure):
    """Data and metadata of the cell, without the text."""
    data, metadata = shell.display_formatter.format(figure)
    assert data.pop("text/plain").startswith("<Figure size ")
    return data, metadata


def width(png: str) -> int:
    return Image.open(io.BytesIO(base64.b64decode(png))).width


def test_a_figure_is_a_picture_with_words_in_a_notebook_that_knows_nothing_of_it(open_shell):
    shell = open_shell()
    data, metadata = show(shell, draw())
    assert list(data) == ["image/png"] and width(data["image/png"]) > 300
    assert metadata == {"image/png": {"alt": "Few images: accuracy against shots: Full"}}


# the user's settings, and the kinds of picture that they get
FORMATS = {
    ("svg",): {"image/svg+xml"},
    ("jpeg",): {"image/jpeg"},
    ("png", "svg"): {"image/png", "image/svg+xml"},
    ("retina",): {"image/png"},
}


@pytest.mark.parametrize("formats", FORMATS)
@pytest.mark.parametrize("when", ["in the settings", "before", "after"])
def test_the_users_formats_stay(formats, when, open_shell):
    shell = open_shell(**({"figure_formats": set(formats)} if when == "in the settings" else {}))
    if when == "before":  # set_matplotlib_formats, or %config
        select_figure_formats(shell, formats)
    figure = draw()
    if when == "after":
        select_figure_formats(shell, formats)
    data, metadata = show(shell, figure)
    assert set(data) == FORMATS[formats] == set(metadata)
    assert all(known["alt"].startswith("Few images") for known in metadata.values())
    if formats == ("retina",):
        assert metadata["image/png"]["width"] == width(data["image/png"]) // 2


def test_the_users_density_is_used_and_a_figures_own_goes_before(open_shell):
    shell, figure = open_shell(print_figure_kwargs={"bbox_inches": None}), draw()
    assert width(show(shell, figure)[0]["image/png"]) == 400
    with matplotlib.rc_context({"figure.dpi": 150}):
        assert width(show(shell, figure)[0]["image/png"]) == 600
        figure.set_dpi(50)
        assert width(show(shell, figure)[0]["image/png"]) == 200
    assert figure.dpi == 50


def test_the_users_own_figures_are_shown_as_before(open_shell):
    shell = open_shell()
    draw()
    own = PlainFigure()
    own.subplots()
    assert show(shell, own) == ({}, {})
    select_figure_formats(shell, {"svg"})
    draw()
    assert list(show(shell, own)[0]) == ["image/svg+xml"]


def test_a_page_of_live_canvases_shows_it_as_a_picture(open_shell, monkeypatch):
    shell = open_shell()
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "widget")
    figure = draw()
    select_figure_formats(shell, {"png"})
    assert list(show(shell, figure)[0]) == ["image/png"]


def test_words_name_what_is_seen():
    images = np.zeros((2, 3, 8, 8), np.uint8)
    maps = {"full": np.ones((2, 4, 4)), "probe": np.zeros((2, 4, 4))}
    words = plot_cams(images, maps, titles=["is tulip", "is rose"]).alt
    assert words.startswith("6 pictures, is tulip, is rose, image, Full, Linear probe, evidence")
    assert plot_images(images).alt == "2 pictures"
    assert new_figure()[0].alt == "Figure"


def test_powers_of_ten_on_an_axis_are_no_markup_in_words():
    figure, axes = new_figure()
    axes[0, 0].loglog([1e-6, 1e-2], [1, 2])
    axes[0, 0].set_title("rates")
    figure.canvas.draw()
    assert figure.alt == "rates"


def test_long_words_are_cut():
    figure, axes = new_figure(1, 3)
    for number, ax in enumerate(axes[0]):
        style_heading(ax, f"{number} " + "word " * 50)
    assert len(figure.alt) == cell_figure.MAX_ALT_LENGTH and figure.alt.endswith("…")
