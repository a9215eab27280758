"""What lesson 02 uses: neighbours as pictures, two networks' patches, blocks, the zoo, checks of exercises."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import Tensor, nn

from vtlab.analysis.architecture import field_after
from vtlab.analysis.feature_space import neighbour_accuracy
from vtlab.analysis.gradients import stack_gradient_lengths as stack_gradient_lengths
from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.neighbour_panel import HEAD
from vtlab.course.neighbour_panel import NeighbourPanel as NeighbourPanel
from vtlab.course.neighbour_panel import own_class_share as own_class_share
from vtlab.course.tables import ZOO as ZOO
from vtlab.course.tables import pretraining_log as pretraining_log
from vtlab.course.tables import zoo_curves as zoo_curves
from vtlab.course.tables import zoo_table as zoo_table
from vtlab.course.zoo_figure import plot_zoo as plot_zoo
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.initialisation import deep_stack as deep_stack
from vtlab.plots import style
from vtlab.plots.sheet import GAP
from vtlab.plots.stage_images import GROUP_GAP, NAME_CELLS, plot_patches
from vtlab.results import labels as names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


NEEDED_GAIN = 0.1  # of exercise 02.4


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
    (ax,) = figure.axes
    wide, high = figure.get_size_inches()
    figure.set_figheight(high + HEAD)
    ax.set_ylim(high, -HEAD)
    groups = [len(next(iter(of.values()))) for of in (first, second)]
    long = len(next(iter(first.values()))[0])
    total = NAME_CELLS + sum(groups) * long + (sum(groups) - 1) * GROUP_GAP
    starts = (0, groups[0] * (long + GROUP_GAP))
    for start, title in zip(starts, titles, strict=True):
        x = (NAME_CELLS + start) * wide / total + GAP / 2
        ax.text(x, -HEAD / 2, title, va="center", **style.font_style(11, weight="bold"))
    cut = (NAME_CELLS + starts[1] - GROUP_GAP / 2) * wide / total
    ax.plot([cut, cut], [-HEAD, high], color=style.QUIET, linewidth=1)
    return figure


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
    words = f"The means name {100 * before:.0f} % of the textures, yours {100 * after:.0f} %."
    return after >= before + NEEDED_GAIN, words


@functools.cache
def _texture_maps() -> tuple[Tensor, Tensor]:
    """Stage 1's maps of 160 textures, `(N, C, h, w)`, and their labels."""
    train = make_task("textures", shots=20, seed=0).train
    network = backbone("mini_resnet").eval()
    with torch.no_grad():
        maps = network.normalise(train.pixels)
        for name in ("stem", "stage1"):
            maps = network.stages[name](maps)
    return maps.float(), train.labels
