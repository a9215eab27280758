"""What lesson 03 uses: its table, ways to begin a new head, the old task, its figures, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

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
from vtlab.course.renewed_statistics import PALE as PALE
from vtlab.course.renewed_statistics import PALE_TEST_IMAGES as PALE_TEST_IMAGES
from vtlab.course.renewed_statistics import REPAIRS as REPAIRS
from vtlab.course.renewed_statistics import SeenInput as SeenInput
from vtlab.course.renewed_statistics import find_batchnorms as find_batchnorms
from vtlab.course.renewed_statistics import pale_runs as pale_runs
from vtlab.course.renewed_statistics import pale_table as pale_table
from vtlab.course.renewed_statistics import plot_repairs as plot_repairs
from vtlab.course.renewed_statistics import plot_seen_inputs as plot_seen_inputs
from vtlab.course.renewed_statistics import points_ahead as points_ahead
from vtlab.course.renewed_statistics import points_gained as points_gained
from vtlab.course.renewed_statistics import renew_statistics as renew_statistics
from vtlab.course.renewed_statistics import see_input as see_input
from vtlab.course.tables import heads_table as heads_table
from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.losses import compute_loss, label_variance_loss
from vtlab.models.network import Network
from vtlab.models.normalisation import IMAGENET_NORMALISATION as IMAGENET_NORMALISATION
from vtlab.models.normalisation import Normalisation as Normalisation
from vtlab.plots import style
from vtlab.plots.sheet import Sheet, to_sheet_pictures
from vtlab.system.randomness import make_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
