"""Heat maps over images: where the evidence of each strategy lies.

A map is drawn over the greyed image with an opacity that rises with its value, so that an empty
map shows the image and nothing else. Whether colours may be compared between maps is said at
the call, and on the colour bar.
"""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from vtlab import names, style
from vtlab.plots.images import draw_outline, pictures, same_length

CELL = 1.92  # inches, at most


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
        of: Whose evidence it is, named there too: the "predicted" or the "true" class.

    Raises:
        ValueError: If the scale is neither of the two, there is no map, or a shape differs.

    Selvaraju et al. (2017), https://arxiv.org/abs/1610.02391. Lessons 01 and 09.
    """
    images = pictures(images)
    maps = _checked(len(images), maps, scale)
    same_length(len(images), masks=masks, titles=titles, **(marks or {}))
    top = max(values.max() for values in maps.values())
    columns, rows = 1 + len(maps), len(images)
    cell, words = min(style.WIDE / columns, CELL), 0.22 if titles or marks else 0
    figure, axes = style.new_figure(
        rows, columns, width=cell * columns, height=rows * (cell + words) + 0.72, pad=0.03,
        layout="compressed",
    )  # fmt: skip
    for i in range(rows):
        mask = None if masks is None else np.asarray(masks)[i]
        draw_cam(axes[i, 0], images[i], None, mask=mask)
        _write(axes[i, 0], titles[i] if titles else "", style.INK, cell)
        for ax, (name, values) in zip(axes[i, 1:], maps.items(), strict=True):
            highest = top if scale == "shared" else None
            draw_cam(ax, images[i], values[i], highest=highest, mask=mask)
            if marks and name in marks:
                _mark(ax, *marks[name][i], cell)
    _head(axes[0], list(maps))
    _draw_scale(figure, axes, scale, top, f"evidence for the {of} class ({what})", what)
    return figure


def draw_cam(
    ax: Axes,
    image: np.ndarray,
    values: np.ndarray | None,
    *,
    highest: float | None = None,
    mask: np.ndarray | None = None,
) -> None:
    """Draws one map over its greyed image.

    Args:
        ax: Where.
        image: `(H, W, 3)` uint8.
        values: `(h, w)`; without it the image is drawn as it is.
        highest: The value that gets the brightest colour; the map's own maximum if not given.
        mask: `(H, W)` bool, drawn as an outline.
    """
    style.blank(ax)
    if values is None:
        ax.imshow(image, interpolation="catrom")
    else:
        ax.imshow(greyed(image), cmap="gray", vmin=0, vmax=1, interpolation="catrom")
        highest = float(np.max(values)) if highest is None else highest
        ax.imshow(
            upsample(values, image.shape[:2]), cmap=heat(), interpolation="bilinear",
            norm=Normalize(0, highest if highest > 0 else 1, clip=True),
        )  # fmt: skip
    if mask is not None:
        draw_outline(ax, mask)


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
            raise ValueError(f"{name}: {images} images need maps ({images}, h, w), "
                             f"got {values.shape}")  # fmt: skip
    return found


def _write(ax: Axes, words: str, colour: str, cell: float) -> None:
    """A line below a picture, cut to its width."""
    words = style.shorten(words, cell - 0.06, style.SMALL)
    ax.set_xlabel(words, labelpad=3, **style.text(style.SMALL, colour))


def _mark(ax: Axes, predicted: str, right: bool, cell: float) -> None:
    """The predicted class below a picture, with a tick or a cross."""
    sign = "\N{CHECK MARK}" if right else "\N{BALLOT X}"
    _write(ax, f"{sign} {predicted}", style.RIGHT if right else style.WRONG, cell)


def _head(axes: np.ndarray, strategies: list[str]) -> None:
    """The columns' names."""
    axes[0].set_title("image", pad=5, **style.text(style.BODY, style.QUIET))
    for ax, name in zip(axes[1:], strategies, strict=True):
        label = names.label(name)
        ax.set_title(label.text, pad=5, **style.text(style.BODY, label.colour, weight="bold"))


def _draw_scale(figure: Figure, axes: np.ndarray, scale: str, top: float, words: str,
                what: str) -> None:  # fmt: skip
    """The colour bar, which says what a colour means."""
    norm = Normalize(0, top if scale == "shared" and top > 0 else 1)
    bar = figure.colorbar(
        ScalarMappable(norm, heat()), ax=axes, location="bottom", aspect=38,
        pad=0.14 / figure.get_figheight(), fraction=0.05,
        shrink=min(1.0, 4 / figure.get_figwidth()),
    )  # fmt: skip
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=style.SMALL, colors=style.QUIET,
                       labelfontfamily=list(style.families()))  # fmt: skip
    if scale == "each":
        bar.set_ticks([0, 1], labels=["0", "max"], **style.text(style.SMALL, style.QUIET))
        words = f"evidence ({what}), each map up to its own maximum"
    bar.set_label(words, **style.text(style.SMALL, style.QUIET))
