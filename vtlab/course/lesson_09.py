"""What lesson 09 uses: its tables and figures, tasks with tied grounds, maps by epoch, checks of exercises."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from vtlab.analysis.baselines import BASELINES, baseline_maps
from vtlab.analysis.cams import explain, resize_maps
from vtlab.analysis.map_similarity import rank_correlation as rank_correlation
from vtlab.analysis.sanity_checks import cascading_randomisation
from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import cam_table as cam_table
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.garden.worlds import WORLDS
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.plots.heatmaps import plot_cams
from vtlab.results import labels as names
from vtlab.results import metrics
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, as_strategy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


GROUND_SHOTS = 10
GROUND_TEST = 20  # test plants per class, each before two grounds


def ground_task(share: float, seed: int) -> Task:
    """The garden whose training pictures show, in this share, a ground tied to their species.

    The plants are those of the plain garden; only the ground behind them differs.
    """
    world = WORLDS["garden"].turn(shortcut=share)
    base = make_task("garden", shots=GROUND_SHOTS, seed=seed)

    def draw(shots: int | None, seed: int) -> Images:
        assert shots is not None, "a world has no end"
        return Images(*world.draw(shots, seed, base.image_size))

    return replace(base, name=f"ground-{share:g}", train=draw(GROUND_SHOTS, seed), draw=draw)


def paired_ground_task(seed: int) -> Task:
    """`ground_task` with all grounds tied, tested on pairs of images.

    Test image 2k shows a plant before the ground of its species, and 2k + 1 the same plant
    before a ground at random.

    Lesson 09.
    """
    own, other = (
        Images(*WORLDS["garden"].turn(shortcut=share).draw(GROUND_TEST, None))
        for share in (1.0, 0.0)
    )
    pixels, labels, masks = (
        torch.stack([getattr(images, name) for images in (own, other)], 1).flatten(0, 1)
        for name in ("pixels", "labels", "masks")
    )
    return replace(ground_task(1.0, seed), test=Images(pixels, labels, masks))


def plot_ground_pairs(networks: Mapping[str, Network], task: Task) -> Figure:
    """Grad-CAM of two plants, each before the ground of its species and before another.

    Of the plants that all networks name before their own ground, the first network no longer before the other
    ground and the rest still, these are the largest and the largest of another species.

    Args:
        networks: By name; the first is the one that looks at the ground.
        task: As `paired_ground_task` gives it.

    Lesson 09.
    """
    pixels, labels = task.test.pixels, task.test.labels
    said = {name: predict(network, pixels).argmax(1) for name, network in networks.items()}
    right = torch.stack([answers == labels for answers in said.values()]).unflatten(1, (-1, 2))
    fit_the_story = right[:, :, 0].all(0) & ~right[0, :, 1] & right[1:, :, 1].all(0)
    assert task.test.masks is not None, "drawings have masks"
    areas = task.test.masks[::2].sum((1, 2)) * fit_the_story
    first = areas.argmax()
    second = (areas * (labels[::2] != labels[2 * first])).argmax()
    shown = (2 * torch.stack([first, second])[:, None] + torch.arange(2)).flatten()
    return plot_cams(
        pixels[shown],
        {name: explain(network, pixels[shown]) for name, network in networks.items()},
        masks=task.test.masks[shown],
        scale="each",
        titles=[f"is {task.classes[k]}" for k in labels[shown]],
        marks={
            name: [
                (task.classes[k], bool(k == labels[i]))
                for i, k in zip(shown, of[shown], strict=True)
            ]
            for name, of in said.items()
        },
    )


BRIGHTEST = 0.99  # of a map's pixels: what is brighter is drawn alike, since gradients have spikes


def plot_randomised_maps(network: Network, pixels: Tensor, seed: int = 0) -> Figure:
    """Maps of one image by three methods while the network is randomised from the head on, beside plain edges.

    Args:
        network: A trained one; it stays as it is.
        pixels: One image, bytes `(1, 3, H, W)`.
        seed: Of the random weights.

    Adebayo et al. (2018), https://arxiv.org/abs/1810.03292. Lesson 09.
    """
    size = pixels.shape[2], pixels.shape[3]
    edges = baseline_maps("edges", pixels, size)
    rows: dict[str, list[Tensor]] = {}
    with warnings.catch_warnings(action="ignore"):  # a random network may find nothing at all
        for method in CHECKED_METHODS:
            for part, maps in cascading_randomisation(network, pixels, method=method, seed=seed):
                rows.setdefault(part, []).append(resize_maps(maps, size))
    columns = {part: torch.cat([*maps, edges]) for part, maps in rows.items()}
    for maps in columns.values():
        top = maps.flatten(1).quantile(BRIGHTEST, dim=1)[:, None, None]
        maps.copy_(maps.minimum(top))
    words = [*(METHOD_STYLES[method][0] for method in CHECKED_METHODS), "plain edges"]
    return plot_cams(
        pixels.repeat(len(words), 1, 1, 1),
        columns,
        scale="each",
        titles=words,
        what="columns: random from the head up to this part",
    )


@dataclass(frozen=True)
class EpochMaps:
    """Where a network looked in some images after an epoch.

    Attributes:
        epoch: From 1; 0 is the network before any training, with its new head.
        loss: Of that epoch's training images; None before any training.
        predictions: The class of each image.
        confidences: The probability of that class.
        maps: Unscaled, `(n, h, w)`.
    """

    epoch: int
    loss: float | None
    predictions: tuple[int, ...]
    confidences: tuple[float, ...]
    maps: tuple


def explain_each_epoch(
    network: Network,
    task: Task,
    strategy: Strategy | str,
    pixels: Tensor,
    *,
    seed: int = 0,
    epochs: int | None = None,
    stage: str | nn.Module | None = None,
    targets: str | Tensor = "predicted",
) -> Iterator[EpochMaps]:
    """Train a network as `fit` does, and look at the same images after each epoch.

    Looking changes nothing: the network learns exactly what it would learn unwatched.

    Args:
        network: Trained in place.
        task: Its `train` images are learnt from.
        strategy: What learns, or its name.
        pixels: The images that are looked at, bytes `(n, 3, H, W)`.
        seed: As in `fit`.
        epochs: As in `fit`.
        stage: As in `explain`.
        targets: As in `explain`; true classes keep the question the same in every epoch.

    Raises:
        ValueError: As `fit` and `explain`.

    Lesson 09.
    """
    strategy = as_strategy(strategy)

    def explain_now(number: int, loss: float | None) -> EpochMaps:
        confidences, predictions = predict(network, pixels).max(1)
        # a network that has not learnt yet may find nothing: an empty map is no news here
        maps = explain(network, pixels, stage=stage, targets=targets, say=lambda _: None)
        return EpochMaps(
            number,
            loss,
            tuple(predictions.tolist()),
            tuple(round(c, 4) for c in confidences.tolist()),
            tuple(tuple(tuple(row) for row in one) for one in maps.tolist()),
        )

    strategy.prepare(network, seed)  # as `fit` does at its start: the network of epoch 0
    yield explain_now(0, None)
    asked = None if strategy.convex else epochs  # one that is solved has none
    for number, epoch in enumerate(fit(network, task, strategy, seed=seed, epochs=asked), 1):
        yield explain_now(number, epoch.loss)


SCORE_LABELS = {
    "hit": ("maximum on the object", "share of the images"),
    "mass": ("mass on the object", "share of the map's sum"),
    "overlap": ("overlap", "intersection over union"),
}
METHOD_STYLES = {
    "grad_cam": ("Grad-CAM", "#0072B2", "o"),
    "layer_cam": ("LayerCAM", "#00805F", "D"),
    "integrated_gradients": ("Integrated gradients", "#6E6E6E", "s"),
    "guided_backprop": ("Guided backprop", "#C4461B", "^"),
    "occlusion": ("Occlusion", "#A94C86", "v"),
}
CHECKED_METHODS = ("grad_cam", "layer_cam", "guided_backprop")
OTHER_IMAGE = "other image"
ROW_HEIGHT = 0.4  # inches for a strategy
MEASURES = {"rank_correlation": "rank correlation", "ssim": "structural similarity"}


def plot_cam_scores(table: pd.DataFrame, stage: str = "stage4") -> Figure:
    """Three scores of each strategy's maps: a dot per seed, the mean, its 95 % t-interval.

    The last rows are baselines, which know nothing of the network.

    Args:
        table: As `cam_table("scores")`: strategy (and the baselines' names), stage, seed, and
            the scores.
        stage: Which stage's maps.

    Raises:
        ValueError: If the table has no such stage.

    Lesson 09.
    """
    rows = table[table.stage == stage]
    if rows.empty:
        raise ValueError(f"no scores of {stage!r}, only of {', '.join(sorted(set(table.stage)))}")
    shown = sorted(set(rows.strategy) - set(BASELINES), key=names.rank_label)
    shown += [name for name in BASELINES if name in set(rows.strategy)]
    figure, axes = style.new_figure(
        1, len(SCORE_LABELS), height=1.15 + ROW_HEIGHT * len(shown), pad=0.11, sharey=True
    )
    for ax, (score, (words, unit)) in zip(axes[0], SCORE_LABELS.items(), strict=True):
        _draw_cam_score(ax, rows, shown, score)
        style.style_heading(ax, words)
        style.label_axes(ax, x=unit)
    labels = [name if name in BASELINES else names.get_label(name).text for name in shown]
    axes[0, 0].set_yticks(range(len(shown)), labels, **style.font_style())
    return figure


def _draw_cam_score(ax: Axes, rows: pd.DataFrame, shown: list[str], score: str) -> None:
    """A row for each strategy and baseline: the seeds as dots before the interval of their mean."""
    style.prepare_axes(ax, grid="x")
    for place, name in enumerate(shown):
        values = rows[rows.strategy == name][score].to_numpy()
        label = names.get_label(name)
        colour = style.QUIET if name in BASELINES else label.colour
        marker = "x" if name in BASELINES else label.marker
        of = metrics.t_interval(values)
        if np.ptp(values) > 0:  # a baseline that draws nothing at random is the same for all seeds
            ax.barh(
                place,
                of.high - of.low,
                0.7,
                of.low,
                color=colour,
                alpha=0.35,
                linewidth=0,
                zorder=2,
                gid=f"interval {score} {name}",
            )
            ax.plot(
                [of.mean] * 2,
                [place - 0.35, place + 0.35],
                color=colour,
                linewidth=1,
                zorder=3,
                solid_capstyle="butt",
                gid=f"mean {score} {name}",
            )
        spread = 0.22 if len(values) > 1 else 0  # so that equal seeds do not hide one another
        ax.plot(
            values,
            place + np.linspace(-spread, spread, len(values)),
            marker,
            color=colour,
            markersize=4.5,
            markeredgewidth=0.7,
            zorder=4,
            gid=f"{score} {name}",
        )
        _write_mean(ax, place, f"{100 * of.mean:.0f}", colour)
    ax.set(xlim=(0, 1.25 * rows[score].max()), ylim=(len(shown) - 0.45, -0.55))
    style.set_percent_axis(ax.xaxis, ticks=tuple(np.arange(0, rows[score].max() + 0.05, 0.2)))
    ax.spines["left"].set_visible(False)


def _write_mean(ax: Axes, place: int, words: str, colour: str) -> None:
    """Writes a row's mean at the right end of the axes."""
    ends: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "va": "center", "ha": "right"}
    style.annotate(ax, words, (1, place), (0, 0), colour=colour, weight="bold", **ends)


