import json
import random
import shutil

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vtlab.models.backbones import backbone
from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.system.files import find_shipped_files
from vtlab.system.fingerprints import fingerprint_file


@pytest.mark.parametrize("name", list(MINI_NETWORKS))
def test_every_backbone_has_five_stages_and_a_head(name):
    network = backbone(name, classes=4, weights=None).eval()
    size = MINI_NETWORKS[name].image_size
    images = network.normalise(torch.zeros(2, 3, size, size, dtype=torch.uint8))
    assert network.stage_names == ("stem", "stage1", "stage2", "stage3", "stage4")
    with torch.no_grad():
        assert network(images).shape == (2, 4)


def test_the_last_maps_of_mini_resnet_have_8_by_8_cells():
    network = backbone("mini_resnet", weights=None).eval()
    images = network.normalise(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with torch.no_grad():
        assert network.run_stages(images, 0).shape == (1, 256, 8, 8)


def test_mobilenet_equals_torchvisions_own():
    from torchvision.models import mobilenet_v2

    torch.manual_seed(1)
    theirs = mobilenet_v2(weights=None, num_classes=5).eval()
    ours = backbone("mobilenet_v2", classes=5, weights=None).eval()
    blocks = [b for stage in ours.stages.values() for b in stage]
    for mine, other in zip(blocks, theirs.features, strict=True):
        mine.load_state_dict(other.state_dict())
    ours.head.load_state_dict(theirs.classifier[1].state_dict())
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(ours(images), theirs(images), atol=1e-5)


def test_mobilenet_reads_torchvisions_state_dict(tmp_path):
    from torchvision.models import mobilenet_v2

    theirs = mobilenet_v2(weights=None)
    torch.save(theirs.state_dict(), tmp_path / "m.pth")
    ours = backbone("mobilenet_v2", weights=tmp_path / "m.pth")
    last = ours.stages["stage4"][-1][0].weight
    assert torch.equal(last, theirs.features[18][0].weight)
    assert ours.origin == "m"


def test_normalised_bytes_have_the_stated_mean_and_spread(network):
    grey = torch.full((1, 3, 4, 4), 128, dtype=torch.uint8)
    values = network.normalise(grey)[0, :, 0, 0]
    expected = [
        (128 / 255 - m) / s
        for m, s in zip(network.normalisation.mean, network.normalisation.std, strict=True)
    ]
    assert torch.allclose(values, torch.tensor(expected), atol=1e-6)


def test_shipped_weights_are_those_listed():
    listed = json.loads((find_shipped_files("weights") / "sha256.json").read_text())
    shipped = {p.name for p in find_shipped_files("weights").glob("*.safetensors")}
    assert shipped == set(listed)
    assert all(
        fingerprint_file(find_shipped_files("weights") / name) == digest
        for name, digest in listed.items()
    )


def test_no_flipped_bit_and_no_truncation_of_weights_is_accepted(tmp_path, monkeypatch):
    name = "mini_resnet.safetensors"
    shutil.copy(find_shipped_files("weights") / "sha256.json", tmp_path)
    whole, draws = (find_shipped_files("weights") / name).read_bytes(), random.Random(0)
    monkeypatch.setattr("vtlab.models.weights.find_shipped_files", lambda name: tmp_path)
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[draws.randrange(len(whole))] ^= 1 << draws.randrange(8)
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged"):
            backbone()
    (tmp_path / name).write_bytes(whole[:-100])
    with pytest.raises(ValueError, match="damaged"):
        backbone()


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04K\x01."])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_file_that_is_not_weights_is_one_clear_error(tmp_path, content, ending):
    path = tmp_path / f"bad{ending}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="bad"):
        backbone(weights=path)


def test_weights_of_another_network_name_what_does_not_fit(tmp_path):
    save_file({"stem.0.weight": torch.zeros(1)}, tmp_path / "odd.safetensors")
    with pytest.raises(ValueError, match="odd.safetensors does not hold mini_resnet"):
        backbone(weights=tmp_path / "odd.safetensors")


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="resnet9.*mini_resnet"):
        backbone("resnet9")
    with pytest.raises(
        ValueError, match="no natural weights ship for mini_vgg; they do for mini_resnet"
    ):
        backbone("mini_vgg", weights="natural")
    with pytest.raises(FileNotFoundError, match="none.pth"):
        backbone(weights=tmp_path / "none.pth")


