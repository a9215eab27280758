import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from images_made_up import picture, saved, scene
from PIL import Image, ImageOps
from torchvision.transforms import v2

from vtlab.data import decoding, parallel_decoding
from vtlab.data.decoding import PAD_COLOUR, decode
from vtlab.data.folders import read_folder


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


# ------------------------------------------------------------------ a square of what is wide or high


def stripes(width: int, height: int) -> Image.Image:
    """Red to the left, blue to the right, green between."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    third = max(width, height) // 3
    along = pixels if width >= height else pixels.transpose(1, 0, 2)
    along[:, :third, 0], along[:, third:-third, 1], along[:, -third:, 2] = 255, 255, 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(192, 64), (64, 192), (7200, 1800)])
def test_a_wide_image_is_cut_or_padded_or_squeezed(size):
    wide, long = size[0] > size[1], max(size)
    file = saved(stripes(*size))
    cut, padded, squeezed = (
        decode(file, 48, "x", resize=how)
        if wide
        else decode(file, 48, "x", resize=how).transpose(1, 0, 2)
        for how in ("crop", "pad", "squeeze")
    )
    assert close(cut[24, 24], [0, 255, 0], 3)
    ends = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert close(squeezed[24, [4, 24, 43]], ends, 3) and close(squeezed[[2, 45], 24], ends[1], 3)
    assert close(padded[24, [4, 24, 43]], ends, 3)
    band = 48 * min(size) // long
    assert close(padded[: 24 - band // 2 - 1], PAD_COLOUR, 0)
    assert close(padded[24 + band // 2 + 1 :], PAD_COLOUR, 0)


def test_a_thin_line_is_padded_and_exif_turns_the_whole_square():
    line = decode(saved(Image.new("RGB", (500, 1), "white")), 16, "x", resize="pad")
    assert close(line[7], 255, 0) and close(line[[0, 15]], PAD_COLOUR, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the right: what was left is above
    file = saved(stripes(96, 32), "JPEG", exif=exif, quality=95)
    turned = decode(file, 32, "x", resize="squeeze")
    assert close(turned[[3, 16, 28], 16], [[255, 0, 0], [0, 255, 0], [0, 0, 255]], 30)


# ------------------------------------------------------------------ more than 8 bits


def deep_set(root: Path, bits: int, form: str) -> Path:
    """Two classes of ramps that use so many of 16 bits, the second from top to bottom."""
    ramp = np.linspace(0, 2**bits - 1, 32 * 32).reshape(32, 32)
    for k, name in enumerate("ab"):
        (root / name).mkdir(parents=True)
        for i in range(4):
            pixels = ((ramp.T if k else ramp) * (1 - i / 10)).astype(np.uint16)
            (root / name / f"{i}.{form}").write_bytes(saved(Image.fromarray(pixels), form))
    return root


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("stored", [False, True])
def test_a_set_of_images_with_more_than_8_bits_has_one_scale(
    tmp_path, monkeypatch, form, bits, stored
):
    if stored:  # as if there were more images than fit into memory
        monkeypatch.setenv("VTLAB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(parallel_decoding, "MAX_BYTES_IN_MEMORY", 0)
    read = read_folder(deep_set(tmp_path / "set", bits, form), 32)
    assert read.bits == bits
    ramp = np.linspace(0, 2**bits - 1, 32 * 32).reshape(32, 32)
    for pixels, i in zip(read.train.pixels[:4, 0].numpy(), range(4), strict=True):
        wanted = (ramp * (1 - i / 10)).astype(np.uint16) / (2**bits - 1) * 255
        assert np.abs(pixels - wanted).max() <= 0.5  # one scale: the darker image stays darker
    if bits == 16:
        assert not read.notes
    else:
        assert read.notes == (
            f"8 images with more than 8 bits have one scale: {bits} bits are used, so that "
            f"{2**bits - 1:,} is white",
        )
    again = read_folder(tmp_path / "set", 32)
    assert torch.equal(again.train.pixels, read.train.pixels)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("hot", [4096, 40000, 65535])
@pytest.mark.parametrize("stored", [False, True])
def test_a_defect_pixel_leaves_the_scale_alone_and_is_said(
    tmp_path, monkeypatch, form, hot, stored
):
    if stored:
        monkeypatch.setenv("VTLAB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(parallel_decoding, "MAX_BYTES_IN_MEMORY", 0)
    calm = read_folder(deep_set(tmp_path / "set", 12, form), 32)
    path = tmp_path / "set" / "b" / f"3.{form}"
    pixels = np.array(Image.open(path))
    pixels[5, 7] = hot
    path.write_bytes(saved(Image.fromarray(pixels), form))
    found = read_folder(tmp_path / "set", 32)
    assert found.bits == 12
    assert found.notes[0].endswith(
        f"4,095 is white; 1 pixels are brighter, and white, too (b/3.{form} …)"
    )
    found.train.pixels[7, :, 5, 7] = calm.train.pixels[7, :, 5, 7]
    assert torch.equal(found.train.pixels, calm.train.pixels)


def four_bands(bits: int, extra: int | None, side: int = 8) -> bytes:
    """A TIFF of red 200, green 40, blue 40 of 255 and a fourth band of zeros, and what it is (ExtraSamples)."""
    pixel = [v * (2**bits - 1) // 255 for v in (200, 40, 40, 0)]
    content = np.tile(np.array(pixel, dtype=f"<u{bits // 8}"), side * side).tobytes()
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 2), (273, 16), (277, 4)]
    tags += [(278, side), (279, len(content))] + ([] if extra is None else [(338, extra)])
    entries = [struct.pack("<HHII", tag, 3, 4 if tag == 258 else 1, value) for tag, value in tags]
    directory = struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4)
    start = struct.pack("<4sI4H", b"II*\0", 16 + len(content), *[bits] * 4)
    return start + content + directory


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("extra", [None, 0, 2])
def test_a_fourth_band_is_opacity_only_where_the_file_says_so(tmp_path, bits, extra):
    file = four_bands(bits, extra)
    wanted = (255, 255, 255) if extra == 2 else (200, 40, 40)
    assert close(decode(file, 8, "x"), wanted, 1)
    others = [[picture((k, 20 * i, 200)) for i in range(4)] for k in (1, 200)]
    root = put(tmp_path, a=[file, *others[0][1:]], b=others[1])
    said = " ".join(read_folder(root, 16).notes)
    assert ("1 of 8 images have an opacity" in said) == (extra == 2)
    assert ("1 of 8 images have more than three bands, and no opacity (a/0.png …)" in said) == (
        extra != 2
    )


def deep_colours(colours: tuple[int, ...], side: int = 8) -> bytes:
    """A PNG of 16 bits in colour, of three numbers or, with opacity, four."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_ = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", sum_)

    row = b"\0" + np.tile(np.array(colours, dtype=">u2"), side).tobytes()
    header = struct.pack(">IIBBBBB", side, side, 16, 2 if len(colours) == 3 else 6, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * side)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_colours_of_more_than_eight_bits_have_the_scale_of_the_set(tmp_path):
    full, of_12 = deep_colours((51400, 10280, 10280)), deep_colours((3200, 640, 640))
    for file, bits in ((full, 16), (of_12, 12)):
        assert decode(file, 8, "x", bits=bits)[0, 0] == pytest.approx((200, 40, 40), abs=1)
    half_clear = deep_colours((0, 0, 0, 32768))
    assert decode(half_clear, 8, "x", bits=12)[0, 0] == pytest.approx((127, 127, 127), abs=1)
    for k in range(8):
        path = tmp_path / "set" / "ab"[k % 2] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(deep_colours((3200 + k, 640, 100 * k)))
    found = read_folder(tmp_path / "set", 16)
    assert found.bits == 12 and found.train.pixels[0, :, 0, 0].tolist() == [199, 40, 0]
    assert any("8 images with more than 8 bits have one scale: 12" in note for note in found.notes)
    with pytest.raises(ValueError, match="x.png cannot be read as an image"):
        decode(full[:45], 8, "x.png")