def plot_cascade(table: pd.DataFrame) -> Figure:
    """How alike maps stay to the trained network's while it is randomised from the head on, by both measures.

    Args:
        table: As `cam_table("sanity")`: method, part, seed, rank_correlation, ssim. The part
            "other image" is drawn as a dotted line: so alike are maps of different images.

    Raises:
        ValueError: If the table has no row.

    Adebayo et al. (2018), https://arxiv.org/abs/1810.03292. Lesson 09.
    """
    if table.empty:
        raise ValueError("there is nothing to draw")
    methods = [name for name in METHOD_STYLES if name in set(table.method)]
    figure, axes = style.new_figure(
        len(MEASURES), len(methods), height=4.6, sharex=True, sharey=True
    )
    for line, (measure, words) in zip(axes, MEASURES.items(), strict=True):
        for ax, name in zip(line, methods, strict=True):
            _draw_cascade(ax, table[table.method == name], measure)
        style.label_axes(line[0], y=words)
    for ax, name in zip(axes[0], methods, strict=True):
        style.style_heading(ax, METHOD_STYLES[name][0])
    words = "randomised up to here, from the head on (numbers: stages); dotted: maps of different images"
    figure.supxlabel(words, **style.font_style(style.SMALL, style.QUIET))
    return figure


def _draw_cascade(ax: Axes, rows: pd.DataFrame, measure: str) -> None:
    """One method: a thin line for each seed, below the thick one of the mean."""
    _, colour, marker = METHOD_STYLES[(name := rows.method.iloc[0])]
    parts = [part for part in dict.fromkeys(rows.part) if part != OTHER_IMAGE]
    style.prepare_axes(ax, grid="y")
    for _, run in rows[rows.part != OTHER_IMAGE].groupby("seed"):
        values = run.set_index("part")[measure].loc[parts]
        ax.plot(range(len(parts)), values, color=colour, linewidth=0.7, alpha=0.45)
    means = rows.groupby("part")[measure].mean()
    look = {"color": colour, "linewidth": 2.2, "marker": marker, "markersize": 5, "gid": name}
    ax.plot(range(len(parts)), means.loc[parts], **look)
    if OTHER_IMAGE in means:
        ax.axhline(means[OTHER_IMAGE], **style.DOTTED, gid=f"{OTHER_IMAGE} {name}")
    ax.axhline(0, color=style.FAINT, linewidth=0.9)
    words = [part.removeprefix("stage") for part in parts]
    ax.set_xticks(range(len(parts)), words, **style.font_style(style.SMALL, style.QUIET))
    ax.set_ylim(-0.3, 1.05)


