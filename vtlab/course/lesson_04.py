"""What lesson 04 uses: its tables, a training with faults to switch on, its figures, checks of exercises."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from matplotlib.patches import FancyBboxPatch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate

from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import read_committed_table
from vtlab.course.tables import real_table as real_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.features import activations
from vtlab.plots import style
from vtlab.results import labels as names
from vtlab.results.metrics import Interval, t_interval
from vtlab.system.randomness import make_generator as make_generator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAULTS = ("statistics move", "one batch", "ten steps", "small rate")
EPOCHS = 15  # of the mended loop, with two batches each
SMALL_RATE, GOOD_RATE = (
    0.001,
    0.03,
)  # of SGD: the article's, and the best of five on seeds of no table
SMALL_BATCH = 16  # images of the fault "one batch"
ROOM_FOR_WORDS = 14  # points at the right of the longest interval, in the figure of prices
PRICED = {  # what the figure of prices compares with the corrected loop
    **{fault: (fault,) for fault in FAULTS},
    "ten steps, small rate": ("ten steps", "small rate"),
    "all four": FAULTS,
}


def call_and_listen(function: Callable, **given: object) -> tuple[Any, list[str]]:
    """What the function gives, and the sentences in which it warns, which are not printed.

    Lesson 04.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")  # or Python says each of them once
        result = function(**given)
    return result, [str(one.message) for one in said]


def faults_table() -> pd.DataFrame:
    """The committed table: a new head trained by a loop with every combination of `FAULTS`, eight seeds.

    Columns: `task` ("garden"; on "digits" there are the loop without a fault and the one whose statistics
    move), for each fault whether the loop has it, `seed`, `printed_accuracy` (on the batch just trained
    on, as the loop prints it last) and `test_accuracy`.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 04.
    """
    return read_committed_table("faults")


def train_head(task: Task, faults: Iterable[str] = (), seed: int = 0) -> dict[str, float]:
    """Train a new head on pretrained stages by the article's loop, mended but for some of its faults.

    A fault is one change: all else is the same with and without it, the optimiser too.

    Args:
        task: Its training images are learnt from; its test images tell the accuracy.
        faults: Any of `FAULTS`: BatchNorm's statistics move; one batch of 16 images is all that it sees;
            ten steps in place of thirty; SGD at a rate of 0.001 in place of `GOOD_RATE`.
        seed: Of the head and of the order of the images.

    Returns:
        `printed_accuracy` on the last batch, and `test_accuracy`.

    Raises:
        ValueError: If there is no such fault.

    Lesson 04.
    """
    faults = set(faults)
    if unknown := sorted(faults - {*FAULTS}):
        raise ValueError(f"no fault is called {unknown[0]!r}; there are {', '.join(FAULTS)}")
    network, moving = (
        backbone("mini_resnet", classes=len(task.classes)),
        "statistics move" in faults,
    )
    network.reset_head(seed)
    network.requires_grad_(False).head.requires_grad_(True)
    network.train(moving)
    # what does not move gives the same features in every step
    features = None if moving else activations(network, task.train.pixels)
    batches = list(_choose_batches(len(task.train), "one batch" in faults, seed))
    batches = batches[:10] if "ten steps" in faults else batches
    rate = SMALL_RATE if "small rate" in faults else GOOD_RATE
    optimiser = torch.optim.SGD(network.head.parameters(), lr=rate, momentum=0.9)
    for index in batches:
        if features is None:
            logits = network(network.normalise(task.train.pixels[index]))
        else:
            logits = network.head(features[index])
        optimiser.zero_grad()
        cross_entropy(logits, task.train.labels[index]).backward()
        optimiser.step()
    printed = (logits.argmax(1) == task.train.labels[index]).double().mean().item()
    test = evaluate(network.eval(), task.test.pixels, task.test.labels)
    return {"printed_accuracy": printed, "test_accuracy": test}


def _choose_batches(images: int, one: bool, seed: int) -> Iterator[torch.Tensor]:
    """The images of each step: all in a new order every epoch, or the same few for ever."""
    order = make_generator(seed, "batches")
    fixed = torch.randperm(images, generator=order)[:SMALL_BATCH]
    for _epoch in range(EPOCHS):
        halves = torch.randperm(images, generator=order).tensor_split(2)
        yield from (fixed, fixed) if one else halves


