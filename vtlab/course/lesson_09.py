"""What lesson 09 uses: its tables and figures, tasks with tied grounds, maps by epoch, checks of exercises."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from vtlab.analysis.architecture import receptive_fields
from vtlab.analysis.baselines import baseline_maps
from vtlab.analysis.cams import explain, resize_maps
from vtlab.analysis.map_similarity import rank_correlation as rank_correlation
from vtlab.analysis.sanity_checks import cascading_randomisation
from vtlab.course.cam_figures import CHECKED_METHODS, MEASURES, METHOD_STYLES, OTHER_IMAGE
from vtlab.course.cam_figures import plot_cam_scores as plot_cam_scores
from vtlab.course.cam_figures import plot_cascade as plot_cascade
from vtlab.course.cam_figures import plot_scores_and_checks as plot_scores_and_checks
from vtlab.course.cam_figures import plot_shortcut as plot_shortcut
from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.tables import cam_table as cam_table
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.garden.worlds import WORLDS
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.plots.heatmaps import plot_cams
from vtlab.plots.sheet import Sheet, to_sheet_pictures
from vtlab.results import metrics
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, as_strategy

if TYPE_CHECKING:
    import pandas as pd
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


def points_ahead(score: str, ours: pd.DataFrame, theirs: pd.DataFrame) -> metrics.Interval:
    """How far the first rows are ahead of the second, in points: the mean over paired seeds, its 95 % interval.

    Args:
        score: The column, a share.
        ours: Rows of a table, one per seed.
        theirs: The same.

    Lesson 09.
    """
    return metrics.paired_difference(
        *(100 * rows.sort_values("seed")[score].to_numpy() for rows in (ours, theirs))
    )


def above_yardstick(sanity: pd.DataFrame, method: str, part: str) -> dict[str, metrics.Interval]:
    """How much more alike a method's maps stay than maps of different images, by both measures.

    Args:
        sanity: As `cam_table("sanity")`.
        method: Whose maps.
        part: The network is random from the head up to this one.

    Lesson 09.
    """
    rows = sanity[sanity.method == method].sort_values("seed")
    here, other = rows[rows.part == part], rows[rows.part == OTHER_IMAGE]
    return {
        measure: metrics.paired_difference(here[measure].to_numpy(), other[measure].to_numpy())
        for measure in MEASURES
    }


CELL_FIGURE_WIDTH = 1.92  # inches: a picture and its gap


def plot_cells(network: Network, images: Images, stages: Sequence[str]) -> Figure:
    """Grad-CAM of one image as it is: the map's own cells on black, and how wide a cell's receptive field is.

    Args:
        network: Explained for the class that it names.
        images: The first one is shown; it has a mask.
        stages: Whose maps, a column each.

    Lesson 09.
    """
    assert images.masks is not None, "drawings have masks"
    picture, mask = to_sheet_pictures(images.pixels[:1])[0], images.masks[0].numpy()
    fields = receptive_fields(network)
    sheet = Sheet(1, 1 + len(stages), CELL_FIGURE_WIDTH, picture.shape[:2], under=1, head=0.2)
    sheet.show(0, 0, picture)
    sheet.write_over(0, 0, "image", colour=style.QUIET)
    for column, stage in enumerate(stages, 1):
        cells = explain(network, images.pixels[:1], stage=stage)[0].numpy()
        how = {"cmap": "magma", "vmin": 0, "vmax": cells.max() or 1, "interpolation": "nearest"}
        sheet.show(0, column, cells, **how)
        sheet.outline(0, column, mask)
        sheet.write_over(0, column, stage, weight="bold")
        words = f"{cells.shape[0]} × {cells.shape[1]} cells, field {fields[stage].size} px"
        sheet.write_under(0, column, words, size=style.SMALL, colour=style.QUIET)
    return sheet.figure


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


@exercise("09.1")
def _scores_of_nothing(answer: object) -> Verdict:
    if not isinstance(answer, tuple) or len(answer) != 2:
        return False, "The answer is two shares: mass, overlap."
    if ... in answer:
        return None
    mass, overlap = map(float, answer)
    if abs(mass - 0.25) > 0.005:
        return False, "Mass: numbers drawn alike everywhere put as much on a pixel as on any other."
    if abs(overlap - 0.25) < 0.01:
        return False, "A quarter of the chosen pixels lie on the plant. Divide by the union."
    right = abs(overlap - 1 / 7) < 0.005
    return right, "Hold the scores of any map against these two." if right else (
        "Overlap: in shares of the image, how large are the intersection and the union?"
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
