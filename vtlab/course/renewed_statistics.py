"""Lesson 03: what a network sees, BatchNorm statistics that are renewed, the table and figure of repairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from vtlab.course.old_task import OldTask as OldTask
from vtlab.course.tables import heads_table as heads_table
from vtlab.course.tables import read_committed_table
from vtlab.models.network import Network
from vtlab.models.normalisation import IMAGENET_NORMALISATION as IMAGENET_NORMALISATION
from vtlab.models.normalisation import Normalisation as Normalisation
from vtlab.plots import style
from vtlab.results.formatting import format_percent
from vtlab.results.metrics import Interval, paired_difference, t_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALE = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # bytes divided by 255, and nothing else
SHOWN_SPREADS = 2  # the range of a picture of normalised values: this far from 0 is black or white
HISTOGRAM = 5  # the range of a histogram, in the spreads that BatchNorm expects


class SeenInput(NamedTuple):
    """What a network gets to see of an image.

    Attributes:
        picture: The normalised image `(3, H, W)`.
        standardised: What the first BatchNorm makes of some images before it scales them: with the statistics
            that it keeps, numbers around 0 with spread 1 are what the next layers know.
    """

    picture: Tensor
    standardised: Tensor


def see_input(network: Network, pixels: Tensor) -> SeenInput:
    """The first of these images as the network sees it, and all of them behind its first BatchNorm.

    Args:
        network: With the normalisation that is to be looked at; in evaluation mode.
        pixels: Bytes `(N, 3, H, W)`.

    Raises:
        StopIteration: If it has no BatchNorm.

    Lesson 03.
    """
    norm = next(layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d))
    caught: list[Tensor] = []
    hook = norm.register_forward_pre_hook(lambda layer, inputs: caught.append(inputs[0]))
    images = network.normalise(pixels)
    with torch.no_grad():
        network.eval()(images)
    hook.remove()
    mean, variance = (
        norm.get_buffer(name).view(1, -1, 1, 1) for name in ("running_mean", "running_var")
    )
    return SeenInput(images[0], ((caught[0] - mean) / (variance + norm.eps).sqrt()).flatten())


def plot_seen_inputs(seen: Mapping[str, SeenInput]) -> Figure:
    """Each way's image as the network sees it, and below what its first BatchNorm makes of all images.

    Args:
        seen: From `see_input`, by name.

    Lesson 03.
    """
    figure, axes = style.new_figure(
        2, len(seen), height=4.6, sharex="row", sharey="row", height_ratios=(1.5, 1)
    )
    figure.suptitle(
        "The picture as the network sees it (0 is mid grey), and what its first BatchNorm makes of it",
        x=0.01,
        ha="left",
        **style.font_style(style.BODY, weight="bold"),
    )
    for (picture, histogram), (name, one) in zip(axes.T, seen.items(), strict=True):
        style.hide_axes(picture)
        values = one.picture.permute(1, 2, 0).numpy()
        picture.imshow((0.5 + values / (2 * SHOWN_SPREADS)).clip(0, 1), interpolation="nearest")
        style.style_heading(picture, name)
        _draw_standardised(histogram, one.standardised.numpy())
    style.label_axes(axes[1, 0], y="share of all values")
    return figure


def _draw_standardised(ax: Axes, values: np.ndarray) -> None:
    """A histogram of what BatchNorm gives on, over the bell that it should be."""
    style.prepare_axes(ax)
    edges = np.linspace(-HISTOGRAM, HISTOGRAM, 61)
    inside = values.clip(-HISTOGRAM, HISTOGRAM)
    ax.hist(inside, edges.tolist(), density=True, color=style.BLUE, alpha=0.75, linewidth=0)
    ax.plot(edges, np.exp(-(edges**2) / 2) / (2 * np.pi) ** 0.5, color=style.WRONG, linewidth=1.4)
    words = f"mean {values.mean():z.1f}\nspread {values.std():.1f}"
    style.annotate(ax, words, (1, 1), (-2, -2), xycoords="axes fraction", ha="right", va="top")
    ax.set(xlim=(-HISTOGRAM, HISTOGRAM), yticks=[])
    style.label_axes(ax, x="in the spread that BatchNorm keeps")


def find_batchnorms(network: Network) -> list[nn.BatchNorm2d]:
    """The BatchNorm layers of a network's stages, from the image on. Lesson 03."""
    return [layer for layer in network.stages.modules() if isinstance(layer, nn.BatchNorm2d)]


