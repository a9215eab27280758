"""Figures as files: PNG, JPEG, and text for a web page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from vtlab.plots import style


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


def picture_uri(picture: Image.Image) -> str:
    """A picture as text that can stand in the `src` of an HTML `<img>`."""
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _encode(figure: Figure, kind: str, scale: float, **how: Any) -> bytes:
    """The figure drawn once and packed as a file of this kind."""
    buffer, before = io.BytesIO(), figure.dpi
    try:  # `savefig` draws everything twice, the first time only to place it
        figure.dpi = style.DPI * scale
        canvas = FigureCanvasAgg(figure)
        with style.allow_missing_glyphs():
            canvas.draw()
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    finally:
        figure.dpi = before
    pixels.save(buffer, kind, **how)
    return buffer.getvalue()


def clear_exported_figure(figure: Figure) -> None:
    """Empty a figure that nobody will look at again.

    A figure, its axes and its canvas refer to one another, so that they would keep their pixels until
    Python's garbage collector comes round, which with PyTorch's many objects in memory it rarely does.
    """
    figure.clear()
    FigureCanvasBase(figure)  # takes the place of the canvas that holds what was rendered
