import copy

import pytest
import torch
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from tests_support import entries_that_moved

from vtlab.analysis.cams import explain
from vtlab.analysis.sanity import (
    blurred,
    cascade,
    deletion,
    different_images,
    rank_correlation,
    ssim,
)
from vtlab.models.evaluation import predict


@pytest.fixture
def pixels():
    return torch.randint(0, 255, (4, 3, 16, 16), dtype=torch.uint8)


def test_rank_correlation_is_scipys():
    first, second = torch.rand(3, 5, 5), torch.rand(3, 5, 5)
    second[0, :2] = 0.5  # ties
    theirs = [
        spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(first, second, strict=True)
    ]
    assert torch.allclose(rank_correlation(first, second), torch.tensor(theirs).double())


def test_a_map_without_ranks_correlates_with_nothing():
    assert rank_correlation(torch.zeros(1, 4, 4), torch.rand(1, 4, 4)).tolist() == [0]
    assert rank_correlation(torch.rand(1, 4, 4), torch.zeros(1, 4, 4)).tolist() == [0]


@pytest.mark.parametrize("side", [8, 32])
def test_ssim_is_scikit_images_on_scaled_maps(side):
    first = torch.rand(2, side, side)
    second = (first + torch.rand(2, side, side)) * 7
    for a, b, ours in zip(first, second, ssim(first, second), strict=True):
        a, b = ((m - m.min()) / (m.max() - m.min()) for m in (a, b))
        theirs = structural_similarity(a.numpy(), b.numpy(), data_range=1.0)
        assert ours.item() == pytest.approx(theirs, abs=1e-5)


def test_maps_of_the_same_shape_are_alike_whatever_their_scale():
    maps = torch.rand(2, 8, 8)
    assert torch.allclose(ssim(maps, 5 * maps), torch.ones(2).double(), atol=1e-5)
    assert torch.allclose(rank_correlation(maps, 5 * maps), torch.ones(2).double())


def test_maps_of_other_shapes_are_refused():
    for compare in (ssim, rank_correlation):
        with pytest.raises(ValueError, match=r"not \(2, 8, 8\) and \(2, 4, 4\)"):
            compare(torch.rand(2, 8, 8), torch.rand(2, 4, 4))


def test_a_map_is_compared_with_that_of_another_image():
    maps = torch.arange(4.0).view(4, 1, 1)
    assert different_images(maps).flatten().tolist() == [2, 3, 0, 1]


def test_the_cascade_goes_from_head_to_stem_and_leaves_the_network(network, pixels):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    found = dict(cascade(network, pixels))
    assert list(found) == ["trained", "head", "stage4", "stage3", "stage2", "stage1", "stem"]
    assert torch.equal(found["trained"], explain(network, pixels))
    assert not torch.equal(found["trained"], found["head"])
    assert not entries_that_moved(before, network)
    again = dict(cascade(network, pixels))
    assert all(torch.equal(found[part], again[part]) for part in found)


def test_the_explained_class_stays_the_one_that_the_trained_network_names(network, pixels):
    wreck = copy.deepcopy(network)
    wreck.reset_head(1)
    other = predict(wreck, pixels, bfloat16=False).sum(0).argmin().item()
    network.head.bias.data[other] = 100
    found = dict(cascade(network, pixels, stage="stage2"))["head"]
    assert torch.equal(found, explain(wreck, pixels, stage="stage2", targets=other))
    assert not torch.equal(found, explain(wreck, pixels, stage="stage2"))  # of what it names itself


def test_the_cascade_ends_with_nothing_of_the_trained_network(network, pixels):
    network.head.bias.data[0] = 100  # so that both networks predict class 0
    first = list(cascade(network, pixels))[-1][1]
    network.reset_stages(9)
    assert torch.equal(list(cascade(network, pixels))[-1][1], first)


def test_deletion_takes_the_highest_pixels_first(network, pixels):
    """After a half, the half with the higher values is blurred and the other untouched."""
    maps = torch.zeros(4, 16, 16)
    maps[:, :8] = 1
    curve = deletion(network, pixels, maps, steps=2)
    half = torch.cat([blurred(pixels)[:, :, :8], pixels[:, :, 8:]], 2)
    named = predict(network, pixels, bfloat16=False).argmax(1, keepdim=True)
    for row, images in zip(curve, (pixels, half, blurred(pixels)), strict=True):
        wanted = predict(network, images, bfloat16=False).gather(1, named)[:, 0]
        assert torch.allclose(row, wanted)


def test_insertion_is_deletion_backwards_along_the_same_order(network, pixels):
    maps = torch.rand(4, 16, 16)
    inserted = deletion(network, pixels, maps, steps=4, insert=True)
    deleted = deletion(network, pixels, -maps, steps=4)
    assert torch.allclose(inserted, deleted.flip(0), atol=1e-6)


def test_maps_of_other_images_are_refused(network, pixels):
    with pytest.raises(ValueError, match="3 maps for 4 images"):
        deletion(network, pixels, torch.rand(3, 4, 4))