def test_what_is_brighter_than_the_set_is_white():
    file = saved(Image.fromarray(np.full((8, 8), 5000, dtype=np.uint16)))
    assert close(decode(file, 8, "x", bits=12), 255, 0)
    assert close(decode(picture((9, 9, 9)), 8, "x", bits=12), 9, 0)  # 8 bits are no matter of scale


# ------------------------------------------------------------------ what a set says about its pixels


def put(root: Path, **classes: list[bytes]) -> Path:
    for name, files in classes.items():
        (root / name).mkdir(parents=True)
        for i, content in enumerate(files):
            (root / name / f"{i}.png").write_bytes(content)
    return root


def test_what_is_cut_away_is_said_and_only_where_it_is_much(tmp_path):
    square, photo = (saved(scene(*size)) for size in ((40, 40), (40, 30)))
    wide = [saved(scene(60 + i, 20)) for i in range(2)]
    put(tmp_path, a=[square, photo] * 2, b=[*wide, square, photo])
    (note,) = (n for n in read_folder(tmp_path, 16).notes if "square" in n)
    assert note == (
        "the middle square is kept: of 2 of 8 images more than a quarter is cut away (67% of b/1.png); "
        "resize 'pad' or 'squeeze' keeps all of it"
    )
    for how in ("pad", "squeeze"):
        read = read_folder(tmp_path, 16, resize=how)
        assert not any("square" in n for n in read.notes)
        first = decode(wide[0], 16, "x", resize=how)
        assert (read.train.pixels[4].permute(1, 2, 0).numpy() == first).all()
    with pytest.raises(ValueError, match="resize is 'stretch'; there are crop, pad, squeeze"):
        read_folder(tmp_path, 16, resize="stretch")


