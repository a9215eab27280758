import pytest
import torch
from captum.attr import LayerGradCam
from conftest import tiny_network
from tests_support import entries_that_moved
from torch import nn

from vtlab.analysis.cams import METHODS, explain, grad_cam
from vtlab.models.backbones import backbone
from vtlab.models.network import Network
from vtlab.models.normalisation import GARDEN_NORMALISATION


def test_a_4_by_4_example_is_the_map_worked_out_by_hand():
    """One stage that copies red and negated green; the class's logit is 2 * mean(red).

    Grad-CAM's channel weights are the mean gradients: 2/16 and 0. So the map is
    red * 2 / 16, wherever that is positive.
    """
    stage = nn.Conv2d(3, 2, 1, bias=False)
    stage.weight.data = torch.tensor([[1.0, 0, 0], [0, -1.0, 0]])[:, :, None, None]
    network = Network("hand", {"stage4": stage}, nn.Linear(2, 2), GARDEN_NORMALISATION)
    network.head.weight.data = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    network.head.bias.data.zero_()
    pixels = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    pixels[0, 0] = torch.arange(16).view(4, 4) * 16
    red = (pixels[0, 0].float() / 255 - GARDEN_NORMALISATION.mean[0]) / GARDEN_NORMALISATION.std[0]
    by_hand = (red * 2 / 16).clamp(min=0)
    assert torch.allclose(grad_cam(network, pixels, torch.tensor([0]))[0], by_hand, atol=1e-6)


@pytest.mark.parametrize(
    "learning",
    [("head",), ("stage4", "head"), None, ()],
    ids=["probe", "partial", "full", "nothing"],
)
@pytest.mark.parametrize("stage", ["stage2", "stage4"])
def test_maps_equal_captums_whatever_is_frozen(learning, stage):
    network = backbone("mini_resnet", classes=3)
    pixels = torch.randint(0, 255, (3, 3, 64, 64), dtype=torch.uint8)
    targets = torch.tensor([0, 1, 2])
    network.eval().requires_grad_(True)
    theirs = LayerGradCam(network, network.stages[stage]).attribute(
        network.normalise(pixels), target=targets, relu_attributions=True
    )
    if learning is not None:
        network.freeze(learning)
    ours = grad_cam(network, pixels, targets, stage)
    assert ours.shape == theirs.shape[:1] + theirs.shape[2:]
    assert torch.allclose(ours, theirs[:, 0], atol=1e-6)


def test_nothing_of_the_network_changes(network):
    network.freeze(["stage4", "head"]).train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    state = torch.get_rng_state()
    grad_cam(network, torch.zeros(2, 3, 16, 16, dtype=torch.uint8))
    assert not entries_that_moved(before, network)
    assert all(p.grad is None for p in network.parameters())
    assert network.stages["stage4"].training and not network.stages["stem"].training
    assert not any(m._forward_hooks or m._backward_hooks for m in network.modules())
    assert torch.equal(state, torch.get_rng_state())


def test_predicted_targets_are_the_predictions(network):
    pixels = torch.randint(0, 255, (4, 3, 16, 16), dtype=torch.uint8)
    network.eval()
    guesses = network(network.normalise(pixels)).argmax(1)
    assert torch.equal(grad_cam(network, pixels), grad_cam(network, pixels, guesses))


PIXELS = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stage": "layer4"}, "no stage 'layer4'.*stage4"),
        ({"stage": nn.Linear(1, 1)}, "this Linear is no part of the network"),
        ({"targets": torch.tensor([0])}, r"\(1,\) targets for 2 images"),
        ({"targets": [0, 3]}, r"target 3 is out of range: the network gives \(2, 3\)"),
        ({"targets": -1, "method": "occlusion"}, r"target -1 .* classes 0 to 2"),
        ({"targets": torch.tensor([0.0, 1.0])}, "whole numbers, not torch.float32"),
        ({"targets": "true"}, r"needs labels \(N,\)"),
        ({"targets": "best"}, "'predicted', 'true' or classes, not 'best'"),
        ({"method": "score_cam"}, "unknown method 'score_cam'; there are grad_cam"),
        ({"layout": "hwc"}, "unknown layout 'hwc'"),
        ({"layout": "tokens"}, r"gives \(2, 10, 4, 4\); a map of tokens needs \(N, T, C\)"),
        ({"pixels": PIXELS[:0]}, r"no image in \(0, 3, 16, 16\)"),
        ({"pixels": PIXELS[0]}, r"\(N, 3, H, W\), not \(3, 16, 16\)"),
        ({"pixels": torch.full((2, 3, 16, 16), float("nan"))}, r"image 0 of \(2, 3, 16, 16\)"),
    ],
)
def test_a_bad_call_gives_one_clear_error(network, arguments, words):
    pixels = arguments.pop("pixels", PIXELS)
    with pytest.raises(ValueError, match=words):
        explain(network, pixels, **arguments)
    assert not any(m._forward_hooks for m in network.modules())


