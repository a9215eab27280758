"""What lesson 01 uses: its tables, the game against the probe, checks of exercises."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
import traitlets
from ipywidgets import Text
from scipy.stats import binomtest

from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.tables import drift_table
from vtlab.course.tables import real_table as real_table
from vtlab.course.tables import shots_table as shots_table
from vtlab.data.images import Images, image_places_by_class
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.garden.species import PATTERNS, express_genes
from vtlab.garden.worlds import WORLDS
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.plots import style
from vtlab.plots.sheet import Sheet, to_sheet_pictures
from vtlab.results import metrics
from vtlab.system.randomness import make_generator
from vtlab.training.fit import fit
from vtlab.training.strategies import PLAIN_RATES, Strategy, full, plain
from vtlab.widgets.panel import DESCRIPTION_STYLE, Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vtlab.results.records import Run

SHOWN_SHOTS = 5  # of each class
SQUARE = (1, 1)  # the images' height and width
CELL = 0.92  # inches: a shot and its gap
NAME_WIDTH = 1.75  # inches: letter and name at the left of the shots
BLOCK_GAP = 0.35  # inches between the shots and the images to name
ASKED_GAP = 0.1  # inches between two of these
PORTRAIT = 256  # pixels: a drawing that a portrait of the key is cut from
PORTRAIT_SHAPE = (3, 8)  # of its place in the key, height and width
PRACTICE_IMAGES = 25  # of each class, none of them for training or testing
PRACTICE_SEED = 100
JUDGING_SEEDS = (1, 2)  # of exercise 01.4
NEEDED_GAIN = 0.05


def twins_table() -> pd.DataFrame:
    """From scratch and Full by the plain recipe at one rate: only the start of the stages differs.

    The columns are those of `shots_table`, without the seconds, which were not taken alike. Lesson 01.
    """
    drift, runs = drift_table(), shots_table("plain").sort_values("seed")
    runs = runs[runs.strategy.isin(["scratch", "full"]) & (runs.shots == SHOWN_SHOTS)]
    twin = drift[(drift.way == "full") & (drift.rate == PLAIN_RATES["scratch"])]
    at_that_rate = twin.set_index("seed").test_accuracy
    full_runs = runs.strategy == "full"
    return runs.assign(
        seconds=np.nan,
        test_accuracy=runs.test_accuracy.where(~full_runs, runs.seed.map(at_that_rate)),
    )


class NamingPanel(Panel):
    """A game: name test images after a few shots of each class, as the linear probe has to.

    The learner writes a letter for each image. `reveal` shows the answers beside those of a network.

    Attributes:
        answers: A letter for each image in order, such as "ACHB"; spaces and commas are skipped.
        places: Which test images are asked for.

    Lesson 01.
    """

    photographs = True
    answers = traitlets.Unicode("")

    def __init__(self, task: Task, *, count: int = 10, seed: int = 0, **traits: object) -> None:
        """Draw the images to name.

        Args:
            task: With five shots of each class or more, and at most 26 classes.
            count: How many test images are asked for.
            seed: Of their draw.
            traits: To begin with.
        """
        self.task = task
        random = make_generator(seed, "naming")
        self.places = torch.randperm(len(task.test), generator=random)[:count]
        self.letters = string.ascii_uppercase[: len(task.classes)]
        super().__init__(**traits)

    def build_controls(self) -> dict[str, Text]:
        """A line to write letters on."""
        return {
            "answers": Text(
                description=f"Your letters for flowers 1 to {len(self.places)}",
                placeholder="such as ACHB…",
                style=DESCRIPTION_STYLE,
                layout={"width": "32em"},
            )
        }

    @property
    def named(self) -> list[int]:
        """The classes that the learner has named so far.

        Raises:
            ValueError: If a letter stands for no class, or there are more letters than images.
        """
        given = [letter for letter in self.answers.upper() if letter not in " ,;"]
        if odd := [letter for letter in given if letter not in self.letters]:
            raise ValueError(f"{odd[0]} is none of the letters A to {self.letters[-1]}.")
        if len(given) > len(self.places):
            raise ValueError(f"These are {len(given)} letters for {len(self.places)} flowers.")
        return [self.letters.index(letter) for letter in given]

    @property
    def score(self) -> float | None:
        """The share that the learner named correctly; None until all are named."""
        truth, named = self._truth(), self.named
        return metrics.accuracy(truth, named) if len(named) == len(truth) else None

    def add_to(self, runs: pd.DataFrame) -> pd.DataFrame:
        """The table of runs, and below it the learner's score as one more run, if there is one."""
        if self.score is None:
            return runs
        yours = runs.iloc[[-1]].assign(strategy="You", seed=0, test_accuracy=self.score)
        return pd.concat([runs, yours], ignore_index=True)

    def reveal(self, predictions: torch.Tensor, name: str = "the probe") -> Figure:
        """Print both scores; gives the images with the truth and both answers.

        Args:
            predictions: The class that a network names for each image of the test set, `(N,)`.
            name: Of the network.
        """
        truth, theirs = self._truth(), predictions[self.places].tolist()
        print(f"{name}: {_format_score(truth, theirs)}")
        answers = {name: theirs}
        if yours := self.named:
            answers = {"you": yours, name: theirs}
            said = f"{len(yours)} of {len(truth)} flowers named so far"
            print(f"you: {said if self.score is None else _format_score(truth, yours)}")
        return plot_named(
            self.task.test.pixels[self.places],
            truth,
            answers,
            self.task.classes,
        )

    def figure(self) -> Figure:
        """Five shots of each class with its letter, and the images to name."""
        shots = image_places_by_class(self.task.train.labels, range(len(self.task.classes)))
        return plot_naming(
            [self.task.train.pixels[own[:SHOWN_SHOTS]] for own in shots],
            self.task.classes,
            self.task.test.pixels[self.places],
            [self.letters[k] for k in self.named],
        )

    def describe(self) -> str:
        """The question in words."""
        return (
            f"{SHOWN_SHOTS} shots of each of {len(self.task.classes)} classes, and {len(self.places)} test "
            f"images without a name. Named so far: {len(self.named)}."
        )

    def _truth(self) -> list[int]:
        return self.task.test.labels[self.places].tolist()


