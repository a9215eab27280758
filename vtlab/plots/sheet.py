"""A sheet for figures: pictures of one shape in rows and columns, with words around them."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, cast

import numpy as np
from contourpy import contour_generator
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike

from vtlab.plots import style
from vtlab.plots.figure import Figure

GAP = 0.07  # inches between two pictures
LINE_HEIGHT = 0.17  # inches for a line of words
WORDS_GAP = 0.05  # inches between words and their picture


class Sheet:
    """Pictures of one shape in rows and columns, with words over and under each.

    Attributes:
        figure: The sheet.
        ax: Its only axes, in inches from the top left corner.
        width: Of a picture, in inches.
        height: Of a picture, in inches.
        foot: Where the space below all pictures begins, in inches from the top.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        cell: float,
        shape: tuple[int, int],
        *,
        over: int = 0,
        under: int = 0,
        head: float = 0,
        foot: float = 0,
        side: float = 0,
    ) -> None:
        """An empty sheet.

        Args:
            rows: Of pictures.
            columns: Of pictures.
            cell: The width of a picture and the gap beside it, in inches.
            shape: Height and width of the pictures; only their ratio matters.
            over: Lines of words over each picture.
            under: Lines of words under each picture.
            head: Inches left above all of them.
            foot: Inches left below all of them.
            side: Inches at the left of all of them, for words beside a row.
        """
        self.width = cell - GAP
        self.height = self.width * shape[0] / shape[1]
        self._cell = cell
        self._over = over * LINE_HEIGHT + WORDS_GAP * (over > 0)
        self._head, self._side = head, side
        self._step = (
            self._over + self.height + GAP + (under * LINE_HEIGHT + WORDS_GAP) * (under > 0)
        )
        self.foot = head + rows * self._step
        size = side + columns * cell, self.foot + foot
        self.figure = Figure(size, dpi=style.DPI, facecolor="white")
        self.ax = self.figure.add_axes((0, 0, 1, 1))
        style.hide_axes(self.ax)
        self.ax.set(xlim=(0, size[0]), ylim=(size[1], 0))

    def show(self, row: float, column: float, picture: np.ndarray, **how: Any) -> None:
        """Puts a picture `(H, W)` or `(H, W, 3)` in its place, over what is there."""
        left, top = self.corner(row, column)
        extent = (left, left + self.width, top + self.height, top)
        how = {"interpolation": "catrom"} | how
        self.ax.imshow(picture, extent=extent, aspect="auto", **how)

    def outline(self, row: int, column: int, mask: ArrayLike) -> None:
        """Draws the outline of a mask `(H, W)`, light on dark, so that it shows on any image."""
        padded = np.pad(np.asarray(mask, dtype=float), 1)
        if not padded.any():
            return
        pixel = np.array([self.width, self.height]) / (padded.shape[1] - 2, padded.shape[0] - 2)
        corner = np.array(self.corner(row, column)) - pixel / 2
        # the lines' points (x, y); their type depends on how the generator is asked
        outlines = cast("list[np.ndarray]", contour_generator(z=padded).lines(0.5))
        lines = [corner + line * pixel for line in outlines]
        for colour, width in ((style.INK, 2.4), ("white", 1.1)):
            drawn = LineCollection(lines, colors=colour, linewidths=width)
            self.ax.add_collection(drawn, autolim=False)

    def write_over(self, row: int, column: int, words: str, **how: Any) -> None:
        """Writes over a picture; `how` is for `style.font_style`."""
        left, top = self.corner(row, column)
        x, y = left + self.width / 2, top - WORDS_GAP
        self.ax.text(x, y, words, ha="center", va="bottom", **style.font_style(**how))

    def write_under(self, row: int, column: int, words: str, **how: Any) -> None:
        """Writes under a picture; `how` is for `style.font_style`."""
        left, top = self.corner(row, column)
        x, y = left + self.width / 2, top + self.height + WORDS_GAP
        self.ax.text(x, y, words, ha="center", va="top", **style.font_style(**how))

    def write_beside(self, row: int, words: str, *, left: float = GAP / 2, **how: Any) -> None:
        """Writes at the left of a row, `left` inches from the edge; `how` is for `style.font_style`."""
        y = self.corner(row, 0)[1] + self.height / 2
        self.ax.text(left, y, words, ha="left", va="center", **style.font_style(**how))

    def set_width(self, inches: float) -> None:
        """Cuts or widens the page to this width."""
        self.figure.set_figwidth(inches)
        self.ax.set_xlim(0, inches)

    def corner(self, row: float, column: float) -> tuple[float, float]:
        """The top left corner of a picture, in inches."""
        top = self._head + row * self._step + self._over + GAP / 2
        return self._side + column * self._cell + GAP / 2, top


def to_sheet_pictures(images: ArrayLike) -> np.ndarray:
    """Images as matplotlib wants them, `(N, H, W, 3)`.

    Raises:
        ValueError: If they are not `(N, 3, H, W)` uint8 with N at least 1.
    """
    found = np.asarray(images)
    if found.ndim != 4 or found.shape[1] != 3 or found.dtype != np.uint8 or not len(found):
        raise ValueError(
            f"images must be (N, 3, H, W) uint8 with N > 0, got {found.shape} {found.dtype}"
        )
    return found.transpose(0, 2, 3, 1)


def check_sheet_lengths(images: int, **others: Sized | None) -> None:
    """Refuses a list that has not one entry per image, naming it."""
    for name, values in others.items():
        if values is not None and len(values) != images:
            raise ValueError(f"{images} images but {len(values)} {name}")
