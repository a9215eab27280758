"""What Grad-CAM costs; `pytest -m benchmark -s tests/benchmarks` prints this machine's ratios."""

import copy

import pytest
import torch

from vtlab.analysis.cams import explain
from vtlab.models.backbones import backbone


@pytest.fixture
def network():
    return backbone("mini_resnet", classes=8).eval()


@pytest.fixture
def pixels():
    return torch.randint(0, 255, (64, 3, 64, 64), dtype=torch.uint8)


@pytest.mark.benchmark
@pytest.mark.parametrize("stage", ["stage2", "stage4"])
def test_a_map_costs_at_most_one_and_a_half_passes_forward_and_back_to_the_stage(
    network, pixels, medians, ratios, stage
):
    """The least that any Grad-CAM needs: one pass forward, one back from the logit to the stage."""
    number = network.stage_names.index(stage) + 1

    def least():
        with torch.no_grad():
            maps = network.run_stages(network.normalise(pixels), 0, number)
        maps.requires_grad_()
        logits = network.classify(network.run_stages(maps, number))
        torch.autograd.grad(logits.max(1).values.sum(), maps)

    ours, passes = medians(lambda: explain(network, pixels, stage=stage), least, repeats=7)
    ratios.check(
        f"Grad-CAM at {stage} / one pass forward and back to it",
        ours / passes,
        most=1.5,
        detail=f"{64 / ours:.0f} maps/s",
    )


@pytest.mark.benchmark
def test_a_batch_is_at_least_five_times_as_fast_as_grad_cam_image_by_image(
    network, pixels, medians, ratios
):
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

    ours, slow = medians(lambda: explain(network, pixels, targets=targets), theirs, repeats=7)
    ratios.check(
        "Grad-CAM of a batch / grad-cam image by image",
        slow / ours,
        least=5,
        detail=f"{64 / ours:.0f} against {64 / slow:.0f} maps/s",
    )
