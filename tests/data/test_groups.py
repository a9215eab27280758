import numpy as np
import pytest
import torch
from images_made_up import grainy, saved
from PIL import Image

from vtlab.data.folders import read_folder
from vtlab.data.groups import (
    check_group,
    check_group_word,
    find_groups_by_pattern,
    is_group_column,
    join_alike,
    suggest_groups,
)


def save(path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(saved(grainy(seed)))


@pytest.fixture
def patients(tmp_path):
    """Two classes of five patients with four images each: `healthy/p3_1.png`."""
    for k, kind in enumerate(("healthy", "sick")):
        for patient in range(5):
            for i in range(4):
                save(tmp_path / kind / f"p{5 * k + patient}_{i}.png", 100 * k + 10 * patient + i)
    return tmp_path


def sides(read) -> list[set[str]]:
    return [{*part.groups} for part in (read.train, read.test)]


# ------------------------------------------------------------------ what `group` says


@pytest.mark.parametrize("group", [None, "folder", "name", "auto", "none", "(p[0-9]+)_"])
def test_words_and_patterns_are_understood_of_folders(group):
    check_group_word(group)
    assert is_group_column(group) is (group == "none")  # of a table it is said to its reader, too


def test_any_other_word_is_a_column_and_of_folders_refused(patients):
    assert is_group_column("patient")
    with pytest.raises(ValueError, match=r"group 'patient' would be a column of a table.*'folder'"):
        read_folder(patients, 16, group="patient")


@pytest.mark.parametrize(
    ("group", "words"),
    [("(p", "no pattern: missing"), ("(p)([0-9])", "2 pairs"), ("(?:p)", "0 pairs of brackets")],
)
def test_a_pattern_that_says_nothing_is_refused(group, words):
    with pytest.raises(ValueError, match=words):
        check_group(group)


# ------------------------------------------------------------------ names


def test_a_pattern_finds_groups_in_the_names_and_says_what_it_found():
    files = ["a/p1_0.png", "a/p1_1.png", "b/p22_0.png", "b/x.png"]
    pattern = check_group("(p[0-9]+)_")
    found, said = find_groups_by_pattern(files, pattern)
    assert found == ["p1", "p1", "p22", ""]
    assert said.startswith("2 groups by the names of files (p1, p22)") and "1 files have no" in said
    with pytest.raises(ValueError, match=r"is found in no name of a file; the first is a/q\.png"):
        find_groups_by_pattern(["a/q.png"], pattern)


@pytest.mark.parametrize("group", ["name", r"(p\d+)_"])
def test_groups_by_names_stay_on_one_side(patients, group):
    read = read_folder(patients, 16, hold_out=0.3, group=group)
    train, test = sides(read)
    assert not train & test and train | test == {f"p{i}" for i in range(10)}
    assert len({*read.test.labels.tolist()}) == 2
    assert any("10 groups by the names of files" in note for note in read.notes)
    assert any("8 images of 2 groups" in note and "too narrow" in note for note in read.notes)


def test_names_that_look_like_groups_are_said_where_nobody_asked(patients):
    said = [n for n in read_folder(patients, 16, hold_out=0.3).notes if "beginnings" in n]
    assert len(said) == 1 and "10 beginnings of files' names (p0, p1, p2 …)" in said[0]
    assert "say group 'name'" in said[0]
    for group in ("name", "none", "auto"):
        read = read_folder(patients, 16, hold_out=0.3, group=group)
        assert not any("beginnings" in note for note in read.notes)
    assert not any("beginnings" in note for note in read_folder(patients, 16).notes)  # no split


NO_GROUPS = {
    "cameras": [f"{k}/IMG_{i:04}.jpg" for k in "ab" for i in range(20)],
    "numbers": [f"{k}/{i}.jpg" for k in "ab" for i in range(20)],
    "the class": [f"{k}/{k}1_{i}.jpg" for k in ("cat", "dog") for i in range(20)],
    "one each": [f"{k}/{k}{i}_0.jpg" for k in "ab" for i in range(20)],
    "words": [f"{k}/{word}_{i}.jpg" for k in "ab" for word in ("left", "far") for i in range(9)],
    "Flickr's": [f"{k}/{i * 7919}_c{i}f8{i}a1b.jpg" for k in "ab" for i in range(20)],
}


@pytest.mark.parametrize("what", NO_GROUPS)
def test_usual_names_of_files_look_like_no_groups(what):
    files = NO_GROUPS[what]
    assert suggest_groups(files, [sorted({f[:2] for f in files}).index(f[:2]) for f in files]) == []


@pytest.mark.parametrize(
    "name",
    ["p{p:02}_{i}.jpg", "Patient 1{p} ({i}).png", "2024-05-1{p}_{i:03}.tif", "v{p}-frame{i}.jpg"],
)
def test_names_of_patients_days_and_films_look_like_groups(name):
    files = [f"c{p % 2}/" + name.format(p=p, i=i) for p in range(8) for i in range(4)]
    assert "8 beginnings" in suggest_groups(files, [p % 2 for p in range(8) for _ in range(4)])[0]


# ------------------------------------------------------------------ images that look the same


def test_images_that_look_the_same_are_joined_through_others_and_through_groups():
    pictures = [np.array(grainy(seed, 32)) for seed in (1, 1, 2, 3, 3, 4)]
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    pixels[1] += pixels[1] < 250  # brighter by 1
    files = [f"{i}.png" for i in range(6)]
    names, said = join_alike(pixels, [""] * 6, files)
    assert names == ["0.png", "0.png", "", "3.png", "3.png", ""]
    assert said.startswith("4 images look the same as another one and are joined to 2 groups")
    names, _ = join_alike(pixels, ["", "p", "p", "q", "", "q"], files)
    assert names[0] == names[1] == names[2] and names[3] == names[4] == names[5] != names[0]
    names, said = join_alike(pixels[2:4], ["p", ""], files[2:4])
    assert names == ["p", ""] and said.startswith("no two images look the same")


def test_a_burst_stays_on_one_side_when_asked_and_is_said_when_not(tmp_path):
    for k, kind in enumerate("ab"):
        for burst in range(8):
            base = np.array(grainy(50 * k + burst, 9).resize((64, 64), Image.Resampling.BICUBIC))
            for i in range(3):
                path = tmp_path / kind / f"{burst * 3 + i}.png"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(
                    saved(Image.fromarray(np.clip(base * (1 - i / 50), 0, 255).astype(np.uint8)))
                )
    read = read_folder(tmp_path, 32, hold_out=0.3, group="auto")
    train, test = sides(read)
    assert not train & test and len(train | test) == 16
    assert any(note.startswith("48 images look the same as another one") for note in read.notes)
    # the pixels follow their files into the new split
    whole = read_folder(tmp_path, 32)
    by_file = dict(zip(whole.train.files, whole.train.pixels, strict=True))
    for part in (read.train, read.test):
        assert all(torch.equal(by_file[f], p) for f, p in zip(part.files, part.pixels, strict=True))
        assert [f[0] for f in part.files] == ["ab"[k] for k in part.labels.tolist()]
    assert len(read.train) + len(read.test) == 48


def test_a_burst_is_joined_in_the_store_of_many_images_as_in_memory(
    tmp_path, patients, monkeypatch
):
    save(patients / "sick" / "again.png", 100)  # as sick/p5_0
    monkeypatch.setenv("VTLAB_CACHE", str(tmp_path / "cache"))
    inside = read_folder(patients, 16, hold_out=0.3, group="auto")
    for module in ("folders", "parallel_decoding"):
        monkeypatch.setattr(f"vtlab.data.{module}.MAX_BYTES_IN_MEMORY", 100)
    stored = read_folder(patients, 16, hold_out=0.3, group="auto")
    for ours, theirs in ((inside.train, stored.train), (inside.test, stored.test)):
        assert ours.files == theirs.files and torch.equal(ours.pixels, theirs.pixels)
    side = next(p for p in (inside.train, inside.test) if "sick/again.png" in p.files)
    assert "sick/p5_0.png" in side.files


# ------------------------------------------------------------------ classes of one group


def test_where_a_class_is_of_one_group_only_others_are_tested_and_of_two_classes_it_is_refused(
    tmp_path,
):
    for k, kind in enumerate("abc"):
        for patient in range(1 if kind == "c" else 4):
            for i in range(4):
                save(
                    tmp_path / kind / f"P{10 * k + patient}" / f"{i}.png", 97 * k + 7 * patient + i
                )
    read = read_folder(tmp_path, 16, hold_out=0.3)
    assert {*read.test.labels.tolist()} == {0, 1} and {*read.train.labels.tolist()} == {0, 1, 2}
    assert any("none is of 'c', whose images are of one group" in note for note in read.notes)
    for folder in (tmp_path / "b").iterdir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    (tmp_path / "b").rmdir()
    with pytest.raises(ValueError, match="all images of class 'c' are of one group.*'none'"):
        read_folder(tmp_path, 16, hold_out=0.3)
    mixed = read_folder(tmp_path, 16, hold_out=0.3, group="none")
    assert not mixed.train.groups and {*mixed.test.labels.tolist()} == {0, 1}


def test_group_folder_forces_what_names_leave_open(tmp_path):
    for k, kind in enumerate(("photo", "sketch")):
        for j, thing in enumerate(("cat", "dog", "cow")):
            for i in range(3):
                save(tmp_path / kind / thing / f"{i}.png", 31 * k + 7 * j + i)
    with pytest.raises(ValueError, match="which are the classes"):
        read_folder(tmp_path, 16, hold_out=0.3)
    read = read_folder(tmp_path, 16, hold_out=0.3, group="folder")
    train, test = sides(read)
    assert read.classes == ("photo", "sketch") and not train & test
    assert train | test == {"cat", "dog", "cow"}
