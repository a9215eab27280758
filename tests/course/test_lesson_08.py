from dataclasses import replace

import pytest
import torch
from augmentation import WAYS

from vtlab.course.exercise import EXERCISES
from vtlab.course.lesson_08 import (
    CHANGES,
    KINDS,
    NEAREST,
    NO_CHANGE,
    ZOOMED_SIDE,
    blur,
    blur_at_random,
    blur_table,
    change_test_images,
    move_half_a_pixel,
    photograph_twice,
    predict_views,
    probe_on_views,
    swap_colours,
    zoom_in,
)
from vtlab.data.augment import Augment, augment_with
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
    assert torch.equal(moved[..., :-1, :-1], mean.round().byte())


def test_a_plant_that_is_photographed_twice_is_the_same_half_a_pixel_on_and_as_sharp():
    drawn, again = (images.float() for images in photograph_twice(1))
    assert drawn.shape == again.shape == (8, 3, 64, 64)

    def roughness(images):
        return (images[..., 1:] - images[..., :-1]).square().mean().item()

    assert roughness(again) == pytest.approx(roughness(drawn), rel=0.05)
    assert roughness(move_half_a_pixel(drawn.byte()).float()) < 0.6 * roughness(drawn)
    # half a pixel on: as near to the old place as to the next one
    next_one = drawn.roll((-1, -1), (2, 3))
    pairs = ((again, drawn), (again, next_one), (drawn, next_one))
    back, on, apart = ((a - b)[..., :-1, :-1].abs().mean().item() for a, b in pairs)
    assert back == pytest.approx(on, rel=0.15) and back < 0.8 * apart


def test_test_images_are_changed_in_four_ways_and_each_shows_the_same_plants():
    found = change_test_images(1)
    assert tuple(found) == CHANGES
    assert all(images.shape == (8, 3, 64, 64) for images in found.values())


def test_the_nearest_pixel_is_taken_at_the_angles_of_the_bilinear_views_and_none_is_a_mean(small):
    pixels, index = small.train.pixels[:4], torch.arange(4)
    for kind, nearest in NEAREST.items():
        bilinear = KINDS[kind]
        assert nearest.fingerprint() != bilinear.fingerprint()
        near, mean = (of.view(pixels, index, 0, 1) for of in (nearest, bilinear))
        for image, view in zip(pixels, near, strict=True):
            colours = set(map(tuple, image.flatten(1).T.tolist()))
            assert set(map(tuple, view.flatten(1).T.tolist())) <= colours
        assert (near.float() - mean.float()).abs().mean() < (
            pixels.float() - mean.float()
        ).abs().mean()


def test_a_square_is_enlarged_pixel_by_pixel_and_outlined_where_it_was(small):
    images = small.train.pixels[:2]
    shown, masks = zoom_in(images, 8, 24)
    assert torch.equal(shown[:2], images)
    assert torch.equal(
        shown[2:, :, ::4, ::4], images[:, :, 8 : 8 + ZOOMED_SIDE, 24 : 24 + ZOOMED_SIDE]
    )
    assert masks[:2].sum() == 2 * ZOOMED_SIDE**2 and masks[0, 8, 24] and not masks[2:].any()


def test_blurred_views_differ_in_their_width(small):
    pixels = small.train.pixels[:1].repeat(6, 1, 1, 1)
    views = augment_with(blur_at_random).view(pixels, torch.arange(6), 0, 1).float()
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


def mirror(pixels, labels, axis=3, classes=(1, 0, 3, 2)):
    swapped = torch.tensor(classes)
    return torch.cat([pixels, pixels.flip(axis)]), torch.cat([labels, swapped[labels]])


def test_mirroring_with_labels_is_checked():
    check = EXERCISES["08.2"]
    assert check(mirror)[0]
    assert "labels" in check(lambda *a: mirror(*a, classes=(0, 1, 2, 3)))[1]
    assert "left and right" in check(lambda *a: mirror(*a, classes=(3, 2, 1, 0)))[1]
    assert "heads" in check(lambda *a: mirror(*a, axis=2))[1]
    assert "10" in check(lambda pixels, labels: (pixels.flip(3), labels))[1]
    assert "Two things" in check(lambda pixels, labels: pixels)[1]
    assert "first half" in check(lambda *a: tuple(of.roll(5, 0) for of in mirror(*a)))[1]


def test_the_mirrored_class_is_that_of_the_mirrored_arrow():
    from vtlab.course.lesson_08 import MIRRORED
    from vtlab.garden.glyphs import DIRECTIONS

    swap = {"east": "west", "west": "east"}
    for name, k in zip(DIRECTIONS, MIRRORED.tolist(), strict=True):
        upright, across = name.split("-")
        assert DIRECTIONS[k] == f"{upright}-{swap[across]}"


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
