"""A GPU computes what the CPU does: the reference is the same call on the CPU."""

import pytest
import torch
from pretrain import PretrainingPhotos, PretrainingRecipe, pretrain
from steps_made_up import dropping_network, noise_task

import vtlab as vt
from vtlab.analysis.cams import METHODS, explain
from vtlab.course.lesson_03 import HEAD_INITS, network_with_head_init
from vtlab.data.augment import Augment
from vtlab.garden.source import GardenSource
from vtlab.models.evaluation import compute_outputs
from vtlab.models.initialisation import reinitialise
from vtlab.study.setting import Setting
from vtlab.system.randomness import make_generator
from vtlab.training.costs import measure_step
from vtlab.training.saving import load, save
from vtlab.training.strategies import full, lp_ft, partial, probe, scratch

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    monkeypatch.setenv("VTLAB_DEVICE", "cuda")
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # whose products are rounded
        yield


def trained(device, strategy, **options):
    """Losses of three epochs, and the network; without dropout, which draws otherwise on a GPU."""
    network, task = dropping_network().to(device), noise_task()
    for part in network.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    run = vt.fit(
        network, task, strategy, epochs=None if strategy.convex else 3, bfloat16=False, **options
    )
    return [epoch.loss for epoch in run], network, task


@pytest.mark.parametrize(
    "strategy", [scratch, probe, partial(1), full, lp_ft], ids=lambda s: s.name
)
@pytest.mark.parametrize(
    "augment", [None, Augment(crop=0.3, rotate=20, noise=3, turn=True, erase=0.2)]
)
def test_a_strategy_learns_what_it_learns_on_the_cpu(strategy, augment):
    if strategy.convex and augment:
        pytest.skip("it is solved on the images as they are")
    losses, network, task = trained(CUDA, strategy, augment=augment)
    expected, reference, _ = trained(CPU, strategy, augment=augment)
    assert losses == pytest.approx(expected, rel=0.02)
    assert network.device.type == "cuda"
    found, wanted = (
        compute_outputs(n, task.test.pixels, bfloat16=False) for n in (network, reference)
    )
    assert found.device == CPU
    torch.testing.assert_close(found, wanted, atol=0.1, rtol=0.05)


def test_backbones_are_put_there_and_give_the_same_logits():
    pixels = torch.randint(0, 255, (4, 3, 64, 64), dtype=torch.uint8)
    for name in ("mini_resnet", "mini_mobilenet"):
        there, here = vt.backbone(name, classes=4), vt.backbone(name, classes=4).to(CPU)
        assert there.device.type == "cuda"
        found, wanted = (compute_outputs(n, pixels, bfloat16=False) for n in (there, here))
        torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)
        assert vt.evaluate(there, pixels, wanted.argmax(1)) == 1


def test_weights_drawn_anew_there_are_those_of_the_cpu():
    there, here = (torch.nn.MultiheadAttention(16, 2, device=device) for device in (CUDA, CPU))
    for attention in (there, here):
        reinitialise(attention, make_generator(0, "x"))
    for name, values in here.state_dict().items():
        assert torch.equal(there.state_dict()[name].to(CPU), values), name


@pytest.mark.parametrize("way", HEAD_INITS)
def test_a_head_begins_there_as_on_the_cpu(way, monkeypatch):
    there = network_with_head_init(way, 0).head.weight
    monkeypatch.setenv("VTLAB_DEVICE", "cpu")
    assert there.device.type == "cuda" and torch.equal(
        there.to(CPU), network_with_head_init(way, 0).head.weight
    )


