import io
import warnings

import numpy as np
import pytest
from images_made_up import picture, saved, scene
from PIL import Image, ImageOps
from torchvision.transforms import v2

from vtlab.data.decoding import decode


def test_a_huge_picture_is_refused_from_its_header(monkeypatch):
    header = saved(Image.new("1", (8000, 6251)))
    with pytest.raises(ValueError, match="x has 8000 x 6251 pixels; the most is 50,000,000"):
        decode(header[:200], 8, "x")  # the pixels are not even there
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="x has too many pixels"):  # Pillow's own limit is lower
        decode(picture(size=(100, 100)), 8, "x")


def close(pixels: np.ndarray, wanted, tolerance: float) -> bool:
    return np.abs(pixels.astype(float) - np.asarray(wanted)).max() <= tolerance


@pytest.mark.parametrize(
    ("mode", "form", "tolerance"),
    [
        ("RGB", "PNG", 0),
        ("RGB", "JPEG", 3),
        ("RGB", "WEBP", 6),
        ("RGB", "BMP", 0),
        ("RGB", "TIFF", 0),
        ("RGB", "PPM", 0),
        ("CMYK", "JPEG", 3),
        ("CMYK", "TIFF", 1),
        ("YCbCr", "TIFF", 3),
        ("P", "GIF", 26),
        ("P", "PNG", 26),
        ("RGBA", "PNG", 0),
    ],
)
def test_every_mode_becomes_the_colour_a_person_sees(mode, form, tolerance):
    pixels = decode(picture(mode=mode, form=form), 8, "x")
    assert pixels.shape == (8, 8, 3) and pixels.dtype == np.uint8
    assert close(pixels, [200, 30, 30], tolerance)


@pytest.mark.parametrize(("mode", "form"), [("L", "PNG"), ("L", "JPEG"), ("LA", "PNG")])
def test_grey_becomes_three_equal_channels(mode, form):
    assert close(decode(picture((90, 90, 90), mode=mode, form=form), 8, "x"), 90, 1)
    assert close(decode(picture((255, 255, 255), mode="1"), 8, "x"), 255, 0)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_by_their_range_and_not_by_their_content(form):
    for value, wanted in ((0, 0), (200, 1), (257 * 90, 90), (32768, 128), (65535, 255)):
        file = saved(Image.fromarray(np.full((8, 8), value, dtype=np.uint16)), form)
        assert close(decode(file, 8, "x"), wanted, 0), value


def test_pixels_that_have_no_range_are_refused():
    deep = Image.fromarray(np.full((8, 8), 70000, dtype=np.int32))
    with pytest.raises(ValueError, match="x .*more than 16 bits"):
        decode(saved(deep, "TIFF"), 8, "x")
    with pytest.raises(ValueError, match="x .*decimal numbers"):
        decode(saved(Image.fromarray(np.ones((8, 8), dtype=np.float32)), "TIFF"), 8, "x")


def test_what_is_clear_is_white_and_what_is_half_clear_is_mixed():
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert close(decode(saved(clear), 8, "x"), 255, 0)
    half = Image.new("RGBA", (8, 8), (200, 30, 30, 128))
    assert close(decode(saved(half), 8, "x"), [227, 142, 142], 1)
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 200, 30, 30])
    assert close(decode(saved(palette, transparency=1), 8, "x"), 255, 0)
    assert close(decode(saved(palette, transparency=0), 8, "x"), [200, 30, 30], 0)
    keyed = Image.new("RGB", (8, 8), (1, 2, 3))
    assert close(decode(saved(keyed, transparency=(1, 2, 3)), 8, "x"), 255, 0)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture(form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if form == "WEBP" else {"quality": 100} if form == "JPEG" else {}
    file = saved(scene(90, 60), form, exif=exif, **options)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB")
    assert close(decode(file, 24, "x"), decode(saved(upright), 24, "x"), 2)


def test_broken_metadata_does_not_refuse_a_photograph():
    for exif in (b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(20)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert decode(picture(form="JPEG", exif=exif), 8, "x").shape == (8, 8, 3)


@pytest.mark.parametrize("width, height", [(90, 60), (61, 200), (40, 30), (1, 500), (24, 24)])
def test_the_square_is_the_one_that_torchvision_cuts(width, height):
    image = scene(width, height)
    cut = v2.Compose(
        [v2.CenterCrop(min(width, height)), v2.Resize(24, v2.InterpolationMode.BICUBIC)]
    )
    odd = (width - height) % 2  # then torchvision's square is half a pixel off the middle
    difference = np.abs(decode(saved(image), 24, "x").astype(int) - np.asarray(cut(image)))
    assert difference.mean() < (3 if odd else 0.5)


def test_a_large_jpeg_is_decoded_small_and_comes_out_alike():
    image = scene(800, 600)
    cheap = decode(saved(image, "JPEG", quality=95), 64, "x").astype(int)
    full = np.asarray(image.crop((100, 0, 700, 600)).resize((64, 64), Image.Resampling.LANCZOS))
    assert np.abs(cheap - full).mean() < 1.5
