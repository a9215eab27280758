"""Likeness of maps, against SciPy and scikit-image."""

import pytest
import torch
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from vtlab.analysis.map_similarity import pair_maps_of_other_images, rank_correlation, ssim


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
    assert pair_maps_of_other_images(maps).flatten().tolist() == [2, 3, 0, 1]
