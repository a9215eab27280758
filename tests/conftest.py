"""Fixtures shared by the tests: one thread, fixed seeds, no leaked figure."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

os.environ.setdefault("VTLAB_DEVICE", "cpu")  # test_cuda.py asks for the GPU itself
if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # a core for each: more threads than cores wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("VTLAB_THREADS", "1")

import torch

from vtlab.data.images import Images, image_places_by_class
from vtlab.data.tasks import Task, task
from vtlab.models.network import Network
from vtlab.models.normalisation import GARDEN_NORMALISATION


@pytest.fixture(autouse=True)
def quiet_state():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    yield
    left_on = torch.is_grad_enabled()
    torch.set_grad_enabled(True)  # or one test's fault would be that of all tests after it
    assert left_on, "this test has left gradients off"
    import sys

    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.fixture(autouse=True)
def time_limit(request):
    """A benchmark or a nightly test takes what it takes; the limit on a test would end the run."""
    if {"benchmark", "nightly"} & {mark.name for mark in request.node.iter_markers()}:
        import faulthandler

        faulthandler.cancel_dump_traceback_later()


def tiny_network(classes: int = 3) -> Network:
    """Five stages of a few hundred weights, BatchNorm included."""
    from torch import nn

    def stage(inputs: int, outputs: int, stride: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
        )

    stages = {
        "stem": stage(3, 4, 2),
        "stage1": stage(4, 6, 1),
        "stage2": stage(6, 8, 2),
        "stage3": stage(8, 8, 1),
        "stage4": stage(8, 10, 1),
    }
    return Network("tiny", stages, nn.Linear(10, classes), GARDEN_NORMALISATION)


@pytest.fixture
def network() -> Network:
    return tiny_network()


@pytest.fixture
def toy() -> Task:
    """Three classes of coloured noise, 16 px, four shots each."""
    random = torch.Generator().manual_seed(3)

    def images(count: int) -> Images:
        labels = torch.arange(3).repeat_interleave(count)
        noise = torch.randint(0, 120, (3 * count, 3, 16, 16), generator=random)
        noise[torch.arange(3 * count), labels] += 90
        return Images(noise.to(torch.uint8), labels)

    pool, test = images(8), images(10)

    def draw(shots, seed):
        picks = torch.cat([own[:shots] for own in image_places_by_class(pool.labels, range(3))])
        return pool[picks]

    return Task("toy", ("red", "green", "blue"), draw(4, 0), test, 4, 0, draw)


@pytest.fixture(scope="session")
def garden() -> Task:
    return task("garden", shots=5, seed=0)


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photographs, which is not part of the project."""
    root = Path(__file__).parent.parent
    folder = Path(os.environ.get("VTLAB_TEST_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real photographs here (set VTLAB_TEST_DATA to their folder)")
    return folder


@pytest.fixture(scope="session")
def small_garden(garden) -> Task:
    """The default task with one image per class, and a test set of 48."""
    return replace(garden.at(1, 0), test=garden.test[torch.arange(0, 1200, 25)])


@pytest.fixture(scope="session")
def old_task():
    """Species of the source and their head."""
    from vtlab.course.old_task import OldTask

    return OldTask.make()
