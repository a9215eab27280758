import copy
from dataclasses import replace

import pytest
import torch
from conftest import tiny_network

from vtlab.models.backbones import backbone
from vtlab.models.evaluation import compute_outputs, mean_absolute_error
from vtlab.study.tune import choose_recipe
from vtlab.training.fit import fit
from vtlab.training.rates import rate_range
from vtlab.training.strategies import full, partial, probe


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


@pytest.mark.parametrize("asked", [None, True, False])
@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_half_precision_is_for_classes_unless_it_is_asked_for(monkeypatch, classes, kind, asked):
    monkeypatch.setattr("vtlab.system.device.has_native_bfloat16", lambda: True)
    network = tiny_network(classes).to(kind)
    wanted = kind == torch.float32 and (classes > 1 if asked is None else asked)
    assert network.resolve_bfloat16(asked) is wanted
    pixels = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    with network.autocast(asked):
        outputs = network.eval()(network.normalise(pixels))
    assert outputs.dtype == (torch.bfloat16 if wanted else kind)


def test_numbers_are_computed_in_half_precision_nowhere(monkeypatch, toy):
    monkeypatch.setattr("vtlab.system.device.has_native_bfloat16", lambda: True)
    halves = []
    real = torch.autocast

    def watched(kind, dtype, enabled=True, **more):
        halves.append(enabled)
        return real(kind, dtype, enabled=enabled, **more)

    monkeypatch.setattr("torch.autocast", watched)
    numbers = replace(toy.train, labels=toy.train.labels + 1000 + torch.arange(12) / 7)
    task = replace(toy, classes=("weight",), train=numbers)
    for way in (full, probe, partial(2)):
        network = tiny_network(1)
        list(fit(network, task, way, epochs=None if way.convex else 1))
        off = mean_absolute_error(network, numbers.pixels, numbers.labels)
        outputs = compute_outputs(network, numbers.pixels)
        assert off < 2 and not torch.equal(outputs, outputs.bfloat16().float())  # steps of 4 there
    candidates = [full, replace(full, rate=1e-4)]
    choose_recipe(candidates, task, lambda: tiny_network(1), 0, epochs=1)
    rate_range(tiny_network(1), task, full, steps=2)
    assert len(halves) > 20 and not any(halves)
    compute_outputs(tiny_network(3), toy.train.pixels)
    assert halves[-1]  # of classes they would be


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
