"""What lesson 03 uses: its table, ways to begin a new head, the old task, its figures, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
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
from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.losses import compute_loss, label_variance_loss
from vtlab.models.network import Network
from vtlab.models.normalisation import IMAGENET_NORMALISATION as IMAGENET_NORMALISATION
from vtlab.models.normalisation import Normalisation as Normalisation
from vtlab.plots import style
from vtlab.results.formatting import format_percent
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


def plot_repairs(accuracies: Mapping[str, float], chance: float) -> Figure:
    """A bar of test accuracy for each state of a network, and the line of chance.

    Lesson 03.
    """
    figure, axes = style.new_figure(height=0.9 + 0.36 * len(accuracies))
    ax = axes[0, 0]
    style.prepare_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    for place, value in enumerate(accuracies.values()):
        ax.barh(place, value, 0.62, color=style.BLUE, zorder=2)
        words = format_percent(value, 0)
        style.annotate(ax, words, (value, place), (5, 0), va="center", weight="bold")
    ax.axvline(chance, **style.DOTTED | {"zorder": 3})
    ax.set_yticks(range(len(accuracies)), list(accuracies), **style.font_style(style.BODY))
    ax.set(xlim=(0, 1), ylim=(len(accuracies) - 0.5, -0.5))
    style.set_percent_axis(ax.xaxis)
    style.style_heading(ax, "One forward pass without labels repairs the pale network")
    style.label_axes(ax, x="test accuracy (dotted: chance)")
    return figure


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

# mean absolute errors in petals: between these lies what was measured with any seed, 5 or 20 images a species
COUNTED = {"seen": (0.7, 1.4), "unseen": (1.4, 2.3), "always the mean": (2.6, 3.1)}


@exercise("03.4")
def _counted(answer: object) -> Verdict:
    if not isinstance(answer, Mapping) or set(answer) != set(COUNTED):
        return False, f"The answer is a dict of the errors {', '.join(map(repr, COUNTED))}."
    if any(value is ... or value is None for value in answer.values()):
        raise NotAttemptedError
    off = {name: float(value) for name, value in answer.items()}
    for name, (low, high) in COUNTED.items():
        if not low <= off[name] <= high:
            return False, (
                f"{off[name]:.2f} petals for {name!r} is not what the experiment gives. "
                f"{'Did the ridge see that species after all?' if name == 'unseen' else ''}"
            ).strip()
    return True, (
        "It counts, in part: a flower of an unknown species costs it "
        f"{off['unseen'] - off['seen']:.1f} petals more than one of a known species, and still "
        f"{off['always the mean'] - off['unseen']:.1f} petals less than always saying the mean."
    )
