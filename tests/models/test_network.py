import copy

import pytest
import torch

from vtlab.models.backbones import backbone


def test_kept_statistics_stay_and_are_used_while_everything_learns():
    network = backbone("mini_resnet", classes=3)
    bytes_ = torch.randint(0, 256, (4, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    images = network.normalise(bytes_.to(torch.uint8))
    before = {name: value.clone() for name, value in network.named_buffers()}
    asked = network.eval()(images)
    everything = (*network.stage_names, "head")
    network.freeze(everything, keep_statistics=True).train()
    assert torch.equal(network(images), asked)
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    assert all(weight.requires_grad for weight in network.parameters())
    network.freeze(everything).train()
    assert not torch.allclose(network(images), asked)
    moved = "stages.stem.1.running_mean"
    assert not torch.equal(dict(network.named_buffers())[moved], before[moved])


def test_what_a_user_froze_stays_frozen_and_that_is_said_until_it_is_switched_on(network):
    mine = [*network.stages["stage4"].parameters()]
    statistics = network.stages["stage4"][1].running_mean.clone()
    for weight in mine:
        weight.requires_grad_(False)
    with pytest.warns(
        UserWarning, match=r"tiny: stage4.0.weight and 2 weights more had requires_grad"
    ):
        network.freeze(["stage3", "stage4", "head"]).train()
    assert not any(weight.requires_grad for weight in mine)
    assert all(weight.requires_grad for weight in network.stages["stage3"].parameters())
    network(torch.rand(4, 3, 16, 16))
    assert torch.equal(network.stages["stage4"][1].running_mean, statistics)  # frozen is both
    network.freeze(["head"])  # nothing of it was to learn, and nothing is said
    with pytest.warns(UserWarning, match="stage4.0.weight"):
        copy.deepcopy(network).freeze(["stage4"])
    for weight in mine:
        weight.requires_grad_(True)
    network.freeze(["stage4", "head"])
    assert all(weight.requires_grad for weight in mine)
    network.freeze(["head"]).freeze(
        [*network.stage_names, "head"]
    )  # what freeze froze is no one's wish
    assert all(weight.requires_grad for weight in network.parameters())


def test_a_module_of_a_stage_learns_alone(network):
    network.freeze(["stage4.1", "head"]).train()
    assert network.learning_parts == {"stage4", "head"} and network.frozen_prefix == 4
    learning = [name for name, weight in network.named_parameters() if weight.requires_grad]
    assert learning == [
        "stages.stage4.1.weight",
        "stages.stage4.1.bias",
        "head.weight",
        "head.bias",
    ]
    modes = [module.training for module in network.stages["stage4"]]
    assert modes == [False, True, False]
    network.freeze(["stage4", "stage4.1"])
    assert all(weight.requires_grad for weight in network.stages["stage4"].parameters())
    for name in ("stage4.9", "stage9", ""):
        with pytest.raises(ValueError, match=rf"tiny has no stage '{name}'; its stages are stem"):
            network.freeze([name])
