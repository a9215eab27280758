import random

import numpy as np
import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from vtlab.data.augment import MAX_ERASED_RATIO, MIN_ERASED_SHARE, Augment, augment_with
from vtlab.data.tasks import task
from vtlab.system.randomness import derive_random_keys, random_uniform

STILL = Augment(flip=False, shift=0, light=0)
EACH = {
    "flip": {"flip": True},
    "shift": {"shift": 0.1},
    "crop": {"crop": 0.3},
    "rotate": {"rotate": 20},
    "light": {"light": 0.3},
    "noise": {"noise": 9},
    "turn": {"turn": True},
    "hue": {"hue": 0.3},
    "erase": {"erase": 0.4},
}


@pytest.fixture(scope="module")
def pixels():
    return task("garden", shots=4).train.pixels


def only(**kind) -> Augment:
    return Augment(**({"flip": False, "shift": 0, "light": 0} | kind))


def view(augment, pixels, number=1, seed=0):
    return augment.view(pixels, torch.arange(len(pixels)), seed, number)


@pytest.mark.parametrize("kind", EACH)
def test_views_repeat_and_do_not_depend_on_the_batch(pixels, kind):
    augment = only(**EACH[kind])
    whole = view(augment, pixels, 3)
    part = augment.view(pixels[5:7], torch.tensor([5, 6]), 0, 3)
    assert torch.equal(whole[5:7], part)
    assert not torch.equal(whole, view(augment, pixels, 4))
    assert not torch.equal(whole, view(augment, pixels, 3, seed=1))
    assert torch.equal(pixels, view(augment, pixels, 0))
    assert whole.dtype == torch.uint8 and whole.shape == pixels.shape


def test_with_all_kinds_off_nothing_changes(pixels):
    assert torch.equal(view(STILL, pixels), pixels)


def test_one_kind_does_not_move_the_draws_of_another(pixels):
    turned, both = view(only(flip=True), pixels), view(only(flip=True, noise=1e-6), pixels)
    assert torch.equal(turned, both)


def test_flips_and_shifts_move_whole_pixels():
    row = torch.arange(16, dtype=torch.uint8).repeat(1, 3, 16, 1)
    moved = Augment(light=0).view(row.expand(20, -1, -1, -1), torch.arange(20), 0, 1)
    assert set(moved.unique().tolist()) <= set(range(16))
    assert len({tuple(m[0, 0].tolist()) for m in moved}) > 3


def test_a_flip_is_the_image_or_torchvisions_mirror_image(pixels):
    mirrored = functional.horizontal_flip(pixels)
    kinds = [
        (torch.equal(v, p), torch.equal(v, m))
        for v, p, m in zip(view(only(flip=True), pixels), pixels, mirrored, strict=True)
    ]
    assert set(kinds) == {(True, False), (False, True)}


def test_a_quarter_turn_is_torchvisions(pixels):
    turned = [functional.rotate(pixels, 90.0 * k) for k in range(4)]
    found = [
        [torch.equal(v, t[i]) for t in turned] for i, v in enumerate(view(only(turn=True), pixels))
    ]
    assert all(sum(row) == 1 for row in found)
    assert {row.index(True) for row in found} == {0, 1, 2, 3}


def test_a_rotation_is_torchvisions_away_from_the_edges(pixels):
    smooth = v2.functional.gaussian_blur(pixels, [7, 7], [2.0, 2.0])
    angles = 20 * (
        2 * random_uniform(derive_random_keys(0, 501, torch.arange(len(pixels))), 4, 1)[:, 3] - 1
    )
    turned = view(only(rotate=20), smooth)
    for image, found, angle in zip(smooth, turned, angles.tolist(), strict=True):
        wanted = functional.rotate(image, angle, v2.InterpolationMode.BILINEAR)
        assert (found.int() - wanted.int())[:, 16:48, 16:48].abs().max() <= 2


def test_a_crop_is_torchvisions_where_its_box_falls_on_pixels():
    smooth = functional.gaussian_blur(task("garden", shots=1).train.pixels, [7, 7], [2.0, 2.0])
    draws = 2 * random_uniform(derive_random_keys(0, 501, torch.arange(8)), 4, 1) - 1
    for image, found, draw in zip(smooth, view(only(crop=0.4), smooth), draws, strict=True):
        zoom = 1 - 0.4 * (draw[0].item() + 1) / 2
        left, top = ((1 - zoom) * 32 * (1 + d.item()) for d in draw[1:3])
        box = round(top), round(left), round(64 * zoom), round(64 * zoom)
        wanted = functional.resized_crop(image, *box, [64, 64], antialias=False)
        assert (found.int() - wanted.int())[:, 4:60, 4:60].abs().float().mean() < 4


def test_a_turned_hue_is_torchvisions(pixels):
    amounts = 0.3 * (
        2 * random_uniform(derive_random_keys(0, 501, torch.arange(len(pixels))), (), 5) - 1
    )
    turned = view(only(hue=0.3), pixels)
    for image, found, amount in zip(pixels, turned, amounts.tolist(), strict=True):
        wanted = functional.adjust_hue(image, amount)
        assert (found.int() - wanted.int()).abs().max() <= 2


