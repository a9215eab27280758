"""Folders and archives as people, cameras and attackers leave them: every file is accounted for."""

import io
import os
import stat
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from images_made_up import picture, saved, scene
from PIL import Image, ImageOps, PngImagePlugin, features

from vtlab.data.decoding import MAX_DECODING_BYTES
from vtlab.data.file_names import printable_path_name
from vtlab.data.folders import read_folder
from vtlab.data.listing import CAMS_FOLDER, list_folder, list_zip

EACH = 36  # files of each kind


def noise(i: int, size=(24, 20)) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(i).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    )


def turned(way: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = way
    return saved(scene(30, 20), "JPEG", exif=exif)


def moving(form: str, i: int) -> bytes:
    return saved(noise(i), form, save_all=True, append_images=[noise(i + 1), noise(i + 2)])


def deep(form: str, i: int, kind=np.uint16) -> bytes:
    return saved(Image.fromarray((np.arange(400, dtype=kind) * 150 + i).reshape(20, 20)), form)


def transparent(i: int) -> bytes:
    image = noise(i).convert("P")
    image.info["transparency"] = i
    return saved(image, "PNG", transparency=i)


def torn(form: str, i: int, **options) -> bytes:
    """Cut somewhere in the first half."""
    whole = saved(scene(60, 50), form, **options)
    return whole[: 4 + (len(whole) // 2 - 4) * i // EACH]


def flipped(form: str, i: int) -> bytes:
    """With one bit turned, anywhere."""
    whole = bytearray(saved(noise(i), form))
    whole[np.random.default_rng(i).integers(len(whole))] ^= 1 << i % 8
    return bytes(whole)


def of_size(width: int, height: int) -> bytes:
    """The header of a PNG that says it is so large; the rest is missing."""
    file = io.BytesIO()
    PngImagePlugin.putchunk(
        file, b"IHDR", width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    )
    return b"\x89PNG\r\n\x1a\n" + file.getvalue() + bytes(500)


def with_text(i: int) -> bytes:
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", "a photograph " * i)
    return saved(noise(i), "PNG", pnginfo=about)


READ = {  # by name pattern: how to make the i-th
    "{}.png": lambda i: saved(noise(i), "PNG"),
    "{}.jpg": lambda i: saved(noise(i), "JPEG"),
    "{}.webp": lambda i: saved(noise(i), "WEBP"),
    "lossless {}.webp": lambda i: saved(noise(i), "WEBP", lossless=True),
    "{}.bmp": lambda i: saved(noise(i), "BMP"),
    "{}.gif": lambda i: saved(noise(i), "GIF"),
    "{}.tif": lambda i: saved(noise(i), "TIFF"),
    "lzw {}.tiff": lambda i: saved(noise(i), "TIFF", compression="tiff_lzw"),
    "{}.ppm": lambda i: saved(noise(i), "PPM"),
    "{}.pgm": lambda i: saved(noise(i).convert("L"), "PPM"),
    "{}.pbm": lambda i: saved(noise(i).convert("1"), "PPM"),
    "{}.JPEG": lambda i: saved(noise(i), "JPEG"),
    "progressive {}.jpg": lambda i: saved(noise(i), "JPEG", progressive=True),
    "grey {}.png": lambda i: saved(noise(i).convert("L")),
    "grey {}.jpg": lambda i: saved(noise(i).convert("L"), "JPEG"),
    "grey, clear {}.png": lambda i: saved(noise(i).convert("LA")),
    "black and white {}.png": lambda i: saved(noise(i).convert("1")),
    "clear {}.png": lambda i: saved(Image.merge("RGBA", (*noise(i).split(), noise(i).split()[0]))),
    "palette {}.png": lambda i: saved(noise(i).convert("P")),
    "palette, clear {}.png": transparent,
    "cmyk {}.jpg": lambda i: saved(noise(i).convert("CMYK"), "JPEG"),
    "cmyk {}.tif": lambda i: saved(noise(i).convert("CMYK"), "TIFF"),
    "ycbcr {}.tif": lambda i: saved(noise(i).convert("YCbCr"), "TIFF"),
    "sixteen bits {}.png": lambda i: deep("PNG", i),
    "sixteen bits {}.tif": lambda i: deep("TIFF", i),
    "sixteen bits {}.pgm": lambda i: deep("PPM", i),
    "turned {}.jpg": lambda i: turned(1 + i % 8),
    "turned by nonsense {}.jpg": lambda i: turned(9 + i),
    "moving {}.gif": lambda i: moving("GIF", i),
    "moving {}.webp": lambda i: moving("WEBP", i),
    "moving {}.png": lambda i: moving("PNG", i),
    "pages {}.tif": lambda i: moving("TIFF", i),
    "stereo {}.mpo": lambda i: moving("MPO", i),
    "really png {}.jpg": lambda i: saved(noise(i), "PNG"),
    "really jpeg {}.png": lambda i: saved(noise(i), "JPEG"),
    "really webp {}.gif": lambda i: saved(noise(i), "WEBP"),
    "commented {}.png": with_text,
    "broken profile {}.jpg": lambda i: saved(noise(i), "JPEG", icc_profile=bytes(range(i, 200))),
    "broken exif {}.jpg": lambda i: saved(
        noise(i), "JPEG", exif=b"Exif\0\0II*\0" + bytes(range(i, 99))
    ),
    "more behind {}.jpg": lambda i: saved(noise(i), "JPEG") + bytes(i * 100),
    "one pixel {}.png": lambda i: picture((i, i, i), (1, 1)),
    "thread {}.png": lambda i: picture((i, 0, 0), (1, 3000 + i)),
    "ribbon {}.jpg": lambda i: picture((i, 0, 0), (3000 + i, 2), form="JPEG"),
    "Käfer 甲虫 жук 🐞 {}.png": lambda i: saved(noise(i)),
    "two\nlines\t{}\x1b[31m.png": lambda i: saved(noise(i)),
    "‮gpj.{}.png": lambda i: saved(noise(i)),
    f"{'long' * 55} {{}}.png": lambda i: saved(noise(i)),
    "-rf {} ; $HOME `x` <b>&amp; %s.png": lambda i: saved(noise(i)),
    "  spaces  {} .png": lambda i: saved(noise(i)),
}
LEFT_OUT = {
    "empty {}.jpg": lambda i: b"",
    "a byte {}.png": lambda i: bytes([i]),
    "text {}.jpg": lambda i: b"not an image\n" * i,
    "page {}.png": lambda i: b"<!DOCTYPE html><p>404</p>" + bytes(i),
    "drawing {}.png": lambda i: b"<svg xmlns='http://www.w3.org/2000/svg'/>" + bytes(i),
    "paper {}.jpg": lambda i: b"%PDF-1.7\n" + bytes(i),
    "postscript {}.jpg": lambda i: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n" + bytes(i),
    "archive {}.png": lambda i: b"PK\x03\x04" + bytes(30 + i),
    "chance {}.jpg": lambda i: np.random.default_rng(i).bytes(300),
    "zeros {}.webp": lambda i: bytes(100 + i),
    "phone {}.heic": lambda i: b"\0\0\0\x18ftypheic" + bytes(50 + i),
    "torn {}.jpg": lambda i: torn("JPEG", i),
    "torn {}.png": lambda i: torn("PNG", i),
    "torn {}.webp": lambda i: torn("WEBP", i),
    "torn {}.bmp": lambda i: torn("BMP", i),
    "torn {}.tif": lambda i: torn("TIFF", i),
    "torn {}.ppm": lambda i: torn("PPM", i),
    "huge {}.png": lambda i: of_size(20_000 + i, 20_000),
    "flat {}.png": lambda i: of_size(0, i),
    "decimal {}.tif": lambda i: saved(
        Image.fromarray(np.full((9, 9), i, dtype=np.float32)), "TIFF"
    ),
    "too deep {}.tif": lambda i: deep("TIFF", 10**6 + i, np.int32),
    "notes {}.txt": lambda i: b"a note",
    "no ending {}": lambda i: saved(noise(i)),
}
EITHER = {
    "flipped {}.png": lambda i: flipped("PNG", i),
    "flipped {}.jpg": lambda i: flipped("JPEG", i),
    "flipped {}.gif": lambda i: flipped("GIF", i),
    "flipped {}.webp": lambda i: flipped("WEBP", i),
    "flipped {}.tif": lambda i: flipped("TIFF", i),
    "torn {}.gif": lambda i: torn("GIF", i),
}
if features.check("avif"):
    READ["{}.avif"] = lambda i: saved(noise(i), "AVIF", speed=10)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Two classes, and what each file's name promises."""
    root, promised = tmp_path_factory.mktemp("odd"), {}
    for kinds, promise in ((READ, "read"), (LEFT_OUT, "left out"), (EITHER, "either")):
        for pattern, make in kinds.items():
            for i in range(EACH):
                place = ("ab"[i % 2], pattern.format(i))
                (root / place[0]).mkdir(exist_ok=True)
                (root / place[0] / place[1]).write_bytes(make(i))
                promised[printable_path_name(place)] = promise
    return root, promised


def test_thousands_of_odd_files_are_each_read_or_named(odd):
    root, promised = odd
    assert len(promised) >= 2000 and len(READ) + len(LEFT_OUT) + len(EITHER) >= 40
    read = read_folder(root, 16)
    named = {
        name: line for line in read.skipped for name in promised if line.startswith(name + " ")
    }
    assert len(named) == len(read.skipped)
    assert not set(read.train.files) & set(named)
    assert set(read.train.files) | set(named) == set(promised)
    assert not [name for name in named if promised[name] == "read"], "left out"
    assert not [name for name in read.train.files if promised[name] == "left out"], "read"
    assert all(line.isprintable() for line in read.skipped)


def test_what_is_read_is_the_picture_that_was_saved(odd):
    root, _ = odd
    read = read_folder(root, 16)
    places = {file: i for i, file in enumerate(read.train.files)}
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(turned(6)))).convert("RGB")
    assert torch.equal(
        *(read.train.pixels[places[f"{'ab'[i % 2]}/turned {i}.jpg"]] for i in (5, 13))
    )
    wanted = np.asarray(ImageOps.fit(upright, (16, 16), Image.Resampling.BICUBIC)).astype(float)
    ours = read.train.pixels[places["b/turned 5.jpg"]].permute(1, 2, 0).numpy()
    assert np.abs(ours - wanted).mean() < 2
    for i in range(6):
        same = [
            f"{'ab'[i % 2]}/{name}"
            for name in (
                f"{i}.png",
                f"{i}.bmp",
                f"{i}.ppm",
                f"{i}.tif",
                f"really png {i}.jpg",
                f"lossless {i}.webp",
            )
        ]
        assert all(
            torch.equal(read.train.pixels[places[same[0]]], read.train.pixels[places[s]])
            for s in same
        )


@pytest.mark.skipif(
    os.name == "nt", reason="Windows has neither pipes in folders nor links for everybody"
)
def test_pipes_and_links_to_nowhere_are_named_and_none_is_waited_for(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(4):
            (tmp_path / name / f"{i}.png").write_bytes(saved(noise(i)))
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    (tmp_path / "a" / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "b" / "itself.jpg").symlink_to(tmp_path / "b" / "itself.jpg")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    (tmp_path / os.fsdecode(b"b/caf\xe9.jpg")).write_bytes(b"")
    read = read_folder(tmp_path, 16)
    assert len(read.train.files) == 8
    assert read.notes[0] == "b/up/ is a link back to a folder above it"
    assert [line.split(" ")[0] for line in read.skipped] == [
        "a/nowhere.jpg",
        "a/pipe.jpg",
        "b/caf\\udce9.jpg",
        "b/itself.jpg",
    ]


def two_classes(root, *names):
    for name in names or "ab":
        (root / name).mkdir(parents=True)
        for i in range(4):
            (root / name / f"{i}.png").write_bytes(saved(noise(10 * ord(name[0]) + i)))
    return root


@pytest.mark.parametrize(
    ("here", "path"),
    [
        ("three/cat", ".."),
        ("three", "cat/.."),
        ("three", "../three"),
        ("three/cat/deep", "../.."),
    ],
)
def test_no_class_is_lost_where_the_path_leads_back_to_where_one_is(
    tmp_path, monkeypatch, here, path
):
    two_classes(tmp_path / "three", "ant", "bee", "cat")
    (tmp_path / "three" / "cat" / "deep").mkdir()
    monkeypatch.chdir(tmp_path / here)
    read = read_folder(path, 16)
    assert read.classes == ("ant", "bee", "cat") and not read.notes and not read.skipped


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_a_folder_above_what_is_read_is_not_followed(tmp_path):
    root = two_classes(tmp_path / "photos")
    (root / "a" / "far up").symlink_to(tmp_path.parent)
    assert read_folder(root, 16).notes == ("a/far up/ is a link back to a folder above it",)


def test_reports_that_lie_among_the_images_are_left_out_and_said(tmp_path):
    root = two_classes(tmp_path / "photos")
    for file in (
        "vtlab-report/report.html",
        "vtlab-report/runs/study.json",
        "stopped/runs/study.json",
        "vtlab-report/model/card.json",
    ):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("x")
    read = read_folder(root, 16)
    assert read.classes == ("a", "b") and not read.skipped
    assert sorted(read.notes) == [
        "stopped/ is a report of vtlab's and was left out",
        "vtlab-report/ is a report of vtlab's and was left out",
    ]
    (root / "runs").mkdir()  # a class may be called so
    (root / "runs" / "report.html").write_text("x")
    with pytest.raises(ValueError, match="class 'runs' in photos has no images"):
        read_folder(root, 16)


def test_pictures_of_where_a_model_looks_are_no_photographs_and_that_is_said(tmp_path):
    root = two_classes(tmp_path / "photos")
    for folder in (root / CAMS_FOLDER, root / "a" / CAMS_FOLDER):
        folder.mkdir()
        (folder / "0-cam.png").write_bytes(saved(noise(99)))
    (root / "a" / "0-cam.png").write_bytes(saved(noise(98)))  # anywhere else it is a photograph
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, file.relative_to(root))
    for path in (root, tmp_path / "photos.zip"):
        read = read_folder(path, 16)
        assert read.classes == ("a", "b") and len(read.train) == 9 and not read.skipped
        assert sorted(read.notes) == [
            "a/vtlab-cams/ holds pictures of vtlab predict --cam and was left out",
            "vtlab-cams/ holds pictures of vtlab predict --cam and was left out",
        ]
    assert len(list_folder(root / CAMS_FOLDER).files()) == 1  # whoever names it means it


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' names are always text")
def test_names_that_are_no_text_can_be_printed(tmp_path):
    root = two_classes(tmp_path / "photos", os.fsdecode(b"caf\xe9"), "می\u200cخواهم", "bad\x1b[31m")
    read = read_folder(root, 16)
    assert read.classes == ("bad\\x1b[31m", "caf\\udce9", "می\u200cخواهم")
    "".join((*read.classes, *read.notes, *read.train.files)).encode()


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="for the administrator nothing is closed"
)
def test_what_may_not_be_opened_is_named(tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
        for i in range(4):
            (tmp_path / name / f"{i}.png").write_bytes(saved(noise(i)))
    (tmp_path / "a" / "closed.png").write_bytes(b"")
    (tmp_path / "a" / "closed.png").chmod(0)
    (tmp_path / "c").chmod(0)
    try:
        skipped = read_folder(tmp_path, 16).skipped
    finally:
        (tmp_path / "c").chmod(stat.S_IRWXU)
    assert [line.split(" ")[0] for line in skipped] == ["c/", "a/closed.png"]


# ------------------------------------------------------------------ hostile archives

CLIMBING = (
    "../out.png",
    "a/../../out.png",
    "/tmp/vtlab-out.png",
    "C:\\out.png",
    "..\\out.png",
    "a/..",
    "\\out.png",
)


def good(archive: zipfile.ZipFile) -> None:
    for name in "ab":
        for i in range(4):
            archive.writestr(f"{name}/{i}.png", saved(noise(i)))


def link(archive: zipfile.ZipFile, name: str, to: str) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, to)


