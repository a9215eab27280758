import os
import re
import unicodedata
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from images_made_up import grainy, picture, saved, scene
from PIL import Image

from vtlab.data.decoding import decode
from vtlab.data.folders import read_folder
from vtlab.data.own_images import read_arrays
from vtlab.data.splits import MIN_IMAGES_PER_CLASS


def lay_out(root: Path, *folders: str, count: int = 5) -> Path:
    for k, folder in enumerate(folders):
        for i in range(count):
            path = root / folder / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = Image.new("RGB", (40, 30), (40 * i, 10, 10 * k))
            image.paste("white", (6, 0, 12, 6))  # an image of one colour is named
            path.write_bytes(saved(image))
    return root


def zipped(root: Path, path: Path, around: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, around + file.relative_to(root).as_posix())
    return path


# ------------------------------------------------------------------ which files, which classes


def test_a_folder_per_class_has_no_test_set_of_its_own(tmp_path):
    read = read_folder(lay_out(tmp_path, "wasp", "ant"), 16)
    assert read.classes == ("ant", "wasp") and read.test is None and read.notes == ()
    assert read.train.pixels.shape == (10, 3, 16, 16) and read.train.pixels.dtype == torch.uint8
    assert read.train.labels.tolist() == [0] * 5 + [1] * 5
    assert read.train.files[:2] == ("ant/0.png", "ant/1.png")
    assert read.train.pixels[:, :, 8, 8].tolist() == [
        [40 * i, 10, k] for k in (10, 0) for i in range(5)
    ]


@pytest.mark.parametrize("first", ["train", "Training"])
@pytest.mark.parametrize("second", ["val", "test", "Validation"])
def test_a_second_folder_is_the_test_set(tmp_path, first, second):
    folders = (f"{first}/a", f"{first}/b", f"{second}/a", f"{second}/b")
    read = read_folder(lay_out(tmp_path, *folders, count=2), 16)
    assert read.classes == ("a", "b") and read.notes == (f"the test set is {second}/",)
    assert read.train.labels.tolist() == read.test.labels.tolist() == [0, 0, 1, 1]
    assert {file.split("/")[0] for file in read.train.files} == {first}
    assert {file.split("/")[0] for file in read.test.files} == {second}
    assert read.test.pixels[:, 2, 8, 8].tolist() == [20, 20, 30, 30]


def test_val_is_left_aside_where_there_is_a_test_folder_and_said(tmp_path):
    folders = [f"{part}/{name}" for part in ("train", "val", "test") for name in "ab"]
    read = read_folder(lay_out(tmp_path, *folders, count=2), 16)
    assert len(read.train.files) == 4 and all(f.startswith("test") for f in read.test.files)
    assert "val/ was left aside: test/ is the test set" in read.notes


def test_a_test_folder_without_class_folders_is_left_aside_and_said(tmp_path):
    read = read_folder(lay_out(tmp_path, "train/a", "train/b", "test"), 16)
    assert read.test is None and len(read.train.files) == 10
    assert "test/ was left aside: it has no class folders" in read.notes


def test_a_class_may_be_called_train(tmp_path):
    assert read_folder(lay_out(tmp_path, "train", "bus", "car"), 16).classes == (
        "bus",
        "car",
        "train",
    )


def test_names_are_in_natural_order(tmp_path):
    root = lay_out(tmp_path, "k10", "k9", count=12)
    read = read_folder(root, 16)
    assert read.classes == ("k9", "k10")
    assert read.train.files[:3] == ("k9/0.png", "k9/1.png", "k9/2.png")
    assert read.train.files[9:12] == ("k9/9.png", "k9/10.png", "k9/11.png")


@pytest.mark.parametrize("around", ["", "my photos/", "a/b/c/"])
def test_a_zip_is_read_like_its_folder_whatever_surrounds_it(tmp_path, around):
    root = lay_out(tmp_path / "set", "train/a", "train/b", "val/a", "val/b")
    path = zipped(root, tmp_path / "set.zip", around)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/a/._0.png", b"junk")
        archive.writestr(around + "train/a/.DS_Store", b"junk")
        archive.writestr(around + "train/a/Thumbs.db", b"junk")
    ours, theirs = read_folder(path, 16), read_folder(root, 16)
    assert (ours.classes, ours.notes) == (theirs.classes, theirs.notes)
    assert torch.equal(ours.train.pixels, theirs.train.pixels)
    assert torch.equal(ours.test.pixels, theirs.test.pixels)
    assert ours.test.files == tuple(around + file for file in theirs.test.files)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["set", "set.zip"]  # nothing unpacked


