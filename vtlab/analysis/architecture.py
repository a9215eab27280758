"""What the stages of a network are made of: channels, weights, operations, receptive fields."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import fx, nn

from vtlab.models.cutting import CutPointwiseFunction
from vtlab.models.efficientnet_lite import SamePadding
from vtlab.models.layouts import convert_stage_layout
from vtlab.models.network import Network, network_in_evaluation_mode
from vtlab.system.operations import count_operations

POINTWISE = (
    nn.ReLU,
    nn.ReLU6,
    nn.SiLU,
    nn.GELU,
    nn.Hardswish,
    nn.BatchNorm2d,
    nn.Dropout,
    nn.Identity,
    CutPointwiseFunction,
)
BRANCH_OPERATIONS = {
    operator.add,
    operator.iadd,
    torch.add,
    torch.cat,
    torch.relu,
    nn.functional.relu,
}


@dataclass(frozen=True)
class ReceptiveField:
    """Which pixels a cell can depend on.

    Attributes:
        size: Side of the square of pixels, its receptive field.
        step: How many pixels lie between the fields of two neighbouring cells.
        first: Where the middle of the first cell's field lies, in pixels; 0 is the middle of
            the first pixel.
    """

    size: int = 1
    step: int = 1
    first: float = 0.0

    def pixels_of_cell(self, number: int) -> tuple[float, float]:
        """The first and the last pixel, along one side, that this cell can depend on."""
        middle, reach = self.first + number * self.step, (self.size - 1) / 2
        return middle - reach, middle + reach


def receptive_fields(network: Network) -> dict[str, ReceptiveField]:
    """The receptive field of a cell after each stage, from kernels and strides alone.

    A kernel of k cells widens the field by k - 1 steps, a stride multiplies the step. Where
    branches join, the widest counts. Near an edge a part of the field lies outside the image.

    Args:
        network: Of convolutions and pooling with square kernels; nothing is computed with it.

    Raises:
        ValueError: If there is a module or an operation whose field is not known, such as
            attention or a pooling of the whole map.

    Lesson 02.
    """
    field, found = ReceptiveField(), {}
    for name, stage in network.stages.items():
        found[name] = field = field_after(stage, field)
    return found


def field_after(part: nn.Module, field: ReceptiveField = ReceptiveField()) -> ReceptiveField:
    """The field after a module, of a cell whose field before it is this.

    Raises:
        ValueError: As `receptive_fields`.

    Lesson 02.
    """
    try:
        whole = nn.Sequential(part)
        traced = fx.GraphModule(whole, _LayerTracer().trace(whole))
    except (fx.proxy.TraceError, TypeError, RuntimeError) as error:
        raise ValueError(f"the field of a {type(part).__name__} is not known: {error}") from None
    fields: dict[fx.Node, ReceptiveField] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            fields[node] = field
        elif node.op == "call_module":
            fields[node] = _widen(fields[node.args[0]], traced.get_submodule(node.target))
        elif node.op == "output" or node.target in BRANCH_OPERATIONS:
            fields[node] = max((fields[n] for n in node.all_input_nodes), key=lambda f: f.size)
        else:
            raise ValueError(f"the field after {node.target} is not known")
    return fields[node]


class _LayerTracer(fx.Tracer):
    """Torch's own tracer, to which a layer of another make is one layer, too."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        leaves = (nn.Conv2d, SamePadding, *POINTWISE)
        return isinstance(module, leaves) or super().is_leaf_module(module, name)


def _widen(field: ReceptiveField, module: nn.Module) -> ReceptiveField:
    """The field after one layer."""
    if isinstance(module, POINTWISE):
        return field
    if isinstance(module, SamePadding):
        return replace(field, first=field.first - module.before * field.step)
    if not isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        raise ValueError(f"the field of a {type(module).__name__} is not known")
    sides = []
    for name in ("kernel_size", "stride", "padding", "dilation"):
        number = getattr(module, name, 1)  # average pooling knows no dilation
        side = {number} if isinstance(number, int) else {*number}
        if len(side) > 1:
            raise ValueError(f"a kernel that is no square: {module}")
        sides.append(side.pop())
    kernel, stride, padding, dilation = sides
    wider = (kernel - 1) * dilation
    return ReceptiveField(
        field.size + wider * field.step,
        field.step * stride,
        field.first + (wider / 2 - padding) * field.step,
    )


def anatomy(network: Network, image_size: int = 64) -> pd.DataFrame:
    """A network stage by stage.

    Args:
        network: As in `receptive_fields`.
        image_size: Side of the images in pixels.

    Returns:
        A row per stage: `channels` and `side` of its maps, its `weights`, its `operations`
        (multiply-adds per image), and the side of its receptive `field` in pixels.

    Raises:
        ValueError: As `receptive_fields`.

    Lesson 02.
    """
    fields, rows = receptive_fields(network), []
    maps = network.make_blank(1, image_size)
    with torch.no_grad(), network_in_evaluation_mode(network.stages):
        for name, stage in network.stages.items():
            with count_operations() as operations:
                maps = stage(maps)
            size = (image_size, image_size)
            _, channels, side, _ = convert_stage_layout(network, name, maps, size).shape
            weights = sum(p.numel() for p in stage.parameters())
            multiply_adds = operations.get_total_flops() // 2
            rows.append((name, channels, side, weights, multiply_adds, fields[name].size))
    columns = ["stage", "channels", "side", "weights", "operations", "field"]
    return pd.DataFrame(rows, columns=columns).set_index("stage")


def middle_receptive_fields(
    network: Network, image_size: int = 64
) -> dict[str, tuple[float, float]]:
    """For each stage the first and last pixel, along a side, that `gradient_sensitivity`'s cell can depend on.

    Lesson 02.
    """
    sides = anatomy(network, image_size).side
    return {
        name: field.pixels_of_cell(int(sides[name]) // 2)
        for name, field in receptive_fields(network).items()
    }
