"""Shapes, weights, operations and receptive fields of stages, against autograd and counts by hand."""

import pytest
import torch
from torch import nn

from vtlab.analysis.architecture import (
    ReceptiveField,
    anatomy,
    field_after,
    middle_receptive_fields,
    receptive_fields,
)
from vtlab.analysis.gradients import gradient_sensitivity
from vtlab.models.backbones import backbone
from vtlab.models.cutting import CutPointwiseFunction
from vtlab.training.costs import cost_table
from vtlab.training.strategies import probe

SMALL = ("mini_vgg", "mini_resnet", "mini_inception", "mini_mobilenet")


def dependent(network: nn.Module, stage: str, size: int) -> tuple[int, list[int]]:
    """By autograd: the number of a middle cell, and the first and last pixel that it depends on."""
    # so dark that no ReLU6 is full; an Inception's own scaling would shift that below zero
    light = (
        0.5
        if any(isinstance(module, CutPointwiseFunction) for module in network.modules())
        else 0.01
    )
    inputs = torch.full((1, 3, size, size), light, requires_grad=True)
    maps = inputs
    for name, part in network.stages.items():
        maps = part(maps)
        if name == stage:
            break
    cell = maps.shape[2] // 2
    maps[..., cell, cell].sum().backward()
    rows = inputs.grad.sum((0, 1, 3)).nonzero()[:, 0]
    return cell, [int(rows[0]), int(rows[-1])]


@pytest.mark.parametrize(
    "name", [*SMALL, "resnet18", "googlenet", "vgg11_bn", "mobilenet_v2", "efficientnet_lite0"]
)
def test_a_receptive_field_is_what_gradients_say_where_no_weight_is_negative(name):
    network = backbone(name, classes=2, weights=None).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
        if isinstance(module, nn.MaxPool2d) and module.kernel_size != 1:  # a maximum picks one cell
            module.forward = averaging(module)
    fields = receptive_fields(network)
    within = [stage for stage in network.stage_names if fields[stage].size < 130]
    assert len(within) == 5 or ("mini" not in name and len(within) > 1)
    for stage in within:
        cell, found = dependent(network, stage, 160)
        assert list(fields[stage].pixels_of_cell(cell)) == found


def averaging(pool: nn.MaxPool2d):
    return lambda maps: nn.functional.avg_pool2d(
        maps, pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode
    )


def test_three_kernels_of_three_see_as_much_as_one_of_seven():
    three = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(3)))
    assert (
        field_after(three) == field_after(nn.Conv2d(4, 4, 7, padding=3)) == ReceptiveField(7, 1, 0)
    )


def test_a_stride_multiplies_the_steps_and_a_dilation_the_kernel():
    assert field_after(
        nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3))
    ) == ReceptiveField(7, 2, 2)
    assert field_after(nn.Conv2d(3, 4, 3, dilation=2, padding=2)) == ReceptiveField(5, 1, 0)
    assert ReceptiveField(7, 2, 2).pixels_of_cell(3) == (5, 11)


class Attending(nn.Module):
    def forward(self, maps):
        return maps @ maps


class Branching(nn.Module):
    def forward(self, maps):
        return maps if len(maps) > 1 else -maps


@pytest.mark.parametrize(
    "part",
    [nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, (1, 7)), nn.Linear(3, 4), Attending(), Branching()],
)
def test_a_field_that_is_not_known_is_said(part):
    with pytest.raises(ValueError, match=r"not known|no square"):
        field_after(part)


def test_the_anatomy_is_that_of_the_maps_and_of_the_costs(network):
    table, costs = anatomy(network, 32), cost_table(network, probe, image_size=32)
    assert table.channels.tolist() == [4, 6, 8, 8, 10] and table.side.tolist() == [16, 16, 8, 8, 8]
    assert table.field.tolist() == [3, 7, 11, 19, 27]
    assert (table.weights == costs.weights[:-1]).all() and (
        table.operations == costs.forward[:-1]
    ).all()


def test_the_middle_cells_field_lies_where_a_map_is_sensitive():
    network = backbone("mini_vgg", classes=2, weights=None)
    found = middle_receptive_fields(network)
    assert found["stem"] == (31, 34) and found["stage1"] == (27, 38)
    values = gradient_sensitivity(
        network, torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8)
    )["stage1"]
    rows = values.sum(1).nonzero()[:, 0]
    assert (rows.min(), rows.max()) == found["stage1"]