def renew_statistics(network: Network, layers: Iterable[nn.BatchNorm2d], pixels: Tensor) -> Network:
    """Take the statistics of some BatchNorm layers from one pass of images, in place; no weight changes.

    All other layers run in evaluation mode. Li et al. (2017), *Revisiting batch normalization for practical
    domain adaptation*.

    Args:
        network: Also returned, in evaluation mode.
        layers: Whose statistics are forgotten first.
        pixels: Bytes `(N, 3, H, W)`, all in one batch.

    Lesson 03.
    """
    network.eval()
    momenta = {layer: layer.momentum for layer in layers}
    for layer in momenta:
        layer.reset_running_stats()
        layer.momentum = None  # the plain average since the reset
        layer.train()
    with torch.no_grad():
        network(network.normalise(pixels))
    for layer, momentum in momenta.items():
        layer.momentum = momentum
    return network.eval()


def pale_table() -> pd.DataFrame:
    """The committed table: a network with a wrong normalisation, and ways to repair it; five seeds.

    Columns: `backbone`; the normalisation of the `images` that it sees ("healthy": its own, "ImageNet's",
    "pale": only divided by 255; "no mean", "no spread": that half of its own is left out); what its
    `head` was solved on ("healthy", "pale"; "fine-tuned": all
    weights learnt from pale images, at some `rate`); whose BatchNorm statistics were `renewed` ("none",
    "first", "last", "others", "all") from how many images (`count`); `seed`, `test_accuracy`.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 03.
    """
    return read_committed_table("pale")


def pale_runs(
    *,
    images: str = "pale",
    head: str = "healthy",
    renewed: str = "none",
    count: int | None = None,
    backbone: str = "mini_resnet",
    table: pd.DataFrame | None = None,
) -> np.ndarray:
    """The test accuracies of one way to repair, by seed; of several rates those of the best mean.

    Args:
        images: As in `pale_table`.
        head: As in the table.
        renewed: As in the table.
        count: Images that the statistics were renewed from; None for the most.
        backbone: As in the table.
        table: None for `pale_table`.

    Raises:
        ValueError: If the table has no such runs.

    Lesson 03.
    """
    table = pale_table() if table is None else table
    wanted = {"backbone": backbone, "images": images, "head": head, "renewed": renewed}
    runs = table[np.all([table[column] == value for column, value in wanted.items()], axis=0)]
    runs = runs[runs["count"] == (runs["count"].max() if count is None else count)]
    if runs.empty:
        raise ValueError(f"no runs of {', '.join(wanted.values())} with {count} images")
    means = runs.groupby("rate", dropna=False).test_accuracy.transform("mean")
    return runs[means == means.max()].sort_values("seed").test_accuracy.to_numpy()


def points_ahead(ours: np.ndarray, theirs: np.ndarray) -> Interval:
    """How many points of accuracy ours are ahead of theirs: the paired difference over the seeds. Lesson 03."""
    return t_interval(100 * (ours - theirs))


def points_gained(renewed: str, backbone: str = "mini_resnet") -> Interval:
    """How many points come back when the statistics of these layers are renewed from pale images.

    Args:
        renewed: As in `pale_table`.
        backbone: As in the table.

    Lesson 03.
    """
    still_pale = pale_runs(backbone=backbone)
    return points_ahead(pale_runs(backbone=backbone, renewed=renewed), still_pale)


