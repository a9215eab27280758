"""Deletion and insertion of pixels, against predictions by hand."""

import pytest
import torch

from vtlab.analysis.scores import _blur, deletion_curve
from vtlab.models.evaluation import predict


@pytest.fixture
def pixels():
    return torch.randint(0, 255, (4, 3, 16, 16), dtype=torch.uint8)


def test_deletion_takes_the_highest_pixels_first(network, pixels):
    """After a half, the half with the higher values is blurred and the other untouched."""
    maps = torch.zeros(4, 16, 16)
    maps[:, :8] = 1
    curve = deletion_curve(network, pixels, maps, steps=2)
    half = torch.cat([_blur(pixels)[:, :, :8], pixels[:, :, 8:]], 2)
    named = predict(network, pixels, bfloat16=False).argmax(1, keepdim=True)
    for row, images in zip(curve, (pixels, half, _blur(pixels)), strict=True):
        wanted = predict(network, images, bfloat16=False).gather(1, named)[:, 0]
        assert torch.allclose(row, wanted)


def test_insertion_is_deletion_backwards_along_the_same_order(network, pixels):
    maps = torch.rand(4, 16, 16)
    inserted = deletion_curve(network, pixels, maps, steps=4, insert=True)
    deleted = deletion_curve(network, pixels, -maps, steps=4)
    assert torch.allclose(inserted, deleted.flip(0), atol=1e-6)


def test_maps_of_other_images_are_refused(network, pixels):
    with pytest.raises(ValueError, match="3 maps for 4 images"):
        deletion_curve(network, pixels, torch.rand(3, 4, 4))
