"""The look of every figure: sizes, fonts, colours, axes, and words on them.

Everything is set on the figure at hand and nothing in matplotlib's global settings, so a
notebook that imports vtlab keeps its own look, and two threads may draw at once.

Why no style sheet: matplotlib reads some settings (ticks, for one) only when the figure is
rendered, long after a style context around the drawing code has closed.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib import figure as matplotlib_figure
from matplotlib import font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from vtlab.plots.figure import Figure
from vtlab.results.formatting import format_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

DPI = 100
WIDE = 9.6  # inches: at DPI, what a notebook page 1,000 px wide has room for

BODY, SMALL, TINY = 10.0, 8.5, 7.0  # points

INK = "#1f2933"
QUIET = "#5f6b7a"
FAINT = "#dde1e6"
RIGHT = "#00684a"
WRONG = "#b3401a"
BLUE = "#33658a"  # for what belongs to no strategy

# a line to compare with, such as chance
DOTTED: dict[str, Any] = {
    "linestyle": (0, (1, 2)),
    "color": QUIET,
    "linewidth": 1.3,
    "zorder": 1,
}

# Class names come from people's folders. The first font has Latin, Greek and Cyrillic and comes
# with matplotlib; the others are used where a name needs them and the machine has them.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Arial Unicode MS",
)


@functools.cache
def _font_families() -> tuple[str, ...]:
    """The fonts to try, in order, of those that this machine has."""
    present = set(font_manager.get_font_names())
    return tuple(name for name in _FONTS if name in present) or _FONTS[:1]


def font_style(size: float = BODY, colour: str = INK, **more: Any) -> dict[str, Any]:
    """Keywords for anything that matplotlib writes.

    Dollar signs stay dollar signs: a class called `$5` is a name, not a formula.

    Args:
        size: Points.
        colour: Any matplotlib colour.
        more: Further text properties, `weight="bold"` for one.
    """
    family = {"fontfamily": list(_font_families()), "parse_math": False}
    return {"fontsize": size, "color": colour} | family | more


def legend_font_style() -> dict[str, Any]:
    """Keywords for the words of a legend: small and in ink."""
    return {"prop": {"size": SMALL, "family": list(_font_families())}, "labelcolor": INK}


def mark_style(size: float, edge: float = 0.7) -> dict[str, Any]:
    """Keywords for marks with a white edge, which keeps neighbours apart; both numbers in points."""
    return {"markersize": size, "markeredgecolor": "white", "markeredgewidth": edge}


def style_band(colour: str, opacity: float, gid: str) -> dict[str, Any]:
    """Keywords for a pale area without an edge, such as an interval."""
    return {"color": colour, "alpha": opacity, "linewidth": 0, "gid": gid}


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = WIDE,
    height: float | None = None,
    pad: float = 0.06,
    layout: Literal["constrained", "compressed"] | None = "constrained",
    **grid: Any,
) -> tuple[Figure, np.ndarray]:
    """A white figure and its axes, free of pyplot.

    Args:
        rows: Of axes.
        columns: Of axes.
        width: Inches; `WIDE` fits a notebook.
        height: Inches; three fifths of an axes' width for each row where not given.
        pad: Inches around each axes.
        layout: "compressed" keeps pictures, whose aspect is fixed, close together; None leaves
            every axes where `grid` puts it.
        grid: What `Figure.subplots` takes, such as `sharey` and `width_ratios`.

    Returns:
        The figure, and its axes `(rows, columns)`.
    """
    height = 0.6 * width * rows / columns if height is None else height
    figure = Figure((width, height), dpi=DPI, facecolor="white", layout=layout)
    if isinstance(engine := figure.get_layout_engine(), ConstrainedLayoutEngine):
        engine.set(w_pad=pad, h_pad=pad, wspace=0, hspace=0)
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


def prepare_axes(ax: Axes, *, grid: Literal["x", "y"] | None = None) -> None:
    """Prepare quiet axes for data: two thin spines, small tick labels, a faint grid on `"x"` or `"y"`."""
    ax.set_facecolor("white")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set(color=FAINT, linewidth=0.9)
    # "length" is set here too, since a tick made at render time asks the global settings.
    ax.tick_params(
        which="both", length=0, width=0.8, pad=5, colors=QUIET, labelsize=SMALL, direction="out"
    )
    ax.tick_params(which="both", labelfontfamily=list(_font_families()))
    ax.grid(False)
    if grid:
        ax.grid(True, axis=grid, color=FAINT, linewidth=0.7, linestyle="-", alpha=1.0)
    ax.set_axisbelow(True)


def hide_axes(ax: Axes) -> None:
    """Make axes ready for a picture: no ticks, no frame."""
    ax.set_facecolor("none")
    ax.spines[:].set_visible(False)
    for axis in (ax.xaxis, ax.yaxis):  # and so no grid; `set_xticks([])` makes a tick first
        axis.set_major_locator(NullLocator())
        axis.set_minor_locator(NullLocator())


def style_heading(ax: Axes, words: str) -> None:
    """A title over the axes, flush left."""
    ax.set_title(words, loc="left", pad=8, **font_style(BODY, INK, weight="bold"))


def label_axes(ax: Axes, x: str | None = None, y: str | None = None, *, pad: float = 6) -> None:
    """Says what an axis shows, in small quiet words; `pad` is their distance in points."""
    for words, write in ((x, ax.set_xlabel), (y, ax.set_ylabel)):
        if words is not None:
            write(words, labelpad=pad, **font_style(SMALL, QUIET))


def annotate(
    ax: Axes,
    words: str,
    at: tuple[float, float],
    offset: tuple[float, float],
    *,
    colour: str = QUIET,
    size: float = SMALL,
    weight: str = "normal",
    **how: Any,
) -> None:
    """Writes words beside a point, `offset` points from it; `how` is for matplotlib."""
    how |= {"textcoords": "offset points", **font_style(size, colour, weight=weight)}
    ax.annotate(words, at, offset, **how)


def set_percent_axis(axis: Axis, *, ticks: tuple[float, ...] = (0, 0.25, 0.5, 0.75, 1)) -> None:
    """An axis whose values are shares in [0, 1], written as percent."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_percent(value, 0)))


def find_styled_figure(ax: Axes) -> matplotlib_figure.Figure:
    """The figure that holds the axes."""
    return ax.figure if isinstance(ax.figure, matplotlib_figure.Figure) else ax.figure.figure


def measure_styled_text(words: str, size: float = BODY, weight: str = "normal") -> float:
    """How wide the words will be, in inches."""
    used = FontProperties(family=list(_font_families()), size=size, weight=weight)
    with allow_missing_glyphs():
        width, _, _ = text_to_path.get_text_width_height_descent(words, used, ismath=False)
    return width / 72


def shorten_styled_text(
    words: str, inches: float, size: float = BODY, weight: str = "normal"
) -> str:
    """The words, cut with an ellipsis where they would be wider than that."""
    if measure_styled_text(words, size, weight) <= inches:
        return words
    length = len(words) - 1
    while length > 1 and measure_styled_text(words[:length].rstrip() + "…", size, weight) > inches:
        length -= 1
    return words[:length].rstrip() + "…"


@contextlib.contextmanager
def allow_missing_glyphs() -> Iterator[None]:
    """A name in a script which no font here has is drawn as boxes: no reason to warn or stop."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield
