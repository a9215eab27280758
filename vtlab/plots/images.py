"""Pictures: grids of images, mistakes, and which class is taken for which."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from vtlab import names, style
from vtlab.plots.sheet import Sheet, pictures, same_length

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
        rows, columns, width=names_wide + 0.5 + columns * (side + 0.12), pad=0.05,
        height=(0.2 if upright else names_wide) + 0.5 + rows * (side + 0.26), sharex=True,
        sharey=True, layout="compressed",
    )  # fmt: skip
    for i, (ax, (name, table)) in enumerate(zip(axes.flat, tables.items(), strict=False)):
        label = names.label(name)
        draw_confusion(ax, table, classes, colour=label.colour if name else BLUE, digits=digits)
        ax.tick_params("x", labelbottom=i + columns >= len(tables))
        ax.tick_params("x", labelrotation=0 if upright else 90)
        ax.set_title(label.text, pad=6, **style.text(style.BODY, label.colour, weight="bold"))
    for ax in axes.flat[len(tables) :]:
        ax.set_visible(False)
    figure.supxlabel("predicted, in percent of the true class",
                     **style.text(style.SMALL, style.QUIET))  # fmt: skip
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
            column, row, f"{100 * share:.0f}", ha="center", va="center",
            **style.text(digits, "white" if share > 0.55 else style.INK),
        )  # fmt: skip


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
    return f">{style.percent(0.99, 0)}" if 0.99 < confidence < 1 else style.percent(confidence, 0)


def _class_ticks(classes: Sequence[str]) -> list[str]:
    return [style.shorten(name, LONGEST, style.SMALL) for name in classes]


def _wrapped(images: np.ndarray, columns: int, **lines: int) -> tuple[Sheet, Iterator[tuple]]:
    """A sheet for the images, and the row and column of each, in reading order."""
    rows, cell = -(-len(images) // columns), min(style.WIDE / columns, CELL)
    places = (divmod(i, columns) for i in range(len(images)))
    return Sheet(rows, columns, cell, images.shape[1:3], **lines), places
