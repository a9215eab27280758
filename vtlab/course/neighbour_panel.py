"""Lesson 02: the images that are nearest to one, by pixels and by stages."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
import traitlets
from torch import Tensor

from vtlab.plots import style
from vtlab.plots.sheet import GAP, Sheet, to_sheet_pictures
from vtlab.widgets.panel import Panel, button, control_row, number_box

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.figure import Figure

QUERY_WIDTH = 2.1  # inches: the image whose neighbours are shown
ROW_NAME_WIDTH = 0.95  # inches
HEAD = 0.28  # inches for a line of words above a figure


class NeighbourPanel(Panel):
    """One image and the five others that are most like it, by pixels and by the features of stages.

    Attributes:
        image: The number of the image.
        buttons: "previous" and "next".

    Lesson 02.
    """

    photographs = True
    image = traitlets.Int(0, min=0)

    def __init__(
        self,
        features: Mapping[str, Tensor],
        images: Tensor,
        labels: Tensor,
        classes: Sequence[str],
        **traits: object,
    ) -> None:
        """Open the panel.

        Args:
            features: By what images are compared: for each name `(N, …)`.
            images: `(N, 3, H, W)` uint8.
            labels: `(N,)`.
            classes: The class names.
            traits: To begin with.
        """
        self._images, self._labels, self._classes = images, labels, classes
        self._nearest = {name: find_neighbours(of) for name, of in features.items()}
        moves = {"previous": ("Previous image", -1), "next": ("Next image", 1)}
        self.buttons = {
            name: button(words, functools.partial(self._step, step))
            for name, (words, step) in moves.items()
        }
        super().__init__(**traits)

    @traitlets.validate("image")
    def _check_range(self, proposal: dict) -> int:
        if proposal["value"] >= len(self._images):
            raise traitlets.TraitError(f"the last image is {len(self._images) - 1}")
        return proposal["value"]

    def _step(self, step: int) -> None:
        self.image = (self.image + step) % len(self._images)

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """A box for the number of the image."""
        return {"image": number_box("Image", 0, len(self._images) - 1)}

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """The number, and two buttons."""
        return [control_row(self.controls["image"], *self.buttons.values())]

    def figure(self) -> Figure:
        """The image, and a row of neighbours for each kind of features."""
        rows = {name: nearest[self.image] for name, nearest in self._nearest.items()}
        return plot_neighbours(self._images, self._labels, self._classes, self.image, rows)

    def describe(self) -> str:
        """How many neighbours are of the image's own class, in words."""
        own = self._labels[self.image]
        counts = {
            name: int((self._labels[of[self.image]] == own).sum())
            for name, of in self._nearest.items()
        }
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        return f"Image {self.image}, {self._classes[int(own)]}. Neighbours of its class, of five: {said}."


def find_neighbours(features: Tensor, k: int = 5) -> Tensor:
    """The k nearest others of every image `(N, k)`, as `neighbour_accuracy` finds them.

    Args:
        features: `(N, …)`.
        k: How many, the nearest first.
    """
    flat = features.flatten(1).double()
    flat = F.normalize(flat - flat.mean(0), dim=1)
    return (flat @ flat.T).fill_diagonal_(-torch.inf).topk(k).indices


def own_class_share(features: Tensor, labels: Tensor) -> float:
    """The share of the five nearest neighbours that are of the image's own class; mean over images."""
    return (labels[find_neighbours(features)] == labels[:, None]).double().mean().item()


def plot_neighbours(
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    image: int,
    rows: Mapping[str, Tensor],
) -> Figure:
    """One image at the left, and its nearest others in a row for each name, right or wrong.

    Args:
        images: `(N, 3, H, W)` uint8.
        labels: `(N,)`.
        classes: The class names.
        image: The number of the image.
        rows: For each name the numbers of the nearest others.

    Lesson 02.
    """
    count = len(next(iter(rows.values())))
    left = QUERY_WIDTH + 0.2
    cell = (style.WIDE - left - ROW_NAME_WIDTH - 0.6) / count
    sheet = Sheet(len(rows), count, cell, (1, 1), under=1, head=HEAD, side=left + ROW_NAME_WIDTH)
    top = (HEAD + sheet.foot - QUERY_WIDTH) / 2
    (shown,) = to_sheet_pictures(images[image : image + 1])
    extent = (GAP / 2, QUERY_WIDTH, top + QUERY_WIDTH, top)
    sheet.ax.imshow(shown, extent=extent, aspect="auto", interpolation="catrom", gid="query")
    bold = style.font_style(weight="bold")
    own = int(labels[image])
    middle = QUERY_WIDTH / 2
    sheet.ax.text(middle, top - 0.1, classes[own], ha="center", va="bottom", **bold)
    sheet.ax.text(left, 0.14, "five nearest others by …", va="center", **bold)
    for row, (name, nearest) in enumerate(rows.items()):
        sheet.write_beside(row, name, left=left, size=style.BODY, weight="bold")
        right = 0
        for column, (number, picture) in enumerate(
            zip(nearest.tolist(), to_sheet_pictures(images[nearest]), strict=True)
        ):
            sheet.show(row, column, picture)
            same = int(labels[number]) == own
            right += same
            words = style.shorten_styled_text(
                f"✓ {classes[own]}" if same else f"✗ {classes[int(labels[number])]}", sheet.width, 8
            )
            sheet.write_under(
                row, column, words, size=8, colour=style.RIGHT if same else style.WRONG
            )
        x, y = sheet.corner(row, count)
        score = style.font_style(11, style.RIGHT if right > count / 2 else style.WRONG)
        sheet.ax.text(x + 0.05, y + sheet.height / 2, f"{right} of {count}", va="center", **score)
    sheet.set_width(style.WIDE)
    return sheet.figure
