"""What holds for every small network alike."""

from dataclasses import replace

import pytest
import torch
from tests_support import entries_that_moved
from torch import nn

from vtlab.analysis.cams import explain
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.system.files import find_shipped_files
from vtlab.training.fit import fit
from vtlab.training.strategies import FOUR, partial, scratch, surgical

MINI = list(MINI_NETWORKS)


@pytest.mark.parametrize("name", MINI)
def test_the_network_is_its_stages_in_order_a_mean_and_a_head(name):
    network = backbone(name, classes=4, weights=None).eval()
    assert network.stage_names == ("stem", "stage1", "stage2", "stage3", "stage4")
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = images
        for stage in ("stem", "stage1", "stage2", "stage3", "stage4"):
            maps = network.stages[stage](maps)
        assert maps.shape[1] == MINI_NETWORKS[name].features
        by_hand = maps.mean((2, 3)) @ network.head.weight.T + network.head.bias
        assert torch.allclose(network(images), by_hand, atol=1e-5)


@pytest.mark.parametrize("name", MINI)
def test_small_families_share_one_plan_of_resolutions(name):
    network = backbone(name, weights=None).eval()
    maps, cells = torch.zeros(1, 3, 64, 64), []
    with torch.no_grad():
        for stage in network.stages.values():
            maps = stage(maps)
            cells.append(tuple(maps.shape[2:]))
    assert cells == [(32, 32), (32, 32), (16, 16), (8, 8), (8, 8)]


def test_mini_vgg_is_mini_resnet_without_shortcuts():
    def widths(name: str) -> list[tuple[int, int, int]]:
        convolutions = [
            m
            for m in backbone(name, weights=None).stages.modules()
            if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)
        ]
        return [(m.in_channels, m.out_channels, m.kernel_size[0]) for m in convolutions]

    assert widths("mini_vgg") == widths("mini_resnet")


@pytest.mark.parametrize("name", MINI)
def test_resetting_sets_every_weight_and_buffer_and_depends_on_the_seed_alone(name):
    network = backbone(name, weights=None)
    states = []
    for junk in (0.3, -2.0):
        with torch.no_grad():
            for value in network.stages.state_dict().values():
                value.fill_(junk)
        network.reset_stages(7)
        states.append({k: v.clone() for k, v in network.stages.state_dict().items()})
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    network.reset_stages(8)
    convolutions = [k for k, v in states[0].items() if v.dim() == 4]
    assert not any(torch.equal(states[0][k], network.stages.state_dict()[k]) for k in convolutions)


@pytest.mark.parametrize("name", MINI)
def test_random_stages_neither_fade_nor_explode(name):
    """He initialisation keeps the size of activations; BatchNorm then has little to do."""
    network = backbone(name, weights=None).train()
    sizes, maps = [], torch.randn(8, 3, 64, 64)
    with torch.no_grad():
        for stage in network.stages.values():
            maps = stage(maps)
            sizes.append(maps.std().item())
    assert all(0.2 < size < 3 for size in sizes)


def test_a_module_without_a_rule_is_refused():
    network = backbone("mini_vgg", weights=None)
    odd = nn.Module()
    odd.scale = nn.Parameter(torch.ones(2))
    network.stages["stage4"].append(odd)
    with pytest.raises(TypeError, match="whose weights are scale"):
        network.reset_stages(0)


@pytest.mark.parametrize("strategy", [*FOUR, partial(2), surgical("stage2")], ids=lambda s: s.name)
@pytest.mark.parametrize("name", MINI)
def test_exactly_the_learning_stages_move_and_their_statistics_unless_kept(name, toy, strategy):
    network = backbone(name, classes=3, weights=None)
    strategy.prepare(network, 0)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    list(fit(network, toy, strategy, epochs=None if strategy.convex else 1))
    parts = {k: k.split(".")[1] if k.startswith("stages") else "head" for k in before}
    kept = {name for name, _ in network.named_buffers() if strategy.statistics == "kept"}
    expected = {k for k, part in parts.items() if part in strategy.learning_parts(network)} - kept
    assert entries_that_moved(before, network) == expected


@pytest.mark.parametrize("name", MINI)
def test_every_family_learns_from_random_weights(name, toy):
    network = backbone(name, classes=3, weights=None)
    list(fit(network, toy, replace(scratch, rate=1e-2), epochs=25))
    assert evaluate(network, toy.test.pixels, toy.test.labels) > 0.9


@pytest.mark.parametrize("name", MINI)
def test_grad_cam_has_a_map_of_8_by_8_cells_and_leaves_the_network(name):
    network = backbone(name, classes=3, weights=None).freeze(["head"])
    before = {k: v.clone() for k, v in network.state_dict().items()}
    pixels = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    maps = torch.stack([explain(network, pixels, targets=k, say=[].append) for k in range(3)])
    assert maps.shape == (3, 2, 8, 8) and maps.min() >= 0 and maps.amax((0, 2, 3)).min() > 0
    assert not entries_that_moved(before, network)


@pytest.mark.parametrize("name", MINI)
def test_shipped_weights_load_and_are_small(name):
    network = backbone(name, classes=3)
    assert network.origin == name
    assert all(v.isfinite().all() for v in network.stages.state_dict().values())
    assert 1e6 < (find_shipped_files("weights") / f"{name}.safetensors").stat().st_size < 6e6


def test_all_shipped_weights_together_stay_below_25_megabytes():
    assert sum(p.stat().st_size for p in find_shipped_files("weights").glob("*.safetensors")) < 25e6
