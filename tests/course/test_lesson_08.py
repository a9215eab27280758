from dataclasses import replace

import pytest
import torch
from augmentation import WAYS

from vtlab.course.exercise import EXERCISES
from vtlab.course.lesson_08 import (
    BLURRED_VIEWS,
    KINDS,
    NO_CHANGE,
    TESTS,
    blur,
    blur_table,
    move_half_a_pixel,
    predict_views,
    probe_on_views,
    swap_colours,
)
from vtlab.data.augment import Augment
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.models.features import activations
from vtlab.training.fit import fit
from vtlab.training.strategies import probe


@pytest.fixture
def small(small_garden):
    """Two images per class."""
    return small_garden.at(2, 0)


def test_every_kind_is_one_change_and_still_is_none():
    for name, augment in KINDS.items():
        assert replace(augment, **{name: getattr(NO_CHANGE, name)}) == NO_CHANGE != augment
    assert WAYS["default"] == (Augment(), 0.0) and WAYS["none"] == (None, 0.0)


def test_a_probe_on_views_that_are_all_the_image_is_the_probe(small):
    found, wanted = (backbone("mini_resnet", classes=8) for _ in range(2))
    probe_on_views(found, small, NO_CHANGE, seed=0, views=3)
    list(fit(wanted, small, probe, seed=0))
    assert torch.allclose(found.head.weight, wanted.head.weight, atol=1e-3)


def test_a_probe_on_views_is_scikit_learns_on_their_features(small):
    from sklearn.linear_model import LogisticRegression

    from vtlab.training.probe import choose_probe_strength, probe_unit

    network, index = backbone("mini_resnet", classes=8), torch.arange(16)
    probe_on_views(network, small, Augment(), seed=3, views=2)
    views = [Augment().view(small.train.pixels, index, 3, v) for v in (0, 1)]
    features = [activations(network, pixels) for pixels in views]
    strength = choose_probe_strength(
        features[0] / probe_unit(features[0]), small.train.labels, 8, 3
    )
    both = torch.cat(features)
    theirs = LogisticRegression(C=1 / (32 * strength), tol=1e-8, max_iter=5000)
    theirs.fit((both / probe_unit(both)).double().numpy(), small.train.labels.repeat(2).numpy())
    asked = activations(network, small.test.pixels)
    ours = network.head(asked).softmax(1).detach()
    shown = torch.from_numpy(theirs.predict_proba((asked / probe_unit(both)).double().numpy()))
    assert torch.allclose(ours.double(), shown, atol=2e-3)


def test_the_answer_to_views_is_the_mean_of_the_answers(small):
    network, pixels = backbone("mini_resnet", classes=8), small.test.pixels
    mirror = Augment(shift=0, light=0)
    found = predict_views(network, pixels, mirror, views=3, seed=1)
    views = [mirror.view(pixels, torch.arange(48), 1, v) for v in range(3)]
    assert torch.allclose(found, sum(predict(network, view) for view in views) / 3)
    assert torch.equal(predict_views(network, pixels, mirror, views=1), predict(network, pixels))


def test_a_blur_moves_nothing_and_half_a_pixel_is_the_mean_of_four(small):
    pixels = small.train.pixels[:2]
    assert torch.equal(blur(pixels.flip(3)), blur(pixels).flip(3))  # alike in all directions
    moved, images = move_half_a_pixel(pixels), pixels.float()
    mean = (
        images[..., :-1, :-1] + images[..., 1:, :-1] + images[..., :-1, 1:] + images[..., 1:, 1:]
    ) / 4
    assert torch.equal(moved[..., :-1, :-1], mean.byte())
    assert all(change(pixels).shape == pixels.shape for change in TESTS.values())


def test_blurred_views_differ_in_their_width(small):
    pixels = small.train.pixels[:1].repeat(6, 1, 1, 1)
    views = BLURRED_VIEWS.view(pixels, torch.arange(6), 0, 1).float()
    roughness = (views[..., 1:] - views[..., :-1]).square().mean((1, 2, 3))
    assert len(roughness.unique()) == 6
    assert (
        roughness <= (pixels[..., 1:].float() - pixels[..., :-1].float()).square().mean() + 1
    ).all()


def test_the_blur_table_has_five_seeds_of_every_way():
    counts = blur_table().groupby("way").seed.nunique()
    assert len(counts) == 5 and (counts == 5).all()


def test_swapped_colours_are_those_of_the_partner_and_shapes_stay():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(80, 170, (2, 3, 16, 16), generator=generator).byte()
    pixels[1] = pixels[1] // 2
    partner = torch.tensor([1, 0])
    found = swap_colours(pixels, partner).float()
    assert torch.allclose(found.mean((2, 3)), pixels.float().mean((2, 3))[partner], atol=0.6)
    assert torch.equal(swap_colours(pixels, torch.arange(2)), pixels)


def mean_of_nine(pixels, mode="replicate", rounded=True):
    padded = torch.nn.functional.pad(pixels.float(), (1, 1, 1, 1), mode=mode)
    found = torch.nn.functional.avg_pool2d(padded, 3, stride=1)
    return (found.round() if rounded else found).byte()


def test_a_blur_by_hand_is_checked():
    check = EXERCISES["08.2"]
    assert check(mean_of_nine)[0]
    assert "edges" in check(lambda pixels: mean_of_nine(pixels, "constant"))[1]
    assert "Round" in check(lambda pixels: mean_of_nine(pixels, rounded=False))[1]
    assert "bytes" in check(lambda pixels: mean_of_nine(pixels).float())[1].lower()
    assert not check(lambda pixels: pixels)[0]


@pytest.mark.parametrize(
    ("flips", "control", "right"),
    [
        ((0.85, 0.5), (0.95, 0.9), True),
        ((0.85, 0.85), (0.95, 0.95), False),  # nothing swapped
        ((0.85, 0.5), (0.95, 0.5), False),  # both fall alike
        ((0.5, 0.4), (0.9, 0.9), False),  # test images
    ],
)
def test_the_experiment_is_right_where_colours_alone_decide(flips, control, right):
    assert EXERCISES["08.3"]({"with flips": flips, "without": control})[0] is right
