"""Classes that the names of files say, where no folder and no table says them."""

import os
import unicodedata

import pytest
from images_made_up import grainy, saved

from vtlab.data.folders import read_folder

NAMED = {
    # files, the classes, how many images are to learn from and to test on, and what is said
    "cats and dogs of a competition": (
        [*(f"train/{k}.{i}.jpg" for k in ("cat", "dog") for i in range(4)), "test1/1.jpg"],
        ("cat", "dog"),
        (8, None),
        "1 images of test1/ were left aside: their names say no class",
    ),
    "breeds with signs between": (
        [
            f"images/{k}_{i}.jpg"
            for k in ("Abyssinian", "american_bulldog")
            for i in (1, 2, 20, 100)
        ],
        ("Abyssinian", "american_bulldog"),
        (8, None),
        "the classes are what the names of files begin with (Abyssinian, american_bulldog): "
        "images/Abyssinian_1.jpg is of 'Abyssinian'",
    ),
    "named by Windows": (
        [f"{k} ({i}).jpg" for k in ("ripe", "unripe") for i in range(1, 5)],
        ("ripe", "unripe"),
        (8, None),
        "begin with (ripe, unripe)",
    ),
    "names in two Unicode forms": (
        [
            *(f"{unicodedata.normalize(('NFC', 'NFD')[i % 2], 'Café')}_{i}.jpg" for i in range(4)),
            *(f"thé_{i}.jpg" for i in range(4)),
        ],
        ("Café", "thé"),
        (8, None),
        "begin with (Café, thé)",
    ),
    "a test set in other case": (
        [
            f"{p}/{k}_{i}.jpg"
            for p, k in zip(("train", "test"), ("Cat", "cat"), strict=True)
            for i in range(3)
        ]
        + [f"{p}/dog_{i}.jpg" for p in ("train", "test") for i in range(3)],
        ("Cat", "dog"),
        (6, 6),
        "the test set is test/",
    ),
    "words that differ in marks alone": (
        [f"{k}{i}.jpg" for k in ("กา", "กี") for i in range(1, 5)],
        ("กา", "กี"),
        (8, None),
        "begin with (กา, กี)",
    ),
    "a test set without labels beside one for validation": (
        [
            *(
                f"{p}/{k}.{i}.jpg"
                for p in ("train", "val")
                for k in ("cat", "dog")
                for i in range(3)
            ),
            *(f"test/{i}.jpg" for i in range(5)),
        ],
        ("cat", "dog"),
        (6, 6),
        "5 images of test/ were left aside: their names say no class",
    ),
    "two sets with labels": (
        [
            f"{p}/{k}.{i}.jpg"
            for p in ("train", "val", "test")
            for k in ("cat", "dog")
            for i in range(3)
        ],
        ("cat", "dog"),
        (6, 6),
        "val/ was left aside: the test set is another folder",
    ),
    "a test set of other names": (
        [f"train/{k}.{i}.jpg" for k in ("cat", "dog") for i in range(4)]
        + [f"test/pic{i}x.{i}.jpg" for i in range(3)]
        + [f"val/{k}.{i}.jpg" for k in ("query", "unseen") for i in range(3)],
        ("cat", "dog"),
        (8, None),
        "6 images of val/ were left aside: their names (query, unseen) are no classes",
    ),
    "a test set that lacks a class": (
        [f"train/{k}.{i}.jpg" for k in ("cat", "dog") for i in range(3)]
        + [f"test/cat.{i}.jpg" for i in range(3)],
        ("cat", "dog"),
        (6, 3),
        "the test set has no image of 'dog'",
    ),
    "a test set of the same names": (
        [f"{part}/{k}{i}.jpg" for part in ("train", "val") for k in ("猫", "犬") for i in range(3)],
        ("犬", "猫"),
        (6, 6),
        "the test set is val/",
    ),
}


def lay_out(folder, names):
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(saved(grainy(i)))


