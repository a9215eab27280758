import cam as cam_tables
import pytest
import torch
from cam import _ground_test_images, _train_or_load_network

from vtlab.models.backbones import backbone
from vtlab.training.strategies import probe


def test_test_images_of_the_shortcut_show_the_same_plants():
    holds, breaks = _ground_test_images(1.0), _ground_test_images(0.0)
    assert torch.equal(holds.masks, breaks.masks) and not torch.equal(holds.pixels, breaks.pixels)


def test_a_trained_network_is_read_again_and_not_trained_again(toy, tmp_path, monkeypatch):
    first = _train_or_load_network(probe, toy, 1, tmp_path)
    monkeypatch.setattr(cam_tables, "fit", lambda *a, **k: pytest.fail("trained twice"))
    again = _train_or_load_network(probe, toy, 1, tmp_path)
    assert again.learning_parts == first.learning_parts
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    )
    assert not torch.equal(first.head.weight, backbone(classes=3).head.weight)
