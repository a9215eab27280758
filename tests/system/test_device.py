import os
import threading

import pytest
import torch

import vtlab as vt
from vtlab.system import device as precision
from vtlab.system.device import autocast, best_device, single_thread, wait_for


@pytest.fixture
def machine(monkeypatch):
    """Pretend which accelerators there are."""

    def has(cuda=False, mps=False, wanted=None):
        here = {"cuda": int(cuda), "mps": int(mps), "cpu": 1}
        monkeypatch.setattr("vtlab.system.device.devices", lambda: here)
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
    assert best_device().type == best


def test_the_environment_overrules(machine):
    machine(cuda=True, wanted="cpu")
    assert best_device().type == "cpu"
    machine(cuda=True, wanted="cuda:0")
    assert best_device() == torch.device("cuda:0")


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


def test_the_number_of_threads_is_given_back():
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError), single_thread():
        assert torch.get_num_threads() == 1
        raise RuntimeError
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("said", ["two", "-1", "0", "1.5"])
def test_a_number_of_threads_that_is_none_is_named(monkeypatch, said):
    monkeypatch.setenv("VTLAB_THREADS", said)
    with pytest.raises(ValueError, match=f"VTLAB_THREADS is '{said}'; it is a whole number"):
        precision._threads()


def test_no_run_has_more_threads_than_cores_or_fewer_than_one(monkeypatch):
    for said, most in {"1": 1, "": 2, "1000": os.cpu_count()}.items():
        monkeypatch.setenv("VTLAB_THREADS", said)
        assert 1 <= precision._threads() <= most


@pytest.mark.parametrize("kind", ["cuda", "mps", "cpu"])
def test_only_a_device_that_works_on_by_itself_is_waited_for(kind, monkeypatch):
    waited = []
    for name in ("cuda", "mps"):
        monkeypatch.setattr(f"torch.{name}.synchronize", lambda name=name: waited.append(name))
    wait_for(torch.device(kind))
    assert waited == [kind] * (kind != "cpu")


def test_overlapping_threads_each_have_their_number_back():
    """The main thread is inside first and leaves first; the other one begins, and stays, inside."""
    before, inside, left, counts = torch.get_num_threads(), threading.Event(), threading.Event(), []

    def other():
        with single_thread():
            inside.set()
            left.wait(10)
            counts.append(torch.get_num_threads())
        counts.append(torch.get_num_threads())

    torch.set_num_threads(2)
    worker = threading.Thread(target=other)
    with single_thread():
        with single_thread():  # once more in the same thread
            worker.start()
            assert inside.wait(10)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    left.set()
    worker.join()
    assert counts == [1, 2] and torch.get_num_threads() == 2
    torch.set_num_threads(before)
