"""The exercises of lesson 06."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import matplotlib
import torch
from matplotlib.ticker import NullLocator
from matplotlib.transforms import ScaledTranslation, Transform
from torch import nn

from vtlab.course.exercise import Verdict, exercise, letter_exercise
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.garden.worlds import World
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.initialisation import reinitialise
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.plots.legends import spread_apart
from vtlab.results import metrics
from vtlab.results.records import committed
from vtlab.system.randomness import make_generator
from vtlab.training.fit import fit
from vtlab.training.strategies import Strategy, full, probe, surgical
from vtlab.training.strategies import partial as last_stages

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@exercise("06.1")
def _normalisation_only(answer: object) -> Verdict:
    from vtlab.models.backbones import backbone
    from vtlab.training.strategies import Strategy

    if not isinstance(answer, Strategy):
        return False, "The answer is a strategy, such as vt.Strategy('full', …)."
    if answer.start != "pretrained" or not answer.head_learns:
        return False, "The weights start pretrained, and the head learns."
    network = backbone("mini_resnet")
    if set(answer.learning_parts(network)) != {*network.stage_names, "head"}:
        return False, "All five stages should take part."
    right = answer.kind == "norm"
    return right, "Scales, shifts and the head." if right else "Which kind of weights is it?"


@exercise("06.2")
def _thawed(answer: object) -> Verdict:
    if not callable(answer):
        return False, "The answer is a function of an epoch, names and a number of epochs."
    names = ("stem", "stage1", "stage2")
    for epoch, each, learning in (
        (0, 2, 0),
        (1, 2, 0),
        (2, 2, 1),
        (5, 2, 2),
        (6, 2, 3),
        (40, 3, 3),
    ):
        found = answer(epoch, names, each)
        if found is None or found is ...:
            return None
        if tuple(found) != names[len(names) - learning :]:
            return False, f"In epoch {epoch}, one more every {each}, it gave {tuple(found)}."
    return True, "From the head towards the image."


letter_exercise(
    "06.3",
    "b",
    "Knowing the wrong thing can be worse than knowing nothing.",
    "Count the weights that learn in both cases, and ask what the later stages were made for.",
)
WEIGHT_KIND_EPOCHS = 40  # of the ways to let few weights learn, which move slowly
RATE = 1e-3  # of everything that is descended on: the best for full in drift.csv
STAGES = ("stem", "stage1", "stage2", "stage3", "stage4")
TESTED = 600  # test images at most

GENERA, SPECIES = 8, 4  # a class is a genus; two of its species are the source's, two are new
GENUS_WORLD = World("genera", seed=71, count=GENERA * SPECIES, genera=GENERA, spread=0.5)
SOURCE_SHOTS, SHIFT_SHOTS, SHIFT_EPOCHS = 20, 3, 15  # shots per species
SHIFTS = ("noise", "species", "names")
PARTS = ("statistics", *STAGES, "head", "head by steps", "everything")


def depth_table() -> pd.DataFrame:
    """The committed table, a row per run.

    `part` says what is compared. "depth": the first `stages` of five are pretrained and the
    rest drawn anew, for plants and for digits; `way` is "frozen" or "fine-tuned". "shift": a
    network that knows one world meets another (`target`), and one part (`way`) may change;
    `before` is its accuracy without. "weights": ways to let few weights learn, with their
    number in `weights`; all begin with the solved head.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 06.
    """
    return committed("depth")


def keep_first_stages(stages: int, classes: int, seed: int) -> Network:
    """A pretrained network of which only the first stages are left; the others are drawn anew.

    Args:
        stages: How many stages stay.
        classes: K.
        seed: Of what is drawn anew.

    Raises:
        ValueError: If there are fewer stages.

    Yosinski et al. (2014), https://arxiv.org/abs/1411.1792. Lesson 06.
    """
    if not 0 <= stages <= len(STAGES):
        raise ValueError(f"{stages} stages cannot stay: there are {len(STAGES)}")
    network = backbone("mini_resnet", classes=classes)
    for name in STAGES[stages:]:
        reinitialise(network.stages[name], make_generator(seed, name))
    return network


def genus_task(species: str, shots: int, seed: int, **dials: object) -> Task:
    """Name the genus of a plant.

    Args:
        species: "known" for the two species of each genus that the source has, "new" for two others.
        shots: Images per species.
        seed: Which individuals.
        dials: Of the world, such as `corruption="noise", strength=3.0`.

    Raises:
        ValueError: If the species are neither.

    Lesson 06.
    """
    if species not in ("known", "new"):
        raise ValueError(f"species are 'known' or 'new', not {species!r}")
    world = GENUS_WORLD.turn(**dials)

    def images(count: int, which: int | None) -> Images:
        drawn = _drawn(world, count, which)
        chosen = (drawn.labels // GENERA % 2 == (species == "new")).nonzero()[:, 0]
        return replace(drawn[chosen], labels=drawn.labels[chosen] % GENERA)

    classes = tuple(name.split()[0] for name in world.classes[:GENERA])
    test = images(TESTED // (2 * GENERA), None)
    return Task("genera", classes, images(shots, seed), test, shots, seed, images)


@lru_cache(maxsize=8)  # the worlds before and after a shift share their test plants
def _drawn(world: World, count: int, seed: int | None) -> Images:
    return Images(*world.draw(count, seed))


def source_network(seed: int) -> Network:
    """The network that the shifts happen to: the pretrained stages, a head that names genera."""
    network = backbone("mini_resnet", classes=GENERA)
    for _ in fit(network, genus_task("known", SOURCE_SHOTS, seed), probe, seed=seed):
        pass
    return network


def shifted_task(shift: str, seed: int) -> Task:
    """The world after a shift: other individuals than the source's, few of them.

    "noise": the camera spoils the picture; "species": each genus shows
    other species; "names": pictures as ever, every genus goes by another's name.

    Raises:
        ValueError: If there is no such shift.

    Lee et al. (2023), https://arxiv.org/abs/2210.11466. Lesson 06.
    """
    if shift not in SHIFTS:
        raise ValueError(f"no shift is called {shift!r}; there are {', '.join(SHIFTS)}")
    seed = seed + 100  # other individuals than the source learnt from
    if shift == "noise":
        return genus_task("known", SHIFT_SHOTS, seed, corruption="noise", strength=3.0)
    task = genus_task("new" if shift == "species" else "known", SHIFT_SHOTS, seed)
    if shift == "species":
        return task

    def renamed(images: Images) -> Images:
        return replace(images, labels=(images.labels + 1) % GENERA)

    return replace(
        task,
        train=renamed(task.train),
        test=renamed(task.test),
        draw=lambda shots, seed: renamed(task.draw(shots, seed)),
    )


def strategy_for_part(part: str) -> Strategy:
    """Let one part of a network learn, from where it is: a stage, the head, or everything."""
    if part == "everything":
        return replace(full, head_start="kept", rate=RATE)
    if part.startswith("head"):
        return replace(probe, head_start="kept", rate=RATE)
    return surgical(part, head_start="kept", head_learns=False, rate=RATE)


def adapt_part(part: str, knowing: Network, task: Task, seed: int) -> dict[str, float]:
    """Let one part of a copy of a network change, for a new world.

    Args:
        part: One of `PARTS`: "statistics" takes BatchNorm's from the new images (`restated`), "head"
            is solved, a stage and "head by steps" are descended on.
        knowing: From `source`; left as it is.
        task: From `shifted`.
        seed: Of the order and the augmentation.

    Returns:
        `test_accuracy` afterwards, and the number of `weights` that learnt.

    Lee et al. (2023), https://arxiv.org/abs/2210.11466. Lesson 06.
    """
    network = backbone("mini_resnet", classes=GENERA)
    network.load_state_dict(knowing.state_dict())
    if part == "statistics":
        return _tested(renew_statistics(network, task), task)
    if part == "head by steps":
        network.head = nn.Sequential(network.head)  # which is descended on instead of solved
    return _trained(network, task, strategy_for_part(part), seed, SHIFT_EPOCHS)


def renew_statistics(network: Network, task: Task) -> Network:
    """BatchNorm statistics that are those of the training images, in place; no weight changes.

    Li et al. (2017), *Revisiting batch normalization for practical domain adaptation*. Lesson 06.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 1.0  # nothing of the old ones is left
    network.freeze(network.stage_names).train()
    with torch.no_grad():
        network(network.normalise(task.train.pixels))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return network.freeze(())