def forgetting_by_way() -> dict[str, np.ndarray]:
    """The accuracies of `forgetting_table` in percent, for each kind and size of pictures. Lesson 04."""
    table = forgetting_table().sort_values(["size", "kind"], ascending=False, kind="stable")
    return {
        f"{kind}, {size} px" if size else "no batch": 100 * runs.test_accuracy.to_numpy()
        for (size, kind), runs in table.groupby(["size", "kind"], sort=False)
    }


def full_ahead_of_probe(runs: pd.DataFrame, by: str) -> pd.Series:
    """How many points full is ahead of the probe with five images per class: one number per seed or set.

    Args:
        runs: From `shots_table` or `real_table`.
        by: The column that the numbers are for, such as "seed".

    Lesson 04.
    """
    few = runs[runs.shots == 5].groupby([by, "strategy"]).test_accuracy.mean().unstack()
    return (100 * (few.full - few.probe)).dropna()


def find_forecast_errors(
    predicted: Mapping[str, Mapping[str, float]], measured: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """The largest relative error of each cost that follows from shapes, over the strategies.

    Args:
        predicted: For each strategy's name its sums of `cost_table`.
        measured: The same from `measure_step`.

    Lesson 04.
    """
    return {
        cost: max(abs(measured[way][cost] / predicted[way][cost] - 1) for way in predicted)
        for cost in ("learn", "step", "optimiser", "activations")
    }


def sample_photographs(image_size: int = 224) -> torch.Tensor:
    """The two photographs that come with scikit-learn, cut to squares: `(2, 3, image_size, image_size)` bytes.

    A temple by danielbuechele and a flower by vultilion, from Flickr (CC BY 2.0).

    Lesson 04.
    """
    from sklearn.datasets import load_sample_images

    photographs = torch.stack([torch.tensor(image) for image in load_sample_images().images])
    photographs = photographs.permute(0, 3, 1, 2).float()  # (2, 3, 427, 640)
    side = photographs.shape[2]
    left = (photographs.shape[3] - side) // 2
    square = photographs[..., left : left + side]
    resized = interpolate(square, (image_size, image_size), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).byte()


def imagenet_names() -> list[str]:
    """The names of ImageNet's 1,000 classes, in the order of networks' outputs. Lesson 04."""
    from torchvision.models import EfficientNet_B0_Weights

    return EfficientNet_B0_Weights.DEFAULT.meta["categories"]


def plot_namings(
    images: torch.Tensor, probabilities: Mapping[str, torch.Tensor], classes: list[str]
) -> Figure:
    """Each image, and beside it how probable its three first names were and are.

    Args:
        images: Bytes `(N, 3, H, W)`.
        probabilities: `(N, K)` for each state of the network; names are the first ones' best three.
        classes: The K names.

    Lesson 04.
    """
    figure, axes = style.new_figure(
        1, 2 * len(images), height=2.9, width_ratios=(1.1, 1) * len(images), pad=0.1
    )
    states = list(probabilities)
    colours = (style.BLUE, style.WRONG)
    for place, image in enumerate(images):
        picture, ax = axes[0, 2 * place], axes[0, 2 * place + 1]
        style.hide_axes(picture)
        picture.imshow(image.permute(1, 2, 0).numpy())
        style.prepare_axes(ax, grid="x")
        top = probabilities[states[0]][place].topk(3).indices
        for row, (state, colour) in enumerate(zip(states, colours, strict=True)):
            shares = probabilities[state][place][top].numpy()
            ax.barh(np.arange(3) + 0.36 * row - 0.18, shares, 0.32, color=colour, label=state)
        ax.set_yticks(range(3), [classes[k] for k in top.tolist()], **style.font_style(style.BODY))
        ax.invert_yaxis()
        ax.set_xlim(0, 0.4)
        style.set_percent_axis(ax.xaxis, ticks=(0, 0.2, 0.4))
        style.label_axes(ax, x="probability")
    figure.suptitle(
        "The network was frozen, and forgot what it sees",
        x=0.01,
        ha="left",
        **style.font_style(style.BODY, weight="bold"),
    )
    handles, states = axes[0, -1].get_legend_handles_labels()
    figure.legend(
        handles,
        states,
        loc="outside upper right",
        ncols=2,
        frameon=False,
        **style.legend_font_style(),
    )
    return figure


def fault_prices(table: pd.DataFrame) -> dict[str, Interval]:
    """How many points of test accuracy the faults cost, alone and together, beside the loop without a fault.

    Args:
        table: From `faults_table`.

    Lesson 04.
    """
    clean = _points_with(table, ())
    return {name: t_interval(clean - _points_with(table, has)) for name, has in PRICED.items()}


def fault_interaction(table: pd.DataFrame, one: str, other: str) -> Interval:
    """How many points more two faults cost together than the sum of what each costs alone, over the seeds.

    Args:
        table: From `faults_table`.
        one: One of `FAULTS`.
        other: Another.

    Lesson 04.
    """
    none, first, second, both = (
        _points_with(table, has) for has in ((), (one,), (other,), (one, other))
    )
    return t_interval(first + second - none - both)


def fault_difference(table: pd.DataFrame, dear: str, cheap: str) -> Interval:
    """How many points more one fault costs than another, each alone, over the seeds.

    Args:
        table: From `faults_table`.
        dear: One of `FAULTS`.
        cheap: Another.

    Lesson 04.
    """
    return t_interval(_points_with(table, (cheap,)) - _points_with(table, (dear,)))


def price_on_digits(table: pd.DataFrame) -> Interval:
    """How many points moving statistics cost on handwritten digits, over the seeds.

    Args:
        table: From `faults_table`.

    Lesson 04.
    """
    still, moving = (_points_with(table, has, "digits") for has in ((), ("statistics move",)))
    return t_interval(still - moving)


def _points_with(table: pd.DataFrame, faults: Iterable[str], task: str = "garden") -> np.ndarray:
    """The test accuracies in percent of a loop that has just these faults, by seed."""
    return 100 * _runs_with(table, faults, task).test_accuracy.to_numpy()


def _runs_with(table: pd.DataFrame, faults: Iterable[str], task: str = "garden") -> pd.DataFrame:
    """The runs of a loop that has just these faults, by seed."""
    faults = set(faults)
    chosen = np.all([table[fault] == (fault in faults) for fault in FAULTS], axis=0)
    return table[chosen & (table.task == task)].sort_values("seed")


def forgetting_table() -> pd.DataFrame:
    """The committed table: what EfficientNet-Lite0 still names after ten batches in training mode, three seeds.

    Columns: `kind` of the pictures in the batches ("photographs", "drawings", both of 64 px and enlarged
    alike; "none": no batch), the `size` that they were enlarged to, `seed`, `test_accuracy` on 200
    photographs of 200 kinds among ImageNet's 1,000 names.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 04.
    """
    return read_committed_table("forgetting")


def plot_fault_prices(table: pd.DataFrame) -> Figure:
    """One bar per fault, its price in test accuracy; and what its loop prints beside what is true.

    Args:
        table: From `faults_table`.

    Lesson 04.
    """
    prices = fault_prices(table)
    rows: dict[str, Iterable[str]] = {"no fault": (), **PRICED}
    figure, axes = style.new_figure(1, 2, height=3.7, sharey=True, width_ratios=(1.15, 1), pad=0.1)
    left, right = axes[0]
    for ax in (left, right):
        style.prepare_axes(ax, grid="x")
        ax.spines["left"].set_visible(False)
    for place, (name, has) in enumerate(rows.items()):
        runs = _runs_with(table, has)
        colour = style.WRONG if name == "statistics move" else style.BLUE
        if name in prices:
            _draw_price(left, place, prices[name], colour)
        printed, true = (t_interval(runs[c]).mean for c in ("printed_accuracy", "test_accuracy"))
        right.plot([true, printed], [place, place], color=colour, linewidth=1.4, alpha=0.4)
        for value, face in ((printed, "white"), (true, colour)):
            right.plot(
                value, place, "o", color=colour, markerfacecolor=face, markersize=7, clip_on=False
            )
    left.set_yticks(range(len(rows)), list(rows), **style.font_style(style.BODY))
    lows, highs = ([getattr(price, end) for price in prices.values()] for end in ("low", "high"))
    left.set(ylim=(len(rows) - 0.5, -0.5), xlim=(min(0, *lows) - 1, max(highs) + ROOM_FOR_WORDS))
    right.set_xlim(0, 1)
    style.set_percent_axis(right.xaxis)
    style.style_heading(left, "What faults cost, alone and together")
    style.label_axes(left, x="points of test accuracy lost (line: 95\N{NO-BREAK SPACE}% interval)")
    style.style_heading(right, "What its loop prints, and what is true")
    style.label_axes(
        right, x="accuracy: \N{WHITE CIRCLE} on its last batch   \N{BLACK CIRCLE} on the test set"
    )
    return figure


def _draw_price(ax: Axes, place: int, price: Interval, colour: str) -> None:
    """A bar as long as the mean price in points, its interval as a line, and the points in figures."""
    ax.barh(place, price.mean, 0.6, color=colour, zorder=2)
    ax.plot([price.low, price.high], [place, place], color=style.INK, linewidth=1.4, zorder=3)
    words = f"{price.mean:.1f} points"
    style.annotate(
        ax,
        words,
        (max(price.mean, price.high), place),
        (6, 0),
        va="center",
        colour=colour,
        weight="bold",
    )


COST_PANELS = {  # the column, what it is called, and its unit in the panel
    "step": ("Operations", "million multiply-adds, for one image", 1e-6),
    "activations": ("Memory for the way back", "MB, for a batch of 32", 1e-6),
    "seconds": ("Time", "milliseconds, for a batch of 32", 1e3),
}


def plot_cost_forecast(
    predicted: Mapping[str, Mapping[str, float]], measured: Mapping[str, Mapping[str, float]]
) -> Figure:
    """What a step costs by each strategy: bars are predicted, dots measured.

    Args:
        predicted: For each strategy's name its sums of `cost_table`.
        measured: The same from `measure_step`.

    Lesson 04.
    """
    figure, axes = style.new_figure(
        1, len(COST_PANELS), height=1.65 + 0.36 * len(predicted), sharey=True
    )
    for ax, (column, (title, unit, factor)) in zip(axes[0], COST_PANELS.items(), strict=True):
        style.prepare_axes(ax, grid="x")
        ax.spines["left"].set_visible(False)
        for place, way in enumerate(predicted):
            colour = names.get_label(way).colour
            ax.barh(place, factor * predicted[way][column], 0.6, color=colour, alpha=0.45)
            ax.plot(factor * measured[way][column], place, "o", color=style.INK, markersize=5)
        style.style_heading(ax, title)
        style.label_axes(ax, x=unit)
    figure.suptitle(
        "What a step costs: bars are predicted from shapes, dots measured",
        x=0.01,
        ha="left",
        **style.font_style(style.BODY, weight="bold"),
    )
    axes[0, 0].set_yticks(
        range(len(predicted)),
        [names.get_label(way).text for way in predicted],
        **style.font_style(style.BODY),
    )
    axes[0, 0].invert_yaxis()
    return figure


def plot_ways_back(stages: Iterable[str], ways: Mapping[str, Iterable[str]]) -> Figure:
    """How far each strategy's gradients must go back: forward in grey, backward in colour.

    Args:
        stages: Names from the image to the head.
        ways: For each strategy's name the names of what learns.

    Lesson 04.
    """
    parts = list(stages)
    figure, axes = style.new_figure(width=style.WIDE, height=0.5 + 0.72 * len(ways))
    ax = axes[0, 0]
    style.hide_axes(ax)
    ax.set(xlim=(-1.6, len(parts)), ylim=(len(ways) - 0.7, -0.75))
    for row, (way, learning) in enumerate(ways.items()):
        label, learning = names.get_label(way), set(learning)
        first = min(parts.index(name) for name in learning)
        font = style.font_style(style.BODY, label.colour, weight="bold")
        ax.text(-1.6, row, label.text, va="center", **font)
        for place, part in enumerate(parts):
            learns = part in learning
            face = label.colour if learns else "white" if place >= first else style.FAINT
            ax.add_patch(
                _make_box(place, row, face, label.colour if place >= first else style.FAINT)
            )
            ink = "white" if learns else style.INK if place >= first else style.QUIET
            ax.text(
                place + 0.33,
                row,
                part,
                ha="center",
                va="center",
                **style.font_style(style.SMALL, ink),
            )
            if place:
                _draw_arrow(ax, place, row - 0.12, 1, style.QUIET)
                if place > first:
                    _draw_arrow(ax, place, row + 0.12, -1, label.colour)
    words = (
        "filled: learns",
        "outlined: frozen, but gradients pass through it",
        "grey: frozen and cached, nothing to do",
    )
    ax.text(
        -1.6,
        -0.62,
        "   \N{MIDDLE DOT}   ".join(words),
        **style.font_style(style.SMALL, style.QUIET),
    )
    return figure


def _make_box(place: float, row: float, face: str, edge: str) -> FancyBboxPatch:
    return FancyBboxPatch(
        (place, row - 0.24),
        0.66,
        0.48,
        "round,pad=0,rounding_size=0.06",
        facecolor=face,
        edgecolor=edge,
    )


def _draw_arrow(ax: Axes, place: float, y: float, direction: int, colour: str) -> None:
    """An arrow in the gap in front of a box."""
    ends = [(place - 0.31, y), (place - 0.03, y)][::direction]
    how = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.2}
    ax.annotate("", ends[1], ends[0], arrowprops=how)


