"""Heat maps over images: where the evidence of each strategy lies.

A map is drawn over the greyed image with an opacity that rises with its value, so that an empty
map shows the image and nothing else. Whether colours may be compared between maps is said at
the call, and on the colour bar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from vtlab.plots import style
from vtlab.plots.image_grids import Sheet, pictures, same_length
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL = 1.92  # inches: a picture and its gap, at most
BAR = 4.0  # inches: the colour bar, at most
GREY = 0.6  # below the colour bar: as the greyed images are on the whole
HEAD, FOOT = 0.2, 0.56  # inches: the space for the columns' names and for the colour bar


def heat() -> ListedColormap:
    """Magma whose opacity rises with the value: nothing at 0, nearly opaque from a half on."""
    values = np.linspace(0, 1, 256)
    colours = matplotlib.colormaps["magma"](0.12 + 0.86 * values)
    colours[:, 3] = 0.92 * np.clip(values / 0.55, 0, 1) ** 0.9
    return ListedColormap(colours, name="heat")


def plot_cams(
    images: ArrayLike,
    maps: Mapping[str, ArrayLike],
    *,
    masks: ArrayLike | None = None,
    scale: str = "shared",
    titles: Sequence[str] | None = None,
    marks: Mapping[str, Sequence[tuple[str, bool]]] | None = None,
    what: str = "Grad-CAM",
    of: str = "predicted",
) -> Figure:
    """Heat maps of several strategies on the same images: an image a row, a strategy a column.

    Columns may as well be methods, stages or epochs: any name that is no strategy's is shown as
    it is.

    Args:
        images: `(N, 3, H, W)` uint8.
        maps: For each strategy's name its maps `(N, h, w)`, of any resolution, not rescaled.
        masks: `(N, H, W)` bool, drawn as outlines on every picture.
        scale: "shared": one scale for all maps, so that a weak map looks weak. "each": every
            map up to its own maximum, so that colours say where and not how much.
        titles: What each image shows, written below it.
        marks: For each strategy's name, and each image, the class that was predicted and
            whether that is right.
        what: The method, named on the colour bar.
        of: Whose evidence it is, named there too: the "predicted" or the "true" class, or another
            phrase, such as "a larger number".

    Raises:
        ValueError: If the scale is neither of the two, there is no map, or a shape differs.

    Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391. Lessons 01 and 09.
    """
    images = pictures(images)
    maps = _checked(len(images), maps, scale)
    same_length(len(images), masks=masks, titles=titles, **(marks or {}))
    top = max(values.max() for values in maps.values())
    columns, rows = 1 + len(maps), len(images)
    cell = min(style.WIDE / columns, CELL)
    words = 1 if titles or marks else 0
    sheet = Sheet(rows, columns, cell, images.shape[1:3], under=words, head=HEAD, foot=FOOT)
    for i, image in enumerate(images):
        sheet.show(i, 0, image)
        if titles:
            _write(sheet, i, 0, titles[i], style.INK)
        for column, (name, values) in enumerate(maps.items(), start=1):
            sheet.show(i, column, greyed(image), cmap="gray", vmin=0, vmax=1)
            _heat(
                sheet,
                i,
                column,
                upsample(values[i], image.shape[:2]),
                top if scale == "shared" else values[i].max(),
            )
            if marks and name in marks:
                _mark(sheet, i, column, *marks[name][i])
        if masks is not None:
            for column in range(columns):
                sheet.outline(i, column, masks[i])
    _head(sheet, list(maps))
    _draw_scale(sheet, scale, top, f"evidence for {_whose(of)} ({what})", what)
    return sheet.figure


def greyed(image: ArrayLike) -> np.ndarray:
    """The image `(H, W, 3)` uint8 as light grey `(H, W)` in [0.3, 1]: shapes stay, colour goes."""
    luminance = np.asarray(image, dtype=float) @ (0.299, 0.587, 0.114) / 255
    return 0.3 + 0.7 * luminance


def upsample(values: ArrayLike, size: tuple[int, int]) -> np.ndarray:
    """A map `(h, w)` at another size `(H, W)`, bilinear, pixel areas aligned and not corners."""
    values = np.asarray(values, dtype=float)
    for axis, wanted in enumerate(size):
        have = values.shape[axis]
        centre = ((np.arange(wanted) + 0.5) * have / wanted - 0.5).clip(0, have - 1)
        low = np.floor(centre).astype(int)
        share = np.expand_dims(centre - low, 1 - axis)
        high = np.minimum(low + 1, have - 1)
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values


def _checked(images: int, maps: Mapping[str, ArrayLike], scale: str) -> dict[str, np.ndarray]:
    """The maps as arrays, each `(N, h, w)`."""
    if scale not in ("shared", "each"):
        raise ValueError(f'scale must be "shared" or "each", got {scale!r}')
    if not maps:
        raise ValueError("there is no map to draw")
    found = {name: np.asarray(values, dtype=float) for name, values in maps.items()}
    for name, values in found.items():
        if values.ndim != 3 or len(values) != images:
            raise ValueError(
                f"{name}: {images} images need maps ({images}, h, w), got {values.shape}"
            )
    return found


def _whose(of: str) -> str:
    return f"the {of} class" if of in ("predicted", "true") else of


def _heat(sheet: Sheet, row: int, column: int, values: np.ndarray, highest: float) -> None:
    """A map `(H, W)` over what is there; `highest` gets the brightest colour."""
    sheet.show(
        row,
        column,
        values,
        cmap=heat(),
        interpolation="bilinear",
        norm=Normalize(0, highest if highest > 0 else 1, clip=True),
    )


def _write(sheet: Sheet, row: int, column: int, words: str, colour: str) -> None:
    """A line below a picture, cut to its width."""
    words = style.shorten(words, sheet.width, style.SMALL)
    sheet.under(row, column, words, size=style.SMALL, colour=colour)


def _mark(sheet: Sheet, row: int, column: int, predicted: str, right: bool) -> None:
    """The predicted class below a picture, with a tick or a cross."""
    sign = "\N{CHECK MARK}" if right else "\N{BALLOT X}"
    _write(sheet, row, column, f"{sign} {predicted}", style.RIGHT if right else style.WRONG)


def _head(sheet: Sheet, strategies: list[str]) -> None:
    """The columns' names."""
    sheet.over(0, 0, "image", colour=style.QUIET)
    for column, name in enumerate(strategies, start=1):
        label = names.label(name)
        sheet.over(0, column, label.text, colour=label.colour, weight="bold")


