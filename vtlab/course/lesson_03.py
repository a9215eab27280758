"""What lesson 03 uses: its table, ways to begin a new head, the old task, its figures, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from vtlab.course.exercise import (
    NotAttemptedError,
    Verdict,
    call_answer,
    exercise,
    letter_exercise,
)
from vtlab.course.old_task import OldTask as OldTask
from vtlab.course.tables import heads_table as heads_table
from vtlab.course.tables import read_committed_table
from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.losses import compute_loss, label_variance_loss
from vtlab.models.network import Network
from vtlab.models.normalisation import IMAGENET_NORMALISATION as IMAGENET_NORMALISATION
from vtlab.models.normalisation import Normalisation as Normalisation
from vtlab.plots import style
from vtlab.plots.sheet import Sheet, to_sheet_pictures
from vtlab.results.formatting import format_percent
from vtlab.results.metrics import Interval, paired_difference, t_interval
from vtlab.system.randomness import make_generator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALE = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # bytes divided by 255, and nothing else
SHOWN_SPREADS = 2  # the range of a picture of normalised values: this far from 0 is black or white
HISTOGRAM = 5  # the range of a histogram, in the spreads that BatchNorm expects


def _head_init_xavier(weight: Tensor, random: torch.Generator) -> None:
    """Variance 2 / (inputs + outputs), uniform (Glorot and Bengio 2010)."""
    nn.init.xavier_uniform_(weight, generator=random)


def _head_init_he(weight: Tensor, random: torch.Generator) -> None:
    """Variance 2 / inputs, normal (He et al. 2015)."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=random)


def _head_init_large(weight: Tensor, random: torch.Generator) -> None:
    """Variance 1, as if there were one input: far too large."""
    nn.init.normal_(weight, generator=random)


# each fills a head's weights in place; None leaves PyTorch's own
HEAD_INITS: dict[str, Callable[[Tensor, torch.Generator], object] | None] = {
    "default": None,
    "xavier": _head_init_xavier,
    "he": _head_init_he,
    "zero": lambda weight, random: nn.init.zeros_(weight),
    "large": _head_init_large,
}


def network_with_head_init(way: str, seed: int, classes: int = 8) -> Network:
    """A pretrained network whose new head begins in one of the `HEAD_INITS`; its bias is 0 but in "default".

    Raises:
        KeyError: If there is no such way.

    Lesson 03.
    """
    network, init = backbone("mini_resnet", classes=classes), HEAD_INITS[way]
    network.reset_head(seed)
    if init is not None:
        head = network.head
        assert isinstance(head, nn.Linear)
        weight = torch.empty_like(head.weight, device="cpu")  # where the generator is
        init(weight, make_generator(seed, way))
        with torch.no_grad():
            head.bias.zero_()
            head.weight.copy_(weight)
    return network


def first_loss_and_gradient(network: Network, task: Task) -> tuple[float, float]:
    """The loss on the shots, and how long its gradient in the stages is, before any step.

    Args:
        network: In evaluation mode meanwhile; its gradients are gone afterwards.
        task: Its training images are used.

    Lesson 03.
    """
    network.freeze(network.parts).eval()
    labels = task.train.labels.to(network.device)
    loss = compute_loss(
        network(network.normalise(task.train.pixels)), labels, label_variance_loss(labels)
    )
    weights = list(network.stages.parameters())
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)]).norm()
    return loss.item(), gradient.item()


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


def plot_first_answers(answers: Mapping[str, tuple[Tensor, float, float]]) -> Figure:
    """What each new head says before its first step: the probabilities of one image, loss and pull.

    Args:
        answers: For each start's name the probabilities `(K,)`, the loss on all images, and the length of
            the gradient in the stages.

    Lesson 03.
    """
    figure, axes = style.new_figure(1, len(answers), height=2.6, sharey=True)
    figure.suptitle(
        "Before the first step: what each head says about one image that it knows nothing of",
        x=0.01,
        ha="left",
        **style.font_style(style.BODY, weight="bold"),
    )
    for ax, (name, (probabilities, loss, pull)) in zip(axes[0], answers.items(), strict=True):
        style.prepare_axes(ax, grid="y")
        ax.bar(range(len(probabilities)), probabilities.tolist(), 0.72, color=style.BLUE)
        ax.axhline(1 / len(probabilities), **style.DOTTED)
        style.style_heading(ax, name)
        style.label_axes(ax, x=f"loss {loss:.2f}\npull {pull:.1f}")
        ax.set(xticks=[], ylim=(0, 1))
    style.set_percent_axis(axes[0, 0].yaxis)
    style.label_axes(axes[0, 0], y="probability of each class")
    return figure


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


