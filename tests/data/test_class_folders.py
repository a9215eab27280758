import zipfile

import pytest
from images_made_up import picture

from vtlab.data.class_folders import find_class_folders
from vtlab.data.listing import Listing, list_folder, list_zip

SAME = {"cat": 4, "dog": 4}


def listed(*folders: str, name: str = "set", count: int = 4) -> Listing:
    """A listing with so many images in each of these folders (`a/b:2` has two; `a/b:0` is an empty folder)."""
    made = Listing(name)
    for folder in folders:
        path, _, number = folder.partition(":")
        place = tuple(part for part in path.split("/") if part)
        made.add(place)
        for i in range(int(number or count)):
            made.add(place, f"{i}.jpg", picture)
    return made


def read(*folders: str, group: str | None = None, **options):
    """Classes with their counts, of the training and of the test folder, and the notes in one text."""
    found = find_class_folders(listed(*folders, **options), group)
    sides = [
        None if side is None else {name: len(files) for name, files in side.items()}
        for side in (found.train, found.test)
    ]
    return *sides, found.groups, "; ".join(found.notes)


def below(*tops: str, inner=("cat", "dog")) -> list[str]:
    return [f"{top}/{name}" for top in tops for name in inner]


LAYOUTS = {
    # what lies there: the training classes, the test classes, words of the notes
    "a folder per class": (["cat", "dog"], SAME, None, ""),
    "in one more folder": (below("archive"), SAME, None, ""),
    "in several": (below("a/b/c"), SAME, None, ""),
    "with an image beside the folder around": ([":1", *below("set")], SAME, None, ""),
    "with a folder of texts beside it": (["docs:0", *below("images")], SAME, None, ""),
    "Kaggle's cats and dogs": (
        below("training_set/training_set", "test_set/test_set"),
        SAME,
        SAME,
        "the test set is test_set/",
    ),
    "Intel's scenes": (
        [*below("seg_train/seg_train", "seg_test/seg_test"), "seg_pred/seg_pred"],
        SAME,
        SAME,
        "seg_pred/ was left aside; the test set is seg_test/",
    ),
    "chest X-rays, which lie there twice": (
        below("train", "test", "val", "chest_xray/train", "chest_xray/test"),
        SAME,
        SAME,
        "chest_xray/ was left aside",
    ),
    "cells, which lie there twice": (
        ["cells/cat", "cells/dog", "cells/cells/cat", "cells/cells/dog"],
        SAME,
        None,
        "cells/cells/ was left aside: it holds folders of the same names",
    ),
    "the alphabet": (
        [*below("asl_train/asl_train"), "asl_test/asl_test"],
        SAME,
        None,
        "asl_test/ was left aside: its folders (asl_test) are no classes of asl_train/",
    ),
    "Keras's test/unknown": (
        [*below("train", "valid"), "test/unknown"],
        SAME,
        SAME,
        "test/ was left aside: its folders (unknown) are no classes of train/; the test set is valid/",
    ),
    "a flat test folder": (
        [*below("train", "val"), "test"],
        SAME,
        SAME,
        "test/ was left aside: it has no class folders; the test set is val/",
    ),
    "ImageNet, whose val/ is flat": ([*below("train"), "val"], SAME, None, "val/ was left aside"),
    "Image folders below": (
        [
            "train/images/cat",
            "train/images/dog",
            "train/labels:0",
            "val/images/cat",
            "val/images/dog",
        ],
        SAME,
        SAME,
        "the test set is val/",
    ),
    "a class that the test folder lacks": (
        [*below("train"), "test/cat", "test/dog:0"],
        SAME,
        {"cat": 4},
        "the test set has no image of 'dog': its accuracy says nothing about it",
    ),
    "a lone class in the test folder": (
        [*below("train"), "test/dog"],
        SAME,
        {"dog": 4},
        "the test set has no image of 'cat'",
    ),
    "unknown images beside the test classes": (
        [*below("train", "test"), "test/unknown"],
        SAME,
        SAME,
        "test/unknown/ was left aside: it is no class",
    ),
    "classes in another case": (
        [*below("train"), "test/Cat", "test/DOG"],
        SAME,
        SAME,
        "the test set is test/",
    ),
    "parts in the classes": (
        [f"{kind}/{part}" for kind in ("cat", "dog") for part in ("train", "test", "val")],
        SAME,
        SAME,
        "cat/val/ was left aside; dog/val/ was left aside; the test set is the folder test/ in each class",
    ),
    "a class called train": (["train", "bus", "car"], {"bus": 4, "car": 4, "train": 4}, None, ""),
    "classes called valid and invalid": (
        ["valid", "invalid"],
        {"invalid": 4, "valid": 4},
        None,
        "",
    ),
    "images in a folder of each class": (below("cat", "dog", inner=["images"]), SAME, None, ""),
    "one folder more in one class": (
        ["cat", "cat/more:1", "dog"],
        {"cat": 5, "dog": 4},
        None,
        "",
    ),
}