def test_half_of_the_images_are_erased_by_one_rectangle_of_the_sizes_of_the_paper():
    pixels = torch.full((400, 3, 40, 40), 7, dtype=torch.uint8)
    changed = (view(only(erase=0.4), pixels) != 7).any(1)
    hit = changed.flatten(1).any(1)
    assert 0.4 < hit.float().mean() < 0.6
    shares = []
    for mask in changed[hit]:
        rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
        tall, wide = (int(x.max() - x.min()) + 1 for x in (rows, columns))
        assert mask.sum() >= 0.9 * tall * wide  # noise may hit the old value
        assert 0.7 / MAX_ERASED_RATIO < tall / wide < 1.4 * MAX_ERASED_RATIO
        shares.append(tall * wide / 1600)
    assert min(shares) > 0.7 * MIN_ERASED_SHARE and 0.3 < max(shares) < 0.45


def test_an_erased_rectangle_is_torchvisions_with_the_same_noise():
    pixels = torch.zeros(20, 3, 32, 32, dtype=torch.uint8)
    found = view(only(erase=0.3), pixels)
    image = next(v for v in found if v.any())
    rows, columns = (image.any(0).any(axis).nonzero()[:, 0] for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    tall, wide = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
    patch = image[:, top : top + tall, left : left + wide]
    assert torch.equal(functional.erase(pixels[0], top, left, tall, wide, patch), image)
    assert 90 < patch.float().mean() < 165  # uniform noise


def test_torchvisions_flip_through_the_adapter_is_its_flip(pixels):
    mirror = augment_with(lambda image: image[:, ::-1])
    assert torch.equal(view(mirror, pixels), functional.horizontal_flip(pixels))
    assert torch.equal(view(mirror, pixels, 0), pixels)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: random.random(),
        lambda: np.random.rand(),
        lambda: torch.rand(()).item(),
    ],
    ids=["random", "numpy", "torch"],
)
def test_what_a_function_draws_belongs_to_image_and_view(pixels, draw):
    darker = augment_with(lambda image: (image * draw()).astype(np.uint8))
    whole = view(darker, pixels, 2)
    assert torch.equal(whole[5:7], darker.view(pixels[5:7], torch.tensor([5, 6]), 0, 2))
    assert not torch.equal(whole, view(darker, pixels, 3))
    assert (
        len(
            {
                round(v.float().mean().item() / p.float().mean().item(), 3)
                for v, p in zip(whole, pixels, strict=True)
            }
        )
        > 10
    )


def test_the_global_generators_are_left_as_they_were(pixels):
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(1)
    wanted = random.random(), np.random.rand(), torch.rand(()).item()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(1)
    noisy = augment_with(lambda image: np.uint8(image * random.random() * np.random.rand()))
    view(noisy, pixels)
    assert (random.random(), np.random.rand(), torch.rand(()).item()) == wanted


class Drawn:
    """A transform that draws as Albumentations' do: from a generator of its own."""

    def set_random_seed(self, seed):
        self.random = np.random.default_rng(seed)

    def __call__(self, image):
        return {"image": image[:, ::-1] if self.random.random() < 0.5 else image}


def test_a_transform_with_a_generator_of_its_own_is_seeded(pixels):
    augment = augment_with(Drawn())
    whole = view(augment, pixels, 2)
    assert torch.equal(whole[5:7], augment.view(pixels[5:7], torch.tensor([5, 6]), 0, 2))
    flipped = [torch.equal(v, p.flip(2)) for v, p in zip(whole, pixels, strict=True)]
    assert 0 < sum(flipped) < len(pixels)
    assert augment.fingerprint() == {"function": "Drawn"}


def test_albumentations_transforms_repeat(pixels, monkeypatch):
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")  # its import would ask a server
    albumentations = pytest.importorskip("albumentations")
    assert torch.equal(
        view(augment_with(albumentations.HorizontalFlip(p=1)), pixels), pixels.flip(3)
    )
    chosen = augment_with(
        albumentations.Compose(
            [albumentations.HorizontalFlip(p=0.5), albumentations.RandomBrightnessContrast(p=1)]
        )
    )
    whole = view(chosen, pixels, 2)
    assert torch.equal(whole[5:7], chosen.view(pixels[5:7], torch.tensor([5, 6]), 0, 2))
    assert not torch.equal(whole, view(chosen, pixels, 3))


@pytest.mark.parametrize("wrong", [lambda image: image[:9], lambda image: image / 255])
def test_a_function_that_gives_no_such_image_is_named(pixels, wrong):
    with pytest.raises(ValueError, match="too small made an image .* of one \\(64, 64, 3\\) uint8"):
        view(augment_with(wrong, "too small"), pixels[:1])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"crop": 20}, "crop is 20; it lies between 0 and 0.9"),
        ({"shift": 1.5}, "shift is 1.5"),
        ({"hue": -0.1}, "hue is -0.1"),
        ({"noise": float("nan")}, "noise is nan"),
    ],
)
def test_a_strength_that_makes_no_picture_is_named(wrong, words):
    with pytest.raises(ValueError, match=words):
        Augment(**wrong)
