"""What lesson 02 uses: neighbours as pictures, two networks' patches, blocks, the zoo, checks of exercises."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
import torch.nn.functional as F
import traitlets
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from torch import Tensor, nn

from vtlab.analysis.architecture import field_after
from vtlab.analysis.feature_space import neighbour_accuracy
from vtlab.analysis.gradients import stack_gradient_lengths as stack_gradient_lengths
from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import ZOO as ZOO
from vtlab.course.tables import pretraining_log as pretraining_log
from vtlab.course.tables import zoo_curves as zoo_curves
from vtlab.course.tables import zoo_table as zoo_table
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import backbone
from vtlab.models.initialisation import deep_stack as deep_stack
from vtlab.plots import style
from vtlab.plots.legends import label_line_ends
from vtlab.plots.sheet import GAP, Sheet, to_sheet_pictures
from vtlab.plots.stage_images import GROUP_GAP, NAME_CELLS, plot_patches
from vtlab.results import labels as names
from vtlab.widgets.panel import Panel, button, control_row, number_box

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


STRATEGY_OFFSET = 0.2  # of a row, between two strategies of one backbone
INTERVAL_ENDS = ("_low", "_high")
QUERY_WIDTH = 2.1  # inches: the image whose neighbours are shown
ROW_NAME_WIDTH = 0.95  # inches
HEAD = 0.28  # inches for a line of words above a figure
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


def plot_zoo(
    table: pd.DataFrame, curves: pd.DataFrame, pixels: Mapping[str, float] | None = None
) -> Figure:
    """Learning curves of the pretraining; below, a row per backbone: its cost, its accuracies.

    Args:
        table: From `zoo_table`, with or without accuracies; the rows are sorted by cost, the
            most expensive at the top.
        curves: From `zoo_curves`.
        pixels: For each task's name, the accuracy of the nearest neighbour in plain pixels.

    Raises:
        ValueError: If there is no backbone in the table, or no curve.

    Lessons 02 and 11.
    """
    if not len(table):
        raise ValueError("there is no backbone to draw")
    tasks, rows = _strategies_by_task(table), len(table)
    height, ratios = 3.1 + 0.62 * rows, (2.6, 0.9 + 0.55 * rows)
    figure, axes = style.new_figure(
        2, 1 + len(tasks), height=height, pad=0.09, height_ratios=ratios
    )
    # the curves take the whole of the first row
    grid = axes[0, 0].get_gridspec()
    for ax in axes[0]:
        ax.remove()
    _draw_zoo_curves(figure.add_subplot(grid[0, :]), curves)
    table = table.sort_values("megaflops", ascending=False)
    _draw_zoo_costs(axes[1, 0], table)
    for ax, (task, strategies) in zip(axes[1, 1:], tasks.items(), strict=True):
        _draw_zoo_accuracies(ax, table, task, strategies)
        if pixels and task in pixels:
            _draw_zoo_yardstick(ax, pixels[task])
    if tasks:
        _draw_zoo_legend(axes[1, 1], [name for strategies in tasks.values() for name in strategies])
    return figure


def _strategies_by_task(table: pd.DataFrame) -> dict[str, list[str]]:
    """The strategies of each task that the table has accuracies of, by its columns' names."""
    found: dict[str, list[str]] = {}
    for column in table.columns:
        if column.endswith("_low"):
            task, strategy = column.removesuffix("_low").rsplit("_", 1)
            found.setdefault(task, []).append(strategy)
    return found


def _draw_zoo_curves(ax: Axes, curves: pd.DataFrame) -> None:
    """The test accuracy of every backbone's pretraining against the images it has seen."""
    if not len(curves):
        raise ValueError("there is no curve to draw")
    style.prepare_axes(ax, grid="y")
    ends = {}
    for name, log in curves.groupby("backbone", sort=False):
        label = names.get_label(name)
        ax.plot(
            log.images,
            log.test_accuracy,
            color=label.colour,
            linewidth=2,
            marker=label.marker,
            gid=f"curve {name}",
            **style.mark_style(4.5),
        )
        ends[name] = (log.images.iloc[-1], log.test_accuracy.iloc[-1])
    ax.set(xlim=(0, curves.images.max() * 1.01), ylim=(0, 1.02))
    style.set_percent_axis(ax.yaxis)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    style.style_heading(ax, "pretraining: accuracy on fresh drawings of the source")
    style.label_axes(ax, x="drawings seen, each once", pad=5)
    label_line_ends(ax, ends)


