import numpy as np
import torch
from images_made_up import saved, scene
from PIL import Image, ImageEnhance

from vtlab.data.decoding import decode
from vtlab.data.near_duplicates import _gradient_hash, near_duplicates


def as_read(image: Image.Image, form: str = "PNG", size: int = 64, **options) -> torch.Tensor:
    pixels = decode(saved(image, form, **options), size, "x")
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def drawn(seed: int) -> Image.Image:
    """Coarse noise, enlarged: no two are alike."""
    noise = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((240, 200), Image.Resampling.BICUBIC)


def test_the_hash_says_where_a_row_grows_brighter_counted_by_hand():
    ramp = torch.arange(9, dtype=torch.uint8).mul(20).expand(1, 3, 8, 9)
    assert (_gradient_hash(ramp) == 1).all() and (_gradient_hash(ramp.flip(3)) == -1).all()
    step = ramp.clone()
    step[..., 4, 3] = 0  # row 4: 0 20 40 0 80 …, one sign turns
    assert (_gradient_hash(step)[0] == -1).nonzero()[:, 0].tolist() == [8 * 4 + 2]


def test_a_photograph_saved_again_smaller_or_brighter_is_found_and_others_are_not():
    first = torch.cat([as_read(drawn(i)) for i in range(40)])
    again = [
        as_read(drawn(7), "JPEG", quality=30),
        as_read(drawn(11).resize((90, 75))),
        as_read(ImageEnhance.Brightness(drawn(23)).enhance(1.08)),
        as_read(drawn(99)),
    ]
    assert near_duplicates(first, torch.cat(again)) == [(7, 0), (11, 1), (23, 2)]
    assert near_duplicates(first, torch.cat([as_read(drawn(i)) for i in range(100, 140)])) == []


def test_plain_areas_of_other_colours_are_not_alike():
    colours = [(0, 0, 0), (200, 30, 30), (30, 200, 30), (255, 255, 255)]
    plain = torch.cat([as_read(Image.new("RGB", (50, 40), colour)) for colour in colours])
    assert near_duplicates(plain[:3], plain[1:]) == [(1, 0), (2, 1)]


def test_the_likest_of_several_is_named():
    photo = scene(200, 160)
    worse = as_read(ImageEnhance.Brightness(photo).enhance(1.05))
    assert near_duplicates(torch.cat([worse, as_read(photo)]), as_read(photo)) == [(1, 0)]


def test_nothing_has_no_twin():
    one = as_read(scene(40, 40))
    assert near_duplicates(one[:0], one) == near_duplicates(one, one[:0]) == []


def test_small_things_in_other_places_on_a_plain_ground_are_not_alike():
    random = np.random.default_rng(0)
    pixels = torch.full((120, 3, 64, 64), 120, dtype=torch.uint8)
    for image, (row, column) in zip(pixels, random.integers(0, 56, (120, 2)).tolist(), strict=True):
        image[:, row : row + 6, column : column + 6] = 220
    places = near_duplicates(pixels[:60], pixels[60:])
    assert len(places) < 20
    for i, j in places:  # the marks overlap by half at least
        assert (pixels[i] != pixels[60 + j]).float().sum() <= 3 * 36