@pytest.mark.parametrize("what", LAYOUTS)
def test_what_is_a_class_is_decided_from_the_whole_tree(what):
    folders, train, test, said = LAYOUTS[what]
    found_train, found_test, groups, notes = read(*folders)
    assert (found_train, found_test, groups) == (train, test, {})
    assert said in notes and bool(said) == bool(notes)


PAIRS = [
    ("train", "test"),
    ("Train Set", "Test Set"),
    ("training_set", "holdout"),
    ("TrainingData", "hold-out"),
    ("train_data", "eval_data"),
    ("seg_train", "seg_test"),
    ("train2017", "val2017"),
    ("train1", "test1"),
    ("images_train", "images_dev"),
    ("01_train", "02_valid"),
    ("monkeys-train", "monkeys-test"),
    ("trainset", "testset"),
    ("TRAIN", "Evaluation"),
    ("训练集", "测试集"),
    ("学習データ", "テストデータ"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_parts_are_known_by_the_words_that_people_use(first, second):
    train, test, _, notes = read(*below(first, second))
    assert train == test == SAME and notes == f"the test set is {second}/"


GROUPED = {
    # folders, classes, how many groups, words of the notes
    "patients in the classes": (
        ["ill/P01", "ill/P02", "well/P03", "well/P04"],
        {"ill": 8, "well": 8},
        4,
        "4 folders in the class folders of set (P01, P02, P03 …) are taken for groups",
    ),
    "with images beside them": (
        ["ill:1", "ill/P01", "ill/P02", "well/P03", "well/P04"],
        {"ill": 9, "well": 8},
        4,
        "taken for groups",
    ),
    "by name, beside images": (
        ["lame:1", "lame/Bella", "lame/Rosie", "sound/Daisy"],
        {"lame": 9, "sound": 4},
        3,
        "groups",
    ),
    "with a folder of others": (
        [*(f"ill/P{i}" for i in range(5)), "ill/others", *(f"well/Q{i}" for i in range(5))],
        {"ill": 24, "well": 20},
        11,
        "groups",
    ),
    "a patient of both classes": (
        ["ill/P01", "ill/P02", "well/P01", "well/P02", "well/P03"],
        {"ill": 8, "well": 12},
        3,
        "groups",
    ),
    "counted anew in each class": (
        ["ill/1", "ill/2", "ill/3", "well/1", "well/2", "well/3"],
        {"ill": 12, "well": 12},
        3,
        "groups",
    ),
    "with studies below them": (
        ["ill/P01/s1", "ill/P01/s2", "ill/P02/s1", "well/P03/s1", "well/P04/s1"],
        {"ill": 12, "well": 8},
        4,
        "groups",
    ),
    "with a folder between": (
        ["ill/images/P01", "ill/images/P02", "well/images/P03", "well/images/P04"],
        {"ill": 8, "well": 8},
        4,
        "groups",
    ),
    "drivers in numbered classes": (
        [f"c{k}/p{i:03}" for k in range(3) for i in range(5)],
        {f"c{k}": 20 for k in range(3)},
        5,
        "groups",
    ),
    "classes in patients": (
        below("P01", "P02", "P03", inner=["ill", "well"]),
        {"ill": 12, "well": 12},
        3,
        "the classes are the folders ill, well in each folder of set; 3 folders in set (P01, P02, P03)",
    ),
    "one class in each patient": (
        ["P01/ill", "P02/well", "P03/ill", "P04/well"],
        {"ill": 8, "well": 8},
        4,
        "the classes are the folders ill, well",
    ),
    "numbered classes in patients": (
        below("10253", "10254", "10255", inner=["0", "1"]),
        {"0": 12, "1": 12},
        3,
        "the classes are the folders 0, 1",
    ),
    "gestures in subjects": (
        below("00", "01", inner=["01_palm", "02_fist"]),
        {"01_palm": 8, "02_fist": 8},
        2,
        "the classes are the folders 01_palm, 02_fist",
    ),
}


@pytest.mark.parametrize("what", GROUPED)
def test_folders_of_groups_are_told_by_their_names(what):
    folders, classes, number, said = GROUPED[what]
    train, test, groups, notes = read(*folders)
    assert (train, test) == (classes, None) and said in notes
    assert len({*groups.values()}) == number
    train, _, groups, notes = read(*folders, group="none")
    assert train == classes and not groups and "mixed, as asked" in notes


def test_groups_are_read_in_train_and_test_alike_and_those_on_both_sides_are_said():
    folders = [f"{part}/{kind}" for part in ("train", "test") for kind in ("ill", "well")]
    train, test, groups, notes = read(*below(*folders, inner=["P01", "P02"]))
    assert train == test == {"ill": 8, "well": 8} and len(groups) == 32
    assert "2 groups are on both sides of the split that is declared (P01, P02)" in notes
    inside = below("train/P01", "train/P02", "test/P03", inner=["ill", "well"])
    train, test, groups, notes = read(*inside)
    assert train == {"ill": 8, "well": 8} and test == {"ill": 4, "well": 4}
    assert len({*groups.values()}) == 3 and "both" not in notes


DOUBTFUL = {
    "domains": below("photo", "sketch"),
    "kinds of classes": ["animals/cat", "animals/dog", "plants/rose", "plants/tulip"],
    "organs": [
        "colon_sets/colon_n",
        "colon_sets/colon_aca",
        "lung_sets/lung_n",
        "lung_sets/lung_scc",
    ],
    "in a folder of images": below("amazon/images", "dslr/images"),
    "writers of signs": below("一", "二", inner=["王羲之", "颜真卿"]),
    "sides": below("well", "ill", inner=["left", "right"]),
}


@pytest.mark.parametrize("what", DOUBTFUL)
def test_folders_that_could_be_classes_or_groups_are_refused_with_both_readings(what):
    folders = DOUBTFUL[what]
    with pytest.raises(ValueError, match="which are the classes.*group 'folder'.*group 'none'"):
        read(*folders)
    train, _, groups, notes = read(*folders, group="folder")
    outer = sorted({folder.split("/")[0] for folder in folders})
    assert sorted(train) == outer and len(groups) == 16 and "groups" in notes
    train, _, groups, notes = read(*folders, group="none")
    assert sorted(train) == outer and not groups and "mixed, as asked" in notes


def test_doubt_about_folders_names_the_first_and_what_lies_in_it():
    with pytest.raises(
        ValueError, match=r"set/train/photo holds folders \(cat, dog\) and no images"
    ):
        read(*below("train/photo", "train/sketch"), "test/photo", "test/sketch")


MASKED = {
    "in each class": ["COVID/images", "COVID/masks", "Normal/images", "Normal/masks"],
    "around the classes": ["images/COVID", "images/Normal", "masks/COVID", "masks/Normal"],
    "in each part": [
        f"{part}/{kind}/{name}"
        for part in ("train", "val")
        for kind in ("images", "Segmentations")
        for name in ("COVID", "Normal")
    ],
}


@pytest.mark.parametrize("what", MASKED)
def test_folders_of_masks_beside_images_are_left_aside_and_said(what):
    train, test, groups, notes = read(*MASKED[what])
    assert train == {"COVID": 4, "Normal": 4} and not groups
    assert test == (train if "part" in what else None)
    assert "left aside: masks of the images beside" in notes


def test_files_called_as_masks_of_others_are_left_aside_and_said():
    made = listed("benign:0", "malignant:0")
    for kind in ("benign", "malignant"):
        for i in range(4):
            for end in ("", "_mask", "_mask_1"):
                made.add((kind,), f"{kind} ({i}){end}.png", picture)
        made.add((kind,), "gas_mask.png", picture)  # nothing is called "gas"
    found = find_class_folders(made)
    assert [len(files) for files in found.train.values()] == [5, 5]
    assert found.notes == [
        "16 files were left aside, since they are called as masks of images beside them "
        "(benign/benign (0)_mask.png …)"
    ]


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["images_001/images", "images_002/images"], True),
        (["HAM_images_part_1", "HAM_images_part_2"], True),
        (["fold1", "fold2", "fold3"], True),
        (["class1", "class2"], False),
        (["grade 0", "grade 1", "grade 2"], False),
        (["image_set", "other"], False),
    ],
)
def test_portions_of_a_set_that_look_like_classes_are_said(folders, said):
    assert ("as portions of one set are" in read(*folders)[3]) is said