NO_NETWORK = "edges"  # a map that never saw the network: no random weights can change it
CHECKED_PARTS = {"head": "head random", "stage4": "and stage 4 random"}


def plot_scores_and_checks(methods: pd.DataFrame, sanity: pd.DataFrame) -> Figure:
    """How well maps score on the mask, and beside it how much of them stays when the network is randomised.

    A dot is a seed, a bar the mean. At the right the dotted line is how alike maps of different images are.

    Args:
        methods: As `cam_table("methods")`.
        sanity: As `cam_table("sanity")`.

    Lesson 09.
    """
    shown = sorted(
        (*CHECKED_METHODS, NO_NETWORK),
        key=lambda name: -methods[methods.method == name].mass.mean(),
    )
    heads = [
        "Score: mass on the plant",
        *(f"Stays: {words}" for words in CHECKED_PARTS.values()),
    ]
    figure, axes = style.new_figure(1, 3, height=2.6, pad=0.1, sharey=True)
    for place, name in enumerate(shown):
        _, colour, marker = METHOD_STYLES.get(name, ("", style.QUIET, "X"))
        rows = sanity[sanity.method == name]
        other = rows[rows.part == OTHER_IMAGE].rank_correlation.mean()
        values = [methods[methods.method == name].mass.to_numpy()]
        values += [
            np.ones(1)
            if name == NO_NETWORK
            else rows[rows.part == part].rank_correlation.to_numpy()
            for part in CHECKED_PARTS
        ]
        for ax, of in zip(axes[0], values, strict=True):
            ax.barh(place, of.mean(), 0.6, color=colour, alpha=0.3, linewidth=0, gid=f"mean {name}")
            ax.plot(
                of, place + np.linspace(-0.2, 0.2, len(of)), marker, color=colour, markersize=4.5
            )
            _write_mean(ax, place, f"{of.mean():z.2f}", colour)
        for ax in axes[0, 1:]:
            dotted = style.DOTTED | {"zorder": 5, "color": style.INK}
            ax.plot(
                [other] * 2, [place - 0.42, place + 0.42], **dotted, gid=f"{OTHER_IMAGE} {name}"
            )
    for ax, words in zip(axes[0], heads, strict=True):
        style.prepare_axes(ax, grid="x")
        ax.spines["left"].set_visible(False)
        style.style_heading(ax, words)
        ax.set(xlim=(-0.25 if ax is not axes[0, 0] else 0, 1.25), ylim=(len(shown) - 0.45, -0.55))
        ax.set_xticks((0, 0.5, 1))
    style.label_axes(axes[0, 0], x="share of the map's sum (more is better)")
    for ax in axes[0, 1:]:
        style.label_axes(ax, x="rank correlation (less is better)")
    said = [METHOD_STYLES[name][0] if name in METHOD_STYLES else f"plain {name}" for name in shown]
    axes[0, 0].set_yticks(range(len(shown)), said, **style.font_style())
    return figure