def encrypted(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("a/x.png")
    archive.writestr(info, saved(noise(1)))
    info.flag_bits |= 1  # written into the list of members, where readers look


def test_a_name_that_is_in_a_zip_twice_is_said(tmp_path):
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        good(archive)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a/0.png", b"another")
    read = read_folder(tmp_path / "odd.zip", 16)
    assert (
        read.notes[0] == "a/0.png is in the zip twice: the first one was read" and not read.skipped
    )


@pytest.mark.parametrize("name", ["a/" * 3000 + "x.png", f"a/{'9' * 6000}.png"])
def test_a_very_deep_or_very_long_name_takes_no_time(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        good(archive)
        archive.writestr(name, saved(noise(1)))
    if "9" in name:
        assert len(read_folder(tmp_path / "odd.zip", 16).train.files) == 9
    else:
        with pytest.raises(
            ValueError, match=r"odd\.zip is refused: a member lies 3001 folders deep"
        ):
            read_folder(tmp_path / "odd.zip", 16)


ODD_ZIPS = {  # what is done to a good archive, and the only file that is then left out
    "a link out of it": (
        lambda archive: link(archive, "a/x.png", "../../../etc/passwd"),
        "a/x.png cannot be read: it is a link",
    ),
    "a link to a folder": (
        lambda archive: link(archive, "a/x.png", "/"),
        "a/x.png cannot be read: it is a link",
    ),
    "a member that is encrypted": (encrypted, "a/x.png cannot be read: "),
    "a member that unpacks to a gigabyte": (
        lambda archive: archive.writestr("a/x.png", bytes(10**8 + 1), zipfile.ZIP_DEFLATED),
        "a/x.png cannot be read: it unpacks to more than 100,000,000 bytes",
    ),
    "a member inside a member": (
        lambda archive: archive.writestr("a/0.png/x.png", b"x"),
        "a/0.png/x.png cannot be read as an image",
    ),
}


@pytest.mark.parametrize("name", CLIMBING)
def test_an_archive_that_climbs_out_is_refused_whole(tmp_path, name):
    box = tmp_path / "box"
    box.mkdir()
    with zipfile.ZipFile(box / "bad.zip", "w") as archive:
        good(archive)
        archive.writestr(zipfile.ZipInfo(name), saved(noise(1)))
    with pytest.raises(ValueError, match=r"bad\.zip is refused"):
        read_folder(box / "bad.zip")
    assert [p.name for p in tmp_path.rglob("*")] == ["box", "bad.zip"]


@pytest.mark.parametrize("kind", ODD_ZIPS)
def test_an_odd_archive_leaves_nothing_outside_and_no_links(tmp_path, kind):
    change, line = ODD_ZIPS[kind]
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        good(archive)
        change(archive)
    read = read_folder(tmp_path / "odd.zip", 16)
    assert (
        read.skipped[0].startswith(line) and len(read.skipped) == 1 and len(read.train.files) == 8
    )
    assert [p.name for p in tmp_path.rglob("*")] == ["odd.zip"]


def test_a_zip_lists_like_the_folder_that_it_was_made_of(tmp_path):
    root = tmp_path / "set"
    for i in range(12):
        (root / "a" / str(i % 3)).mkdir(parents=True, exist_ok=True)
        (root / "a" / str(i % 3) / f"{i}.png").write_bytes(bytes([i]))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in root.rglob("*"):
            archive.write(file, file.relative_to(root))
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        theirs, ours = list_zip(tmp_path / "set.zip", archive), list_folder(root)
        assert theirs.files() == ours.files()
        assert theirs.subfolders(("a",)) == ours.subfolders(("a",)) == ["0", "1", "2"]
        assert [theirs.readers[f]() for f in theirs.files()] == [
            ours.readers[f]() for f in ours.files()
        ]


# ------------------------------------------------------------------ the largest

MEASURE = r"""
import re, sys, time
from PIL import Image
from vtlab.data.decoding import decode
Image.init()

def peak():  # not getrusage's, which begins with what the parent process took
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1])

decode(open(sys.argv[1], "rb").read(), 64, "warm")
before = peak()
started = time.process_time()  # whatever else the machine does
try:
    decode(open(sys.argv[2], "rb").read(), 224, "large")
    said = "read"
except ValueError as error:
    said = str(error)
seconds, megabytes = time.process_time() - started, (peak() - before) / 1000
started = time.process_time()
Image.open(sys.argv[2]).convert("RGBA")
print(seconds, time.process_time() - started, megabytes, said, sep=";")
"""


def large(form: str, mode: str, million: int, **options):
    def make() -> bytes:
        side = int((million * 1e6) ** 0.5)
        ramp = Image.linear_gradient("L").resize((side, side)).convert(mode)
        return saved(ramp, form, **options)

    return make


def grainy() -> bytes:
    """39 million pixels that cannot be packed: the file is as large as the pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (6245, 6245, 3), dtype=np.uint8)
    return saved(Image.fromarray(pixels), "PNG", compress_level=0)


LARGE = {
    "jpeg": large("JPEG", "RGB", 49),
    "png, clear": large("PNG", "RGBA", 49, compress_level=1),
    "png, sixteen bits": large("PNG", "I;16", 49, compress_level=1),
    "png, grainy": grainy,
    "png, black and white": large("PNG", "1", 49, compress_level=1),
    "jpeg, progressive": large("JPEG", "RGB", 40, progressive=True, subsampling=0),
    "jpeg, cmyk": large("JPEG", "CMYK", 49),
    "webp": large("WEBP", "RGB", 17, method=0, quality=20),
    "gif": large("GIF", "L", 49),
    "tiff": large("TIFF", "RGB", 34, compression="tiff_lzw"),
    "bmp": large("BMP", "RGB", 33),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read as Linux counts it")
@pytest.mark.parametrize(
    "kind",
    [
        kind if i < 2 else pytest.param(kind, marks=pytest.mark.nightly)
        for i, kind in enumerate(LARGE)
    ],
)
def test_the_largest_images_take_three_times_a_plain_decoding_and_300_megabytes_at_most(
    tmp_path, kind
):
    small, file = tmp_path / "small", tmp_path / "large"
    small.write_bytes(saved(noise(0), "JPEG"))
    file.write_bytes(LARGE[kind]())
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, small, file], capture_output=True, text=True, check=True
    )
    seconds, plain, megabytes, said = done.stdout.strip().split(";")
    print(
        f"{kind}: {float(seconds):.2f} s (Pillow's decoding {float(plain):.2f}), {float(megabytes):.0f} MB, "
        f"{said}; on disk {file.stat().st_size / 1e6:.0f} MB"
    )
    assert 0 < float(megabytes) < 300
    assert float(seconds) < 3 * float(plain)
    assert said == "read"


def test_what_would_take_too_much_memory_is_refused_from_its_header(tmp_path):
    from vtlab.data.decoding import decode

    with pytest.raises(
        ValueError,
        match=rf"x .*would take \d+ MB of memory; the most is {MAX_DECODING_BYTES // 10**6}",
    ):
        decode(large("WEBP", "L", 20, method=0)(), 16, "x")
