import copy
import math

import numpy as np
import pytest
import torch
from conftest import tiny_network
from torch import nn

from vtlab.analysis import measure_likeness as likeness_
from vtlab.analysis import measure_responses as inside
from vtlab.analysis import stages as anatomy_
from vtlab.analysis.likeness import neighbours, two_axes
from vtlab.analysis.responses import measure_responses
from vtlab.analysis.stages import anatomy, extent, receptive_fields
from vtlab.models.backbones import backbone
from vtlab.models.cutting import PointwiseFunction
from vtlab.training.costs import cost_table
from vtlab.training.strategies import probe


def test_the_anatomy_is_that_of_the_maps_and_of_the_costs(network):
    table, costs = anatomy(network, 32), cost_table(network, probe, image_size=32)
    assert table.channels.tolist() == [4, 6, 8, 8, 10] and table.side.tolist() == [16, 16, 8, 8, 8]
    assert table.field.tolist() == [3, 7, 11, 19, 27]
    assert (table.weights == costs.weights[:-1]).all() and (
        table.operations == costs.forward[:-1]
    ).all()


def test_a_middle_cell_is_never_sensitive_outside_its_field(network):
    network.train()
    pixels = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    found, fields, table = (
        anatomy_.sensitivity(network, pixels),
        receptive_fields(network),
        anatomy(network),
    )
    for stage, values in found.items():
        first, last = fields[stage].of_cell(table.side[stage] // 2)
        outside = values.clone()
        outside[int(first) : int(last) + 1, int(first) : int(last) + 1] = 0
        assert values.sum() > 0 and not outside.any() and extent(values) <= fields[stage].size
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert network.training and all(m.training for m in network.modules())
    assert all(p.grad is None for p in network.parameters())


def test_the_middle_cells_field_lies_where_a_map_is_sensitive():
    network = backbone("mini_vgg", classes=2, weights=None)
    found = anatomy_.middle_fields(network)
    assert found["stem"] == (31, 34) and found["stage1"] == (27, 38)
    values = anatomy_.sensitivity(
        network, torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8)
    )["stage1"]
    rows = values.sum(1).nonzero()[:, 0]
    assert (rows.min(), rows.max()) == found["stage1"]


def test_the_extent_is_the_side_of_what_is_not_zero():
    values = torch.zeros(9, 9)
    assert extent(values) == 0
    values[2, 3] = values[6, 5] = -1
    assert extent(values) == 5


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
    strongest = of.strongest(4)
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
    twin.stages["stage2"].append(PointwiseFunction(there, layout))
    twin.stages["stage3"].insert(0, PointwiseFunction(back, "maps"))
    twin.layouts = {**twin.layouts, "stage2": layout}
    pixels = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    assert anatomy(twin, 32).equals(anatomy(network, 32))
    gradients, found = (
        anatomy_.sensitivity(twin, pixels),
        measure_responses(twin, pixels, bfloat16=False),
    )
    for stage, values in anatomy_.sensitivity(network, pixels).items():
        torch.testing.assert_close(gradients[stage], values)
    for stage, of in measure_responses(network, pixels, bfloat16=False).items():
        torch.testing.assert_close((found[stage].mean, found[stage].peak), (of.mean, of.peak))
        assert torch.equal(found[stage].place, of.place)


@pytest.mark.parametrize("ask", [anatomy_.sensitivity, measure_responses])
def test_a_stage_without_maps_is_named_and_one_cell_is_a_map(network, ask):
    pixels = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    assert list(ask(network, pixels)) == list(network.stage_names)
    network.stages["stage4"].append(nn.Flatten())
    with pytest.raises(ValueError, match=r"tiny, stage4: the stage gives \(2, 10\)"):
        ask(network, pixels)


def made(peak, place=None):
    peak = torch.tensor(peak, dtype=torch.float)
    place = torch.zeros(*peak.shape, 2, dtype=torch.long) if place is None else torch.tensor(place)
    return inside.Responses(peak, peak, place)


def test_purity_by_chance_is_that_of_all_draws_counted_by_hand():
    # of six pairs two are of one class, purity 1, and four are mixed, purity 1/2
    labels = torch.tensor([0, 0, 1, 1])
    assert inside.purity_by_chance(labels, 2, draws=20_000) == pytest.approx(2 / 3, abs=0.01)