def gradual_unfreezing(
    network: Network, task: Task, seed: int, epochs: int = WEIGHT_KIND_EPOCHS
) -> Network:
    """The head first, then one stage more for each fifth of the epochs, from the head to the image.

    Howard and Ruder (2018), https://arxiv.org/abs/1801.06146. Lesson 06.

    Args:
        network: Trained in place.
        task: What is learnt.
        seed: Of the head, the order and the augmentation.
        epochs: Of all together.
    """
    for k in range(len(STAGES) + 1):
        strategy = probe if k == 0 else last_stages(k, head_start="kept", rate=RATE)
        epochs_each = max(1, epochs // len(STAGES))
        for _ in fit(network, task, strategy, seed=seed, epochs=epochs_each):
            pass
    return network


def _trained(
    network: Network, task: Task, strategy: Strategy, seed: int, epochs: int
) -> dict[str, float]:
    records = list(fit(network, task, strategy, seed=seed, epochs=epochs))
    return {"train_accuracy": records[-1].train_accuracy, **_tested(network, task)}


def _tested(network: Network, task: Task) -> dict[str, float]:
    test = task.test[torch.arange(0, len(task.test), -(-len(task.test) // TESTED))]
    return {
        "test_accuracy": evaluate(network, test.pixels, test.labels),
        "weights": network.count_learning_weights(),
    }


# way: words, colour, marker
DEPTH = {
    "frozen": ("pretrained, frozen", "#0072B2", "o"),
    "fine-tuned": ("pretrained, fine-tuned", "#00805F", "D"),
}
NAMES = {"noise": "noise", "species": "other species", "names": "names swapped"}
BAND = 0.14
GAP = 0.062  # between names, in accuracy
MARK_SPACING = 9.0  # points between marks of equally many weights


def plot_depth(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of stages that keep their pretrained weights, a panel per target.

    Args:
        table: From `depth_table`; its rows of the part "depth" are drawn, every seed as a dot.

    Raises:
        ValueError: If it has no such row.

    After figure 2 of Yosinski et al. (2014). Lesson 06.
    """
    rows = _part(table, "depth")
    targets = list(dict.fromkeys(rows.target))
    figure, axes = style.new_figure(columns=len(targets), height=3.7, sharey=True)
    last = int(rows.stages.max())
    for ax, target in zip(axes[0], targets, strict=True):
        style.prepare(ax, grid="y")
        here = rows[rows.target == target]
        for way, (words, colour, marker) in DEPTH.items():
            if (here.way == way).any():
                _line(ax, here[here.way == way], f"{way} {target}", words, colour, marker)
        if len(here[here.stages == 0]):
            scratch = here[here.stages == 0].test_accuracy.mean()
            ax.axhline(scratch, color=style.QUIET, linestyle=(0, (1, 2)), linewidth=1.3, zorder=1)
            ax.annotate(
                "from scratch",
                (last + 0.22, scratch),
                (0, 4),
                ha="right",
                textcoords="offset points",
                **style.text(style.SMALL, style.QUIET),
            )
        ax.set(ylim=(0, 1.02), xlim=(-0.25, last + 0.25), xticks=range(last + 1))
        style.percent_axis(ax.yaxis)
        style.heading(ax, target.capitalize())
        ax.set_xlabel(
            "pretrained stages kept, counted from the image",
            labelpad=5,
            **style.text(style.SMALL, style.QUIET),
        )
    axes[0, 0].set_ylabel("test accuracy", labelpad=6, **style.text(style.SMALL, style.QUIET))
    axes[0, -1].legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="lower left",
        frameon=False,
        prop={"size": style.SMALL},
        labelcolor="linecolor",
    )
    return figure


def plot_shifts(table: pd.DataFrame) -> Figure:
    """A heat map: which part to adapt (columns) after which kind of shift (rows).

    A cell is the mean test accuracy over seeds, with half the width of its 95 % t-interval; the
    single part with the highest mean of a row is framed. The first column is before any adaptation.

    Args:
        table: From `depth_table`; its rows of the part "shift" are drawn.

    Raises:
        ValueError: If it has no such row.

    After figure 2 of Lee et al. (2023). Lesson 06.
    """
    rows = _part(table, "shift")
    shifts, parts = list(dict.fromkeys(rows.target)), list(dict.fromkeys(rows.way))
    cells = rows.groupby(["target", "way"]).test_accuracy.apply(metrics.t_interval).unstack()
    figure, axes = style.new_figure(height=1.1 + 0.62 * len(shifts))
    ax = axes[0, 0]
    style.blank(ax)
    for y, shift in enumerate(shifts):
        before = rows[rows.target == shift].groupby("seed").before.first().mean()
        _cell(ax, -1.15, y, before, None, f"before {shift}")
        single = [part for part in parts if part != "everything"]
        best = max(single, key=lambda part, s=shift: cells.loc[s, part].mean)
        for x, part in enumerate(parts):
            of = cells.loc[shift, part]
            place = x + 0.15 * (part == "everything")
            _cell(ax, place, y, of.mean, (of.high - of.low) / 2, f"{part} {shift}")
            if part == best:
                ax.add_patch(
                    matplotlib.patches.Rectangle(
                        (place - 0.47, y - 0.45),
                        0.94,
                        0.9,
                        fill=False,
                        linewidth=2.4,
                        edgecolor=style.INK,
                        gid=f"best {shift}",
                    )
                )
        ax.text(-1.8, y, NAMES.get(shift, shift), ha="right", va="center", **style.text())
    for x, part in [
        (-1.15, "before"),
        *((i + 0.15 * (p == "everything"), p) for i, p in enumerate(parts)),
    ]:
        ax.text(
            x,
            -0.58,
            part.replace(" by", "\nby"),
            ha="center",
            va="bottom",
            **style.text(style.BODY, style.INK if part in parts else style.QUIET),
        )
    ax.text(
        (len(parts) - 2) / 2,
        len(shifts) - 0.38,
        "the one part that may change; framed: the highest mean of a single part",
        ha="center",
        va="top",
        **style.text(style.SMALL, style.QUIET),
    )
    ax.set(xlim=(-3.2, len(parts) - 0.3), ylim=(len(shifts) - 0.1, -1.15))
    return figure


def plot_weights(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of weights that learn, a panel per target, a mark per way.

    Ways in which equally many learn stand side by side, a little beside their place.

    Args:
        table: From `depth_table`; its rows of the part "weights" are drawn.

    Raises:
        ValueError: If it has no such row.

    Lesson 06.
    """
    rows = _part(table, "weights")
    targets = list(dict.fromkeys(rows.target))
    figure, axes = style.new_figure(columns=len(targets), height=3.9, sharey=True)
    least, most = rows.weights.min() / 1.6, rows.weights.max() * 1.6
    for ax, target in zip(axes[0], targets, strict=True):
        style.prepare(ax, grid="y")
        here = {way: group for way, group in rows[rows.target == target].groupby("way")}
        means = {
            way: (group.weights.iloc[0], metrics.t_interval(group.test_accuracy))
            for way, group in here.items()
        }
        aside = _aside(ax, {way: weights for way, (weights, _) in means.items()})
        for way, (weights, of) in means.items():
            colour = _colour(weights, least, most)
            ax.plot(
                [weights] * 2,
                [of.low, of.high],
                color=colour,
                linewidth=4,
                alpha=0.25,
                solid_capstyle="butt",
                transform=aside[way],
                gid=f"interval {way}",
            )
            ax.plot(
                weights,
                of.mean,
                "o",
                color=colour,
                markersize=6.5,
                markeredgecolor="white",
                transform=aside[way],
                gid=f"mean {way}",
            )
        groups = _groups({way: weights for way, (weights, _) in means.items()})
        for group in groups:
            side = "right" if group is groups[0] else "left" if group is groups[-1] else "above"
            _name(ax, {way: means[way] for way in group}, aside, least, most, side)
        ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set(xlim=(least, most), ylim=(0, 1.02))
        style.percent_axis(ax.yaxis)
        style.heading(ax, target.capitalize())
        ax.set_xlabel("weights that learn", labelpad=5, **style.text(style.SMALL, style.QUIET))
    axes[0, 0].set_ylabel("test accuracy", labelpad=6, **style.text(style.SMALL, style.QUIET))
    return figure


def _part(table: pd.DataFrame, part: str) -> pd.DataFrame:
    rows = table[table.part == part]
    if rows.empty:
        raise ValueError(f"the table has no rows of the part {part!r}")
    return rows


def _line(ax: Axes, rows: pd.DataFrame, gid: str, words: str, colour: str, marker: str) -> None:
    found = {int(n): metrics.t_interval(g.test_accuracy) for n, g in rows.groupby("stages")}
    places = list(found)
    ax.fill_between(
        places,
        [of.low for of in found.values()],
        [of.high for of in found.values()],
        color=colour,
        alpha=BAND,
        linewidth=0,
        gid=f"interval {gid}",
    )
    ax.plot(
        rows.stages,
        rows.test_accuracy,
        "o",
        color=colour,
        markersize=3,
        alpha=0.35,
        markeredgewidth=0,
        gid=f"seeds {gid}",
    )
    ax.plot(
        places,
        [of.mean for of in found.values()],
        color=colour,
        linewidth=2,
        marker=marker,
        markersize=5.5,
        markeredgecolor="white",
        markeredgewidth=0.8,
        label=words,
        gid=f"mean {gid}",
    )


def _colour(weights: float, least: float, most: float) -> str:
    return "#0072B2" if weights < (least * most) ** 0.5 else "#00805F"


def _groups(weights: dict[str, float]) -> list[list[str]]:
    """The ways by their weights, least first; three times as many weights begin a new group."""
    groups: list[list[str]] = []
    for way in sorted(weights, key=weights.get):
        if groups and weights[way] < 3 * weights[groups[-1][-1]]:
            groups[-1].append(way)
        else:
            groups.append([way])
    return groups


def _aside(ax: Axes, weights: dict[str, float]) -> dict[str, Transform]:
    """For each way where its mark goes: ways of equally many weights stand side by side."""
    places = {}
    for way, number in weights.items():
        same = [other for other in weights if weights[other] == number]
        points = MARK_SPACING * (same.index(way) - (len(same) - 1) / 2)
        places[way] = ax.transData + ScaledTranslation(points / 72, 0, ax.figure.dpi_scale_trans)
    return places


def _name(ax: Axes, means: dict, aside: dict, least: float, most: float, side: str) -> None:
    """Names of a group of marks: above them, or beside them in one column, each tied to its mark."""
    if side == "above":
        for way, (weights, of) in means.items():
            ax.annotate(
                way,
                (weights, of.high),
                (0, 5),
                aside[way],
                textcoords="offset points",
                ha="center",
                **style.text(style.SMALL, _colour(weights, least, most)),
            )
        return
    many = [weights for weights, _ in means.values()]
    edge = max(many) * 1.7 if side == "right" else min(many) / 1.7
    places = spread_apart([of.mean for _, of in means.values()], GAP, GAP / 2, 1.0)
    for (way, (weights, of)), place in zip(means.items(), places, strict=True):
        colour = _colour(weights, least, most)
        ax.annotate(
            way,
            (weights, of.mean),
            (edge, place),
            aside[way],
            textcoords="data",
            va="center",
            ha="left" if side == "right" else "right",
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.8,
                "alpha": 0.5,
                "shrinkA": 2,
                "shrinkB": 4,
                "relpos": (side == "left", 0.5),
            },
            **style.text(style.SMALL, colour),
        )


def _ink_on(colour: tuple[float, ...]) -> str:
    """Black or white, whichever stands out more: by 4.5 to 1 at least, on any colour (WCAG 2, 1.4.3)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "black" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "white"


def _cell(ax: Axes, x: float, y: float, mean: float, half: float | None, gid: str) -> None:
    """A coloured field with a figure in it."""
    colour = matplotlib.colormaps["cividis"](0.08 + 0.9 * mean)
    ink = _ink_on(colour)
    ax.add_patch(
        matplotlib.patches.Rectangle(
            (x - 0.47, y - 0.45), 0.94, 0.9, color=colour, linewidth=0, gid=gid
        )
    )
    ax.text(
        x,
        y - (0.09 if half is not None else 0),
        f"{100 * mean:.0f}",
        ha="center",
        va="center",
        **style.text(style.BODY, ink, weight="bold"),
    )
    if half is not None:
        ax.text(
            x,
            y + 0.22,
            f"± {100 * half:.0f}",
            ha="center",
            va="center",
            **style.text(style.SMALL, ink),
        )