@exercise("04.2", function_of="a module")
def _not_frozen(answer: Callable) -> Verdict:
    stage = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU())
    )
    stage.requires_grad_(False)
    found = set(call_answer(answer, stage))
    if found != {"1", "2.0"}:
        return False, f"No weight gets a gradient, and both BatchNorms train; you found {found}."
    stage.eval()[0].requires_grad_(True)
    found = set(call_answer(answer, stage))
    if found != {"0"}:
        return (
            False,
            f"Now the convolution alone gets gradients, and nothing trains; you found {found}.",
        )
    if set(call_answer(answer, stage.requires_grad_(False))):
        return False, "Now nothing can move: what is left in your list?"
    return True, "Gradients and statistics: both halves are found."


@exercise("04.1")
def _operations(answer: object) -> Verdict:
    forward = 8 * 8 * 32 * 16 * 9  # cells x outputs x inputs x kernel
    if answer == 3 * forward:
        return True, "There, and back twice."
    if answer in (forward, 2 * forward):
        return False, "Count again what the way back needs."
    return False, "Begin with one output cell: how many inputs does it sum over?"


letter_exercise(
    "04.3",
    "b",
    "Both its printed and its test accuracy are low: it has hardly begun.",
    "Look at the hollow dots: does the loop with both faults fit the images that it is trained on?",
)

# how far the mean of a few seeds may be from that of the table's eight, and how near two pairs are a tie
NEAR_ACCURACY, TIE = 0.12, 0.04


@exercise("04.4")
def _best_repairs(answer: object) -> Verdict:
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        return False, "The answer is the names of two faults and a mean test accuracy."
    mended, said = set(answer[:2]), float(answer[2])
    if len(mended) < 2 or mended - {*FAULTS}:
        return False, f"Two different ones of {', '.join(FAULTS)} are wanted."
    table = faults_table()
    left = {
        pair: _runs_with(table, {*FAULTS} - {*pair}).test_accuracy.mean()
        for pair in itertools.combinations(FAULTS, 2)
    }
    found = next(accuracy for pair, accuracy in left.items() if mended == {*pair})
    if abs(said - found) > NEAR_ACCURACY:
        return False, (
            f"{said:.2f} is far from what eight seeds give for this pair: were the other two faults on?"
        )
    if found < max(left.values()) - TIE:
        return False, f"{found:.2f} on average; another pair brings back more."
    return True, f"{found:.2f} on average over eight seeds: no other pair brings back clearly more."