def test_a_zip_from_windows_or_macos_keeps_its_names(tmp_path, monkeypatch):
    beetle = unicodedata.normalize("NFD", "Käfer")
    with monkeypatch.context() as patch, zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        # UTF-8 without the flag that says so
        patch.setattr(
            zipfile.ZipInfo, "_encodeFilenameFlags", lambda self: (self.filename.encode(), 0)
        )
        for i in range(4):
            archive.writestr(f"set\\wasp\\{i}.png", picture((i, 0, 0)))
            archive.writestr(f"set/{beetle}/{i}.png", picture((0, i, 0)))
        archive.close()
    assert read_folder(tmp_path / "w.zip", 16).classes == ("Käfer", "wasp")


@pytest.mark.parametrize(
    "name", ["../a/0.png", "a/../../0.png", "/etc/0.png", "C:\\a\\0.png", "..\\0.png"]
)
def test_an_archive_that_climbs_out_is_refused(tmp_path, name):
    path = zipped(lay_out(tmp_path / "set", "a", "b"), tmp_path / "bad.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), picture())
    with pytest.raises(ValueError, match=r"bad\.zip is refused.*climbs out"):
        read_folder(path)


def test_what_lies_astray_is_left_out_and_said(tmp_path):
    root = lay_out(tmp_path, "a", "b")
    (root / "cover.png").write_bytes(picture())
    (root / "a" / "list.txt").write_text("x")
    (root / "a" / ".hidden.png").write_text("x")
    (root / "b" / "more").mkdir()
    (root / "b" / "more" / "x.PNG").write_bytes(picture())
    read = read_folder(root, 16)
    assert len(read.train.files) == 11 and read.train.files[-1] == "b/more/x.PNG"
    assert read.skipped == (
        "cover.png is in no class folder",
        "a/list.txt does not end as an image does (.jpg, .png, .webp …)",
    )


def test_copies_of_an_image_are_said(tmp_path):
    root = lay_out(tmp_path, "a", "b")
    (root / "b" / "9.png").write_bytes((root / "a" / "3.png").read_bytes())
    copied, torn = read_folder(root, 16).notes
    assert copied.startswith("1 images are copies of others") and "b/9.png = a/3.png" in copied
    assert torn.startswith("1 images are copies of one with another label")
    (root / "b" / "9.png").write_bytes((root / "b" / "3.png").read_bytes())
    assert len(read_folder(root, 16).notes) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed_and_a_circle_ends(tmp_path):
    lay_out(tmp_path / "real", "x", "y")
    (tmp_path / "set").mkdir()
    for name, to in (("a", "real/x"), ("b", "real/y"), ("c", "real/x")):
        (tmp_path / "set" / name).symlink_to(tmp_path / to)
    (tmp_path / "real" / "x" / "up").symlink_to(tmp_path / "set")
    read = read_folder(tmp_path / "set", 16)
    assert read.classes == ("a", "b", "c")
    assert {"a/0.png", "b/0.png", "c/0.png"} <= set(read.train.files)
    assert "a/up/ is a link back to a folder above it" in read.notes


# ------------------------------------------------------------------ what is wrong, in a sentence


def test_what_is_no_image_folder_is_one_clear_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder or zip at .*nowhere"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "a.pdf").write_text("x")
    with pytest.raises(ValueError, match=r"a\.pdf is neither a folder nor a zip"):
        read_folder(tmp_path / "a.pdf")
    with pytest.raises(ValueError, match="no folders with images"):
        read_folder(tmp_path)
    lay_out(tmp_path, ".")
    with pytest.raises(ValueError, match="no folders: put one folder per class"):
        read_folder(tmp_path)
    lay_out(tmp_path, "a")
    with pytest.raises(ValueError, match="one class only, 'a'"):
        read_folder(tmp_path)
    with pytest.raises(ValueError, match="images of 3 px"):
        read_folder(tmp_path, 3)


def test_a_damaged_zip_is_one_clear_sentence(tmp_path):
    path = zipped(lay_out(tmp_path / "set", "a", "b"), tmp_path / "set.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        read_folder(path)
    at = whole.index(b"IDAT") + 6  # inside the first picture; the zip's CRC tells
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(ValueError, match=r"a/0\.png cannot be read: Bad CRC"):
        read_folder(path, strict=True)
    (line,) = read_folder(path).skipped
    assert line.startswith("a/0.png cannot be read: Bad CRC")


def test_a_member_that_unpacks_to_too_much_is_named(tmp_path, monkeypatch):
    path = zipped(lay_out(tmp_path / "set", "a", "b"), tmp_path / "set.zip")
    monkeypatch.setattr("vtlab.data.listing.MAX_FILE_BYTES", 10)
    with pytest.raises(
        ValueError,
        match=r"'a' has 0 images.*; 10 could not be read \(a/0\.png cannot be "
        r"read: it unpacks to more than 10 bytes …\)",
    ):
        read_folder(path)


@pytest.mark.parametrize("count", range(1, MIN_IMAGES_PER_CLASS))
def test_a_small_class_is_named_with_its_count(tmp_path, count):
    lay_out(tmp_path, "a", "b", count=MIN_IMAGES_PER_CLASS)
    assert len(read_folder(tmp_path, 16).train.files) == 8
    lay_out(tmp_path, "c", count=count)
    with pytest.raises(ValueError, match=rf"'c' has {count} images?; the least is 4"):
        read_folder(tmp_path)


def test_a_class_without_images_is_named(tmp_path):
    lay_out(tmp_path, "a", "b")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="class 'empty' in .* has no images"):
        read_folder(tmp_path)
    (tmp_path / "empty" / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match="class 'empty' in .* has no images"):
        read_folder(zipped(tmp_path, tmp_path.with_suffix(".zip")))


def test_val_and_test_without_train_are_refused(tmp_path):
    with pytest.raises(ValueError, match="has test/, val/ but no train/"):
        read_folder(lay_out(tmp_path, "val/a", "val/b", "test/a", "test/b"))
    with pytest.raises(ValueError, match="has train/, val/ but no train/ with one folder per"):
        read_folder(lay_out(tmp_path / "flat", "train", "val"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"no image", "cannot be read as an image"),
        (picture()[:60], "cannot be read as an image"),
        (saved(scene(200, 150), "JPEG")[:1500], "truncated"),
        (saved(scene(200, 150), "WEBP")[:500], "cannot be read as an image"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "save it as JPEG|cannot be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be read as an image"),
    ],
)
def test_an_unreadable_image_is_left_out_and_named_or_refused(tmp_path, content, why):
    lay_out(tmp_path, "a", "b")
    whole = read_folder(tmp_path)
    (tmp_path / "b" / "broken.jpg").write_bytes(content)
    read = read_folder(tmp_path)
    (line,) = read.skipped
    assert re.match(rf"b/broken\.jpg .*({why})", line) and "\n" not in line and "0x" not in line
    assert torch.equal(read.train.pixels, whole.train.pixels)
    assert read.train.files == whole.train.files and torch.equal(
        read.train.labels, whole.train.labels
    )
    with pytest.raises(ValueError) as caught:
        read_folder(tmp_path, strict=True)
    assert str(caught.value) == line


