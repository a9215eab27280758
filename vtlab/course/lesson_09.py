"""What lesson 09 uses: its tables and figures, a task with tied grounds, maps by epoch, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from vtlab.analysis.baselines import BASELINES
from vtlab.analysis.cams import explain
from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.tables import cam_table as cam_table
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.garden.worlds import WORLDS
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.results import labels as names
from vtlab.results import metrics
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, as_strategy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


GROUND_SHOTS = 10


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
    for number, epoch in enumerate(fit(network, task, strategy, seed=seed, epochs=epochs), 1):
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
OTHER_IMAGE = "other image"
ROW_HEIGHT = 0.4  # inches for a strategy


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
        if len(values) > 1:
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
            markersize=2.8,
            markeredgewidth=0.7,
            zorder=4,
            gid=f"{score} {name}",
        )
    ax.set(xlim=(0, 1), ylim=(len(shown) - 0.45, -0.55))
    style.set_percent_axis(ax.xaxis, ticks=(0, 0.5, 1))
    ax.spines["left"].set_visible(False)


def plot_cascade(table: pd.DataFrame, value: str = "rank_correlation") -> Figure:
    """How alike maps stay to the trained network's while it is randomised from the head on.

    Args:
        table: As `cam_table("sanity")`: method, part, seed, rank_correlation, ssim. The part
            "other image" is drawn as a dashed line: so alike are maps of different images.
        value: "rank_correlation" or "ssim".

    Raises:
        ValueError: If the table has no row.

    Adebayo et al. (2018), https://arxiv.org/abs/1810.03292. Lesson 09.
    """
    if table.empty:
        raise ValueError("there is nothing to draw")
    parts = [part for part in dict.fromkeys(table.part) if part != OTHER_IMAGE]
    methods = [name for name in METHOD_STYLES if name in set(table.method)]
    figure, axes = style.new_figure(1, len(methods), height=2.7, sharey=True)
    for ax, name in zip(axes[0], methods, strict=True):
        words, colour, marker = METHOD_STYLES[name]
        rows = table[table.method == name]
        style.prepare_axes(ax, grid="y")
        means = rows.groupby("part")[value].mean()
        # a thin line for each seed, below the thick one of the mean
        for _, run in rows[rows.part != OTHER_IMAGE].groupby("seed"):
            ax.plot(
                range(len(parts)),
                run.set_index("part")[value].loc[parts],
                color=colour,
                linewidth=0.7,
                alpha=0.45,
            )
        ax.plot(
            range(len(parts)),
            means.loc[parts],
            color=colour,
            linewidth=2.2,
            marker=marker,
            markersize=5,
            gid=name,
        )
        if OTHER_IMAGE in means:
            ax.axhline(
                means[OTHER_IMAGE],
                color=style.QUIET,
                linewidth=1.2,
                linestyle=(0, (4, 3)),
                gid=f"{OTHER_IMAGE} {name}",
            )
        ax.axhline(0, color=style.FAINT, linewidth=0.9)
        font = style.font_style(style.SMALL, style.QUIET)
        ax.set_xticks(range(len(parts)), parts, rotation=60, ha="right", **font)
        ax.set_ylim(min(-0.25, 1.1 * table[value].min()), 1.05)
        style.style_heading(ax, words)
    said = {"rank_correlation": "rank correlation", "ssim": "structural similarity"}[value]
    style.label_axes(axes[0, 0], y=f"{said} with the\ntrained network's map")
    words = "randomised up to here, from the head on; dashed: maps of different images"
    figure.supxlabel(words, **style.font_style(style.SMALL, style.QUIET))
    return figure


@exercise("09.1", function_of="a map and a mask")
def _pointing_game(answer: Callable) -> Verdict:
    heat = np.array([[0.1, 0.9, 0.2], [0.0, 0.3, 0.4]])
    for row, column, truth in ((0, 1, True), (1, 2, False), (1, 0, False)):
        mask = np.zeros((2, 3), dtype=bool)
        mask[row, column] = True
        found = call_answer(answer, heat.copy(), mask)
        if bool(found) != truth:
            return (
                False,
                f"The maximum is 0.9; for a mask of row {row}, column {column} it gave {found}.",
            )
    return True, "It points where the map is largest."


@exercise("09.2")
def _mass_of_stage3(answer: object) -> Verdict:
    if not isinstance(answer, float | np.floating) or not 0 <= answer <= 1:
        return False, "The answer is one number between 0 and 1: a mean over the images."
    right = bool(0.44 <= answer <= 0.60)
    return right, "About half of the mass, more than at stage 4." if right else (
        "Take stage3 of the trained probe, and the column of the mass."
    )


letter_exercise(
    "09.3",
    "b",
    "What does not depend on the weights cannot describe them.",
    "Look at the randomisation test: what happens to those maps with a random head?",
)
