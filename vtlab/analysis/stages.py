"""Receptive fields: which pixels a cell of a feature map can depend on."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, fx, nn

from vtlab.models.cutting import PointwiseFunction
from vtlab.models.layouts import convert_stage_layout
from vtlab.models.network import Network, evaluation_mode
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
    PointwiseFunction,
)
JOINED = {operator.add, operator.iadd, torch.add, torch.cat, torch.relu, nn.functional.relu}


@dataclass(frozen=True)
class Field:
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

    def of_cell(self, number: int) -> tuple[float, float]:
        """The first and the last pixel, along one side, that this cell can depend on."""
        middle, reach = self.first + number * self.step, (self.size - 1) / 2
        return middle - reach, middle + reach


def receptive_fields(network: Network) -> dict[str, Field]:
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
    field, found = Field(), {}
    for name, stage in network.stages.items():
        found[name] = field = field_after(stage, field)
    return found


def field_after(part: nn.Module, field: Field = Field()) -> Field:
    """The field after a module, of a cell whose field before it is this.

    Raises:
        ValueError: As `receptive_fields`.

    Lesson 02.
    """
    try:
        whole = nn.Sequential(part)
        traced = fx.GraphModule(whole, _Layers().trace(whole))
    except (fx.proxy.TraceError, TypeError, RuntimeError) as error:
        raise ValueError(f"the field of a {type(part).__name__} is not known: {error}") from None
    fields: dict[fx.Node, Field] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            fields[node] = field
        elif node.op == "call_module":
            fields[node] = _widened(fields[node.args[0]], traced.get_submodule(node.target))
        elif node.op == "output" or node.target in JOINED:
            fields[node] = max((fields[n] for n in node.all_input_nodes), key=lambda f: f.size)
        else:
            raise ValueError(f"the field after {node.target} is not known")
    return fields[node]


class _Layers(fx.Tracer):
    """Torch's own tracer, to which a layer of another make is one layer, too."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, (nn.Conv2d, *POINTWISE)) or super().is_leaf_module(module, name)


def _widened(field: Field, module: nn.Module) -> Field:
    """The field after one layer."""
    if isinstance(module, POINTWISE):
        return field
    if not isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        raise ValueError(f"the field of a {type(module).__name__} is not known")
    sides = []
    for number in (
        module.kernel_size,
        module.stride,
        module.padding,
        getattr(module, "dilation", 1),
    ):
        side = {number} if isinstance(number, int) else {*number}
        if len(side) > 1:
            raise ValueError(f"a kernel that is no square: {module}")
        sides.append(side.pop())
    kernel, stride, padding, dilation = sides
    wider = (kernel - 1) * dilation
    return Field(
        field.size + wider * field.step,
        field.step * stride,
        field.first + (wider / 2 - padding) * field.step,
    )


SOME = 8  # images at a time: the maps of a stage are large


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
    maps = torch.zeros(1, 3, image_size, image_size, device=network.device)
    with torch.no_grad():
        for name, stage in network.stages.items():
            with count_operations() as operations:
                maps = run_stage(stage, maps)
            _, channels, side, _ = convert_stage_layout(
                network, name, maps, (image_size, image_size)
            ).shape
            rows.append(
                {
                    "stage": name,
                    "channels": channels,
                    "side": side,
                    "weights": sum(p.numel() for p in stage.parameters()),
                    "operations": operations.get_total_flops() // 2,
                    "field": fields[name].size,
                }
            )
    return pd.DataFrame(rows).set_index("stage")


def run_stage(stage: nn.Module, maps: Tensor) -> Tensor:
    """The stage applied as in evaluation."""
    with evaluation_mode(stage):
        return stage(maps)


def sensitivity(network: Network, pixels: Tensor) -> dict[str, Tensor]:
    """How much a cell in the middle of each stage's maps depends on each pixel.

    The cell's responses are added up over the channels, and differentiated with respect to the
    normalised image, in evaluation mode.

    Args:
        network: Its mode and its gradients are left as they are.
        pixels: Bytes `(N, 3, H, W)`.

    Returns:
        For each stage `(H, W)`: the gradient's size, mean over colours and images. It is exactly
        0 outside the receptive field. Of a map with an even side the cell is the one right below
        the middle.

    Raises:
        ValueError: If a stage gives no maps.

    Luo et al. (2016), https://arxiv.org/abs/1701.04128. Lesson 02.
    """
    found: dict[str, Tensor] = {}
    for part in pixels.split(SOME):
        maps = inputs = network.normalise(part).requires_grad_()
        for name, stage in network.stages.items():
            maps = run_stage(stage, maps)
            seen = convert_stage_layout(network, name, maps, tuple(pixels.shape[2:]))
            middle = seen[:, :, seen.shape[2] // 2, seen.shape[3] // 2].sum()
            (gradient,) = torch.autograd.grad(middle, inputs, retain_graph=True)
            found[name] = found.get(name, 0) + gradient.abs().mean(1).sum(0) / len(pixels)
    return {name: values.to(pixels.device) for name, values in found.items()}


def middle_fields(network: Network, image_size: int = 64) -> dict[str, tuple[float, float]]:
    """For each stage the first and the last pixel, along a side, of the cell that `sensitivity` asks.

    Lesson 02.
    """
    sides = anatomy(network, image_size).side
    return {
        name: field.of_cell(int(sides[name]) // 2)
        for name, field in receptive_fields(network).items()
    }


def extent(values: Tensor) -> int:
    """The side of the smallest square that holds everything of `(H, W)` that is not zero."""
    rows, columns = values.nonzero(as_tuple=True)
    return max((int(i.max() - i.min()) + 1 for i in (rows, columns) if len(i)), default=0)
