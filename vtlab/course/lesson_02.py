"""What lesson 02 uses: random networks, two networks' maps and patches, blocks, tables, checks of exercises."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import torch
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from vtlab.analysis.architecture import field_after
from vtlab.analysis.feature_space import neighbour_accuracy
from vtlab.analysis.gradients import stack_gradient_lengths as stack_gradient_lengths
from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.neighbour_panel import HEAD
from vtlab.course.neighbour_panel import NeighbourPanel as NeighbourPanel
from vtlab.course.neighbour_panel import own_class_share as own_class_share
from vtlab.course.tables import ZOO as ZOO
from vtlab.course.tables import pretraining_log as pretraining_log
from vtlab.course.tables import read_committed_table
from vtlab.course.tables import zoo_table as zoo_table
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.initialisation import deep_stack as deep_stack
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.plots.legends import label_line_ends
from vtlab.plots.sheet import GAP
from vtlab.plots.stage_images import (
    GROUP_GAP,
    IMAGE_CELLS,
    NAME_CELLS,
    plot_feature_maps,
    plot_patches,
)
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


NEEDED_GAIN = 0.1  # of exercise 02.4
RATE_SEED = 100  # of the rates in degradation.csv
CHECKED_SEED = 1  # its textures are others than a learner tries with
DEPTH_COLOURS = {7: "#0072B2", 31: "#C4461B"}  # of stacks with so many layers


def random_networks(designs: Iterable[str], pixels: Tensor, seed: int) -> dict[str, Network]:
    """Networks of these designs with random weights: a control for what pretraining does.

    BatchNorm's statistics are those of the images, so that nothing but the weights is random.

    Args:
        designs: Names of backbones.
        pixels: Bytes `(N, 3, H, W)`, for the statistics.
        seed: Of the weights.

    Lesson 02.
    """
    found = {}
    for name in designs:
        network = backbone(name, classes=2, weights=None)
        network.reset_stages(seed)
        update_bn([network.normalise(pixels)], network)
        found[name] = network.eval()
    return found


def sample_photographs(size: int = 64) -> dict[str, Tensor]:
    """Scikit-learn's two sample photographs, `(3, size, size)` uint8: the middle square, shrunk.

    Lesson 02.
    """
    from sklearn.datasets import load_sample_images
    from torchvision.transforms.v2 import functional as T

    shrunk = {}
    for name, photograph in zip(("temple", "flower"), load_sample_images().images, strict=True):
        whole = torch.from_numpy(photograph.copy()).permute(2, 0, 1)  # (3, H, W)
        square = T.center_crop(whole, [min(whole.shape[1:])])
        shrunk[name] = T.resize(square, [size, size], antialias=True)
    return shrunk


def plot_two_maps(
    image: Tensor,
    first: Mapping[str, Tensor],
    second: Mapping[str, Tensor],
    titles: tuple[str, str] = ("pretrained", "random weights"),
) -> Figure:
    """One image and its feature maps in two networks side by side, stage by stage.

    Args:
        image: `(3, H, W)` uint8.
        first: For each stage the chosen channels `(C, h, w)`.
        second: As many of another network.
        titles: Over the two halves.

    Lesson 02.
    """
    figure = plot_feature_maps(
        image, {stage: torch.cat([of, second[stage]]) for stage, of in first.items()}
    )
    count = len(next(iter(first.values())))
    left = IMAGE_CELLS + 0.25 + NAME_CELLS  # as plot_feature_maps has it
    return _name_halves(figure, (left, left + count), left + count, left + 2 * count, titles)


def plot_two_patches(
    first: Mapping[str, Sequence[Tensor]],
    second: Mapping[str, Sequence[Tensor]],
    titles: tuple[str, str] = ("network A", "network B"),
) -> Figure:
    """The strongest patches of two networks side by side, stage by stage.

    Args:
        first: From `strongest_patches`.
        second: The same of another network.
        titles: Over the two halves.

    Lesson 02.
    """
    figure = plot_patches({stage: [*of, *second[stage]] for stage, of in first.items()})
    groups = [len(next(iter(of.values()))) for of in (first, second)]
    long = len(next(iter(first.values()))[0])
    total = NAME_CELLS + sum(groups) * long + (sum(groups) - 1) * GROUP_GAP
    middle = NAME_CELLS + groups[0] * (long + GROUP_GAP)
    return _name_halves(figure, (NAME_CELLS, middle), middle - GROUP_GAP / 2, total, titles)


def _name_halves(
    figure: Figure, starts: tuple[float, float], cut: float, total: float, titles: tuple[str, str]
) -> Figure:
    """Titles over the two halves of a sheet and a line between them; places in cells, of `total` in all."""
    (ax,) = figure.axes
    wide, high = figure.get_size_inches()
    figure.set_figheight(high + HEAD)
    ax.set_ylim(high, -HEAD)
    for start, title in zip(starts, titles, strict=True):
        x = start * wide / total + GAP / 2
        ax.text(x, -HEAD / 2, title, va="center", **style.font_style(11, weight="bold"))
    ax.plot([cut * wide / total] * 2, [-HEAD, high], color=style.QUIET, linewidth=1)
    return figure


def degradation_table() -> pd.DataFrame:
    """The committed trainings of stacks on handwritten digits, a row per epoch, each kind at its best rate.

    Columns: shortcuts, layers, rate, seed, epoch, loss and train_error (of the batches, as they were trained
    on), test_accuracy (at the end). The rate was chosen by the training loss of a seed that is left out here.

    He et al. (2016), https://arxiv.org/abs/1512.03385. Lesson 02.
    """
    table = read_committed_table("degradation")
    return table[table.seed < RATE_SEED]


def plot_degradation(table: pd.DataFrame) -> Figure:
    """The training error of shallow and deep stacks, without and with shortcuts: a thin line per seed.

    Args:
        table: From `degradation_table`.

    Lesson 02.
    """
    titles = {False: "plain: deeper is worse", True: "with shortcuts"}
    figure, axes = style.new_figure(1, len(titles), height=3.3, sharey=True, pad=0.08)
    for ax, (shortcuts, title) in zip(axes[0], titles.items(), strict=True):
        style.prepare_axes(ax, grid="y")
        style.style_heading(ax, title)
        ends, colours = {}, {}
        for layers, colour in DEPTH_COLOURS.items():
            runs = table[(table.shortcuts == shortcuts) & (table.layers == layers)]
            for _, run in runs.groupby("seed"):
                ax.plot(run.epoch, run.train_error, color=colour, linewidth=0.8, alpha=0.45)
            mean = runs.groupby("epoch").train_error.mean()
            ax.plot(mean.index, mean, color=colour, linewidth=2.4, gid=f"{layers} layers")
            ends[f"{layers} layers"] = mean.index[-1], mean.iloc[-1]
            colours[f"{layers} layers"] = colour
        ax.set(xlim=(1, table.epoch.max()), ylim=(0, 1))
        style.set_percent_axis(ax.yaxis)
        style.label_axes(ax, x="epoch", pad=5)
        label_line_ends(ax, ends, colours)
    style.label_axes(axes[0, 0], y="training error")
    return figure


def zoo_probes_table() -> pd.DataFrame:
    """The committed probes on the small backbones, a row per seed; `backbone` is "pixels" for nearest shots.

    Columns: task, backbone, shots, seed, test_accuracy. Lesson 02.
    """
    return read_committed_table("zoo_probes")


# what blocks are made of: words, the middle of the box (x from 0 to 1, y in boxes from the top)
BLOCKS: dict[str, tuple[dict[str, tuple[str, float, float]], tuple[tuple[str, str], ...]]] = {
    "mini_vgg": (
        {"a": ("3 × 3", 0.5, 1), "b": ("3 × 3", 0.5, 2.5)},
        (("in", "a"), ("a", "b"), ("b", "out")),
    ),
    "mini_resnet": (
        {"a": ("3 × 3", 0.5, 1), "b": ("3 × 3", 0.5, 2.5), "+": ("add", 0.5, 3.6)},
        (("in", "a"), ("a", "b"), ("b", "+"), ("in", "+"), ("+", "out")),
    ),
    "mini_inception": (
        {
            "a": ("1 × 1", 0.13, 1.75),
            "b": ("1 × 1", 0.38, 1),
            "c": ("3 × 3", 0.38, 2.5),
            "d": ("1 × 1", 0.63, 1),
            "e": ("3 × 3", 0.63, 2.5),
            "f": ("pool", 0.88, 1),
            "g": ("1 × 1", 0.88, 2.5),
            "+": ("side by side", 0.5, 3.6),
        },
        (
            *(("in", "a"), ("in", "b"), ("in", "d"), ("in", "f"), ("b", "c"), ("d", "e")),
            *(("f", "g"), ("a", "+"), ("c", "+"), ("e", "+"), ("g", "+"), ("+", "out")),
        ),
    ),
    "mini_mobilenet": (
        {
            "a": ("1 × 1, widen", 0.5, 0.75),
            "b": ("3 × 3, each channel alone", 0.5, 1.75),
            "c": ("1 × 1, narrow", 0.5, 2.75),
            "+": ("add", 0.5, 3.6),
        },
        (("in", "a"), ("a", "b"), ("b", "c"), ("c", "+"), ("in", "+"), ("+", "out")),
    ),
}


def plot_blocks() -> Figure:
    """The block that each design repeats, from its input at the top to its output.

    Lesson 02.
    """
    figure, axes = style.new_figure(1, len(BLOCKS), height=2.9, pad=0.04)
    for ax, (name, (boxes, arrows)) in zip(axes[0], BLOCKS.items(), strict=True):
        style.hide_axes(ax)
        ax.set(xlim=(0, 1), ylim=(4.75, -0.35))
        label = names.get_label(name)
        style.style_heading(ax, label.text)
        places = {"in": (0.5, 0.0), "out": (0.5, 4.5)}
        places |= {key: (x, y) for key, (_, x, y) in boxes.items()}
        for start, end in arrows:
            shortcut = name != "mini_inception" and (start, end) == ("in", "+")
            _draw_arrow(ax, places[start], places[end], shortcut)
        for words, x, y in boxes.values():
            half = 0.035 + 0.0145 * len(words)
            face = "white" if words in ("add", "side by side") else label.colour
            box = FancyBboxPatch(
                (x - half, y - 0.28),
                2 * half,
                0.56,
                boxstyle="round,pad=0,rounding_size=0.04",
                mutation_aspect=5,
                facecolor=face,
                edgecolor=label.colour,
                zorder=3,
            )
            ax.add_patch(box)
            ink = label.colour if face == "white" else "white"
            ax.text(x, y, words, ha="center", va="center", zorder=4, **style.font_style(8, ink))
        for end in ("in", "out"):
            x, y = places[end]
            words = {"in": "maps in", "out": "maps out"}[end]
            quiet = style.font_style(style.SMALL, style.QUIET)
            ax.text(
                x, y, words, ha="center", va="center", zorder=4, backgroundcolor="white", **quiet
            )
    return figure


def _draw_arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], shortcut: bool
) -> None:
    """An arrow between two boxes; a shortcut goes around the boxes between, at the right."""
    (x, y), (to_x, to_y) = start, end
    if shortcut:
        way = [(x + 0.02, y), (0.97, y), (0.97, to_y), (to_x + 0.1, to_y)]
        ax.plot(*zip(*way[:3], strict=True), color=style.WRONG, linewidth=1.6, zorder=1)
        start, end = way[2], way[3]
    else:
        start, end = (x, y + 0.2), (to_x, to_y - 0.26)
    colour = style.WRONG if shortcut else style.QUIET
    arrow = FancyArrowPatch(
        start, end, arrowstyle="-|>", mutation_scale=9, color=colour, shrinkA=0, shrinkB=0, zorder=2
    )
    ax.add_patch(arrow)


@exercise("02.1")
def _small_kernels(answer: object) -> Verdict:
    if not isinstance(answer, nn.Module):
        return False, "The answer is a module, such as nn.Sequential(…)."
    layers = [module for module in answer.modules() if isinstance(module, nn.Conv2d)]
    if not layers or any(layer.kernel_size != (3, 3) for layer in layers):
        return False, "All convolutions should be 3 × 3."
    if any((layer.in_channels, layer.out_channels) != (16, 16) for layer in layers):
        return False, "All convolutions should go from 16 to 16 channels."
    if any(layer.stride != (1, 1) or layer.padding != (1, 1) for layer in layers):
        return False, "All convolutions should have stride 1 and padding 1."
    size = field_after(answer).size
    return size == 7, (
        "27 weights for a pair of channels instead of 49."
        if size == 7
        else f"Its field has {size} pixels, not 7."
    )


@exercise("02.2", function_of="a list of kernels and strides")
def _own_field(answer: Callable) -> Verdict:
    for layers in (
        [],
        [(3, 1)],
        [(3, 1), (3, 1)],
        [(3, 2), (3, 1)],
        [(7, 2), (3, 2), (3, 1), (3, 2), (3, 1)],
    ):
        found = call_answer(answer, list(layers))
        truth = field_after(nn.Sequential(*(nn.Conv2d(1, 1, *layer) for layer in layers))).size
        if found != truth:
            return False, f"For {layers} it gave {found}."
    return True, "It widens, layer by layer, and strides count for all that follows."


letter_exercise(
    "02.3",
    "c",
    "A batch's mean ties all of its pixels together.",
    "Which layer asks whether it is training, and what does it do then?",
)


@exercise("02.4", function_of="the maps of stage 1, (N, C, h, w)")
def _own_features(answer: Callable) -> Verdict:
    maps, labels = _texture_maps()
    found = call_answer(answer, maps.clone())
    if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != len(maps):
        return False, f"Give a tensor ({len(maps)}, D): a row of numbers for each image."
    before, after = (neighbour_accuracy(of, labels) for of in (maps.mean((2, 3)), found))
    words = f"Of other images, the means name {100 * before:.0f} % and yours {100 * after:.0f} %."
    return after >= before + NEEDED_GAIN, words


@functools.cache
def _texture_maps() -> tuple[Tensor, Tensor]:
    """Stage 1's maps of 160 textures, `(N, C, h, w)`, and their labels."""
    train = make_task("textures", shots=20, seed=CHECKED_SEED, tests=1).train
    network = backbone("mini_resnet").eval()
    with torch.no_grad():
        maps = network.normalise(train.pixels)
        for name in ("stem", "stage1"):
            maps = network.stages[name](maps)
    return maps.float(), train.labels
