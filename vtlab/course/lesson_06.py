"""What lesson 06 uses: its tables and figures, and checks of exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import nn

from vtlab.course.exercise import Verdict, call_answer, exercise
from vtlab.course.repair_figures import compare_directions as compare_directions
from vtlab.course.repair_figures import plot_directions as plot_directions
from vtlab.course.repair_figures import plot_repairs as plot_repairs
from vtlab.course.repair_figures import plot_worlds as plot_worlds
from vtlab.course.shifted_worlds import FEW_OF_STAGE4 as FEW_OF_STAGE4
from vtlab.course.shifted_worlds import KEPT_STAGE1 as KEPT_STAGE1
from vtlab.course.shifted_worlds import PARTS as PARTS
from vtlab.course.shifted_worlds import RATE as RATE
from vtlab.course.shifted_worlds import RATES as RATES
from vtlab.course.shifted_worlds import SHIFT_SHOTS as SHIFT_SHOTS
from vtlab.course.shifted_worlds import SHIFTS as SHIFTS
from vtlab.course.shifted_worlds import STATISTICS_OF_STAGE1 as STATISTICS_OF_STAGE1
from vtlab.course.shifted_worlds import STATISTICS_THEN_STAGE1 as STATISTICS_THEN_STAGE1
from vtlab.course.shifted_worlds import choose_rates as choose_rates
from vtlab.course.shifted_worlds import genus_task as genus_task
from vtlab.course.shifted_worlds import list_worlds as list_worlds
from vtlab.course.shifted_worlds import measure_repair as measure_repair
from vtlab.course.shifted_worlds import rename_genera as rename_genera
from vtlab.course.shifted_worlds import renew_statistics as renew_statistics
from vtlab.course.shifted_worlds import repair as repair
from vtlab.course.shifted_worlds import shifted_task as shifted_task
from vtlab.course.shifted_worlds import source_network as source_network
from vtlab.course.tables import depth_table as depth_table
from vtlab.course.tables import repairs_table as repairs_table
from vtlab.models.backbones import backbone_with_first_stages as backbone_with_first_stages
from vtlab.models.evaluation import evaluate
from vtlab.models.network import Network
from vtlab.plots import style
from vtlab.results import metrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from vtlab.data.tasks import Task


Look: TypeAlias = dict[str, Any]  # keywords for matplotlib

DEPTH_TITLES = {"garden": "Garden (near)", "digits": "Digits (far)"}
FROZEN_BLUE = "#0072B2"
REPAIRED = 0.5  # of the test images: no single repair of both faults comes near


def plot_unfreezing_depth(table: pd.DataFrame) -> Figure:
    """Accuracy against the number of pretrained stages that are kept frozen, a panel per target.

    The later stages and the head are drawn anew and trained; with no stage kept that is training from scratch.
    With all of them kept the head alone is left, which is solved: a ring, and a dashed line leads to it.

    Args:
        table: From `depth_table`; every seed is a dot.

    Raises:
        ValueError: If it has no row.

    After figure 2 of Yosinski et al. (2014). Lesson 06.
    """
    rows = table[(table.way == "frozen") | (table.stages == 0)]
    if rows.empty:
        raise ValueError("the table has no run")
    targets = list(dict.fromkeys(rows.target))
    figure, axes = style.new_figure(columns=len(targets), height=3.4, sharey=True)
    last = int(rows.stages.max())
    for ax, target in zip(axes[0], targets, strict=True):
        style.prepare_axes(ax, grid="y")
        _draw_depth_line(ax, rows[rows.target == target], target)
        ax.set(ylim=(0, 1.02), xlim=(-0.3, last + 0.3), xticks=range(last + 1))
        style.set_percent_axis(ax.yaxis)
        style.style_heading(ax, DEPTH_TITLES.get(target, target.capitalize()))
        style.label_axes(ax, x="pretrained stages kept, counted from the image", pad=5)
    style.label_axes(axes[0, 0], y="test accuracy")
    return figure


def _draw_depth_line(ax: Axes, rows: pd.DataFrame, target: str) -> None:
    """The means over the seeds, joined, in the band of their intervals; every seed a dot."""
    found = {int(n): metrics.t_interval(g.test_accuracy) for n, g in rows.groupby("stages")}
    ends = [of.low for of in found.values()], [of.high for of in found.values()]
    ax.fill_between(list(found), *ends, **style.style_band(FROZEN_BLUE, 0.14, f"band {target}"))
    dots: Look = {"markersize": 3, "alpha": 0.35, "markeredgewidth": 0, "color": FROZEN_BLUE}
    ax.plot(rows.stages, rows.test_accuracy, "o", gid=f"seeds {target}", **dots)
    places, means = list(found), [of.mean for of in found.values()]
    line: Look = {"color": FROZEN_BLUE, "linewidth": 2}
    ax.plot(places[:-1], means[:-1], marker="P", **line, **style.mark_style(6.5, 0.8))
    ax.plot(places[-2:], means[-2:], linestyle=(0, (3, 2)), zorder=1, **line)
    ring: Look = {"markerfacecolor": "white", "markeredgecolor": FROZEN_BLUE, "markersize": 8}
    ax.plot(places[-1], means[-1], "o", markeredgewidth=2, gid=f"solved {target}", **ring)
    for words, place, below in (("from scratch", 0, False), ("head solved", -1, True)):
        side: Look = {"ha": "left" if place == 0 else "right", "va": "top" if below else "bottom"}
        at, off = (places[place], means[place]), (-4 if place == 0 else 8, -9 if below else 9)
        style.annotate(ax, words, at, off, **side)


@exercise("06.1", function_of="the old head's weights and biases")
def _renamed_head(answer: Callable) -> Verdict:
    random = torch.Generator().manual_seed(6)
    weight, bias = (torch.randn(shape, generator=random) for shape in ((5, 7), (5,)))
    features = torch.randn(9, 7, generator=random)
    found = call_answer(answer, weight.clone(), bias.clone())
    if not (isinstance(found, tuple | list) and len(found) == 2):
        return False, "It gives two things: the new weights and the new biases."
    new = tuple(torch.as_tensor(one) for one in found)
    if new[0].shape != weight.shape or new[1].shape != bias.shape:
        return False, f"Shapes stay as they were: {tuple(weight.shape)} and {tuple(bias.shape)}."
    old, scores = (nn.functional.linear(features, *head) for head in ((weight, bias), new))
    if torch.allclose(scores, old.roll(1, 1), atol=1e-5):
        return True, "Every genus has its new name, and no image was needed."
    if torch.allclose(scores, old.roll(-1, 1), atol=1e-5):
        return False, "That is the other direction: genus k is now called k + 1."
    if torch.allclose(scores[:, 1:], old[:, :-1], atol=1e-5):
        return False, "Nearly: the last genus is now called 0."
    return False, "The score of name k + 1 should be what the score of name k was."


@exercise("06.2", function_of="a BatchNorm layer and the maps that enter it")
def _renewed_layer(answer: Callable) -> Verdict:
    random = torch.Generator().manual_seed(6)
    layer = nn.BatchNorm2d(4).eval()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0, 0.5, 1.5]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, -1.0, 3.0]))
    scales = torch.tensor([1.0, 0.2, 5.0, 30.0])[:, None, None]
    maps = scales * torch.randn(64, 4, 5, 8, generator=random) + 2 * scales
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    found = call_answer(answer, layer, maps)
    if not isinstance(found, nn.BatchNorm2d):
        return False, "It gives the layer back."
    if not (torch.equal(found.weight, weight) and torch.equal(found.bias, bias)):
        return False, "Its weight and bias are learnt numbers: leave them."
    return _judge_outputs(found.eval()(maps).detach(), weight, bias)


def _judge_outputs(outputs: Tensor, weight: Tensor, bias: Tensor) -> Verdict:
    """Whether maps `(N, C, h, w)` have the mean and the spread that a layer with new statistics gives."""
    if not torch.allclose(outputs.mean((0, 2, 3)), bias, atol=0.02):
        return False, "Its running mean is not yet the mean of each channel of the maps."
    spread = outputs.std((0, 2, 3))
    if not torch.allclose(spread, weight, rtol=0.02):
        return False, "The mean is right. The running variance is that of each channel: no root."
    return True, "Two numbers for each channel, from images alone."


def faulty_task(seed: int) -> Task:
    """The task of exercise 06.3: the known genera, of which one thing or more has changed."""
    task = genus_task("known", SHIFT_SHOTS, seed + 200, corruption="contrast", strength=4.0)
    return rename_genera(task, 3)


@exercise("06.3")
def _repair_faults(answer: object) -> Verdict:
    if not isinstance(answer, Network):
        return False, "The answer is a network, such as `lesson_06.repair(…)` gives."
    test = faulty_task(0).test  # the same for all seeds
    found = 100 * evaluate(answer, test.pixels, test.labels)
    if found >= 100 * REPAIRED:
        return True, f"It names {found:.0f} % of the test images. Which parts were wrong?"
    return False, f"It names {found:.0f} % of the test images; {100 * REPAIRED:.0f} % can be had."
