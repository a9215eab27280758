"""How every figure looks: sizes, fonts, colours, and the way to a PNG.

Everything is set on the figure at hand and nothing in matplotlib's global settings, so a
notebook that imports vtlab keeps its own look, and two threads may draw at once.

Why no style sheet: matplotlib reads some settings (ticks, for one) only when the figure is
rendered, long after a style context around the drawing code has closed.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import font_manager
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from PIL import Image

from vtlab.results.labels import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

DPI = 100
WIDE = 9.6  # inches: at DPI, what a notebook page 1,000 px wide has room for
HALF = 4.7

LARGE, BODY, SMALL, TINY = 12.0, 10.0, 8.5, 7.0  # points

INK = "#1f2933"
QUIET = "#5f6b7a"
FAINT = "#dde1e6"
RIGHT = "#00684a"
WRONG = "#b3401a"

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
def families() -> tuple[str, ...]:
    """The fonts to try, in order, of those that this machine has."""
    present = set(font_manager.get_font_names())
    return tuple(name for name in _FONTS if name in present) or _FONTS[:1]


def text(size: float = BODY, colour: str = INK, **more: object) -> dict[str, object]:
    """Keywords for anything that matplotlib writes.

    Dollar signs stay dollar signs: a class called `$5` is a name, not a formula.

    Args:
        size: Points.
        colour: Any matplotlib colour.
        more: Further text properties, `weight="bold"` for one.
    """
    style = {"fontsize": size, "color": colour, "fontfamily": list(families())}
    return style | {"parse_math": False} | more


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = WIDE,
    height: float | None = None,
    pad: float = 0.06,
    layout: str | None = "constrained",
    **grid: object,
) -> tuple[Figure, np.ndarray]:
    """A white figure and its axes, free of pyplot.

    Args:
        rows: Of axes.
        columns: Of axes.
        width: Inches; `WIDE` and `HALF` fit a notebook.
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
    if layout:
        figure.get_layout_engine().set(w_pad=pad, h_pad=pad, wspace=0, hspace=0)
    return figure, figure.subplots(rows, columns, squeeze=False, **grid)


def prepare(ax: Axes, *, grid: str | None = None) -> None:
    """Quiet axes for data: two thin spines, small tick labels, a faint grid on `"x"` or `"y"`."""
    ax.set_facecolor("white")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set(color=FAINT, linewidth=0.9)
    # "length" is set here too, since a tick made at render time asks the global settings.
    ax.tick_params(
        which="both", length=0, width=0.8, pad=5, colors=QUIET, labelsize=SMALL, direction="out"
    )
    ax.tick_params(which="both", labelfontfamily=list(families()))
    ax.grid(False)
    if grid:
        ax.grid(True, axis=grid, color=FAINT, linewidth=0.7, linestyle="-", alpha=1.0)
    ax.set_axisbelow(True)


def blank(ax: Axes) -> None:
    """Axes for a picture: no ticks, no frame."""
    ax.set_facecolor("none")
    ax.spines[:].set_visible(False)
    for axis in (ax.xaxis, ax.yaxis):  # and so no grid; `set_xticks([])` makes a tick first
        axis.set_major_locator(NullLocator())
        axis.set_minor_locator(NullLocator())


def heading(ax: Axes, words: str) -> None:
    """A title over the axes, flush left."""
    ax.set_title(words, loc="left", pad=8, **text(BODY, INK, weight="bold"))


def percent_axis(axis: Axis, *, ticks: tuple[float, ...] = (0, 0.25, 0.5, 0.75, 1)) -> None:
    """An axis whose values are shares in [0, 1], written as percent."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: percent(value, 0)))


def text_width(words: str, size: float = BODY, weight: str = "normal") -> float:
    """How wide the words will be, in inches."""
    font = FontProperties(family=list(families()), size=size, weight=weight)
    with _boxes_allowed():
        width, _, _ = text_to_path.get_text_width_height_descent(words, font, ismath=False)
    return width / 72


def shorten(words: str, inches: float, size: float = BODY, weight: str = "normal") -> str:
    """The words, cut with an ellipsis where they would be wider than that."""
    if text_width(words, size, weight) <= inches:
        return words
    kept = len(words) - 1
    while kept > 1 and text_width(words[:kept].rstrip() + "…", size, weight) > inches:
        kept -= 1
    return words[:kept].rstrip() + "…"


def to_png(figure: Figure, *, scale: float = 2.0, quick: bool = False) -> bytes:
    """The figure as a PNG file, the same bytes for the same figure.

    Args:
        figure: Any matplotlib figure.
        scale: Pixels of the file per pixel on the page; 2 is sharp on paper and on dense screens.
        quick: Packed in less time into a larger file, for pictures that somebody waits for.
    """
    return _encode(figure, "png", scale, compress_level=1 if quick else 6)


def data_uri(
    figure: Figure, *, scale: float = 2.0, photographs: bool = False, quick: bool = False
) -> str:
    """The figure as text that can stand in the `src` of an HTML `<img>`.

    Args:
        figure: Any matplotlib figure.
        scale: As in `to_png`.
        photographs: JPEG instead of PNG: a quarter of the size where most of the figure is
            pictures, and no difference to be seen.
        quick: As in `to_png`.
    """
    if photographs:
        data = _encode(figure, "jpeg", scale, quality=90, subsampling=0)
    else:
        data = to_png(figure, scale=scale, quick=quick)
    kind = "jpeg" if photographs else "png"
    return f"data:image/{kind};base64," + base64.b64encode(data).decode("ascii")


def _encode(figure: Figure, kind: str, scale: float, **how: object) -> bytes:
    buffer, before = io.BytesIO(), figure.dpi
    try:  # `savefig` draws everything twice, the first time only to place it
        figure.dpi = DPI * scale
        canvas = FigureCanvasAgg(figure)
        with _boxes_allowed():
            canvas.draw()
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    finally:
        figure.dpi = before
    pixels.save(buffer, kind, **how)
    return buffer.getvalue()


def let_go(figure: Figure) -> None:
    """Empty a figure that nobody will look at again.

    A figure, its axes and its canvas refer to one another, so that they would keep their pixels until
    Python's garbage collector comes round, which with PyTorch's many objects in memory it rarely does.
    """
    figure.clear()
    FigureCanvasBase(figure)  # takes the place of the canvas that holds what was rendered


@contextlib.contextmanager
def _boxes_allowed() -> Iterator[None]:
    """A name in a script which no font here has is drawn as boxes: no reason to warn or stop."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield
