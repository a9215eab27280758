"""Maps that know nothing of the network."""

import pytest
import torch

from vtlab.analysis.baselines import BASELINES, baseline_maps
from vtlab.analysis.scores import pointing_game
from vtlab.garden.styles import line_drawing_edges


def test_the_centre_points_at_the_middle_and_its_mass_is_a_bump():
    pixels = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    maps = baseline_maps("centre", pixels, (8, 8))
    middle = torch.zeros(2, 64, 64, dtype=torch.bool)
    middle[:, 28:36, 28:36] = True
    assert pointing_game(maps, middle).all()
    assert torch.equal(maps[0], maps[0].flip(0)) and torch.equal(maps[0], maps[0].T)


def test_edges_of_a_step_lie_along_it():
    pixels = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    pixels[..., 4:] = 255
    found = line_drawing_edges(pixels.float().mean(1, keepdim=True) / 255)[0, 0]
    assert found[:, 3:5].min() == pytest.approx(0.5) and found[:, :3].max() == 0
    assert baseline_maps("edges", pixels, (4, 4))[0].argmax(1).tolist() == [1, 1, 1, 1]


def test_random_maps_depend_on_the_seed_alone():
    pixels = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    first, again = baseline_maps("random", pixels), baseline_maps("random", pixels)
    assert torch.equal(first, again) and not torch.equal(
        first, baseline_maps("random", pixels, seed=1)
    )
    assert first.shape == (3, 8, 8)


def test_unknown_baselines_are_named():
    with pytest.raises(ValueError, match=f"'best'; there are {', '.join(BASELINES)}"):
        baseline_maps("best", torch.zeros(1, 3, 8, 8))
