"""Grad-CAM against captum called by hand, and against the PyPI package grad-cam."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision.models as zoo
from captum.attr import LayerGradCam
from torch import nn

from vtlab.analysis.cams import explain
from vtlab.models.backbones import backbone
from vtlab.models.mini_networks import MINI_NETWORKS

SMALL = [name for name in MINI_NETWORKS if name.startswith("mini")]
# how it is made, which module is looked at
TORCHVISION: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "resnet18": (lambda: zoo.resnet18(num_classes=5), "layer4"),
    "mobilenet_v3_small": (lambda: zoo.mobilenet_v3_small(num_classes=5), "features"),
    "googlenet": (
        lambda: zoo.googlenet(num_classes=5, aux_logits=False, init_weights=False),
        "inception5b",
    ),
    "vgg11_bn": (lambda: zoo.vgg11_bn(num_classes=5, init_weights=False), "features"),
    "convnext_tiny": (lambda: zoo.convnext_tiny(num_classes=5), "features"),
    "densenet121": (lambda: zoo.densenet121(num_classes=5), "features.denseblock4"),
    "efficientnet_b0": (lambda: zoo.efficientnet_b0(num_classes=5), "features"),
}
QUICK = ("resnet18", "mobilenet_v3_small")
OTHERS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.nightly) for name in TORCHVISION
]
SIZE = 96


def made(name: str) -> tuple[nn.Module, nn.Module, torch.Tensor]:
    """A network with random weights, the module that is looked at, and two images."""
    images = torch.randn(2, 3, SIZE, SIZE)
    if name in SMALL:
        network = backbone(name, classes=5, weights=None).eval()
        return network, network.stages["stage4"], images
    make, path = TORCHVISION[name]
    network = make().eval()
    return network, network.get_submodule(path), images


def scaled(maps: torch.Tensor) -> torch.Tensor:
    """By the largest size: with random weights the numbers themselves may be tiny."""
    assert maps.abs().max() > 0
    return maps / maps.abs().max()


@pytest.mark.parametrize("name", [*SMALL, *OTHERS])
def test_maps_are_captums_within_1e_5_frozen_or_trainable(name):
    network, stage, images = made(name)
    targets = torch.tensor([1, 4])
    theirs = LayerGradCam(network, stage).attribute(images, target=targets).detach()[:, 0]
    for trainable in (True, False):
        network.requires_grad_(trainable)
        ours = explain(network, images, stage=stage, targets=targets, cut=False)
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= 1e-5
        assert (scaled(ours) - scaled(theirs)).abs().max() <= 1e-5


def their_scaling(maps: torch.Tensor, size: int) -> np.ndarray:
    """What grad-cam does to a map before it hands it out: to [0, 1], enlarged, to [0, 1]."""
    from pytorch_grad_cam.utils.image import scale_cam_image

    return scale_cam_image(scale_cam_image(maps.numpy(), (size, size)))


def from_grad_cam(network, stage, images, targets, reshape=None) -> np.ndarray:
    package = pytest.importorskip("pytorch_grad_cam", reason="the package grad-cam is not here")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    with package.GradCAM(network, [stage], reshape_transform=reshape) as cam:
        return cam(images, [ClassifierOutputTarget(int(k)) for k in targets])


@pytest.mark.parametrize("name", [*SMALL, *OTHERS])
def test_maps_are_the_grad_cam_packages_after_its_own_scaling(name):
    network, stage, images = made(name)
    targets = torch.tensor([1, 4])
    theirs = from_grad_cam(network, stage, images, targets)
    ours = explain(network, images, stage=stage, targets=targets, say=[].append)
    assert np.abs(their_scaling(ours, SIZE) - theirs).max() <= 1e-5


@pytest.mark.nightly
def test_tokens_of_a_vision_transformer_are_seen_as_grad_cam_reshapes_them():
    network = zoo.vit_b_16(num_classes=5).eval()
    nn.init.normal_(network.heads.head.weight)  # torchvision's head starts at zero
    images, targets = torch.randn(2, 3, 224, 224), torch.tensor([1, 4])
    stage = network.encoder.layers[-1].ln_1

    def reshape(tokens):
        return tokens[:, 1:].reshape(len(tokens), 14, 14, -1).permute(0, 3, 1, 2)

    theirs = from_grad_cam(network, stage, images, targets, reshape)
    ours = explain(network, images, stage=stage, targets=targets, layout="tokens")
    assert ours.shape == (2, 14, 14)
    assert np.abs(their_scaling(ours, 224) - theirs).max() <= 1e-5


@pytest.mark.nightly
def test_channels_last_maps_of_swin_are_seen_as_grad_cam_reshapes_them():
    network = zoo.swin_t(num_classes=5).eval()
    images, targets = torch.randn(2, 3, 224, 224), torch.tensor([1, 4])
    stage = network.features
    theirs = from_grad_cam(network, stage, images, targets, lambda maps: maps.permute(0, 3, 1, 2))
    ours = explain(network, images, stage=stage, targets=targets, layout="channels_last")
    assert ours.shape == (2, 7, 7)
    assert np.abs(their_scaling(ours, 224) - theirs).max() <= 1e-5


class Tokens(nn.Module):
    """A convolution whose map is handed on as tokens, a class token in front, or channels last."""

    def __init__(self, layout: str) -> None:
        super().__init__()
        self.layout, self.conv = layout, nn.Conv2d(3, 6, 4, 4)
        self.view, self.head = nn.Identity(), nn.Linear(6, 3)

    def forward(self, images):
        maps = self.conv(images)  # (N, 6, h, w)
        if self.layout == "channels_first":
            return self.head(self.view(maps).relu().mean((2, 3)))
        last = maps.permute(0, 2, 3, 1)
        if self.layout == "channels_last":
            return self.head(self.view(last).relu().mean((1, 2)))
        tokens = torch.cat([torch.ones(len(maps), 1, 6), last.flatten(1, 2)], 1)
        return self.head(self.view(tokens)[:, 1:].relu().mean(1))


@pytest.mark.parametrize("shape", [(16, 16), (16, 32)], ids=["square", "wide"])
@pytest.mark.parametrize("layout", ["channels_last", "tokens"])
def test_every_layout_gives_the_same_map(layout, shape):
    first, other = Tokens("channels_first"), Tokens(layout)
    other.load_state_dict(first.state_dict())
    images = torch.randn(2, 3, *shape)
    wanted = explain(first, images, stage=first.view, targets=1)
    found = explain(other, images, stage="view", targets=1, layout=layout)
    assert wanted.shape == (2, shape[0] // 4, shape[1] // 4) and wanted.max() > 0
    assert torch.allclose(found, wanted, atol=1e-6)


def test_a_layout_that_does_not_fit_is_named_with_its_shape():
    images = torch.randn(2, 3, 16, 16)
    swin, vit = Tokens("channels_last"), Tokens("tokens")
    with pytest.raises(ValueError, match=r"gives \(2, 4, 4, 6\).*channels_last"):
        explain(swin, images, stage="view")
    with pytest.raises(ValueError, match=r'gives \(2, 17, 6\).*layout="tokens"'):
        explain(vit, images, stage="view")