def test_images_without_information_are_said(tmp_path):
    grey = [
        picture((60, 60, 60)),
        *(saved(Image.eval(scene(30 + i, 30), lambda v: v // 5)) for i in range(4)),
    ]
    put(
        tmp_path,
        a=grey,
        b=[saved(Image.eval(scene(40, 30 + i), lambda v: v // 5)) for i in range(4)],
    )
    notes = read_folder(tmp_path, 16).notes
    assert "1 image is of one colour and nothing else" in notes
    assert "all images are dark: the brightest pixel is 60 of 255" in notes


@pytest.mark.parametrize("form", ["GIF", "TIFF", "PNG", "WEBP"])
def test_that_only_the_first_of_several_images_in_a_file_is_read_is_said(tmp_path, form):
    frames = [scene(30 + 10 * i, 30).resize((30, 30)) for i in range(3)]
    film = saved(frames[0], form, save_all=True, append_images=frames[1:])
    put(
        tmp_path,
        a=[film, *(saved(scene(30, 31 + i)) for i in range(3))],
        b=[saved(scene(31, 35 + i)) for i in range(4)],
    )
    read = read_folder(tmp_path, 16)
    assert read.notes == ("1 file holds several images; the first was read (a/0.png …)",)
    alone = decode(saved(frames[0], form), 16, "x")
    assert close(read.train.pixels[0].permute(1, 2, 0).numpy(), alone, 24)


# ------------------------------------------------------------------ formats that others bring


@pytest.mark.parametrize(
    ("form", "orientation"),
    [("AVIF", 1), ("AVIF", 6), ("HEIF", 1)],  # HEIF has a turn of its own, which its reader does
)
def test_the_formats_of_telephones_are_read(form, orientation):
    if form == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(stripes(64, 64), form, exif=exif, quality=90)
    pixels = decode(file, 32, "x")
    along = pixels[[4, 16, 28], 16] if orientation == 6 else pixels[16, [4, 16, 28]]
    assert close(along, [[255, 0, 0], [0, 255, 0], [0, 0, 255]], 40)


def test_a_heic_without_its_reader_says_what_reads_it(monkeypatch):
    monkeypatch.setattr(decoding, "FORMATS", ("JPEG", "PNG"))  # as where the package is missing
    header = b"\0\0\0\x18ftypheic" + bytes(40)
    with pytest.raises(
        ValueError, match="x cannot be read as an image; pip install pillow-heif lets HEIC be"
    ):
        decode(header, 8, "x")