def test_a_stage_that_gives_no_map_is_named_with_its_shape(network):
    with pytest.raises(ValueError, match=r"the stage gives \(2, 3\)"):
        explain(network, PIXELS, stage=network.head)
    with pytest.raises(ValueError, match=r"\(2, 10, 1, 1\), one cell"):
        explain(network, PIXELS[:, :, :4, :4], stage="stage4")


def test_a_network_without_stages_asks_for_one_and_for_floats():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(784, 2))
    with pytest.raises(ValueError, match="has no named stages"):
        explain(plain, PIXELS.float())
    with pytest.raises(ValueError, match="are bytes"):
        explain(plain, PIXELS, stage="0")
    with pytest.raises(ValueError, match="no part '7'; it has 0, 1, 2"):
        explain(plain, PIXELS.float(), stage="7")
    with pytest.raises(ValueError, match="ReLUs; Sequential calls none"):
        explain(plain, PIXELS.float(), stage="0", method="guided_backprop")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("learning", [("head",), ("stage4", "head")], ids=["probe", "partial"])
def test_every_method_works_frozen_or_not_and_changes_nothing(network, method, learning):
    pixels = torch.randint(0, 255, (3, 3, 16, 16), dtype=torch.uint8)
    wanted = explain(network, pixels, method=method)
    network.freeze(learning).train()
    network.stages["stage3"].train()  # a mixed mode, as a person may leave it
    before = {k: v.clone() for k, v in network.state_dict().items()}
    modes = [m.training for m in network.modules()]
    in_place = [getattr(m, "inplace", None) for m in network.modules()]
    state = torch.get_rng_state()
    assert torch.equal(explain(network, pixels, method=method), wanted)
    assert not entries_that_moved(before, network)
    assert all(p.grad is None for p in network.parameters())
    assert modes == [m.training for m in network.modules()]
    assert in_place == [getattr(m, "inplace", None) for m in network.modules()]
    assert not any(
        m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in network.modules()
    )
    assert torch.equal(state, torch.get_rng_state())
    assert not wanted.requires_grad and wanted.shape[0] == 3


def test_many_images_are_explained_in_parts_that_do_not_show(network):
    pixels = torch.randint(0, 255, (70, 3, 16, 16), dtype=torch.uint8)
    whole = explain(network, pixels, targets=[i % 3 for i in range(70)], cut=False)
    single = explain(network, pixels[66:67], targets=0, cut=False)
    assert torch.allclose(whole[66:67], single, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"labels": torch.tensor([0, 1])}, "labels changes nothing here"),
        ({"labels": torch.tensor([0, 1]), "targets": 1}, "labels changes nothing here"),
        ({"stage": "stage3", "method": "occlusion"}, "stage changes nothing here"),
        ({"layout": "tokens", "method": "integrated_gradients"}, "layout changes nothing here"),
        ({"labels": torch.tensor([0, 1]), "targets": "true"}, ""),
        ({"stage": "stage3", "layout": "channels_first"}, ""),
    ],
)
def test_what_was_given_and_is_not_used_is_said(network, given, words):
    said = []
    pixels = torch.randint(0, 255, (2, 3, 16, 16), dtype=torch.uint8)
    explain(network, pixels, say=said.append, **given)
    unused = [one for one in said if "changes nothing here" in one]
    assert len(unused) == bool(words) and all(one.startswith(words) for one in unused)


def test_true_targets_are_the_labels(network):
    pixels = torch.randint(0, 255, (2, 3, 16, 16), dtype=torch.uint8)
    labels = torch.tensor([2, 1])
    named = explain(network, pixels, targets="true", labels=labels)
    assert torch.equal(named, explain(network, pixels, targets=labels))


def test_maps_cut_at_zero_are_the_positive_part():
    network = backbone("mini_resnet", classes=3)
    pixels = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    signed = explain(network, pixels, cut=False)
    assert (signed < 0).any()
    assert torch.equal(explain(network, pixels), signed.clamp(min=0))