def plot_dictionary(
    images: tuple[Tensor, Tensor],
    names: Sequence[str],
    numbers: Tensor,
    votes: Tensor,
    *,
    of: int,
) -> Figure:
    """A column for each new species: one of its images and its name, and below the old species it is taken for.

    Args:
        images: Of the new species and of the old ones, bytes `(K, 3, H, W)` each.
        names: Of the new species.
        numbers: `(K,)`, of the old species.
        votes: `(K,)`, how many images of each new species are called so.
        of: How many there are.

    Lesson 03.
    """
    side = 1.15
    pictures = [to_sheet_pictures(row) for row in images]
    shape = pictures[0].shape[1:3]
    cell = (style.WIDE - side) / len(names)
    sheet = Sheet(2, len(names), cell, shape, over=1, under=1, side=side)
    for row, words in enumerate(("a new species", "is called")):
        sheet.write_beside(row, words, size=style.BODY)
        for column, picture in enumerate(pictures[row]):
            sheet.show(row, column, picture)
    called = zip(names, numbers.tolist(), votes.tolist(), strict=True)
    for column, (name, number, most) in enumerate(called):
        genus, _, species = name.partition(" ")
        sheet.write_over(0, column, f"{genus[0]}. {species}", size=style.SMALL)
        sheet.write_over(1, column, f"old species {number}", size=style.SMALL)
        words = f"{most} of {of}"
        sheet.write_under(1, column, words, size=style.SMALL, colour=style.QUIET, weight="bold")
    return sheet.figure


PLAIN_RATE = 3e-4  # of full fine-tuning by the plain recipe: the rate of a start that names none


def start_runs(table: pd.DataFrame, rate: float = PLAIN_RATE) -> dict[str, np.ndarray]:
    """The test accuracies of each start of the head at a rate, by seed.

    Args:
        table: From `heads_table`.
        rate: The table has all starts at the plain recipe's, and two of them at larger ones.

    Lesson 03.
    """
    starts = table[table.part == "start"].fillna({"rate": PLAIN_RATE})
    runs = starts[starts.rate == rate].sort_values("seed").groupby("way", sort=False)
    return {str(way): of.test_accuracy.to_numpy() for way, of in runs}


def probe_runs(table: pd.DataFrame) -> np.ndarray:
    """The test accuracies of the solved head on five images per class, by seed; of `heads_table`. Lesson 03."""
    solved = table[(table.way == "solved") & (table.shots == 5)]
    return solved.sort_values("seed").test_accuracy.to_numpy()


def ahead_of_linear(table: pd.DataFrame, shots: int) -> dict[str, np.ndarray]:
    """How many points each head is ahead of one linear layer, by seed; each at the better of its two rates.

    Args:
        table: From `heads_table`.
        shots: Images per class.

    Lesson 03.
    """
    heads = table[(table.part == "head") & (table.shots == shots) & table.rate.notna()]
    means = heads.groupby(["way", "rate"]).test_accuracy.transform("mean")
    best = heads[means == means.groupby(heads.way).transform("max")]
    by_way = {
        str(way): runs.sort_values("seed").test_accuracy.to_numpy()
        for way, runs in best.groupby("way", sort=False)
    }
    linear = by_way.pop("linear")
    return {way: 100 * (accuracy - linear) for way, accuracy in by_way.items()}


_MAPS, _MEAN, _SCORES = "maps\n256 × 8 × 8", "mean\n256", "scores\n8"
HEAD_PARTS = {  # what each head of the table makes of the last maps, from left to right
    "linear": (_MAPS, _MEAN, _SCORES),
    "hidden 256": (_MAPS, _MEAN, "units\n256", _SCORES),
    "three hidden": (_MAPS, _MEAN, "units\n256", "units\n256", "units\n256", _SCORES),
    "flattened": (_MAPS, "all cells\n16,384", _SCORES),
    "a block more": (_MAPS, "block\n256 × 8 × 8", _MEAN, _SCORES),
}
BOX, BOX_STEP = 0.95, 1.3  # inches: the width of a part, and from one to the next