def test_an_image_left_out_in_the_middle_shifts_neither_names_nor_labels(tmp_path):
    root = lay_out(tmp_path, "train/a", "train/b", "test/a", "test/b")
    for torn in ("train/a/2.png", "train/b/0.png", "test/b/4.png"):
        (root / torn).write_bytes(b"")
    read = read_folder(root, 16)
    assert [line.split()[0] for line in read.skipped] == [
        "train/a/2.png",
        "train/b/0.png",
        "test/b/4.png",
    ]
    for part in (read.train, read.test):
        for pixels, label, file in zip(part.pixels, part.labels, part.files, strict=True):
            folder = ["train/a", "train/b", "test/a", "test/b"].index(file[:-6])
            assert pixels[:, 8, 8].tolist() == [40 * int(file[-5]), 10, 10 * folder]
            assert label == folder % 2


def test_a_class_that_is_left_with_too_few_readable_images_is_named(tmp_path):
    root = lay_out(tmp_path, "train/a", "train/b", "test/a", "test/b", count=1)
    (root / "test/b/0.png").write_bytes(b"")
    with pytest.raises(
        ValueError,
        match=r"class 'b' has no image that can be read on one side; 1 could not "
        r"be read \(test/b/0\.png cannot be read as an image: it is empty",
    ):
        read_folder(root)