def _format_score(truth: Sequence[int], named: Sequence[int]) -> str:
    """How many are right, with Wilson's interval: ten images say little."""
    right = sum(a == b for a, b in zip(truth, named, strict=True))
    found = binomtest(right, len(truth)).proportion_ci(method="wilson")
    return (
        f"{right} of {len(truth)} (95 % interval {100 * found.low:.0f} to {100 * found.high:.0f} %)"
    )


def plot_naming(
    shots: Sequence[torch.Tensor],
    classes: Sequence[str],
    asked: torch.Tensor,
    letters: Sequence[str] = (),
) -> Figure:
    """Shots of each class in a row with its letter; at the right numbered images without a name.

    Args:
        shots: For each class `(n, 3, H, W)` uint8.
        classes: Their names.
        asked: `(N, 3, H, W)` uint8, shown in two columns.
        letters: What the first of them were named.

    Lesson 01.
    """
    rows, columns = len(classes), max(map(len, shots))
    sheet = Sheet(rows, columns, CELL, SQUARE, side=NAME_WIDTH, head=0.3)
    for row, (name, own) in enumerate(zip(classes, shots, strict=True)):
        words = style.shorten_styled_text(name, NAME_WIDTH - 0.35, style.BODY)
        sheet.write_beside(row, string.ascii_uppercase[row], size=13, weight="bold")
        sheet.write_beside(row, words, left=0.28, size=style.BODY)
        for column, picture in enumerate(to_sheet_pictures(own)):
            sheet.show(row, column, picture)
    # larger than the shots, so no cells of the sheet
    left = NAME_WIDTH + columns * CELL + BLOCK_GAP
    side = (style.WIDE - left - ASKED_GAP) / 2
    step = (sheet.foot - 0.3) / max(1, -(-len(asked) // 2))
    for i, picture in enumerate(to_sheet_pictures(asked)):
        x, y = left + (i % 2) * (side + ASKED_GAP), 0.33 + (i // 2) * step
        size = min(side, step - 0.27)
        extent = (x, x + size, y + size, y)
        sheet.ax.imshow(picture, extent=extent, aspect="auto", interpolation="catrom")
        bold = style.font_style(weight="bold")
        named = letters[i] if i < len(letters) else "?"
        sheet.ax.text(
            x + size / 2, y + size + 0.03, f"{i + 1}: {named}", ha="center", va="top", **bold
        )
    bold = style.font_style(weight="bold")
    sheet.ax.text(NAME_WIDTH + 0.04, 0.14, "the shots", va="center", **bold)
    sheet.ax.text(left, 0.14, "which are these?", va="center", **bold)
    sheet.set_width(style.WIDE)
    sheet.ax.set_ylim(sheet.foot, 0)
    return sheet.figure


def plot_named(
    asked: torch.Tensor,
    truth: Sequence[int],
    answers: Mapping[str, Sequence[int]],
    classes: Sequence[str],
) -> Figure:
    """Images with their class, and below what each of several named, right or wrong.

    Args:
        asked: `(N, 3, H, W)` uint8, five in a row.
        truth: The class of each.
        answers: For each name, the classes that it gave for the first of them.
        classes: Their names.

    Lesson 01.
    """
    letters = string.ascii_uppercase
    rows = -(-len(asked) // 5)
    sheet = Sheet(rows, 5, style.WIDE / 6, SQUARE, over=1, under=len(answers))
    for i, picture in enumerate(to_sheet_pictures(asked)):
        row, column = divmod(i, 5)
        sheet.show(row, column, picture)
        name = f"{i + 1}: {letters[truth[i]]} {classes[truth[i]]}"
        words = style.shorten_styled_text(name, sheet.width, style.SMALL)
        sheet.write_over(row, column, words, size=style.SMALL)
        left, top = sheet.corner(row, column)
        for line, (who, given) in enumerate(answers.items()):
            right = i < len(given) and given[i] == truth[i]
            said = f"{letters[given[i]]} {'✓' if right else '✗'}" if i < len(given) else "?"
            colour = style.RIGHT if right else style.WRONG if i < len(given) else style.QUIET
            sheet.ax.text(
                left + sheet.width / 2,
                top + sheet.height + 0.05 + 0.17 * line,
                f"{who}: {said}",
                ha="center",
                va="top",
                **style.font_style(style.SMALL, colour, weight="bold"),
            )
    return sheet.figure


def plot_key(task: Task) -> Figure:
    """The key to the species of a garden task: a portrait of each, and three marks that tell them apart.

    Args:
        task: Whose classes are the species of a world of plants.

    Lesson 01.
    """
    world = WORLDS[task.name]
    scene = {"variation": 0, "weeds": 0, "leaves": 0, "small": 0.2, "large": 0.2}
    tries = 6  # of each: some plants reach over the edge of their drawing
    images, labels, masks = world.turn(**scene).draw(tries, seed=0, size=PORTRAIT)
    genes = express_genes(world.species.genomes)
    sheet = Sheet(2, 4, style.WIDE / 4, PORTRAIT_SHAPE, under=2)
    for k, name in enumerate(task.classes):
        own = (labels == k).nonzero()[:, 0]
        edge = masks[own].clone()
        edge[:, 1:-1, 1:-1] = False
        chosen = own[edge.sum((1, 2)).argmin()]
        rows, columns = (masks[chosen].any(axis).nonzero()[:, 0] for axis in (1, 0))
        plant = torch.where(masks[chosen], images[chosen], 255)
        plant = plant[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        row, column = divmod(k, 4)
        left, top = sheet.corner(row, column)
        (picture,) = to_sheet_pictures(plant[None])
        long = sheet.height / max(picture.shape[:2])
        wide, high = picture.shape[1] * long, picture.shape[0] * long
        left, top = left + (sheet.width - wide) / 2, top + (sheet.height - high) / 2
        extent = (left, left + wide, top + high, top)
        sheet.ax.imshow(picture, extent=extent, aspect="auto", interpolation="antialiased")
        pattern = PATTERNS[int(genes["pattern"][k])]
        marks = f"{int(genes['petals'][k])} petals, {pattern}, ring {100 * genes['ring'][k]:.0f} %"
        words = f"{string.ascii_uppercase[k]}  {name}\n{marks}"
        sheet.write_under(row, column, words, size=style.BODY)
    sheet.set_width(style.WIDE)
    return sheet.figure


def name_top_class(runs: Sequence[Run], places: Sequence[int], task: Task) -> dict[str, list]:
    """What each run names in some test images, and whether it is right: the marks of `plots.cams`."""
    labels = task.test.labels.tolist()
    return {
        run.strategy: [
            (task.classes[int(run.predictions[i])], int(run.predictions[i]) == labels[i])
            for i in places
        ]
        for run in runs
    }


@exercise("01.1")
def _strategy_value(answer: object) -> Verdict:
    stages = getattr(answer, "stages", "none")
    if stages == "none":
        return False, "The answer is a strategy, such as vt.full."
    return stages == 2, "Two stages and the head learn." if stages == 2 else (
        "Count the stages that learn beside the head."
    )


@exercise("01.2", function_of="two rows of accuracies, seed by seed")
def _own_difference(answer: Callable) -> Verdict:
    random = np.random.default_rng(1)
    for seeds in (3, 5, 20):
        shared = random.normal(0.7, 0.1, seeds)  # luck that both ways share
        first, second = (shared + random.normal(0, 0.02, seeds) for _ in range(2))
        found = call_answer(answer, first, second)
        truth = metrics.paired_difference(first.tolist(), second.tolist())
        if np.shape(found) != (3,):
            return False, "Give three numbers: the mean, the lower end and the upper end."
        if not np.allclose(found, (truth.mean, truth.low, truth.high)):
            given = ", ".join(f"{float(x):.3f}" for x in found)
            return False, f"For two rows of {seeds} it gave {given}, not {truth}."
    return True, "Shared luck cancels, and the interval knows how many seeds there were."


@exercise("01.3")
def _worth_in_images(answer: object) -> Verdict:
    table = shots_table("garden")
    means = table.groupby(["strategy", "shots"]).test_accuracy.mean()
    enough = means["scratch"][means["scratch"] >= means["probe"][1]].index.min()
    if answer != enough:
        return (
            False,
            "Compare means over the seeds: the probe's with one image, and all of scratch.",
        )
    return True, f"{enough} images of each class do the work of one and the pretraining."


def practise(strategy: Strategy, seed: int = PRACTICE_SEED) -> float:
    """Train on five images of each class, and give the accuracy on 25 others: none is a test image.

    Args:
        strategy: To try; all of it learns from the pretrained weights.
        seed: Of the draw of images; exercise 01.4 judges by others.

    Lesson 01.
    """
    task = make_task("garden", shots=SHOWN_SHOTS, seed=seed, tests=1)
    many = task.draw_shots(SHOWN_SHOTS + PRACTICE_IMAGES, seed)
    # the shots of one seed are nested: a class's first five are those that are trained on
    places = image_places_by_class(many.labels, range(len(task.classes)))
    held = many[torch.cat([own[SHOWN_SHOTS:] for own in places])]
    return _train_and_test(strategy, task, seed, held)


def _train_and_test(strategy: Strategy, task: Task, seed: int, images: Images) -> float:
    network = backbone("mini_resnet", classes=len(task.classes))
    for _ in fit(network, task, replace(strategy, name="full"), seed=seed):
        pass
    return evaluate(network, images.pixels, images.labels)


@exercise("01.4")
def _better_recipe(answer: object) -> Verdict:
    if not isinstance(answer, Strategy):
        return False, "The answer is a strategy, such as replace(plain, epochs=60)."
    start = plain(full)
    changed = [f.name for f in fields(start) if getattr(start, f.name) != getattr(answer, f.name)]
    changed = [name for name in changed if name != "name"]
    if answer.stages is not None or answer.start != "pretrained" or answer.kind != "all":
        return False, "All weights should learn, from the pretrained start: change the recipe only."
    if not 1 <= len(changed) <= 2:
        return False, f"Change one field or two; these differ: {', '.join(changed) or 'none'}."
    table = shots_table("plain")
    rows = table[(table.strategy == "full") & (table.shots == SHOWN_SHOTS)]
    before = rows[rows.seed.isin(JUDGING_SEEDS)].test_accuracy.mean()
    task = make_task("garden", shots=SHOWN_SHOTS)
    drawn = [task.at(SHOWN_SHOTS, seed) for seed in JUDGING_SEEDS]
    after = fmean(_train_and_test(answer, one, one.seed, one.test) for one in drawn)
    seeds = " and ".join(map(str, JUDGING_SEEDS))
    words = f"{' and '.join(changed)}, seeds {seeds}: {100 * before:.0f} % before, {100 * after:.0f} % now."
    return bool(after - before >= NEEDED_GAIN), words
