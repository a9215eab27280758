"""Networks for grey images: what they give, and what they are given."""

import numpy as np
import pytest
import torch
from PIL import Image

from vtlab.models.backbones import backbone
from vtlab.training.saving import load, save


def test_grey_images_give_what_they_gave_in_three_channels():
    colour = backbone("mini_resnet", mean=[0.5], std=[0.25]).eval()
    grey = backbone("mini_resnet", mean=[0.5], std=[0.25], in_chans=1).eval()
    one = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    pixels = one.expand(-1, 3, -1, -1)
    with torch.no_grad():
        expected = colour.run_stages(colour.normalise(pixels), 0)
        assert grey.normalise(pixels).shape == (2, 1, 64, 64)
        assert torch.allclose(grey.run_stages(grey.normalise(pixels), 0), expected, atol=1e-3)


def test_colours_become_the_grey_that_pillow_makes_of_them():
    network = backbone("mini_mobilenet", mean=[0.0], std=[1.0], in_chans=1, weights=None)
    pixels = torch.randint(0, 256, (1, 3, 8, 8), dtype=torch.uint8)
    picture = Image.fromarray(pixels[0].permute(1, 2, 0).numpy()).convert("L")
    assert np.abs(network.normalise(pixels)[0, 0].numpy() * 255 - np.asarray(picture)).max() < 1


def test_weights_of_a_grey_network_are_read_where_one_is_asked_for(tmp_path):
    from torchvision.models import squeezenet1_1

    theirs = squeezenet1_1(weights=None)
    theirs.features[0] = torch.nn.Conv2d(1, 64, 3, 2)
    torch.save(theirs.state_dict(), tmp_path / "grey.pth")
    network = backbone("squeezenet1_1", weights=tmp_path / "grey.pth", in_chans=1)
    first = next(m for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    assert torch.equal(first.weight, theirs.features[0].weight)
    with pytest.raises(ValueError, match=r"features.0.weight is of another shape.*say in_chans=1"):
        backbone("squeezenet1_1", weights=tmp_path / "grey.pth")


def test_a_saved_grey_network_comes_back_grey_and_is_a_start(tmp_path, toy):
    network = backbone("mini_vgg", classes=3, weights=None, in_chans=1).eval()
    save(network, tmp_path / "model", toy)
    for again in (load(tmp_path / "model")[0], backbone("mini_vgg", weights=tmp_path / "model")):
        assert again.channels == 1
        for name, value in network.stages.state_dict().items():
            assert torch.equal(value, again.stages.state_dict()[name])


def test_a_random_grey_network_is_drawn_anew():
    network = backbone("timm:resnet10t", weights=None, in_chans=1)
    network.reset_stages(4)
    assert network.stages["stem"](torch.zeros(1, 1, 32, 32)).shape[0] == 1


def test_a_network_that_scales_colours_itself_takes_no_grey_images():
    with pytest.raises(ValueError, match="googlenet does not take images of 1 channel"):
        backbone("googlenet", weights=None, in_chans=1)