def plot_head_parts(weights: Mapping[str, int]) -> Figure:
    """What five kinds of heads are made of, and how many weights each one has.

    Args:
        weights: Of each head in `HEAD_PARTS`.

    Lesson 03.
    """
    figure, axes = style.new_figure(height=0.3 + 0.62 * len(HEAD_PARTS))
    ax = axes[0, 0]
    style.hide_axes(ax)
    ax.set(xlim=(0, style.WIDE), ylim=(len(HEAD_PARTS) - 0.5, -0.55))
    style.style_heading(ax, "Heads from the last maps to eight scores")
    for row, (way, parts) in enumerate(HEAD_PARTS.items()):
        ax.text(0, row - 0.13, way, va="center", **style.font_style(style.BODY, weight="bold"))
        words = f"{weights[way]:,} weights"
        ax.text(0, row + 0.2, words, va="center", **style.font_style(style.SMALL, style.QUIET))
        for place, words in enumerate(parts):
            left = 1.6 + place * BOX_STEP
            face = style.FAINT if place == 0 else "white"
            ax.add_patch(
                Rectangle((left, row - 0.36), BOX, 0.72, facecolor=face, edgecolor=style.BLUE)
            )
            font = style.font_style(style.SMALL)
            ax.text(left + BOX / 2, row, words, ha="center", va="center", **font)
            if place:
                arrow = {"arrowstyle": "-|>", "color": style.QUIET, "shrinkA": 0, "shrinkB": 0}
                ends = (left - 0.03, row), (left - BOX_STEP + BOX + 0.03, row)
                ax.annotate("", *ends, arrowprops=arrow)
    return figure


@exercise("03.1")
def _hidden_head(answer: object) -> Verdict:
    if not isinstance(answer, nn.Module):
        return False, "The answer is a module, such as nn.Sequential(…)."
    features = torch.rand(5, 256)
    with torch.no_grad():
        outputs = answer.eval()(features)
    if outputs.shape != (5, 8):
        return False, f"Features (5, 256) should become (5, 8), and became {tuple(outputs.shape)}."
    kinds = [type(module) for module in answer.modules()]
    sizes = [module.out_features for module in answer.modules() if isinstance(module, nn.Linear)]
    if sizes != [64, 8]:
        return False, f"Its linear layers have {sizes} outputs; a hidden one of 64 is wanted."
    if nn.ReLU not in kinds:
        return False, "Without a ReLU two linear layers are no more than one."
    drops = [module.p for module in answer.modules() if isinstance(module, nn.Dropout)]
    right = drops == [0.5] and kinds.index(nn.Dropout) > kinds.index(nn.Linear)
    return right, "Hidden, bent, and half of it dropped." if right else (
        "Where is the dropout of a half before the last layer?"
    )


@exercise("03.2", function_of="the numbers of inputs and outputs")
def _xavier(answer: Callable) -> Verdict:
    for inputs, outputs in ((400, 100), (100, 400), (256, 8)):
        values = np.asarray(call_answer(answer, inputs, outputs))
        if values.shape != (outputs, inputs):
            return False, f"{inputs} inputs and {outputs} outputs gave the shape {values.shape}."
        wanted = (2 / (inputs + outputs)) ** 0.5
        # the spread of n normal numbers is known to within 1 / sqrt(2 n), here 1.6 % at most
        if abs(values.std() / wanted - 1) > 0.08:
            return False, (
                f"For {inputs} inputs and {outputs} outputs the spread is {values.std():.4f}: "
                "is the variance what it should be, or the spread?"
            )
        if abs(values.mean()) > 0.1 * wanted:
            return False, "The weights should have mean zero."
    return True, "It keeps signals their size, there and back."


letter_exercise(
    "03.3",
    "a",
    "What differs around it makes its weights differ at the first step.",
    "What is the gradient of one weight of the head at the first step, and of one weight of the stages?",
)

ENOUGH = 0.05  # so near to the repair by all images
# how far the mean of a few draws may be from the table's five: with one or two images luck is large
NEAR_ACCURACY, NEAR_WITH_FEW = 0.15, 0.25


@exercise("03.4")
def _few_images(answer: object) -> Verdict:
    if not isinstance(answer, Mapping) or not answer:
        return False, "The answer is a dict: for each number of images, the mean test accuracy."
    if any(value is ... or value is None for value in answer.values()):
        raise NotAttemptedError
    table = pale_table()
    counts = sorted(
        table[(table.renewed == "first") & (table.backbone == "mini_resnet")]["count"].unique()
    )
    if unknown := sorted(set(answer) - set(counts)):
        return (
            False,
            f"{unknown[0]} images are not in the table that checks this: take of {counts}.",
        )
    if len(answer) < 3 or min(answer) != counts[0] or max(answer) != counts[-1]:
        return (
            False,
            f"Three numbers at least, {counts[0]} and {counts[-1]} among them, make a curve.",
        )
    for count, said in answer.items():
        found = pale_runs(renewed="first", count=count).mean()
        if abs(float(said) - found) > (NEAR_WITH_FEW if count <= 2 else NEAR_ACCURACY):
            return False, (
                f"{float(said):.2f} with {count} is far from what the table has: was the network new, and was "
                "only the first layer renewed?"
            )
    best = pale_runs(renewed="first").mean()
    fewest = next(n for n in counts if pale_runs(renewed="first", count=n).mean() > best - ENOUGH)
    return True, (
        f"In the table {fewest} {'is' if fewest == 1 else 'are'} enough to come within "
        f"{100 * ENOUGH:.0f} points of all forty."
    )