@pytest.mark.parametrize(
    "augment",
    [
        Augment(),
        Augment(crop=0.4),
        Augment(rotate=30),
        Augment(noise=4),
        Augment(turn=True),
        Augment(hue=0.2),
        Augment(erase=0.3),
    ],
    ids=lambda a: "-".join(k for k, v in a.fingerprint().items() if v),
)
def test_a_view_is_the_same_picture(augment):
    pixels = torch.randint(0, 255, (8, 3, 32, 32), dtype=torch.uint8)
    index = torch.arange(8)
    here, there = (augment.view(pixels.to(d), index, 3, 2).cpu().int() for d in (CPU, CUDA))
    assert (here - there).abs().max() <= 1  # rounded to the other side of a half


@pytest.mark.parametrize("method", METHODS)
def test_a_map_is_the_same_and_lies_where_the_images_do(method):
    pixels = torch.randint(0, 255, (3, 3, 32, 32), dtype=torch.uint8)
    network = dropping_network().eval()
    wanted = explain(network, pixels, method=method, targets=1)
    found = explain(network.to(CUDA), pixels, method=method, targets=1)
    assert found.device == CPU
    torch.testing.assert_close(
        found, wanted, atol=1e-4 * float(wanted.abs().max()) + 1e-7, rtol=1e-2
    )


def test_a_model_saved_there_is_the_same_on_the_cpu(tmp_path, monkeypatch):
    task = vt.task("garden", shots=2)
    network = vt.backbone(classes=8)
    list(vt.fit(network, task, partial(1), epochs=1))
    save(network, tmp_path / "model", task, strategy="partial")
    monkeypatch.setenv("VTLAB_DEVICE", "cpu")
    again, _ = load(tmp_path / "model")
    assert again.device == CPU
    pixels = task.test.pixels[:16]
    torch.testing.assert_close(
        compute_outputs(again, pixels, bfloat16=False),
        compute_outputs(network, pixels, bfloat16=False),
        atol=1e-3,
        rtol=1e-3,
    )


def test_a_training_goes_on_there_from_its_state():
    def fresh():
        return vt.fit(dropping_network().to(CUDA), noise_task(), full, epochs=3, seed=2)

    whole, first, second = fresh(), fresh(), fresh()
    expected = [epoch.loss for epoch in whole]
    losses = [next(first).loss]
    second.restore(first.state())
    losses += [epoch.loss for epoch in second]
    assert losses == pytest.approx(expected, rel=0.02)


def test_a_step_is_timed_to_its_end():
    """The GPU's own clock is the oracle: it takes work and returns before it is done."""
    network = vt.backbone(classes=8)
    measured = measure_step(network, full, batch=256, repeats=3, bfloat16=False)
    pixels = torch.zeros(256, 3, 64, 64, dtype=torch.uint8, device=CUDA)
    network.train()
    for _ in range(3):  # the first one loads the kernels
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        network(network.normalise(pixels)).sum().backward()
        end.record()
        torch.cuda.synchronize()
    assert measured["seconds"] > 0.5 * start.elapsed_time(end) / 1000


def test_pretraining_learns_drawings_and_photographs_there():
    pixels = torch.randint(0, 60, (64, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(64) % 4
    pixels[labels == 1, 0] += 150
    pixels[labels == 2, 1] += 150
    pixels[labels == 3, 2] += 150
    photographs = PretrainingPhotos(pixels, labels, pixels, labels, 4, "made up", device=CUDA)
    for source, size in ((photographs, 32), (GardenSource(species=4, genera=2), 64)):
        network = vt.backbone(classes=source.classes, weights=None)
        run = pretrain(
            PretrainingRecipe(images=640, batch=32, sizes=(size,)), source, network, every=320
        )
        records = list(run)
        assert records[-1].loss < records[0].loss
        assert run.fingerprint()["device"] == "cuda"


def test_the_four_strategies_are_compared_there(tmp_path):
    study = vt.compare(
        "garden", shots=3, seeds=2, setting=Setting(epochs=2), folder=tmp_path, progress=False
    )
    table = study.table()
    assert set(table.strategy) == {"scratch", "probe", "partial", "full"}
    assert table[table.strategy == "probe"].test_accuracy.min() > 2 * study.task.chance