# heading of each column of words, and where it begins
REPAIR_COLUMNS = {
    "the network sees": 0.0,
    "its head was solved on": 0.9,
    "BatchNorm's statistics": 2.0,
}
REPAIRS: dict[
    tuple[str, str, str], dict[str, Any]
] = {  # the words of each row of the figure, and the runs of the table
    ("healthy images", "healthy images", "of pretraining"): {"images": "healthy"},
    ("pale images", "healthy images", "of pretraining"): {},
    ("pale images", "pale images", "of pretraining"): {"head": "pale"},
    ("pale images", "all weights fine-tuned", "follow the batches"): {"head": "fine-tuned"},
    ("pale images", "healthy images", "all renewed"): {"renewed": "all"},
    ("pale images", "healthy images", "the first renewed"): {"renewed": "first"},
    ("pale images", "healthy images", "the last renewed"): {"renewed": "last"},
    ("pale images", "healthy images", "all but the first"): {"renewed": "others"},
    ("healthy images", "healthy images", "all renewed"): {"images": "healthy", "renewed": "all"},
}
PALE_TEST_IMAGES = 400  # of the table
WORDS_WIDTH = 1.35  # of the columns of words, as a share of the chart's width


def plot_repairs(chance: float) -> Figure:
    """What each way to repair a network with a wrong normalisation gives: dots, mean, 95 % interval.

    Args:
        chance: A dotted line.

    Lesson 03.
    """
    figure, axes = style.new_figure(
        1, 2, height=1.1 + 0.36 * len(REPAIRS), sharey=True, width_ratios=(WORDS_WIDTH, 1), pad=0.02
    )
    words, ax = axes[0]
    style.hide_axes(words)
    style.prepare_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    words.set(xlim=(0, len(REPAIR_COLUMNS)), ylim=(len(REPAIRS) - 0.5, -1.1))
    for heading, left in REPAIR_COLUMNS.items():
        words.text(left, -0.85, heading, va="center", **style.font_style(style.SMALL, style.QUIET))
    healthy = next(iter(REPAIRS))
    for place, (row, chosen) in enumerate(REPAIRS.items()):
        for one, usual, left in zip(row, healthy, REPAIR_COLUMNS.values(), strict=True):
            font = style.font_style(style.BODY, weight="normal" if one == usual else "bold")
            words.text(left, place, one, va="center", **font)
        _draw_seeds(ax, place, pale_runs(**chosen))
    ax.axvline(chance, **style.DOTTED)
    ax.set(xlim=(0, 1), yticks=[])
    style.set_percent_axis(ax.xaxis)
    style.style_heading(ax, "One look without labels brings most of it back")
    style.label_axes(ax, x="test accuracy (band: 95\N{NO-BREAK SPACE}% interval; dotted: chance)")
    return figure


def _draw_seeds(ax: Axes, place: int, values: np.ndarray) -> None:
    """A row of the chart: the interval, the mean as a line and in figures, a dot per seed."""
    found = paired_difference(values.tolist(), [0.0] * len(values), PALE_TEST_IMAGES)
    band = style.style_band(style.BLUE, 0.2, f"interval {place}")
    ax.barh(place, found.high - found.low, 0.5, found.low, zorder=2, **band)
    ax.plot([found.mean] * 2, [place - 0.3, place + 0.3], color=style.BLUE, linewidth=2, zorder=3)
    heights = place + np.linspace(-0.15, 0.15, len(values))
    ax.plot(values, heights, "o", color=style.BLUE, zorder=4, clip_on=False, **style.mark_style(4))
    at_left = found.mean > 0.5
    style.annotate(
        ax,
        format_percent(found.mean, 0),
        (found.low if at_left else found.high, place),
        (-8 if at_left else 8, 0),
        va="center",
        ha="right" if at_left else "left",
        weight="bold",
    )
