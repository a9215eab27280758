"""Classes that the names of files say, where no folder and no table says them."""

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
            assert file.rpartition("/")[2].startswith(found.classes[label])
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
