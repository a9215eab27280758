"""What lesson 07 uses: its table of drift and its figure, the old task, checks of exercises."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from matplotlib.ticker import NullLocator

from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.old_task import OldTask as OldTask
from vtlab.course.tables import drift_table as drift_table
from vtlab.course.tables import read_committed_table
from vtlab.data.images import Images
from vtlab.data.tasks import task as make_task
from vtlab.garden.worlds import WORLDS
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.plots import style
from vtlab.plots.learning_rates import set_rate_axis
from vtlab.results import metrics
from vtlab.results.formatting import format_percent
from vtlab.training.schedules import warmup_cosine
from vtlab.training.strategies import PLAIN_EPOCHS, Strategy, full, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from vtlab.data.tasks import Task
    from vtlab.models.network import Network


# an accuracy: words, colour, marker
ACCURACIES = {
    "test_accuracy": ("new task", "#00805F", "D"),
    "old_refit": ("old task, new head", "#C77C02", "^"),
    "old_accuracy": ("old task, old head", "#6E6E6E", "s"),
}
# from the stem to stage 4: colour, marker
STAGE_STYLES = (
    ("#E5A13A", "o"),
    ("#D4603B", "s"),
    ("#AB3A63", "D"),
    ("#6B2C76", "^"),
    ("#2A1B4F", "v"),
)
# how the head starts, in the picture of two starts: the way in the table, words, colour, marker
HEAD_STARTS = {
    "full": ("random head", "#6E6E6E", "s"),
    "solved head": ("solved head", "#00805F", "D"),
}
BOTH_TASKS = {"test_accuracy": "new task", "old_accuracy": "old task, old head"}
# the share of the peak rate at step i of n, counted from 0
SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": lambda i, n: 1.0,
    "constant at half": lambda i, n: 0.5,  # the mean rate of a cosine
    "warm-up": lambda i, n: min(1.0, (i + 1) / max(1, n // 10)),
    "cosine": lambda i, n: (1 + math.cos(math.pi * i / n)) / 2,
    "warm-up and cosine": warmup_cosine,
}

# of exercise 07.3: a tuned network, of which a part of the way is taken back
FRESH_SEED, BLEND_RATE = 100, 1e-3
BLEND_LOSS, BLEND_GAIN = 0.04, 0.15  # of the new task at most, of the old one at least
SCHEDULE_COLOURS = ("#6E6E6E", "#A94C86", "#C77C02", "#0072B2", "#00805F")
# images from elsewhere: dials of the garden's world, each as far as costs a probe some thirty points
ELSEWHERE: dict[str, dict[str, str | float]] = {
    "noise": {"corruption": "noise", "strength": 1.0},
    "blur": {"corruption": "blur", "strength": 1.5},
    "mist": {"corruption": "contrast", "strength": 2.0},
    "hue": {"corruption": "hue", "strength": 2.0},
}
ELSEWHERE_IMAGES = 50  # of each class


def draw_elsewhere(per_class: int = ELSEWHERE_IMAGES) -> dict[str, Images]:
    """The first test plants of the default task as they look elsewhere: `ELSEWHERE` says where.

    Lesson 07.
    """
    world = WORLDS["garden"]
    return {
        name: Images(*world.turn(**dials).draw(per_class, None))
        for name, dials in ELSEWHERE.items()
    }


def gentle_table() -> pd.DataFrame:
    """The committed table of ways to go easy on pretrained weights, one at a time, a row per run.

    `part` says what is compared. "order": rates by stage in a reversed order, or one slow rate for all stages
    under a fast head; "statistics": a solved head, and BatchNorm's statistics are kept; these rows go with
    those of `drift_table`. "schedule": how the rate rises and falls (`SCHEDULES`). "pull": each step draws
    weights to zero or to their start (`fine_tune`). `test_accuracy` is on the new task, `old_accuracy`
    on the old one with the head from before.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 07.
    """
    return read_committed_table("gentle")


def rates_table() -> pd.DataFrame:
    """Runs by a rate, or by rates, for which `way` and `rate` are names; five seeds each.

    From `drift_table` full fine-tuning ("full" with a random head, "solved head", "stage-wise") and the
    probe, at a rate of 0; from `gentle_table` the parts "order" and "statistics".

    Lesson 07.
    """
    gentle = gentle_table()
    drift = drift_table().replace({"way": {"probe first": "solved head"}}).fillna({"rate": 0.0})
    return pd.concat([drift, gentle[gentle.part.isin(["order", "statistics"])]], ignore_index=True)


def elsewhere_table() -> pd.DataFrame:
    """The committed table of what was learnt by day and tested elsewhere, a row per run.

    `way` is the head's start, or "probe" at a rate of 0. `test_accuracy` is on the new task, the columns
    named as in `ELSEWHERE` are on 400 of its test plants that look otherwise.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 07.
    """
    return read_committed_table("elsewhere")


def fine_tune(
    task: Task,
    seed: int,
    rate: float,
    schedule: Callable[[int, int], float] = warmup_cosine,
    pull: float = 0.0,
    to: str = "start",
) -> Network:
    """Train everything on a task's shots: a loop as in lesson 04, with a schedule and a pull.

    It is the plain recipe without flips, as sixty steps of half of forty images.

    Args:
        task: With its shots.
        seed: Of the head and the batches.
        rate: The peak learning rate of AdamW.
        schedule: The share of that rate at step i of n.
        pull: How strongly each step draws the weights of the stages back, in units of the rate.
        to: Where to: "start" for the pretrained weights (as L2-SP does), "zero" (as weight decay does).

    Lesson 07.
    """
    network = plain(full).prepare(backbone("mini_resnet", classes=len(task.classes)), seed).train()
    weights = list(network.stages.parameters())
    homes = [torch.zeros_like(w) if to == "zero" else w.detach().clone() for w in weights]
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.0)
    inputs, labels = network.normalise(task.train.pixels), task.train.labels.to(network.device)
    order = torch.Generator().manual_seed(seed)
    batches = [
        b
        for _ in range(PLAIN_EPOCHS)
        for b in torch.randperm(len(labels), generator=order).chunk(2)
    ]
    for i, batch in enumerate(batches):
        optimiser.param_groups[0]["lr"] = now = rate * schedule(i, len(batches))
        loss = torch.nn.functional.cross_entropy(network(inputs[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for weight, home in zip(weights, homes, strict=True):
                weight.lerp_(home, now * pull)
    return network.eval()


@dataclass(frozen=True)
class RatesByPart(Strategy):
    """A strategy with a peak rate of its own for every part.

    Attributes:
        rates: From the stem to the head.

    Lesson 07.
    """

    rates: tuple[float, ...] = ()

    def peak_rates(self, network: Network) -> dict[str, float]:
        """The peak learning rate of each part that learns, from the image to the head."""
        return dict(zip(network.parts, self.rates, strict=True))


def list_rates(way: str, rate: float) -> tuple[float, ...]:
    """Rates from the stem to the head, which has the given one.

    Args:
        way: "stage-wise" (each stage half as fast as the next towards the head), "reversed" (the
            same five rates, the fastest in the stem), or "slow body" (their geometric mean for all stages).
        rate: Of the head.
    """
    stages = [rate / 2**k for k in (5, 4, 3, 2, 1)]
    chosen = {"stage-wise": stages, "reversed": stages[::-1], "slow body": [rate / 8] * 5}
    return (*chosen[way], rate)


def plot_schedules(table: pd.DataFrame) -> Figure:
    """Four schedules, and the accuracy on the new task of trainings by each, a panel for each rate.

    Args:
        table: From `gentle_table`.

    Raises:
        ValueError: If it has no such rows.

    Lesson 07.
    """
    rows = table[table.part == "schedule"]
    if rows.empty:
        raise ValueError("there are no rows of the part 'schedule'")
    rates = sorted(rows.rate.unique())
    figure, axes = style.new_figure(1, 1 + len(rates), height=3.2, pad=0.09)
    shapes = axes[0, 0]
    style.prepare_axes(shapes, grid="y")
    steps = 60
    for (name, schedule), colour in zip(SCHEDULES.items(), SCHEDULE_COLOURS, strict=True):
        shares = [schedule(i, steps) for i in range(steps)]
        shapes.plot(shares, color=colour, linewidth=2, gid=f"shape {name}")
    shapes.set_ylim(0, 1.05)
    style.set_percent_axis(shapes.yaxis)
    style.style_heading(shapes, "share of the peak rate")
    style.label_axes(shapes, x="step")
    names = list(SCHEDULES)
    for ax, rate in zip(axes[0, 1:], rates, strict=True):
        style.prepare_axes(ax, grid="x")
        for name, colour in zip(names, SCHEDULE_COLOURS, strict=True):
            own = rows[(rows.rate == rate) & (rows.way == name)].test_accuracy
            y = [names.index(name)] * len(own)
            ax.plot(
                own, y, "o", color=colour, alpha=0.4, gid=f"seeds {name}", **style.mark_style(5)
            )
            if len(own):
                ax.plot(
                    own.mean(), y[0], "D", color=colour, gid=f"mean {name}", **style.mark_style(9)
                )
        ax.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5))
        ax.set_yticks(range(len(names)), names if rate == rates[0] else [""] * len(names))
        style.set_percent_axis(ax.xaxis)
        style.style_heading(ax, f"new task, peak rate {rate:g}")
        style.label_axes(ax, x="test accuracy")
    return figure


def plot_head_starts(table: pd.DataFrame) -> Figure:
    """Both tasks against the rate of all that learns, from a random and from a solved head.

    The dotted lines are the probe, whose stages stay as they are. Lines are means, bands their 95 % intervals.

    Args:
        table: From `rates_table`.

    Lesson 07.
    """
    figure, axes = style.new_figure(1, 2, height=3.9)
    probe = table[table.way == "probe"]
    for ax, (column, words) in zip(axes[0], BOTH_TASKS.items(), strict=True):
        for way, (label, colour, marker) in HEAD_STARTS.items():
            rows = table[table.way == way]
            _draw_drift_line(
                ax, rows, column, label, colour, marker, gid=f"{way} {column}", band=True
            )
        ax.axhline(probe[column].mean(), gid=f"probe {column}", **style.DOTTED)
        ax.set_ylim(0, 1.02)
        style.set_percent_axis(ax.yaxis)
        style.style_heading(ax, f"{words} (dotted: the probe)")
        set_rate_axis(ax)
    axes[0, 0].legend(loc="lower right", frameon=False, **style.legend_font_style())
    return figure


def plot_drift(table: pd.DataFrame, way: str = "full") -> Figure:
    """Three panels against the learning rate: accuracies, how far stages moved, how alike they stayed.

    Args:
        table: From `drift_table`.
        way: Which rows.

    Raises:
        ValueError: If the table has no such way.

    Lesson 07.
    """
    rows = table[table.way == way]
    if rows.empty:
        raise ValueError(f"no rows of {way!r}; there are {', '.join(table.way.unique())}")
    figure, axes = style.new_figure(1, 3, height=4.2)
    accuracies, moved, alike = axes[0]
    for column, (words, colour, marker) in ACCURACIES.items():
        _draw_drift_line(accuracies, rows, column, words, colour, marker, band=True)
    before = rows.old_before.iloc[0]
    accuracies.axhline(
        before,
        linestyle=(0, (4, 3)),
        color=ACCURACIES["old_accuracy"][1],
        linewidth=1.1,
        zorder=1,
        gid="old_before",
    )
    style.style_heading(accuracies, "test accuracy")
    accuracies.set_ylim(0, 1.02)
    style.set_percent_axis(accuracies.yaxis)
    stages = [name.removeprefix("moved_") for name in table if name.startswith("moved_")]
    for stage, (colour, marker) in zip(stages, STAGE_STYLES, strict=True):
        _draw_drift_line(moved, rows, f"moved_{stage}", stage, colour, marker)
        _draw_drift_line(alike, rows, f"cka_{stage}", stage, colour, marker)
    moved.set_yscale("log")
    moved.yaxis.set_minor_locator(NullLocator())
    style.label_axes(moved, y="share of their length", pad=4)
    style.style_heading(moved, "change of the weights")
    style.style_heading(alike, "likeness of the features (CKA)")
    alike.set_ylim(0, 1.02)
    for ax, columns in ((accuracies, 1), (moved, 3)):
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.2),
            ncols=columns,
            frameon=False,
            handlelength=1.4,
            columnspacing=1.2,
            **style.legend_font_style(),
        )
    for ax in axes[0]:
        set_rate_axis(ax)
    return figure


def _draw_drift_line(
    ax: Axes,
    rows: pd.DataFrame,
    column: str,
    words: str,
    colour: str,
    marker: str,
    *,
    gid: str = "",
    band: bool = False,
) -> None:
    """The mean of a column over the seeds against the rate, with the band of its 95 % interval if asked."""
    if not ax.lines:
        style.prepare_axes(ax, grid="y")
    groups = {rate: metrics.t_interval(group[column]) for rate, group in rows.groupby("rate")}
    rates = np.array(list(groups))
    ax.plot(
        rates,
        [of.mean for of in groups.values()],
        color=colour,
        linewidth=2,
        marker=marker,
        label=words,
        gid=gid or column,
        **style.mark_style(4.5, 0.6),
    )
    if band:
        ax.fill_between(
            rates,
            [of.low for of in groups.values()],
            [of.high for of in groups.values()],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )


@exercise("07.1")
def _stage_wise(answer: object) -> Verdict:
    if not isinstance(answer, Strategy):
        return False, "The answer is a strategy, such as vt.Strategy('full', …)."
    network = backbone("mini_resnet", weights=None)
    rates = answer.peak_rates(network)
    if len(rates) < len(network.stage_names) + 1 or answer.start != "pretrained":
        return False, "All pretrained stages should learn."
    right = np.isclose(rates["stem"] / rates["head"], 0.01, rtol=0.05)
    return bool(right), "The fifth root of a hundredth." if right else (
        "Count the steps from the head to the stem: by what factor does each shrink the rate?"
    )


@exercise("07.2", function_of="two dictionaries of weights and a share")
def _blend(answer: Callable) -> Verdict:
    random = torch.Generator().manual_seed(0)
    start, tuned = (
        {
            "weight": torch.randn(3, 2, generator=random),
            "running_mean": torch.randn(3, generator=random),
        }
        for _ in range(2)
    )
    before = {name: value.clone() for name, value in start.items()}
    for share in (0.0, 0.25, 1.0):
        found = call_answer(answer, start, tuned, share)
        if not isinstance(found, dict) or found.keys() != start.keys():
            return False, "It gives a dictionary with the names of the given ones."
        for name, value in found.items():
            if not torch.allclose(value, before[name].lerp(tuned[name], share), atol=1e-6):
                return False, f"At a share of {share:g} this is not what it gave for {name!r}."
    if not all(torch.equal(start[name], before[name]) for name in start):
        return False, "It changed the weights that it was given."
    return True, "Every weight lies on the straight line from the start to the tuned one."


@exercise("07.3")
def _share_of_the_way(answer: object) -> Verdict:
    if not isinstance(answer, int | float) or not 0 < answer < 1:
        return False, "The answer is a share between 0 and 1."
    task, old = make_task("garden", shots=5, seed=FRESH_SEED), OldTask.make()
    tuned = fine_tune(task, FRESH_SEED, BLEND_RATE)
    network = deepcopy(tuned)
    for mine, first in zip(
        network.stages.state_dict().values(), old.start.stages.state_dict().values(), strict=True
    ):
        mine.copy_(first.lerp(mine, answer) if mine.is_floating_point() else mine)
    new, kept = (
        [evaluate(one, task.test.pixels, task.test.labels) for one in (tuned, network)],
        [old.accuracy(one, old.head) for one in (tuned, network)],
    )
    said = (
        f"On other images the new task went from {format_percent(new[0], 0)} to {format_percent(new[1], 0)}, "
        f"the old one from {format_percent(kept[0], 0)} to {format_percent(kept[1], 0)}."
    )
    return new[1] >= new[0] - BLEND_LOSS and kept[1] >= kept[0] + BLEND_GAIN, said
