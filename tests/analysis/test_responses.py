"""What channels respond to, against the maps themselves and counts by hand."""

import copy
import math

import numpy as np
import pytest
import torch
from conftest import tiny_network
from torch import nn

from vtlab.analysis.architecture import anatomy
from vtlab.analysis.gradients import gradient_sensitivity
from vtlab.analysis.responses import (
    Responses,
    _cut_patches,
    chance_response_purity,
    measure_responses,
    strongest_patches,
)
from vtlab.models.cutting import CutPointwiseFunction


@pytest.fixture
def seen():
    network = tiny_network()
    random = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (20, 3, 32, 32), generator=random, dtype=torch.uint8)
    return network, pixels, measure_responses(network, pixels, bfloat16=False)


def test_responses_are_the_maps_means_and_maxima(seen):
    network, pixels, found = seen
    with torch.no_grad():
        maps = network.eval().run_stages(network.normalise(pixels), 0, 3)
    stage2 = found["stage2"]
    torch.testing.assert_close(stage2.mean, maps.mean((2, 3)))
    torch.testing.assert_close(stage2.peak, maps.amax((2, 3)))
    for image, channel in ((0, 0), (7, 3), (19, 7)):
        row, column = (stage2.place[image, channel] // 4).tolist()  # of 8 cells in 32 pixels
        assert maps[image, channel, row, column] == maps[image, channel].max()
    assert set((stage2.place % 4).flatten().tolist()) == {2}


def test_the_strongest_images_of_a_channel_have_its_highest_peaks(seen):
    _, _, found = seen
    of = found["stem"]
    strongest = of.strongest_images(4)
    for channel in range(4):
        best = np.sort(of.peak[:, channel].numpy())[::-1][:4]
        np.testing.assert_array_equal(of.peak[strongest[channel], channel].numpy(), best)


def as_tokens(maps):
    tokens = maps.flatten(2).transpose(1, 2)  # (N, h * w, C)
    return torch.cat([torch.full_like(tokens[:, :1], 1000), tokens], 1)  # a class token in front


def from_tokens(tokens):
    side = math.isqrt(tokens.shape[1])
    return tokens[:, 1:].transpose(1, 2).unflatten(2, (side, side))


LAYOUTS = {
    "channels_last": (lambda maps: maps.permute(0, 2, 3, 1), lambda maps: maps.permute(0, 3, 1, 2)),
    "tokens": (as_tokens, from_tokens),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_stage_says_does_not_depend_on_how_its_numbers_lie(network, layout):
    """The oracle is the same network, whose stages all give `(N, C, h, w)`."""
    there, back = LAYOUTS[layout]
    twin = copy.deepcopy(network)
    twin.stages["stage2"].append(CutPointwiseFunction(there, layout))
    twin.stages["stage3"].insert(0, CutPointwiseFunction(back, "maps"))
    twin.layouts = {**twin.layouts, "stage2": layout}
    pixels = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    assert anatomy(twin, 32).equals(anatomy(network, 32))
    gradients, found = (
        gradient_sensitivity(twin, pixels),
        measure_responses(twin, pixels, bfloat16=False),
    )
    for stage, values in gradient_sensitivity(network, pixels).items():
        torch.testing.assert_close(gradients[stage], values)
    for stage, of in measure_responses(network, pixels, bfloat16=False).items():
        torch.testing.assert_close((found[stage].mean, found[stage].peak), (of.mean, of.peak))
        assert torch.equal(found[stage].place, of.place)


@pytest.mark.parametrize("ask", [gradient_sensitivity, measure_responses])
def test_a_stage_without_maps_is_named_and_one_cell_is_a_map(network, ask):
    pixels = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    assert list(ask(network, pixels)) == list(network.stage_names)
    network.stages["stage4"].append(nn.Flatten())
    with pytest.raises(ValueError, match=r"tiny, stage4: the stage gives \(2, 10\)"):
        ask(network, pixels)


def made(peak, place=None):
    peak = torch.tensor(peak, dtype=torch.float)
    place = torch.zeros(*peak.shape, 2, dtype=torch.long) if place is None else torch.tensor(place)
    return Responses(peak, peak, place)


def test_purity_by_chance_is_that_of_all_draws_counted_by_hand():
    # of six pairs two are of one class, purity 1, and four are mixed, purity 1/2
    labels = torch.tensor([0, 0, 1, 1])
    assert chance_response_purity(labels, 2, draws=20_000) == pytest.approx(2 / 3, abs=0.01)


def test_purity_counts_the_most_frequent_class_of_living_channels():
    labels = torch.tensor([0, 0, 1, 1])
    of = made([[4, 4, 0], [3, 1, 0], [2, 3, 0], [1, 2, 0]])  # the third never responds
    assert of.living_channels.tolist() == [0, 1]
    assert of.purity(labels, 2) == pytest.approx((1 + 0.5) / 2)


def test_a_place_is_on_the_object_where_the_mask_says_so():
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[0, 1, 2] = True
    of = made([[1, 0], [0, 1]], [[[1, 2], [1, 2]], [[0, 0], [3, 3]]])
    assert of.object_share(masks, 1) == 0.5 and of.object_share(masks, 2) == 0.5


def test_patches_are_cut_around_their_places_and_filled_outside():
    pixels = torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).to(torch.uint8)
    found = _cut_patches(pixels, torch.tensor([1, 0]), torch.tensor([[4, 5], [0, 7]]), 3)
    assert torch.equal(found[0], pixels[1, :, 3:6, 4:7])
    assert torch.equal(found[1][:, 1:, :2], pixels[0, :, :2, 6:])
    assert (found[1][:, 0] == 235).all() and (found[1][:, :, 2] == 235).all()
    first, middle, corner = torch.tensor([0]), torch.tensor([[4, 4]]), torch.tensor([[0, 0]])
    assert torch.equal(_cut_patches(pixels, first, middle, 4)[0], pixels[0, :, 2:6, 2:6])
    assert _cut_patches(pixels, first, corner, 31).shape == (1, 3, 31, 31)


def test_strongest_patches_are_those_of_the_first_living_channels_as_large_as_the_field(seen):
    network, pixels, found = seen
    shown = strongest_patches(network, found, pixels, channels=2, count=3)
    assert [shown[stage][0].shape[-1] for stage in found] == [3, 7, 11, 19, 27]
    of = found["stage1"]
    channel = of.living_channels[1]
    best = of.peak[:, channel].argmax()
    wanted = _cut_patches(pixels, best[None], of.place[best, channel][None], 7)[0]
    assert torch.equal(shown["stage1"][1][0], wanted) and len(shown["stage1"]) == 2
