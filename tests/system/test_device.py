import pytest
import torch

import vtlab as vt
from vtlab.system.device import autocast, choose_device, synchronize


@pytest.fixture
def machine(monkeypatch):
    """Pretend which accelerators there are."""

    def has(cuda=False, mps=False, wanted=None):
        here = {"cuda": int(cuda), "mps": int(mps), "cpu": 1}
        monkeypatch.setattr("vtlab.system.device.count_devices", lambda: here)
        monkeypatch.delenv("VTLAB_DEVICE", raising=False)
        if wanted is not None:
            monkeypatch.setenv("VTLAB_DEVICE", wanted)

    return has


@pytest.mark.parametrize(
    ("cuda", "mps", "best"),
    [
        (True, True, "cuda"),
        (True, False, "cuda"),
        (False, True, "mps"),
        (False, False, "cpu"),
    ],
)
def test_the_fastest_device_there_is_gets_chosen(machine, cuda, mps, best):
    machine(cuda, mps)
    assert choose_device().type == best


def test_the_environment_overrules(machine):
    machine(cuda=True, wanted="cpu")
    assert choose_device().type == "cpu"
    machine(cuda=True, wanted="cuda:0")
    assert choose_device() == torch.device("cuda:0")


@pytest.mark.parametrize("wanted", ["cuda", "cuda:1", "tpu9", "meta"])
def test_a_device_that_is_not_here_is_named(machine, wanted):
    machine(cuda=wanted == "cuda:1", wanted=wanted)
    with pytest.raises(ValueError, match=f"VTLAB_DEVICE is '{wanted}', but this machine has"):
        vt.backbone(classes=2)


def test_images_go_to_the_network_and_results_come_back(network):
    """The meta device stands for another one: it refuses to be mixed with the CPU."""
    moved = network.to("meta")
    pixels = torch.zeros(4, 3, 16, 16, dtype=torch.uint8)
    assert moved.normalise(pixels).device.type == "meta"
    assert moved(moved.normalise(pixels)).shape == (4, 3)


def test_forward_passes_are_halved_where_asked():
    with autocast(True):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with autocast(False):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("kind", ["cuda", "mps", "cpu"])
def test_only_a_device_that_works_on_by_itself_is_waited_for(kind, monkeypatch):
    waited = []
    for name in ("cuda", "mps"):
        monkeypatch.setattr(f"torch.{name}.synchronize", lambda name=name: waited.append(name))
    synchronize(torch.device(kind))
    assert waited == [kind] * (kind != "cpu")
