"""What Grad-CAM costs; `pytest -m benchmark -s tests/benchmarks` prints this machine's ratios."""

import copy
import statistics
import time

import pytest
import torch

from vtlab.attribution import explain
from vtlab.backbones import backbone
from vtlab.precision import THREADS

REPEATS = 7


@pytest.fixture
def network():
    torch.set_num_threads(THREADS)
    return backbone("mini_resnet", classes=8).eval()


@pytest.fixture
def pixels():
    return torch.randint(0, 255, (64, 3, 64, 64), dtype=torch.uint8)


def medians(*works) -> list[float]:
    """Median seconds of each, warm, the repeats interleaved."""

    def seconds(work) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    for work in works:
        work()
    rounds = [[seconds(work) for work in works] for _ in range(REPEATS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


@pytest.mark.benchmark
@pytest.mark.parametrize("stage", ["stage2", "stage4"])
def test_a_map_costs_at_most_one_and_a_half_passes_forward_and_back_to_the_stage(
        network, pixels, stage):  # fmt: skip
    """The least that any Grad-CAM needs: one pass forward, one back from the logit to the stage."""
    number = network.stage_names.index(stage) + 1

    def least():
        with torch.no_grad():
            maps = network.run_stages(network.normalise(pixels), 0, number)
        maps.requires_grad_()
        logits = network.classify(network.run_stages(maps, number))
        torch.autograd.grad(logits.max(1).values.sum(), maps)

    ours, passes = medians(lambda: explain(network, pixels, stage=stage), least)
    print(f"\n{stage}: {64 / ours:.0f} maps/s, {ours / passes:.2f} passes")
    assert ours <= 1.5 * passes


@pytest.mark.benchmark
def test_a_batch_is_at_least_ten_times_as_fast_as_grad_cam_image_by_image(network, pixels):
    """Theirs as its README shows: torch's own memory format, a context for each image."""
    package = pytest.importorskip("pytorch_grad_cam", reason="the package grad-cam is not here")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    images = network.normalise(pixels).contiguous()
    targets = torch.zeros(64, dtype=torch.long)

    def theirs():
        for image, target in zip(images, targets.tolist(), strict=True):
            with package.GradCAM(model=plain, target_layers=[plain.stages["stage4"]]) as cam:
                cam(input_tensor=image[None], targets=[ClassifierOutputTarget(target)])

    ours, slow = medians(lambda: explain(network, pixels, targets=targets), theirs)
    print(f"\n{64 / ours:.0f} maps/s, grad-cam {64 / slow:.0f}, ratio {slow / ours:.1f}")
    assert slow >= 10 * ours
