"""Pictures: grids of images, mistakes, and which class is taken for which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from contourpy import contour_generator
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from vtlab.plots import style
from vtlab.results import labels as names
from vtlab.results.labels import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL = 1.9  # inches: a picture in a grid at most
LONGEST = 1.4  # inches: a class name beside a confusion matrix at most
BLUE = "#33658a"  # for what belongs to no strategy


def plot_images(
    images: ArrayLike,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    masks: ArrayLike | None = None,
) -> Figure:
    """Images in a grid.

    Args:
        images: `(N, 3, H, W)` uint8.
        titles: One per image, shown above it.
        columns: Of the grid; 8 where there are so many images.
        masks: `(N, H, W)` bool, drawn as outlines.

    Raises:
        ValueError: If the images have another shape or type, or a length differs.
    """
    images = pictures(images)
    same_length(len(images), titles=titles, masks=masks)
    lines = max(title.count("\n") + 1 for title in titles) if titles else 0
    sheet, places = _wrapped(images, columns or min(len(images), 8), over=lines)
    for i, place in enumerate(places):
        sheet.show(*place, images[i])
        if masks is not None:
            sheet.outline(*place, masks[i])
        if titles:
            cut = [style.shorten(line, sheet.width, style.SMALL) for line in titles[i].split("\n")]
            sheet.over(*place, "\n".join(cut), size=style.SMALL, colour=style.QUIET)
    return sheet.figure


def plot_confusion(
    counts: ArrayLike | Mapping[str, ArrayLike],
    classes: Sequence[str],
    *,
    columns: int | None = None,
) -> Figure:
    """Which class is taken for which: each true class a row, in percent of the row.

    Args:
        counts: `(K, K)`, rows true; or one for each strategy's name, drawn side by side.
        classes: The K class names.
        columns: How many side by side.

    Raises:
        ValueError: If a matrix is not `(K, K)`.

    Lesson 01.
    """
    tables = counts if isinstance(counts, Mapping) else {"": counts}
    columns = columns or min(len(tables), 4 if len(classes) <= 10 else 2)
    rows, k = -(-len(tables) // columns), len(classes)
    names_wide = max(style.text_width(name, style.SMALL) for name in _class_ticks(classes))
    side = min((style.WIDE - names_wide - 0.5) / columns - 0.12, max(1.5, 0.4 * k))
    digits = style.SMALL if side / k > 0.24 else 6.2 if side / k > 0.17 else None
    upright = names_wide < 0.9 * side / k
    figure, axes = style.new_figure(
        rows,
        columns,
        width=names_wide + 0.5 + columns * (side + 0.12),
        pad=0.05,
        height=(0.2 if upright else names_wide) + 0.5 + rows * (side + 0.26),
        sharex=True,
        sharey=True,
        layout="compressed",
    )
    for i, (ax, (name, table)) in enumerate(zip(axes.flat, tables.items(), strict=False)):
        label = names.label(name)
        draw_confusion(ax, table, classes, colour=label.colour if name else BLUE, digits=digits)
        ax.tick_params("x", labelbottom=i + columns >= len(tables))
        ax.tick_params("x", labelrotation=0 if upright else 90)
        ax.set_title(label.text, pad=6, **style.text(style.BODY, label.colour, weight="bold"))
    for ax in axes.flat[len(tables) :]:
        ax.set_visible(False)
    figure.supxlabel(
        "predicted, in percent of the true class", **style.text(style.SMALL, style.QUIET)
    )
    figure.supylabel("true", **style.text(style.SMALL, style.QUIET))
    return figure


def draw_confusion(
    ax: Axes,
    counts: ArrayLike,
    classes: Sequence[str],
    *,
    colour: str = BLUE,
    digits: float | None = style.SMALL,
) -> None:
    """Draws one confusion matrix; a class without images is an empty row.

    Args:
        ax: Where.
        counts: `(K, K)`, rows true.
        classes: The K class names.
        colour: Of a cell that holds all images of its class.
        digits: Size of the numbers in points; None for no numbers.

    Raises:
        ValueError: If the counts are not `(K, K)`.
    """
    counts, k = np.asarray(counts), len(classes)
    if counts.shape != (k, k):
        raise ValueError(f"{k} classes need counts ({k}, {k}), got {counts.shape}")
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    style.prepare(ax)
    ax.spines[:].set_visible(False)
    ax.imshow(shares, cmap=ramp(colour), vmin=0, vmax=1, interpolation="nearest")
    ticks = _class_ticks(classes)
    wording = style.text(style.SMALL if k <= 12 else style.TINY, style.QUIET)
    ax.set_xticks(range(k), ticks, rotation=90, **wording)
    ax.set_yticks(range(k), ticks, **wording)
    # White lines between the cells, from minor ticks between the classes.
    ax.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    ax.grid(True, which="minor", color="white", linewidth=1.2, linestyle="-", alpha=1)
    for row, column in np.argwhere(shares >= 0.005) if digits else ():
        share = shares[row, column]
        ax.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            **style.text(digits, "white" if share > 0.55 else style.INK),
        )


def plot_mistakes(
    images: ArrayLike,
    true: Sequence[int],
    predicted: Sequence[int],
    confidences: Sequence[float],
    classes: Sequence[str],
    *,
    columns: int | None = None,
) -> Figure:
    """Images with the class that was predicted, how surely, and the class that they are.

    Args:
        images: `(N, 3, H, W)` uint8, in the order to show.
        true: Class index of each image.
        predicted: Class index that the network gave.
        confidences: Probability of the predicted class.
        classes: The class names.
        columns: Of the grid; 5 where there are so many images.

    Raises:
        ValueError: If the images have another shape or type, or a length differs.

    Lesson 01.
    """
    images = pictures(images)
    same_length(len(images), true=true, predicted=predicted, confidences=confidences)
    sheet, places = _wrapped(images, columns or min(len(images), 5), over=1, under=1)
    for i, place in enumerate(places):
        sheet.show(*place, images[i])
        colour = style.RIGHT if true[i] == predicted[i] else style.WRONG
        sure = f" {_sureness(confidences[i])}"
        room = sheet.width - style.text_width(sure, style.SMALL, "bold")
        guess = style.shorten(classes[predicted[i]], room, style.SMALL, "bold") + sure
        truth = style.shorten(f"is {classes[true[i]]}", sheet.width, style.SMALL)
        sheet.over(*place, guess, size=style.SMALL, colour=colour, weight="bold")
        sheet.under(*place, truth, size=style.SMALL)
    return sheet.figure


def ramp(colour: str) -> Colormap:
    """From almost white to the colour."""
    return LinearSegmentedColormap.from_list(colour, ["#f4f5f7", colour])


def _sureness(confidence: float) -> str:
    """A probability in percent; nothing short of certainty is rounded up to it."""
    return f">{percent(0.99, 0)}" if 0.99 < confidence < 1 else percent(confidence, 0)


def _class_ticks(classes: Sequence[str]) -> list[str]:
    return [style.shorten(name, LONGEST, style.SMALL) for name in classes]


def _wrapped(images: np.ndarray, columns: int, **lines: int) -> tuple[Sheet, Iterator[tuple]]:
    """A sheet for the images, and the row and column of each, in reading order."""
    rows, cell = -(-len(images) // columns), min(style.WIDE / columns, CELL)
    places = (divmod(i, columns) for i in range(len(images)))
    return Sheet(rows, columns, cell, images.shape[1:3], **lines), places


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
        self.ax.text(
            left + self.width / 2, top - AWAY, words, ha="center", va="bottom", **style.text(**how)
        )

    def under(self, row: int, column: int, words: str, **how: object) -> None:
        """Writes under a picture; `how` is for `style.text`."""
        left, top = self.place(row, column)
        self.ax.text(
            left + self.width / 2,
            top + self.tall + AWAY,
            words,
            ha="center",
            va="top",
            **style.text(**how),
        )

    def beside(self, row: int, words: str, **how: object) -> None:
        """Writes at the left of a row, in the space of `side`; `how` is for `style.text`."""
        _, top = self.place(row, 0)
        self.ax.text(
            GAP / 2, top + self.tall / 2, words, ha="left", va="center", **style.text(**how)
        )

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


VIEWS_CELL = 0.95  # inches: a picture at most
LABEL = 1.2  # inches: the name of a row at most
APART = 0.12  # inches between names and pictures


def plot_views(rows: Mapping[str, ArrayLike], titles: Sequence[str] | None = None) -> Figure:
    """A row of images for each name, the name at its left.

    Args:
        rows: For each name, images `(N, 3, H, W)` uint8, the same number and size in each row.
        titles: One for each column, written above the first row.

    Raises:
        ValueError: If there is no row, rows differ in shape, or the titles do not fit.

    Lesson 08.
    """
    shown = {name: pictures(images) for name, images in rows.items()}
    shapes = {images.shape for images in shown.values()}
    if len(shapes) != 1:
        raise ValueError(f"the rows' images should have one shape, not {sorted(shapes)}")
    ((columns, height, width, _),) = shapes
    if titles is not None and len(titles) != columns:
        raise ValueError(f"{columns} images in a row but {len(titles)} titles")
    names = [style.shorten(name, LABEL, style.BODY) for name in shown]
    side = max(style.text_width(name, style.BODY) for name in names) + APART
    head = 0.25 if titles else 0
    cell = min((style.WIDE - side) / columns, VIEWS_CELL)
    sheet = Sheet(len(shown), columns, cell, (height, width), side=side, head=head)
    for row, (name, images) in enumerate(zip(names, shown.values(), strict=True)):
        sheet.beside(row, name, size=style.BODY)
        for column, image in enumerate(images):
            sheet.show(row, column, image)
    for column, title in enumerate(titles or ()):
        words = style.shorten(title, sheet.width, style.SMALL)
        sheet.over(0, column, words, size=style.SMALL, colour=style.QUIET)
    return sheet.figure