letter_exercise(
    "09.1",
    "a",
    "What does not depend on the weights cannot describe them.",
    "Hold it against what the lesson showed: who wins the scores, and who is changed by a random head?",
)


@exercise("09.2", function_of="a score, an image and the side of a square")
def _occlusion(answer: Callable) -> Verdict:
    image = np.zeros((3, 6, 9), dtype=np.uint8)
    image[:, 2:4, 5] = 255
    scores: dict[str, Callable[[np.ndarray], float]] = {
        "the brightness of the image": lambda shown: float(shown.mean()),
        "the brightness of the upper left corner": lambda shown: float(shown[:, :3, :3].mean()),
    }
    for words, score in scores.items():
        wanted = np.zeros((2, 3))
        for i, j in np.ndindex(2, 3):
            covered = image.copy()
            covered[:, 3 * i : 3 * i + 3, 3 * j : 3 * j + 3] = 128
            wanted[i, j] = score(image) - score(covered)
        given = image.copy()
        found = np.asarray(call_answer(answer, score, given, 3), dtype=float)
        if found.shape != wanted.shape:
            return (
                False,
                f"An image of 6 x 9 and squares of 3 make a map of 2 x 3, not {found.shape}.",
            )
        if not np.array_equal(given, image):
            return (
                False,
                "The image that was given is changed: cover a copy, a new one for each square.",
            )
        if np.allclose(found, -wanted) and wanted.any():
            return (
                False,
                "The sign: a square that matters makes the score fall, and counts positive.",
            )
        if not np.allclose(found, wanted):
            return False, f"With {words} as the score it gave {found.round(1).tolist()}."
    return True, "A heat map without a gradient, for any model that gives a number."


@exercise("09.3")
def _without_plants(answer: object) -> Verdict:
    wanted = ("scratch", "probe")
    if not isinstance(answer, Mapping) or set(answer) != set(wanted):
        return False, 'The answer is a dict of two accuracies, {"scratch": ..., "probe": ...}.'
    shares = [float(answer[name]) for name in wanted]
    if not all(0 <= share <= 1 for share in shares):
        return False, "An accuracy lies between 0 and 1."
    scratch, calm = shares
    if calm > 0.6:
        return False, "The probe still names most of them: are the plants really covered?"
    if scratch < 0.5:
        return (
            False,
            "Cover the plants, not the ground, and take images with the ground of their species.",
        )
    right = scratch > 0.8 and calm < 0.4
    return (
        right,
        "It names plants in images without a plant: this proves what the map suggested."
        if right
        else ("Cover every pixel of each plant's mask, and nothing else."),
    )