def test_purity_counts_the_most_frequent_class_of_living_channels():
    labels = torch.tensor([0, 0, 1, 1])
    of = made([[4, 4, 0], [3, 1, 0], [2, 3, 0], [1, 2, 0]])  # the third never responds
    assert of.alive.tolist() == [0, 1]
    assert of.purity(labels, 2) == pytest.approx((1 + 0.5) / 2)


def test_a_place_is_on_the_object_where_the_mask_says_so():
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[0, 1, 2] = True
    of = made([[1, 0], [0, 1]], [[[1, 2], [1, 2]], [[0, 0], [3, 3]]])
    assert of.on_object(masks, 1) == 0.5 and of.on_object(masks, 2) == 0.5


def test_patches_are_cut_around_their_places_and_filled_outside():
    pixels = torch.arange(2 * 3 * 8 * 8).reshape(2, 3, 8, 8).to(torch.uint8)
    found = inside.patches(pixels, torch.tensor([1, 0]), torch.tensor([[4, 5], [0, 7]]), 3)
    assert torch.equal(found[0], pixels[1, :, 3:6, 4:7])
    assert torch.equal(found[1][:, 1:, :2], pixels[0, :, :2, 6:])
    assert (found[1][:, 0] == 235).all() and (found[1][:, :, 2] == 235).all()
    first, middle, corner = torch.tensor([0]), torch.tensor([[4, 4]]), torch.tensor([[0, 0]])
    assert torch.equal(inside.patches(pixels, first, middle, 4)[0], pixels[0, :, 2:6, 2:6])
    assert inside.patches(pixels, first, corner, 31).shape == (1, 3, 31, 31)


def test_strongest_patches_are_those_of_the_first_living_channels_as_large_as_the_field(seen):
    network, pixels, found = seen
    shown = inside.strongest_patches(network, found, pixels, channels=2, count=3)
    assert [shown[stage][0].shape[-1] for stage in found] == [3, 7, 11, 19, 27]
    of = found["stage1"]
    channel = of.alive[1]
    best = of.peak[:, channel].argmax()
    wanted = inside.patches(pixels, best[None], of.place[best, channel][None], 7)[0]
    assert torch.equal(shown["stage1"][1][0], wanted) and len(shown["stage1"]) == 2


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_are_those_of_scikit_learn(k):
    from sklearn.neighbors import KNeighborsClassifier

    random = torch.Generator().manual_seed(k)
    labels = torch.arange(60) % 4
    features = torch.randn(60, 7, generator=random) + labels[:, None] * torch.tensor(
        [1.0, 0, 0, -1, 0, 0, 0.5]
    )
    centred = (features - features.mean(0)).double().numpy()
    model = KNeighborsClassifier(k, metric="cosine", algorithm="brute")
    wanted = model.fit(centred, labels.numpy()).score(None, labels.numpy())  # each left out in turn
    assert neighbours(features, labels, k) == pytest.approx(wanted)
    assert 0.3 < wanted < 1


def test_more_neighbours_than_images_are_refused():
    with pytest.raises(ValueError, match="more than 5 images"):
        neighbours(torch.rand(5, 3), torch.zeros(5, dtype=torch.long))


def test_parts_are_dealt_evenly_and_each_has_its_score(seen):
    _, pixels, found = seen
    labels = torch.arange(20) % 2
    features = {"pixels": pixels.float(), "stem": found["stem"].mean}
    scores = likeness_.neighbours_by_part(features, labels, parts=2, k=3)
    chosen = torch.tensor([i for i in range(20) if (i // 2) % 2 == 0])  # of each class every second
    for name, of in features.items():
        assert (
            scores[name][0] == neighbours(of[chosen], labels[chosen], 3) and len(scores[name]) == 2
        )
    whole = likeness_.neighbours_by_part(features, labels, parts=1)
    assert whole["stem"] == [neighbours(features["stem"], labels)]
    with pytest.raises(ValueError, match="more than 4 images"):
        likeness_.neighbours_by_part(features, labels, parts=5)


def test_two_axes_are_scikit_learns_principal_components():
    from sklearn.decomposition import PCA

    features = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [3, 2, 1, 1, 1, 1]
    )
    ours = two_axes(features).numpy()
    theirs = PCA(2, svd_solver="full").fit_transform(features.double().numpy())
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-6)
    assert (ours[np.abs(ours).argmax(0), [0, 1]] > 0).all()
    with pytest.raises(ValueError, match="three images"):
        two_axes(features[:2])
    kept = features.double()
    two_axes(kept)
    assert torch.equal(kept, features.double())