def _draw_scale(sheet: Sheet, scale: str, top: float, words: str, what: str) -> None:
    """The colour bar, which says what a colour means."""
    ends = top if scale == "shared" and top > 0 else 1
    ticks = [
        (tick, f"{tick:g}") for tick in MaxNLocator(6).tick_values(0, ends) if 0 <= tick <= ends
    ]
    if scale == "each":
        ticks, words = [(0, "0"), (1, "max")], f"evidence ({what}), each map up to its own maximum"
    page = sheet.figure.get_figwidth()
    long, y = min(0.9 * page, BAR), sheet.foot + 0.06
    left = (page - long) / 2
    colours, opacity = np.split(heat()(np.linspace(0, 1, 256)), [3], axis=1)
    seen = opacity * colours + (1 - opacity) * GREY  # over white both ends would be pale
    sheet.ax.imshow(seen[None], aspect="auto", extent=(left, left + long, y + 0.1, y))
    for tick, name in ticks:
        sheet.ax.text(
            left + long * tick / ends,
            y + 0.14,
            name,
            ha="center",
            va="top",
            **style.text(style.SMALL, style.QUIET),
        )
    sheet.ax.text(
        page / 2, y + 0.31, words, ha="center", va="top", **style.text(style.SMALL, style.QUIET)
    )