def test_layer_cam_weights_each_cell_by_its_own_positive_gradient():
    """The logit is 3 * red at one cell and -1 at the next: LayerCAM keeps the first alone."""
    stage = nn.Conv2d(3, 1, 1, bias=False)
    stage.weight.data = torch.tensor([[1.0, 0, 0]])[:, :, None, None]
    weights = torch.tensor([[3.0, -1, 0, 0]])
    head = nn.Linear(4, 1, bias=False)
    head.weight.data = weights
    network = nn.Sequential(stage, nn.Flatten(), head)
    images = torch.zeros(1, 3, 2, 2)
    images[0, 0] = torch.tensor([[2.0, 5.0], [7.0, 1.0]])
    found = explain(network, images, method="layer_cam", stage="0", targets=0)
    assert torch.equal(found[0], torch.tensor([[6.0, 0.0], [0.0, 0.0]]))


def test_integrated_gradients_add_up_to_the_logit():
    """Completeness: the signed map sums to the logit minus that of the grey image."""
    network = backbone("mini_resnet", classes=3).eval()
    pixels = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    found = explain(network, pixels, method="integrated_gradients", targets=1, cut=False)
    with torch.no_grad():
        images = network.normalise(pixels)
        rise = network(images)[:, 1] - network(torch.zeros_like(images))[:, 1]
    assert torch.allclose(found.sum((1, 2)), rise, rtol=0.1, atol=0.02)


def test_guided_backprop_blocks_negative_gradients_at_each_gate():
    """Two gates: the plain gradient of the logit is 1 - 1 = 0, the guided one keeps the 1."""
    first = nn.Conv2d(3, 2, 1, bias=False)
    first.weight.data = torch.tensor([[1.0, 0, 0], [1.0, 0, 0]])[:, :, None, None]
    head = nn.Linear(2, 1, bias=False)
    head.weight.data = torch.tensor([[1.0, -1.0]])
    network = nn.Sequential(first, nn.ReLU(inplace=True), nn.Flatten(), head)
    images = torch.ones(1, 3, 1, 1, requires_grad=True)
    assert torch.autograd.grad(network(images).sum(), images)[0].abs().sum() == 0
    found = explain(network, images.detach(), method="guided_backprop", targets=0)
    assert found.tolist() == [[[1.0]]]


def test_occlusion_falls_where_the_evidence_is():
    """The logit counts red in the top left quarter: hiding only that quarter lowers it."""
    flat = torch.zeros(1, 3 * 64)
    flat.view(3, 8, 8)[0, :4, :4] = 1.0
    head = nn.Linear(3 * 64, 1, bias=False)
    head.weight.data = flat
    network = nn.Sequential(nn.Flatten(), head)
    found = explain(network, torch.ones(1, 3, 8, 8), method="occlusion", targets=0)[0]
    assert found[:4, :4].min() > 0 and found[5:].max() == 0 and found[:, 5:].max() == 0


def test_a_network_that_begins_in_place_leaves_the_images():
    stack = nn.Sequential(
        nn.ReLU(inplace=True),
        nn.Conv2d(3, 4, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    images = torch.randn(2, 3, 8, 8)
    before = images.clone()
    explain(stack, images, stage=stack[1])
    assert torch.equal(images, before)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_that_diverged_has_no_map(method, value):
    network = tiny_network()
    network.head.bias.data.fill_(value)
    pixels = torch.randint(0, 255, (2, 3, 16, 16), dtype=torch.uint8)
    for targets in ("predicted", 1):
        with pytest.raises(ValueError, match="outputs are no finite numbers"):
            explain(network, pixels, method=method, targets=targets)


class Steep(torch.autograd.Function):
    """Gives what it is given, and gradients that are no numbers."""

    @staticmethod
    def forward(context, values):
        return values.clone()

    @staticmethod
    def backward(context, gradients):
        return gradients * float("nan")


@pytest.mark.parametrize("method", ["grad_cam", "layer_cam", "integrated_gradients"])
def test_gradients_that_are_no_numbers_give_no_map(method):
    class SteepHead(nn.Linear):
        def forward(self, features):
            return super().forward(Steep.apply(features))

    network = tiny_network()
    network.head = SteepHead(10, 3)
    pixels = torch.randint(0, 255, (2, 3, 16, 16), dtype=torch.uint8)
    with pytest.raises(ValueError, match=f"{method} gives values that are no finite numbers"):
        explain(network, pixels, method=method)