REFUSED = {
    "val and test without train": (below("val", "test"), "has test/, val/ but no train/"),
    "flat parts": (["train", "val"], "has train/, val/ but no train/ with one folder per class"),
    "flat parts with another folder": (["train", "test", "sample"], "has .*but no train/"),
    "train/ and something": (
        [*below("train"), "other"],
        r"train/ with folders \(cat, dog …\) and, beside it, other/: is train/ a class",
    ),
    "a class to test only": (
        [*below("train", "test"), "test/cow"],
        "class 'cow' is in test/ only, and so there is nothing to learn it from",
    ),
    "one class": (["cat"], "one class only, 'cat'"),
    "one class in train/": (["train/cat", "test/cat"], "no train/ with one folder per class"),
    "an empty class": (["cat", "dog", "cow:0"], "class 'cow' in set has no images"),
    "no folders": ([":3"], "set holds images but no folders: put one folder per class in it"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_refused_in_a_sentence_that_names_the_folders(what):
    folders, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=sentence):
        read(*folders)


# ------------------------------------------------------------------ what systems leave about

LEFT_ABOUT = [
    "@eaDir/0.jpg/SYNOPHOTO_THUMB_XL.jpg",  # Synology
    "#recycle/old/0.jpg",
    "#snapshot/cat/0.jpg",
    "@tmp/0.jpg",
    ".@__thumb/s1000.jpg",  # QNAP
    "@Recycle/old/0.jpg",
    "@Recently-Snapshot/cat/0.jpg",
    "__MACOSX/cat/._0.jpg",  # macOS
    "cat/._0.jpg",
    "cat/.DS_Store",
    "Icon\r",
    ".Trashes/0.jpg",
    ".Spotlight-V100/0.jpg",
    "Network Trash Folder/0.jpg",
    "$RECYCLE.BIN/S-1-5/0.jpg",  # Windows
    "System Volume Information/x.jpg",
    "RECYCLER/0.jpg",
    "cat/Thumbs.db",
    "cat/ehthumbs.db",
    "cat/desktop.ini",
    "cat/~$list.xlsx",
    "lost+found/0.jpg",  # Linux
    ".Trash-1000/files/0.jpg",
    ".thumbnails/0.jpg",
    ".ipynb_checkpoints/0-checkpoint.jpg",  # editors and programs
    "cat/.ipynb_checkpoints/0-checkpoint.jpg",
    ".git/0.jpg",
    ".vscode/settings.json",
    ".idea/x.jpg",
    "__pycache__/x.pyc",
    ".dropbox.cache/0.jpg",
    "cat/Picasa.ini",
    "cat/photothumb.db",
    "cat/ZbThumbnail.info",
    "cat/SYNOFILE_THUMB_M.jpg",
]


@pytest.fixture(scope="module")
def littered(tmp_path_factory):
    root = tmp_path_factory.mktemp("littered")
    for kind in ("cat", "dog"):
        for i in range(4):
            path = root / kind / f"{i}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture((i, 0, 0)))
    with zipfile.ZipFile(root.with_suffix(".zip"), "w") as archive:
        for place in LEFT_ABOUT:
            archive.writestr(place, picture())
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            (root / place).write_bytes(picture())
        for kind in ("cat", "dog"):
            for file in sorted((root / kind).glob("[0-9].jpg")):
                archive.write(file, f"{kind}/{file.name}")
    return root


def test_what_systems_leave_about_is_no_image_and_no_class(littered):
    with zipfile.ZipFile(littered.with_suffix(".zip")) as archive:
        for found in (list_folder(littered), list_zip(littered.with_suffix(".zip"), archive)):
            assert len(found.files()) == 8 and not found.files(images=False)
            assert not found.notes and not found.skipped
            classes = find_class_folders(found)
            assert {name: len(files) for name, files in classes.train.items()} == SAME
            assert not classes.notes and not classes.groups
