import pytest
import torch
from tests_support import entries_that_moved

from vtlab.models.adapters import Adapter, adapter_names, with_adapters
from vtlab.models.backbones import backbone
from vtlab.training.fit import fit
from vtlab.training.strategies import surgical


@pytest.fixture
def images():
    return torch.rand(3, 3, 16, 16).to(memory_format=torch.channels_last)


def test_adapters_begin_as_nothing(network, images):
    wanted = network.eval()(images)
    made = with_adapters(network).eval()
    assert torch.equal(made(images), wanted)


def test_an_adapter_adds_a_bottleneck():
    adapter = Adapter(8, narrowing=4)
    maps = torch.rand(2, 8, 3, 3)
    narrow, widen = (m.weight[:, :, 0, 0] for m in (adapter.narrow, adapter.widen))
    vector = maps[1, :, 2, 0]
    inner = (narrow @ vector + adapter.narrow.bias).relu()
    assert torch.allclose(adapter(maps)[1, :, 2, 0], vector + widen @ inner + adapter.widen.bias)
    assert narrow.shape == (2, 8)


def test_only_adapters_and_head_learn(network, toy):
    made = with_adapters(network)
    before = {k: v.clone() for k, v in made.state_dict().items()}
    list(fit(made, toy, surgical(*adapter_names(made), rate=1e-2), epochs=3))
    moved = entries_that_moved(before, made)
    assert moved == {n for n in before if "adapter_" in n or n.startswith("head")}


def test_there_is_one_after_every_stage(network):
    assert adapter_names(with_adapters(network)) == (
        "adapter_stem",
        "adapter_stage1",
        "adapter_stage2",
        "adapter_stage3",
        "adapter_stage4",
    )


def test_their_weights_depend_on_the_seed_alone(network):
    first, again, other = (with_adapters(network, seed).state_dict() for seed in (0, 0, 1))
    key = "stages.adapter_stage2.narrow.weight"
    assert torch.equal(first[key], again[key]) and not torch.equal(first[key], other[key])


def test_a_network_of_tokens_is_refused():
    with pytest.raises(ValueError, match=r"no maps \(N, C, h, w\)"):
        with_adapters(backbone("vit_b_16", weights=None))


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_stays(network, training):
    network.train(training)
    made = with_adapters(network)
    assert network.training == made.training == training
    assert all(module.training == training for module in network.stages["stage1"].modules())


def test_a_network_of_large_images_is_asked_with_such():
    made = with_adapters(backbone("inception_v3", weights=None))  # 64 px are too few for it
    assert made.stages["adapter_stage4"].narrow.in_channels == made.head.in_features == 2048


def test_stages_that_a_library_draws_are_drawn_so_and_adapters_with_them(network):
    network.redraw = lambda seed: {k: torch.full_like(v, seed) for k, v in drawn.items()}
    drawn, made, weights = network.stages.state_dict(), with_adapters(network), []
    for seed in (7, 8, 7):
        made.reset_stages(seed)
        state = made.stages.state_dict()
        assert all((state[name] == seed).all() for name in drawn)
        weights.append(state["adapter_stage2.narrow.weight"].clone())
    assert torch.equal(weights[0], weights[2]) and not torch.equal(weights[0], weights[1])
