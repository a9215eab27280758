import pytest
import torch
from captum.attr import LayerGradCam
from tests_support import entries_that_moved
from torch import nn

from vtlab.backbones import Network, backbone
from vtlab.explain import grad_cam
from vtlab.families import GARDEN


def test_a_4_by_4_example_is_the_map_worked_out_by_hand():
    """One stage that copies red and negated green; the class's logit is 2 * mean(red).

    Grad-CAM's channel weights are the mean gradients: 2/16 and 0. So the map is
    red * 2 / 16, wherever that is positive.
    """
    stage = nn.Conv2d(3, 2, 1, bias=False)
    stage.weight.data = torch.tensor([[1.0, 0, 0], [0, -1.0, 0]])[:, :, None, None]
    network = Network("hand", {"stage4": stage}, 2, 2, GARDEN)
    network.head.weight.data = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    network.head.bias.data.zero_()
    pixels = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    pixels[0, 0] = torch.arange(16).view(4, 4) * 16
    red = (pixels[0, 0].float() / 255 - GARDEN.mean[0]) / GARDEN.std[0]
    by_hand = (red * 2 / 16).clamp(min=0)
    assert torch.allclose(grad_cam(network, pixels, torch.tensor([0]))[0], by_hand, atol=1e-6)


@pytest.mark.parametrize("learning", [("head",), ("stage4", "head"), None, ()],
                         ids=["probe", "partial", "full", "nothing"])  # fmt: skip
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


def test_wrong_stages_and_targets_are_named(network):
    pixels = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    with pytest.raises(ValueError, match="layer4.*stage4"):
        grad_cam(network, pixels, stage="layer4")
    with pytest.raises(ValueError, match="1 targets for 2 images"):
        grad_cam(network, pixels, torch.tensor([0]))
    with pytest.raises(ValueError, match="'true'"):
        grad_cam(network, pixels, "true")