@pytest.mark.parametrize("layout", NAMED)
def test_classes_are_read_from_the_names_of_files(tmp_path, layout):
    names, classes, (learnt, tested), words = NAMED[layout]
    lay_out(tmp_path, names)
    found = read_folder(tmp_path, 16)
    assert sorted(found.classes) == sorted(classes) and not found.skipped
    assert (len(found.train), found.test and len(found.test)) == (learnt, tested)
    for part in (found.train, *([found.test] if tested else [])):
        for file, label in zip(part.files, part.labels, strict=True):
            name = unicodedata.normalize("NFC", file.rpartition("/")[2]).casefold()
            assert name.startswith(found.classes[label].casefold())
    assert any(words in note for note in found.notes), found.notes


@pytest.mark.parametrize(
    "names",
    [
        [f"{k}_{i}.jpg" for k in ("IMG", "DSC") for i in range(4)],  # two cameras
        [f"p{k:02}_{i}.jpg" for k in range(3) for i in range(4)],  # patients
        ["cat_1.jpg", "cat_2.jpg", "dog_1.jpg"],  # one of a kind
        ["cat_1.jpg", "cat_2.jpg", "dog_1.jpg", "dog_2.jpg", "house.jpg"],
        [f"{i}.jpg" for i in range(6)],
        [f"{n}/{k}_{i}.jpg" for n in ("one", "two") for k in ("cat", "dog") for i in range(2)],
    ],
)
def test_other_names_say_no_class(tmp_path, names):
    lay_out(tmp_path, names)
    try:
        said = read_folder(tmp_path, 16).classes
    except ValueError as error:
        said = str(error)
    assert "one folder per class" in said or said == ("one", "two")


def test_a_table_goes_before_names(tmp_path):
    lay_out(tmp_path, names := [f"{k}_{i}.jpg" for k in ("cat", "dog") for i in range(4)])
    rows = [f"{name},{'xy'[i % 2]}" for i, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
    assert read_folder(tmp_path, 16).classes == ("x", "y")


def test_a_group_that_is_none_is_refused_and_not_passed_over(tmp_path):
    lay_out(tmp_path, [f"{k}_{i}.jpg" for k in ("cat", "dog") for i in range(4)])
    with pytest.raises(ValueError, match="patient"):
        read_folder(tmp_path, 16, group="patient")


def test_a_class_to_test_that_is_none_to_learn_is_refused_by_its_name(tmp_path):
    lay_out(tmp_path, [f"train/{k}.{i}.jpg" for k in ("cat", "dog") for i in range(3)])
    lay_out(tmp_path, [f"test/{k}.{i}.jpg" for k in ("cat", "cow") for i in range(3)])
    with pytest.raises(ValueError, match="class 'cow' is in test/ only, and so there is nothing"):
        read_folder(tmp_path, 16)


def test_words_of_one_folder_that_differ_in_case_alone_are_said(tmp_path):
    lay_out(tmp_path, [f"{k}_{i}.jpg" for k in ("Cat", "cat", "dog") for i in range(4)])
    found = read_folder(tmp_path, 16)
    assert sorted(found.classes) == ["Cat", "cat", "dog"]
    assert any("blanks or signs alone: 'Cat' and 'cat'" in note for note in found.notes)


@pytest.mark.skipif(os.name == "nt", reason="names of Windows are text")
def test_names_that_are_no_text_are_classes_that_can_be_printed(tmp_path):
    for k in (b"caf\xe9", b"caf\xe8", b"\xe9t\xe9"):
        for i in range(4):
            name = os.fsdecode(k + f"_{i}.jpg".encode())
            (tmp_path / name).write_bytes(saved(grainy(10 * sum(k) + i)))
    found = read_folder(tmp_path, 16)
    assert sorted(found.classes) == [r"\udce9t\udce9", r"caf\udce8", r"caf\udce9"]
    assert "".join(found.classes).isprintable() and not found.skipped