def test_building_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    backbone(weights=None)
    assert torch.equal(torch.rand(2), expected)


def test_freezing_survives_train_and_refuses_unknown_stages(network):
    network.freeze(["stage4", "head"]).train()
    modes = {name: stage.training for name, stage in network.stages.items()}
    assert modes == {
        "stem": False,
        "stage1": False,
        "stage2": False,
        "stage3": False,
        "stage4": True,
    }
    assert network.frozen_prefix == 4
    with pytest.raises(ValueError, match="stage9"):
        network.freeze(["stage9"])


def test_counts_of_weights_are_those_by_hand(network):
    network.freeze(["head"])
    assert network.count_learning_weights() == 10 * 3 + 3
    network.freeze(["stage4", "head"])
    assert network.count_learning_weights() == 8 * 10 * 9 + 2 * 10 + 33


def own_head(classes=4):
    return nn.Sequential(nn.Linear(256, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, classes))


def test_a_head_of_ones_own_gets_pooled_features_or_the_maps():
    pixels = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    pooled = backbone(weights=None, head=own_head()).eval()
    flat = nn.Sequential(nn.Flatten(), nn.Linear(256 * 64, 4))
    mapped = backbone(weights=None, head=flat, pooling=False).eval()
    with torch.no_grad():
        maps = mapped.run_stages(mapped.normalise(pixels), 0)
        assert torch.equal(mapped(mapped.normalise(pixels)), flat(maps))
        assert torch.allclose(
            pooled(pooled.normalise(pixels)), pooled.head(maps.mean((2, 3))), atol=1e-5
        )
    assert pooled.output_count == mapped.output_count == 4


def test_the_weights_of_ones_own_head_stay_until_they_are_reset():
    head = own_head()
    before = head[0].weight.clone()
    network = backbone(weights=None, head=head)
    assert torch.equal(network.head[0].weight, before)
    network.reset_head(0)
    assert not torch.equal(network.head[0].weight, before)


def test_a_frozen_head_drops_nothing_out():
    network = backbone(weights=None, head=own_head()).freeze(["stage4"]).train()
    assert network.stages["stage4"].training
    assert not any(module.training for module in network.head.modules())


@pytest.mark.parametrize(
    ("head", "pooling", "words"),
    [
        (nn.Linear(255, 4), True, "does not fit features of mini_resnet, 256 of them"),
        (nn.Linear(256, 4), False, "does not fit"),
        (nn.ReLU(), True, "needs a linear layer"),
        (
            nn.Sequential(nn.Linear(256, 4), nn.Unflatten(1, (2, 2))),
            True,
            r"\(2, 2, 2\), not into \(2, 4\)",
        ),
    ],
)
def test_a_head_that_does_not_fit_is_refused_at_once(head, pooling, words):
    with pytest.raises(ValueError, match=words):
        backbone(weights=None, head=head, pooling=pooling)


def test_weights_of_a_deeper_sibling_are_refused_by_name(tmp_path):
    from torchvision.models import resnet34

    torch.save(resnet34(weights=None).state_dict(), tmp_path / "deep.pth")
    with pytest.raises(
        ValueError, match=r"deep.pth holds more than resnet18: 'layer1.2.conv1.weight' and \d+"
    ):
        backbone("resnet18", weights=tmp_path / "deep.pth")


def test_what_was_wrapped_around_weights_is_said_once_and_reaches_every_library(tmp_path):
    for name in ("mini_mobilenet", "squeezenet1_1", "timm:resnet10t", "efficientnet_lite0"):
        network = backbone(name, weights=None)
        state = {f"module.{key}": value for key, value in network.state_dict().items()}
        torch.save({"state_dict": state, "epoch": 3}, tmp_path / "mine.pth")
        said = []
        again = backbone(name, weights=tmp_path / "mine.pth", say=said.append)
        assert said == [
            "mine.pth: the entries 'state_dict.module.…' are taken; 'state_dict.module.head.weight' and 1 "
            "more left aside"
        ]
        for key, value in network.stages.state_dict().items():
            assert torch.equal(again.stages.state_dict()[key], value)
