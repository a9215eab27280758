"""Scores of heat maps, counted by hand and against SciPy."""

import pytest
import torch
from scipy.ndimage import distance_transform_edt

from vtlab.analysis.cams import resize_maps
from vtlab.analysis.scores import cam_scores, mask_overlap, mass_inside, pointing_game


def mask(*cells, side=4):
    found = torch.zeros(1, side, side, dtype=torch.bool)
    for row, column in cells:
        found[0, row, column] = True
    return found


def test_scores_of_a_4_by_4_map_counted_by_hand():
    """Maximum 6 on the object; 6 + 2 of 12 inside; the top 3 pixels (6, 3, 2) share 2 with it."""
    maps = torch.tensor([[[0.0, 1, 0, 0], [0, 6, 3, 0], [0, 2, 0, 0], [0, 0, 0, 0]]])
    object_ = mask((1, 1), (2, 1), (3, 1))
    assert pointing_game(maps, object_).tolist() == [True]
    assert mass_inside(maps, object_).tolist() == pytest.approx([8 / 12])
    assert mask_overlap(maps, object_).tolist() == pytest.approx([2 / 4])
    row = cam_scores(maps, object_).iloc[0]
    assert (row.hit, row.mass, row.overlap) == pytest.approx((1, 8 / 12, 2 / 4))


@pytest.mark.parametrize(("tolerance", "hit"), [(0, False), (1, False), (1.4, False), (1.5, True)])
def test_the_tolerance_is_a_distance_in_pixels(tolerance, hit):
    maps = torch.zeros(1, 4, 4)
    maps[0, 0, 0] = 1  # one step down and one to the right of it lies the object: 1.41 pixels
    assert pointing_game(maps, mask((1, 1)), tolerance).tolist() == [hit]


def test_the_tolerance_agrees_with_scipys_distances():
    maps, masks = torch.rand(20, 16, 16), torch.rand(20, 16, 16) > 0.97
    masks[:, 0, 0] = True
    for one, where, hit in zip(maps, masks, pointing_game(maps, masks, 2), strict=True):
        distance = torch.from_numpy(distance_transform_edt(~where.numpy()))
        assert hit == (distance.flatten()[one.argmax()] <= 2)


def test_an_empty_map_finds_nothing():
    row = cam_scores(torch.zeros(1, 4, 4), mask((0, 0))).iloc[0]
    assert (row.hit, row.mass, row.overlap) == (0, 0, 0)


def test_evidence_against_the_class_is_no_mass():
    maps = torch.tensor([[[-5.0, 1], [1, 0]]])
    assert mass_inside(maps, mask((0, 1), side=2)).tolist() == [0.5]


def test_a_perfect_map_scores_one_and_its_opposite_nothing():
    object_ = mask((1, 1), (1, 2), (2, 2))
    best, worst = cam_scores(object_.float(), object_), cam_scores((~object_).float(), object_)
    assert best.iloc[0].tolist() == [1, 1, 1] and worst.iloc[0].tolist() == [0, 0, 0]


def test_scores_do_not_depend_on_a_maps_scale():
    maps, masks = torch.rand(3, 8, 8), torch.rand(3, 64, 64) > 0.7
    assert cam_scores(maps, masks).equals(cam_scores(4 * maps, masks))


def test_small_maps_are_enlarged_with_their_areas_aligned():
    maps = torch.tensor([[[0.0, 4.0]]])
    assert resize_maps(maps, (1, 4)).tolist() == [[[0, 1, 3, 4]]]


@pytest.mark.parametrize(
    ("maps", "masks", "words"),
    [
        (torch.rand(2, 8, 8), torch.ones(1, 64, 64).bool(), r"not \(2, 8, 8\) and \(1, 64, 64\)"),
        (torch.rand(8, 8), torch.ones(1, 64, 64).bool(), r"not \(8, 8\)"),
        (torch.rand(0, 8, 8), torch.ones(0, 64, 64).bool(), r"not \(0, 8, 8\)"),
        (torch.rand(1, 8, 8), torch.ones(1, 64, 32).bool(), "masks of 64 x 32 .* maps of 8 x 8"),
        (torch.rand(1, 8, 8), torch.ones(1, 64, 64), "true or false, not torch.float32"),
        (torch.rand(1, 8, 8), torch.zeros(1, 64, 64).bool(), "mask 0 of 1 is empty"),
        (torch.full((1, 8, 8), float("nan")), torch.ones(1, 64, 64).bool(), "no numbers"),
    ],
)
def test_maps_and_masks_that_do_not_belong_together_are_refused(maps, masks, words):
    with pytest.raises(ValueError, match=words):
        cam_scores(maps, masks)
