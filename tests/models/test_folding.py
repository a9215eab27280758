import copy

import pytest
import torch
from torch import nn

import vtlab as vt
from vtlab.models.folding import fold_batchnorm


@pytest.mark.parametrize("name", ["mini_mobilenet", "mobilenet_v2", "efficientnet_lite0"])
def test_folded_stages_have_no_batchnorm_and_say_the_same(name):
    network = vt.backbone(name, classes=2, weights=None)
    stages = nn.Sequential(*network.stages.values()).double()
    for module in stages.modules():
        if isinstance(module, nn.BatchNorm2d):  # as if it had been trained
            for numbers in (module.running_mean, module.bias.data):
                nn.init.normal_(numbers)
            for numbers in (module.running_var, module.weight.data):
                nn.init.uniform_(numbers, 0.5, 2)
    before = copy.deepcopy(stages.state_dict())
    made, maps = fold_batchnorm(stages), torch.randn(2, 3, 64, 64, dtype=torch.float64)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in made.modules())
    assert torch.allclose(made(maps), stages.eval()(maps), rtol=1e-9, atol=1e-12)
    assert all(torch.equal(before[key], value) for key, value in stages.state_dict().items())


class Branching(nn.Module):
    """A channel-wise convolution behind a question that torch.fx cannot answer."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.BatchNorm2d(4))

    def forward(self, maps):
        return self.layers(maps) if maps.sum() > 0 else maps


def test_stages_that_would_not_gain_or_cannot_be_followed_are_not_folded():
    plain = nn.Sequential(vt.backbone(classes=2, weights=None).stages["stage1"])
    assert fold_batchnorm(plain) is plain
    odd = nn.Sequential(Branching(), nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.BatchNorm2d(4)))
    made = fold_batchnorm(odd)
    assert made[0] is odd[0] and made[1] is not odd[1]
    odd[1][0].register_forward_hook(print)
    assert fold_batchnorm(odd)[1] is odd[1]