def _draw_zoo_costs(ax: Axes, table: pd.DataFrame) -> None:
    """A bar per backbone: operations of one forward pass, with size and speed in figures."""
    style.prepare_axes(ax)
    ax.spines["left"].set_visible(False)
    for place, row in enumerate(table.itertuples()):
        label = names.get_label(row.backbone)
        ax.barh(place, row.megaflops / 2, 0.42, color=label.colour, gid=f"cost {row.backbone}")
        speed = f"speed of training {row.training_ratio:.2f}\N{MULTIPLICATION SIGN}"
        words = f"{row.weights / 1e6:.1f} M weights, {speed}"
        ax.text(0, place + 0.25, words, va="top", **style.font_style(style.TINY, style.QUIET))
    labels = [names.get_label(name) for name in table.backbone]
    ax.set_yticks(range(len(table)), [label.text for label in labels], **style.font_style())
    for tick, label in zip(ax.get_yticklabels(), labels, strict=True):
        tick.set_color(label.colour)
    ax.set(ylim=(len(table) - 0.35, -0.6), xlim=(0, 0.55 * table.megaflops.max()))
    ax.xaxis.set_major_locator(MaxNLocator(3))
    style.style_heading(ax, "cost")
    style.label_axes(ax, x="million multiply-adds per image", pad=5)


def _draw_zoo_accuracies(ax: Axes, table: pd.DataFrame, task: str, strategies: list[str]) -> None:
    """A row per backbone, in it a mark and an interval per strategy."""
    style.prepare_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    middle = (len(strategies) - 1) / 2
    for place, row in enumerate(table.to_dict("records")):
        for i, strategy in enumerate(strategies):
            label, key = names.get_label(strategy), f"{task}_{strategy}"
            # strategies stand a little above one another, so that their intervals do not overlap
            height = place + STRATEGY_OFFSET * (i - middle)
            ax.plot(
                [row[key + end] for end in INTERVAL_ENDS],
                [height] * 2,
                color=label.colour,
                alpha=0.35,
                linewidth=5,
                solid_capstyle="butt",
                gid=f"interval {strategy} {row['backbone']}",
            )
            ax.plot(
                [row[key]],
                [height],
                linestyle="none",
                marker=label.marker,
                color=label.colour,
                zorder=4,
                gid=f"mean {strategy} {row['backbone']}",
                **style.mark_style(6, 0.8),
            )
    for place in range(1, len(table)):
        ax.axhline(place - 0.5, color=style.FAINT, linewidth=0.7)
    ax.set_yticks([])
    columns = [f"{task}_{s}{end}" for s in strategies for end in INTERVAL_ENDS]
    low = max(0.0, 0.1 * (table[columns].min().min() * 10 // 1))
    ax.set(ylim=(len(table) - 0.35, -0.6), xlim=(low, 1.0))
    style.set_percent_axis(ax.xaxis, ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
    style.style_heading(ax, f"{task}: test accuracy")
    style.label_axes(ax, x="mark the mean, bar its 95\N{NO-BREAK SPACE}% interval", pad=5)


def _draw_zoo_yardstick(ax: Axes, accuracy: float) -> None:
    """A line at the accuracy of plain pixels; where that is left of the axis, an arrow to it."""
    low, _ = ax.get_xlim()
    words = f"nearest in pixels {100 * accuracy:.0f} %"
    if accuracy >= low:
        ax.axvline(accuracy, gid="pixels", **style.DOTTED)
    else:
        words = f"← {words}"
    place, side = (accuracy, "right") if accuracy >= low else (low, "left")
    corner: dict[str, Any] = {"xycoords": ax.get_xaxis_transform(), "va": "bottom", "ha": side}
    style.annotate(
        ax, words, (place, 0), (-3 if side == "right" else 3, 3), size=style.TINY, **corner
    )


def _draw_zoo_legend(ax: Axes, strategies: list[str]) -> None:
    """Marks and names of the strategies at the lower right, below their panels."""
    labels = [names.get_label(name) for name in dict.fromkeys(strategies)]
    marks = [
        ax.plot([], [], linestyle="none", marker=of.marker, color=of.colour, label=of.text)[0]
        for of in labels
    ]
    style.find_styled_figure(ax).legend(
        handles=marks,
        loc="outside lower right",
        ncols=len(marks),
        frameon=False,
        **style.legend_font_style(),
        handletextpad=0.2,
        columnspacing=1.4,
    )


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
