"""A sheet of pictures: many images on one axes, quick enough to follow a control.

Axes of its own for every image, and a search for a layout, would take longer than the drawing:
the size of everything is known beforehand.
"""

from collections.abc import Sequence

import numpy as np
from contourpy import contour_generator
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from vtlab import style

GAP = 0.07  # inches between two pictures
LINE = 0.17  # inches for a line of words
AWAY = 0.05  # inches between words and their picture


class Sheet:
    """Pictures of one shape in rows and columns, with words over and under each.

    Attributes:
        figure: The sheet.
        ax: Its only axes, in inches from the top left corner.
        width: Of a picture, in inches.
        tall: Height of a picture, in inches.
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
        self.tall = self.width * shape[0] / shape[1]
        self._cell = cell
        self._over = over * LINE + AWAY * (over > 0)
        self._head, self._side = head, side
        self._step = self._over + self.tall + GAP + (under * LINE + AWAY) * (under > 0)
        self.foot = head + rows * self._step
        size = side + columns * cell, self.foot + foot
        self.figure = Figure(size, dpi=style.DPI, facecolor="white")
        self.ax = self.figure.add_axes((0, 0, 1, 1))
        style.blank(self.ax)
        self.ax.set(xlim=(0, size[0]), ylim=(size[1], 0))

    def show(self, row: int, column: int, picture: np.ndarray, **how: object) -> None:
        """Puts a picture `(H, W)` or `(H, W, 3)` in its place, over what is there."""
        left, top = self.place(row, column)
        extent = (left, left + self.width, top + self.tall, top)
        how = {"interpolation": "catrom"} | how
        self.ax.imshow(picture, extent=extent, aspect="auto", **how)

    def outline(self, row: int, column: int, mask: ArrayLike) -> None:
        """Draws the outline of a mask `(H, W)`, light on dark, so that it shows on any image."""
        mask = np.pad(np.asarray(mask, dtype=float), 1)
        if not mask.any():
            return
        pixel = np.array([self.width, self.tall]) / (mask.shape[1] - 2, mask.shape[0] - 2)
        corner = np.array(self.place(row, column)) - pixel / 2
        lines = [corner + line * pixel for line in contour_generator(z=mask).lines(0.5)]
        for colour, width in ((style.INK, 2.4), ("white", 1.1)):
            drawn = LineCollection(lines, colors=colour, linewidths=width)
            self.ax.add_collection(drawn, autolim=False)

    def over(self, row: int, column: int, words: str, **how: object) -> None:
        """Writes over a picture; `how` is for `style.text`."""
        left, top = self.place(row, column)
        self.ax.text(left + self.width / 2, top - AWAY, words, ha="center", va="bottom",
                     **style.text(**how))  # fmt: skip

    def under(self, row: int, column: int, words: str, **how: object) -> None:
        """Writes under a picture; `how` is for `style.text`."""
        left, top = self.place(row, column)
        self.ax.text(left + self.width / 2, top + self.tall + AWAY, words, ha="center", va="top",
                     **style.text(**how))  # fmt: skip

    def beside(self, row: int, words: str, **how: object) -> None:
        """Writes at the left of a row, in the space of `side`; `how` is for `style.text`."""
        _, top = self.place(row, 0)
        self.ax.text(GAP / 2, top + self.tall / 2, words, ha="left", va="center", **style.text(**how))

    def place(self, row: int, column: int) -> tuple[float, float]:
        """The top left corner of a picture, in inches."""
        top = self._head + row * self._step + self._over + GAP / 2
        return self._side + column * self._cell + GAP / 2, top


def pictures(images: ArrayLike) -> np.ndarray:
    """Images as matplotlib wants them, `(N, H, W, 3)`.

    Raises:
        ValueError: If they are not `(N, 3, H, W)` uint8 with N at least 1.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != np.uint8 or not len(images):
        raise ValueError(
            f"images must be (N, 3, H, W) uint8 with N > 0, got {images.shape} {images.dtype}"
        )
    return images.transpose(0, 2, 3, 1)


def same_length(images: int, **others: Sequence | None) -> None:
    """Refuses a list that has not one entry per image, naming it."""
    for name, values in others.items():
        if values is not None and len(values) != images:
            raise ValueError(f"{images} images but {len(values)} {name}")