def test_warnings_of_pillow_do_not_reach_the_reader_and_the_filters_stay(tmp_path, recwarn):
    root = lay_out(tmp_path, "a", "b")
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 200, 30, 30])
    (root / "a" / "p.png").write_bytes(saved(palette, transparency=b"\0\xff"))
    before = list(warnings.filters)
    read_folder(root, 16)
    assert warnings.filters == before and not recwarn.list


def test_progress_counts_every_image_and_its_interrupt_stops_the_reading(tmp_path):
    root, seen = lay_out(tmp_path, "a", "b"), []
    read_folder(root, 16, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(i, 10) for i in range(1, 11)]

    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_folder(root, 16, progress=interrupt)


def test_real_photographs_are_read(photos):
    path, seen = photos / "hymenoptera_224.zip", []
    read = read_folder(path, 64, progress=lambda done, of: seen.append(done))
    assert read.classes == ("ants", "bees") and read.notes[1:] == ("the test set is val/",)
    assert read.notes[0].startswith("the middle square is kept: of 184 of 397 images more than a")
    assert torch.bincount(read.train.labels).tolist() == [123, 121]
    assert torch.bincount(read.test.labels).tolist() == [70, 83]
    assert len(seen) == 397 and read.train.pixels.float().std() > 30
    with zipfile.ZipFile(path) as archive, archive.open(read.test.files[-1]) as file:
        assert torch.equal(
            read.test.pixels[-1].permute(1, 2, 0), torch.from_numpy(decode(file.read(), 64, "x"))
        )


def clear(image):
    image = image.convert("RGBA")
    image.putalpha(40)
    return image


MADE = {
    # what the i-th of twelve images is, of two classes, six each; and what is said of it
    "one class grey": (
        lambda i: grainy(i).convert("L") if i < 6 else grainy(i),
        "all images of class 'a' are grey, and no others are: a network may learn that",
    ),
    "one class in colour": (
        lambda i: grainy(i) if i > 5 else grainy(i).convert("L").convert("RGB"),
        "all images of class 'a' are grey, and no others are",
    ),
    "one class small": (
        lambda i: grainy(i, 18 if i < 6 else 40),
        "all images of class 'a' are 18 x 18 px, and no others are",
    ),
    "one class of one size": (
        lambda i: grainy(i, 18 if i > 5 else 20 + i),
        "all images of class 'b' are 18 x 18 px, and no others are",
    ),
    "a size that both have": (lambda i: grainy(i, 18 if i < 7 else 40), ""),
    "all grey": (lambda i: grainy(i).convert("L"), ""),
    "all of their own sizes": (lambda i: grainy(i, 18 + i), ""),
    "small": (
        lambda i: grainy(i, 7 if i in (3, 9) else 20),
        "2 of 12 images are enlarged more than twice, to 16 px: the smallest has 7 x 7 px (a/3.png)",
    ),
    "half as large": (lambda i: grainy(i, 8), ""),
    "clear": (
        lambda i: clear(grainy(i)) if i in (2, 8) else grainy(i),
        "2 of 12 images have an opacity (a/2.png …): what is clear is white",
    ),
    "plain": (grainy, ""),
}


@pytest.mark.parametrize("door", ["folder", "arrays"])
@pytest.mark.parametrize("how", MADE)
def test_how_images_were_made_is_said_where_it_tells_a_class_or_adds_to_them(tmp_path, how, door):
    make, words = MADE[how]
    images = [make(i) for i in range(12)]
    if door == "folder":
        for i, image in enumerate(images):
            place = tmp_path / "ab"[i // 6] / f"{i}.png"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(saved(image))
        notes = read_folder(tmp_path, 16).notes
    else:
        notes = read_arrays(images, [i // 6 for i in range(12)], 16, classes=("a", "b")).notes
        words = words.replace("a/3.png", "arrays[3]")
        if how == "clear":
            words = "the fourth channel is taken for opacity: what is clear is white"
    assert len(notes) == bool(words) and "".join(notes).startswith(words)


@pytest.mark.parametrize("ending", [".cr2", ".npy", ""])
def test_a_folder_without_images_says_what_else_is_there(tmp_path, ending):
    for i in range(8):
        place = tmp_path / "ab"[i % 2] / f"{i}{ending}"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"x")
    with pytest.raises(ValueError, match=rf"there are 8 other files \(a/0{ending} …\)"):
        read_folder(tmp_path, 16)
