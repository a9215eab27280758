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
from PIL import Image

from vtlab.plots import style
from vtlab.plots.sheet import Sheet, check_sheet_lengths, to_sheet_pictures
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_WIDTH = 1.92  # inches: a picture and its gap, at most
HEAD, FOOT = 0.2, 0.56  # inches: the space for the columns' names and for the colour bar
BAR_WIDTH = 4.0  # inches: the colour bar, at most
BAR_GREY = 0.6  # below the colour bar: as the greyed images are on the whole


def heatmap_colormap() -> ListedColormap:
    """Magma whose opacity rises with the value: nothing at 0, nearly opaque from a half on."""
    values = np.linspace(0, 1, 256)
    colours = matplotlib.colormaps["magma"](0.12 + 0.86 * values)
    colours[:, 3] = 0.92 * np.clip(values / 0.55, 0, 1) ** 0.9
    return ListedColormap(colours, name="heat")


def paint_heatmap(values: ArrayLike, side: int) -> Image.Image:
    """A map `(h, w)` up to its own maximum, as a square picture that is clear where it is 0."""
    found = np.asarray(values, dtype=float)
    colours = heatmap_colormap()(found / max(found.max(), np.finfo(float).tiny), bytes=True)
    return Image.fromarray(colours).resize((side, side), Image.Resampling.BILINEAR)


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
    pictures = to_sheet_pictures(images)
    found = _check_maps(len(pictures), maps, scale)
    outlined = None if masks is None else np.asarray(masks)
    check_sheet_lengths(len(pictures), masks=outlined, titles=titles, **(marks or {}))
    top = max(values.max() for values in found.values())
    columns, rows = 1 + len(found), len(pictures)
    cell = min(style.WIDE / columns, CELL_WIDTH)
    words = 1 if titles or marks else 0
    sheet = Sheet(rows, columns, cell, pictures.shape[1:3], under=words, head=HEAD, foot=FOOT)
    for i, image in enumerate(pictures):
        sheet.show(i, 0, image)
        if titles:
            _write_line(sheet, i, 0, titles[i], style.INK)
        for column, (name, values) in enumerate(found.items(), start=1):
            # grey below the heat, or the image's own colours would be read as evidence
            sheet.show(i, column, _to_grey(image), cmap="gray", vmin=0, vmax=1)
            highest = top if scale == "shared" else values[i].max()
            _draw_heat(sheet, i, column, resize_heatmap(values[i], image.shape[:2]), highest)
            if marks and name in marks:
                _write_prediction(sheet, i, column, *marks[name][i])
        if outlined is not None:
            for column in range(columns):
                sheet.outline(i, column, outlined[i])
    _write_names(sheet, list(found))
    _draw_colour_bar(sheet, scale, top, of, what)
    return sheet.figure


def _to_grey(image: ArrayLike) -> np.ndarray:
    """The image `(H, W, 3)` uint8 as light grey `(H, W)` in [0.3, 1]: shapes stay, colour goes."""
    luminance = np.asarray(image, dtype=float) @ (0.299, 0.587, 0.114) / 255
    return 0.3 + 0.7 * luminance


def resize_heatmap(values: ArrayLike, size: tuple[int, int]) -> np.ndarray:
    """A map `(h, w)` at another size `(H, W)`, bilinear, pixel areas aligned and not corners.

    As `vtlab.analysis.cams.resize_maps` does with tensors: drawing needs no torch.
    """
    resized = np.asarray(values, dtype=float)
    for axis, wanted in enumerate(size):
        have = resized.shape[axis]
        centre = ((np.arange(wanted) + 0.5) * have / wanted - 0.5).clip(0, have - 1)
        low = np.floor(centre).astype(int)
        share = np.expand_dims(centre - low, 1 - axis)
        high = np.minimum(low + 1, have - 1)
        resized = resized.take(low, axis) * (1 - share) + resized.take(high, axis) * share
    return resized


def _check_maps(images: int, maps: Mapping[str, ArrayLike], scale: str) -> dict[str, np.ndarray]:
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


def _draw_heat(sheet: Sheet, row: int, column: int, values: np.ndarray, highest: float) -> None:
    """A map `(H, W)` over what is there; `highest` gets the brightest colour."""
    sheet.show(
        row,
        column,
        values,
        cmap=heatmap_colormap(),
        interpolation="bilinear",
        norm=Normalize(0, highest if highest > 0 else 1, clip=True),
    )


def _write_line(sheet: Sheet, row: int, column: int, words: str, colour: str) -> None:
    """A line below a picture, cut to its width."""
    words = style.shorten_styled_text(words, sheet.width, style.SMALL)
    sheet.write_under(row, column, words, size=style.SMALL, colour=colour)


def _write_prediction(sheet: Sheet, row: int, column: int, predicted: str, right: bool) -> None:
    """The predicted class below a picture, with a tick or a cross."""
    sign = "\N{CHECK MARK}" if right else "\N{BALLOT X}"
    _write_line(sheet, row, column, f"{sign} {predicted}", style.RIGHT if right else style.WRONG)


def _write_names(sheet: Sheet, strategies: list[str]) -> None:
    """Write the columns' names above them."""
    sheet.write_over(0, 0, "image", colour=style.QUIET)
    for column, name in enumerate(strategies, start=1):
        label = names.get_label(name)
        sheet.write_over(0, column, label.text, colour=label.colour, weight="bold")


def _draw_colour_bar(sheet: Sheet, scale: str, top: float, of: str, what: str) -> None:
    """The colour bar, which says what a colour means."""
    if scale == "shared":
        ends = top if top > 0 else 1
        ticks = {t: f"{t:g}" for t in MaxNLocator(6).tick_values(0, ends) if 0 <= t <= ends}
        whose = f"the {of} class" if of in ("predicted", "true") else of
        words = f"evidence for {whose} ({what})"
    else:
        ends, ticks = 1, {0: "0", 1: "max"}
        words = f"evidence ({what}), each map up to its own maximum"
    page = sheet.figure.get_figwidth()
    long, y = min(0.9 * page, BAR_WIDTH), sheet.foot + 0.06
    left = (page - long) / 2
    colours, opacity = np.split(heatmap_colormap()(np.linspace(0, 1, 256)), [3], axis=1)
    seen = opacity * colours + (1 - opacity) * BAR_GREY  # over white both ends would be pale
    sheet.ax.imshow(seen[None], aspect="auto", extent=(left, left + long, y + 0.1, y))
    font = style.font_style(style.SMALL, style.QUIET)
    for tick, name in ticks.items():
        sheet.ax.text(left + long * tick / ends, y + 0.14, name, ha="center", va="top", **font)
    sheet.ax.text(page / 2, y + 0.31, words, ha="center", va="top", **font)
