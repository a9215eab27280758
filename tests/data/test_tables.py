"""Tables beside images: columns, splits, groups, labels, paths, encodings, and what is said about them."""

import io
import json
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from images_made_up import grainy, saved

from vtlab.data.file_matching import FilesBeside
from vtlab.data.folders import read_folder
from vtlab.data.listing import list_zip
from vtlab.data.own_images import read_arrays
from vtlab.data.table_cells import parse_table, table_of_frame
from vtlab.data.table_columns import join_list, read_numbers
from vtlab.data.tables import Columns, list_table_images

COUNT = 12


@pytest.fixture
def photos(tmp_path):
    """Twelve images of noise in img/, beside which tables are written."""
    (tmp_path / "img").mkdir()
    for i in range(COUNT):
        (tmp_path / "img" / f"{i}.png").write_bytes(saved(grainy(i)))
    return tmp_path


def kind(i: int) -> str:
    return "ab"[i % 2]


def write(folder: Path, head: str, row, name="labels.csv", count=COUNT, encoding="utf-8") -> Path:
    path = folder / name
    path.write_text("\n".join([head, *(row(i) for i in range(count))]) + "\n", encoding=encoding)
    return path


def read(path: Path, size=16, hold_out=0.0, columns=None, **options):
    return read_folder(path, size, hold_out=hold_out, columns=columns, **options)


def check_halves(found) -> None:
    """Each image has come with its class, and with its own pixels."""
    assert found.classes == ("a", "b") and len(found.train) == COUNT
    by_number = {
        int(Path(file).stem): (int(label), pixels)
        for file, label, pixels in zip(
            found.train.files, found.train.labels, found.train.pixels, strict=True
        )
    }
    assert {i: label for i, (label, _) in by_number.items()} == {i: i % 2 for i in range(COUNT)}
    assert len({pixels.sum().item() for _, pixels in by_number.values()}) == COUNT


# ------------------------------------------------------------------ columns


@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("file_name", "label"),  # Hugging Face
        ("image_id", "label"),  # Kaggle
        ("id_code", "diagnosis"),
        ("Image", "Id_class"),
        ("image_name", "target"),
        ("filenames", "cats"),  # fastai
        ("fname", "breed"),
        ("image_path", "label"),  # pandas
        ("filepath", "Category"),
        ("img", "labels"),
        ("Unnamed", "dx"),
        ("Datei", "Art"),  # no known word
        ("画像", "種類"),
    ],
)
def test_the_column_of_files_is_found_by_its_values_and_that_of_labels_by_its_name(
    photos, file, label
):
    check_halves(read(write(photos, f"{file},{label}", lambda i: f"img/{i}.png,{kind(i)}")))
    check_halves(read(write(photos, f"{label},{file}", lambda i: f"{kind(i)},img/{i}.png")))


def test_which_columns_were_taken_and_which_were_not_is_said(photos):
    def row(i):
        return f"{i},{20 + i},img/{i}.png,{kind(i)},{i % 3}"

    found = read(write(photos, "id,age,picture,breed,site", row))
    assert found.notes == (
        "columns of labels.csv: file = picture, label = breed; not used: id, age, site",
        "if images of one site are alike, as of one patient, keep them together by group 'site'",
    )
    plain = read(write(photos, "file,label", lambda i: f"img/{i}.png,{kind(i)}"))
    assert plain.notes == ()


def test_columns_can_be_named(photos):
    def row(i):
        return f"img/{i}.png,img/{(i + 1) % COUNT}.png,{kind(i)},{'xy'[i // 6]}"

    path = write(photos, "file,other,label,second", row)
    assert read(path).train.files[0] == "img/0.png"
    named = read(path, columns=Columns(file="OTHER", label="second"))
    assert named.classes == ("x", "y") and named.train.files[-1] == "img/0.png"
    for what in ("file", "label", "split", "group"):
        with pytest.raises(
            ValueError,
            match=f"labels.csv has no column 'size' for the {what}; it has file, other, label, second",
        ):
            read(path, columns=Columns(**{what: "size"}))
    with pytest.raises(ValueError, match="columns are given, and img holds no table"):
        read(photos / "img", columns=Columns(file="a"))


def test_a_label_that_could_be_two_columns_is_asked_for(photos):
    def row(i):
        return f"img/{i}.png,{kind(i)},{'xy'[i // 6]}"

    path = write(photos, "file,colour,shape", row)
    with pytest.raises(
        ValueError,
        match="no column called label, class or the like; colour, shape could be it: say which one is",
    ):
        read(path)
    assert read(path, columns=Columns(label="shape")).classes == ("x", "y")


def test_names_of_classes_go_before_their_numbers(photos):
    found = read(write(photos, "file,label,class_name", lambda i: f"img/{i}.png,{i % 2},{kind(i)}"))
    check_halves(found)
    assert found.notes[-1].endswith("label = class_name; not used: label")
    # unless they say something else
    found = read(write(photos, "file,label,class_name", lambda i: f"img/{i}.png,{i % 3},{kind(i)}"))
    assert found.classes == ("0", "1", "2")


def test_no_column_of_files_is_said_with_the_columns(photos):
    with pytest.raises(
        ValueError,
        match=r"no column of labels\.csv names files that are there; it has size, label: say",
    ):
        read(write(photos, "size,label", lambda i: f"{i}cm,{kind(i)}"))
    with pytest.raises(
        ValueError,
        match=r"no file that labels\.csv names in its column 'file' is there: the first is 'a0'",
    ):
        read(write(photos, "file,label", lambda i: f"a{i},{kind(i)}"))


# ------------------------------------------------------------------ splits


SPLITS = {
    "is_valid": lambda i: i >= 8,
    "IsTest": lambda i: "yes" if i >= 8 else "no",
    "is_train": lambda i: int(i < 8),
    "is_training_image": lambda i: int(i < 8),
    "valid": lambda i: int(i >= 8),
    "fold": lambda i: i // 4,
    "kfold": lambda i: i // 4 + 1,
    "split": lambda i: "dev" if i >= 8 else "train",
    "Split": lambda i: "Test Set" if i >= 8 else "Train Set",
    "set": lambda i: "holdout" if i >= 8 else "training",
    "subset": lambda i: "val" if i >= 8 else "train",
    "partition": lambda i: i // 8,
    "usage": lambda i: "Validation" if i >= 8 else "Training",
}


@pytest.mark.parametrize("column", SPLITS)
def test_the_split_that_a_table_declares_is_used(photos, column):
    found = read(
        write(
            photos, f"file,label,{column}", lambda i: f"img/{i}.png,{kind(i)},{SPLITS[column](i)}"
        ),
        hold_out=0.5,
    )
    assert {int(Path(f).stem) for f in found.test.files} == set(range(8, COUNT))
    assert {int(Path(f).stem) for f in found.train.files} == set(range(8))
    assert any(column in note for note in found.notes) or column.lower() == "split"


def test_validation_is_left_aside_where_there_is_a_test_set(photos):
    words = ["train"] * 6 + ["val"] * 2 + ["test"] * 2 + ["unlabeled"] * 2
    found = read(write(photos, "file,label,split", lambda i: f"img/{i}.png,{kind(i)},{words[i]}"))
    assert len(found.train) == 6 and len(found.test) == 2
    assert found.notes == (
        "2 rows of labels.csv for validation were left aside: those for testing are the test set",
        "2 rows of labels.csv were left aside: what their 'split' says is no known word ('unlabeled')",
    )


def test_zero_one_two_is_training_validation_testing_and_that_is_said(photos):
    found = read(write(photos, "file,label,split", lambda i: f"img/{i}.png,{kind(i)},{i // 4}"))
    assert {int(Path(f).stem) for f in found.test.files} == set(range(8, COUNT))
    assert found.notes[0] == (
        "in the column split 0 is taken for training, 1 for validation and 2 for testing"
    )


def test_a_column_that_is_no_split_is_none(photos):
    found = read(write(photos, "file,label,set", lambda i: f"img/{i}.png,{kind(i)},{'AB'[i // 6]}"))
    assert found.test is None and found.notes[0].endswith("not used: set")
    with pytest.raises(
        ValueError,
        match="the column 'set' of labels.csv says 'A', 'B', which is neither train, val and",
    ):
        read(photos / "labels.csv", columns=Columns(split="set"))


def test_any_column_can_be_named_as_the_split(photos):
    path = write(photos, "file,label,quarter", lambda i: f"img/{i}.png,{kind(i)},{i // 3}")
    found = read(path, columns=Columns(split="quarter"))
    assert {int(Path(f).stem) for f in found.test.files} == {9, 10, 11}


def test_a_split_without_rows_to_learn_from_is_refused(photos):
    with pytest.raises(
        ValueError, match=r"labels\.csv has no row to learn from by its column 'split'"
    ):
        read(write(photos, "file,label,split", lambda i: f"img/{i}.png,{kind(i)},test"))


# ------------------------------------------------------------------ groups


@pytest.mark.parametrize(
    "column", ["group", "patient", "Patient ID", "animal_id", "lesion_id", "film"]
)
def test_groups_of_a_column_stay_whole(photos, column):
    found = read(
        write(
            photos, f"file,label,{column}", lambda i: f"img/{i}.png,{kind(i)},p{i // 4 * 2 + i % 2}"
        ),
        hold_out=0.34,
    )
    assert not set(found.train.groups) & set(found.test.groups)
    assert (
        f"the 6 groups of the column {column} stay whole on one side of every split" in found.notes
    )


def test_groups_can_be_named_or_refused_and_one_that_a_split_divides_is_said(photos):
    def row(i):
        return f"img/{i}.png,{kind(i)},{'train' if i < 8 else 'test'},p{i % 3},c{i // 2}"

    path = write(photos, "file,label,split,patient,cage", row)
    found = read(path)
    assert any(
        note.startswith("3 groups are on both sides of the split that is declared (p0, p1, p2)")
        for note in found.notes
    )
    found = read(path, group="cage")
    assert set(found.train.groups) == {"c0", "c1", "c2", "c3"}
    assert not read(path, group="none").train.groups


def test_a_column_of_groups_in_which_each_image_is_one_says_nothing(photos):
    found = read(write(photos, "file,label,case_id", lambda i: f"img/{i}.png,{kind(i)},{i}"))
    assert not found.train.groups


# ------------------------------------------------------------------ labels


def test_a_column_per_class_is_read_and_said(photos):
    def row(i):
        return f"img/{i}.png, {1 - i % 2}, {i % 2}"

    found = read(write(photos, "filename, a, b", row, name="_classes.csv"))  # Roboflow
    check_halves(found)
    assert found.notes[0] == "_classes.csv has one column per class (one-hot): a, b"

    def row(i):
        return f"{i},{float(1 - i % 2)},{float(i % 2)}"

    check_halves(read(write(photos, "image,a,b", row)))  # ISIC


def test_a_row_of_no_class_is_named_and_rows_of_several_are_refused(photos):
    def row(i):
        return f"img/{i}.png,{int(i % 2 == 0)},{int(i % 2 == 1 and i != 5)}"

    found = read(write(photos, "filename,a,b", row))
    assert (
        found.skipped == ("line 7 of labels.csv names no label",) and len(found.train) == COUNT - 1
    )

    def row(i):
        return f"img/{i}.png,1,{i % 2},{i % 3 == 0:d}"

    with pytest.raises(
        ValueError,
        match=r"has a column per class \(cat, dog, hat\) and several classes in 8 rows \(line 2: cat, hat\)",
    ):
        read(write(photos, "filename,cat,dog,hat", row))
    assert read(photos / "labels.csv", columns=Columns(label="dog")).classes == ("0", "1")


def test_cells_with_several_classes_are_said(photos):
    words = ["rust", "scab", "rust scab"]
    found = read(write(photos, "file,label", lambda i: f"img/{i}.png,{words[i % 3]}"))
    assert found.classes == ("rust", "rust scab", "scab")
    assert found.notes == (
        "4 rows of labels.csv name several classes in one cell ('rust scab' …): each combination is a "
        "class of its own",
    )


@pytest.mark.parametrize(
    ("labels", "recur"),
    [
        (["haze", "haze primary", "haze primary water"], True),
        (["haze primary", "haze clear", "primary clear"], True),
        (["golden retriever", "flat retriever", "pug"], False),
        (["a very old one", "b"], False),
    ],
)
def test_words_that_recur_in_several_combinations_are_said(photos, labels, recur):
    found = read(
        write(photos, "file,tags", lambda i: f"img/{i}.png,{labels[i % len(labels)]}"), strict=True
    )
    assert any("recur in several combinations" in note for note in found.notes) == recur


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (lambda i: f"{i * 10} g", "'0 g': leave out 'g'"),
        (
            lambda i: f"{i} g" if i % 2 else f"{i / 10} kg",
            "'0.0 kg': leave out 'kg' and write .* one",
        ),
        (lambda i: f'"${i + 1},{i:03d}.50"', "'$1,000.50': leave out '$'"),
        (lambda i: f"{i}%", "'0%': leave out '%'"),
        (lambda i: f"{i} °C", "'0 °C': leave out '°C'"),
        (lambda i: f"2020-01-{i + 1:02d}", "'2020-01-01', which is a date"),
        (lambda i: f"{i + 1}.3.2020", "'1.3.2020', which is a date"),
        (lambda i: "xy"[i % 2], "'x', which is no number"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_what_is_no_number_is_quoted_with_its_unit(photos, cell, words, named):
    path = write(photos, "image,weight", lambda i: f"img/{i}.png,{cell(i)}")
    with pytest.raises(ValueError, match=words.replace("$", r"\$")):
        read(path, columns=Columns(regression=True, label="weight" if named else None))


def test_minus_one_and_one_are_marks_as_zero_and_one(photos):

    def row(i):
        return ",".join([f"img/{i}.png", *("1" if i % 3 == k else "-1" for k in range(3))])

    found = read(write(photos, "image,a,b,c", row))
    assert found.classes == ("a", "b", "c")
    assert any("has one column per class (one-hot)" in note for note in found.notes)
    write(photos, "image,a,b", lambda i: f"img/{i}.png,{'1,1' if i % 2 else '-1,1'}")
    with pytest.raises(ValueError, match="a column per class .* several classes in 6 rows"):
        read(photos / "labels.csv")


def test_shares_of_votes_are_no_classes_and_that_is_said(photos):

    def row(i):
        return f"img/{i}.png,{0.8 if i % 2 else 0.1},{0.1 if i % 2 else 0.8},0.1"

    with pytest.raises(ValueError, match=r"Class1.1, Class1.2.* one column per class with shares"):
        read(write(photos, "GalaxyID,Class1.1,Class1.2,Class1.3", row))


@pytest.mark.parametrize(
    "head",
    [
        ["label", *(f"pixel{k}" for k in range(784))],
        ["label", *(f"{i}x{j}" for i in range(8) for j in range(8))],
        ["y", *map(str, range(64))],
        ["emotion", "pixels", "Usage"],
    ],
    ids=lambda head: head[1],
)
def test_a_table_of_pixels_is_refused_with_what_to_give(photos, head):
    """Though its numbers, and its labels, are names of files beside it."""
    many = [str(k % 12) for k in range(len(head) - 1)]
    cells = many if len(head) > 3 else [" ".join(map(str, range(64))), "Training"]
    path = write(photos / "img", ",".join(head), lambda i: ",".join([str(i % 3), *cells]))
    with pytest.raises(ValueError, match=r"holds pixels \(.*give arrays, vt.task\(\(X, y\)\)"):
        read(path)


def test_bare_numbers_that_repeat_are_no_files(photos):
    path = write(photos, "label,kind", lambda i: f"{i % 3},{kind(i)}")
    with pytest.raises(ValueError, match="no column of labels.csv names files that are there"):
        read(path)
    numbered = read(write(photos, "id,label", lambda i: f"{i},{kind(i)}"))
    check_halves(numbered)


def test_bare_numbers_of_a_frame_are_no_files_of_the_folder_around(photos, monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"image": range(COUNT), "label": [kind(i) for i in range(COUNT)]})
    monkeypatch.chdir(photos)
    found = list_table_images(table_of_frame(frame), FilesBeside(Path()))
    assert len(found.folders.train["a"]) == COUNT // 2
    (photos / "empty").mkdir()
    monkeypatch.chdir(photos / "empty")
    with pytest.raises(ValueError, match="no file that the table names in its column 'image'"):
        list_table_images(table_of_frame(frame), FilesBeside(Path()))


def test_the_words_of_competitions_are_splits(photos):
    words = ["Training", "PublicTest", "PrivateTest"]
    found = read(
        write(photos, "file,label,Usage", lambda i: f"img/{i}.png,{kind(i)},{words[i // 4]}")
    )
    assert len(found.train) == 4 and len(found.test) == 4
    assert any("4 rows of labels.csv for validation were left aside" in one for one in found.notes)


def test_two_lines_of_names_and_other_sheets_are_named_where_a_table_fails(photos):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [
        ("Image", None, "Clinical", None),
        ("File name", "Camera", "Diagnosis", "Age"),
        *((f"{i}.png", "Canon", ["benign", "ill"][i % 2], 40 + i) for i in range(COUNT)),
    ]:
        book.active.append(row)
    book.create_sheet("Notes").append(("x",))
    book.save(photos / "labels.xlsx")
    with pytest.raises(
        ValueError, match="'Notes' of labels.xlsx was left aside.*second line .File"
    ):
        read(photos / "labels.xlsx")
    (front := openpyxl.Workbook()).active.append(("Read me first",))
    front.create_sheet("Data").append(("file", "label"))
    front.save(photos / "front.xlsx")
    with pytest.raises(ValueError, match="has no rows .*the sheet 'Data' of front.xlsx was left"):
        read(photos / "front.xlsx")


def test_bytes_are_words(photos):
    for labels in (
        [b"cat", b"dog"] * 6,
        np.array([b"cat", b"dog"] * 6),
        np.array([b"c", "d"], "O"),
    ):
        images = np.arange(len(labels) * 8 * 8 * 3).reshape(-1, 8, 8, 3) % 251
        assert read_arrays(images.astype(np.uint8), labels, None).classes[0] in ("cat", "c")
    pandas = pytest.importorskip("pandas")
    frame = table_of_frame(pandas.DataFrame({"label": [b"cat", "été".encode()]}))
    assert frame.column("label") == ["cat", "été"]


def test_a_file_with_two_labels_is_left_out_and_said(photos):
    text = (photos / "t.csv").write_text
    rows = [f"img/{i}.png,{kind(i)}" for i in range(COUNT)] + ["img/0.png,b", "img/1.png,b"]
    text("\n".join(["file,label", *rows]))
    found = read(photos / "t.csv")
    assert found.skipped == ("img/0.png is listed with several labels (a, b)",)
    assert "img/1.png is listed twice: it was read once" in found.notes
    assert len(found.train) == COUNT - 1


def test_many_rows_without_a_label_are_one_sentence(photos):
    found = read(write(photos, "file,label", lambda i: f"img/{i}.png,{kind(i) if i < 8 else ''}"))
    assert found.skipped == ("4 rows of labels.csv name no label (line 10 …)",)


def test_measurements_are_no_classes(photos):
    for start, step in ((0, 1 / 7), (100, 1)):
        rows = [f"img/{i}.png,{round(start + step * i, 3)}" for i in range(COUNT)]
        (photos / "t.csv").write_text("\n".join(["file,label", *rows]))
        with pytest.raises(
            ValueError, match=r"holds 12 different numbers .* say regression \(--regression\)"
        ):
            read(photos / "t.csv")
    numbers = read(write(photos, "file,label", lambda i: f"img/{i}.png,{i % 3}"))
    assert numbers.classes == ("0", "1", "2")


def test_numbers_are_learnt_where_that_is_asked_for(photos):
    path = write(photos, "file;age", lambda i: f"img/{i}.png;{'?' if i == 3 else f'{i},5'}")
    found = read(path, hold_out=0.25, columns=Columns(regression=True))
    assert found.classes == ("age",) and found.train.labels.dtype == torch.float32
    for part in (found.train, found.test):
        assert part.labels.tolist() == [int(Path(f).stem) + 0.5 for f in part.files]
    assert len(found.train) + len(found.test) == COUNT - 1
    assert found.skipped == ("line 5 of labels.csv holds no number but '?'",)
    with pytest.raises(ValueError, match="the column 'label' of labels.csv holds no two different"):
        read(
            write(photos, "file,label", lambda i: f"img/{i}.png,3"),
            columns=Columns(regression=True),
        )


NUMBERS = {
    # the cells of a column, their numbers or words of the refusal, and what is said
    "points": (["1.5", "2.25", "3.125"], [1.5, 2.25, 3.125], ""),
    "commas": (["1,5", "2,25", "1,250"], [1.5, 2.25, 1.25], "1,250 is 1.25"),
    "thousands with commas": (["1,250", "2,000,000", "3"], [1250, 2e6, 3], "1,250 is 1250"),
    "thousands and decimals": (
        ["1,250.5", "1,250", "7.25"],
        [1250.5, 1250, 7.25],
        "1,250.5 is 1250.5",
    ),
    "thousands with points": (["1.250,5", "1.250", "7,25"], [1250.5, 1250, 7.25], "1.250 is 1250"),
    "blanks": (["1 250", "12 000,5", "3"], [1250, 12000.5, 3], "1 250 is 1250"),
    "narrow blanks": (["1\u202f250", "3"], [1250, 3], "is 1250"),
    "apostrophes": (["1'250.50", "12’000", "3"], [1250.5, 12000, 3], "1'250.50 is 1250.5"),
    "lakhs": (["1,00,000", "2,500"], [100000, 2500], "1,00,000 is 100000"),
    "a zero before a comma": (["0,250", "1,250"], [0.25, 1.25], "1,250 is 1.25"),
    "three decimals": (["1.250", "2.375"], [1.25, 2.375], "1.250 is 1.25, not 1250"),
    "signs and powers": (["-1.5e3", "\N{MINUS SIGN}2", "+.5"], [-1500, -2, 0.5], ""),
    "what is none": (["1.5", "2", "1_000", "inf", "nan", "5 %", "."], [1.5, 2, *[None] * 5], ""),
    "commas alone": (["1,250", "980", "12,300"], "holds '1,250', '12,300': whether a comma", ""),
    "both": (["1.5", "2,5"], "holds '2,5', '1.5': whether a comma", ""),
    "both unclear": (["1.250", "1,250"], "holds '1.250', '1,250': whether a comma", ""),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_what_begins_decimals_is_decided_over_the_whole_column_and_said(name):
    cells, numbers, words = NUMBERS[name]
    if isinstance(numbers, str):
        with pytest.raises(ValueError, match=f"the column 'price' {numbers}"):
            read_numbers("price", cells)
        return
    found, notes = read_numbers("price", cells)
    assert found == numbers
    assert len(notes) == bool(words) and words in "".join(notes)


def test_prices_with_thousands_are_learnt_and_how_they_were_read_is_said(photos):
    path = write(photos, "file;price", lambda i: f"img/{i}.png;{i + 1}.000,50")
    found = read(path, columns=Columns(regression=True))
    assert sorted(found.train.labels.tolist()) == [1000 * (i + 1) + 0.5 for i in range(COUNT)]
    said = "numbers in the column price are read so: 1.000,50 is 1000.5"
    assert said in found.notes
    path = write(photos, "file;price", lambda i: f"img/{i}.png;{i + 1},000")
    with pytest.raises(ValueError, match="the column 'price' holds '1,000', '2,000', '3,000' …"):
        read(path, columns=Columns(regression=True))


LISTS = {
    "['a']": "a",
    "['a', 'b']": "a, b",
    '["it\'s", "b"]': "it's, b",
    "[1, 2]": "1, 2",
    "[]": "",
    "[ ]": "",
    "[cat]": "[cat]",
    "[1": "[1",
    "a": "a",
    "": "",
}


@pytest.mark.parametrize("cell", LISTS)
def test_a_list_in_a_cell_is_read_as_its_words_and_an_empty_one_as_no_label(cell):
    assert join_list(cell) == LISTS[cell]


def test_a_row_with_an_empty_list_has_no_label(photos):
    found = read(
        write(photos, "file\tlabel", lambda i: f"img/{i}.png\t{[kind(i)] if i > 1 else []}")
    )
    assert found.classes == ("a", "b")
    assert found.skipped == (
        "line 2 of labels.csv names no label",
        "line 3 of labels.csv names no label",
    )
    with pytest.raises(ValueError, match=r"labels\.csv has no row with a file and a class"):
        read(write(photos, "file,label", lambda i: f"img/{i}.png,[]"))


MARKED = {
    # how each row is marked, and what is said of that
    "alike": (lambda i: (1 - i % 2, i % 2), "say the same, and are not used"),
    "otherwise": (lambda i: (int(i < 6), int(i >= 6)), "say something else, and are not used"),
    "of few rows": (lambda i: (int(i == 1), int(i == 2)), ""),
    "of several": (lambda i: (1, i % 2), ""),
}


@pytest.mark.parametrize("how", MARKED)
def test_marks_beside_a_label_are_not_used_and_that_is_said(photos, how):
    mark, words = MARKED[how]
    found = read(
        write(
            photos,
            "file,label,cat,dog",
            lambda i: f"img/{i}.png,{kind(i)},{mark(i)[0]},{mark(i)[1]}",
        )
    )
    check_halves(found)
    said = [note for note in found.notes if "(one-hot)" in note]
    assert len(said) == bool(words) and words in "".join(said)
    assert all(
        note.startswith("what is learnt is the column label: the columns cat, dog of")
        for note in said
    )


def test_a_label_that_is_guessed_is_said_and_where_folders_are_classes_not_guessed(photos):
    said = "no column of labels.csv is called label, class or the like: Art is taken for it"
    found = read(write(photos, "Datei,Art", lambda i: f"img/{i}.png,{kind(i)}"))
    assert any(note.startswith(said) for note in found.notes)
    named = read(photos / "labels.csv", columns=Columns(label="Art"))
    assert not any("is taken for it" in note for note in named.notes)


@pytest.mark.parametrize("column", ["camera", "text", "place"])
def test_a_table_beside_class_folders_without_a_label_is_not_guessed_at(tmp_path, column):
    lay_out(tmp_path, [f"{kind(i)}/{i}.jpg" for i in range(COUNT)])
    rows = [f"{kind(i)}/{i}.jpg,{'xy'[i // 6]}" for i in range(COUNT)]
    (tmp_path / "metadata.csv").write_text("\n".join([f"file_name,{column}", *rows]))
    found = read(tmp_path)
    assert found.classes == ("a", "b")
    assert found.skipped == (
        "metadata.csv was not used: the folders are the classes (label_column, --label-column reads the "
        "table)",
    )
    assert read(tmp_path, columns=Columns(label=column)).classes == ("x", "y")


def test_what_is_to_be_said_of_a_table_for_testing_is_said(tmp_path):
    lay_out(tmp_path, [f"img/{i}.jpg" for i in (*range(COUNT), *range(20, 26))])
    (tmp_path / "train.csv").write_text(ROWS)
    rows = [f"img/{i}.jpg;{kind(i)};café" for i in range(20, 26)]
    text = "\n".join(["file;label;place", *rows, rows[0]])
    (tmp_path / "test.csv").write_text(text, encoding="cp1252")
    notes = read(tmp_path).notes
    for words in (
        "of test.csv: test.csv is not in UTF-8",
        "of test.csv: columns of test.csv: file = file, label = label; not used: place",
        "of test.csv: img/20.jpg is listed twice: it was read once",
    ):
        assert any(words in note for note in notes), notes


NAMED_TWICE = {
    "case": ("cat", "Cat", "blanks or signs alone: "),
    "blanks": ("leaf rust", "leaf_rust", "blanks or signs alone: 'leaf"),
    "numbers": ("1", "1.0", "blanks or signs alone: '1"),
    "no label": ("cat", "NaN", "'NaN' is a class of "),
    "none in R": ("cat", "NA", "'NA' is a class of "),
    "less than none": ("1", "-1", "'-1' is a class of "),
    "others": ("cat", "dog", ""),
}


@pytest.mark.parametrize("door", ["table", "folders", "arrays"])
@pytest.mark.parametrize("how", NAMED_TWICE)
def test_classes_that_may_be_one_or_none_are_said(photos, how, door):
    *names, words = NAMED_TWICE[how]
    if door == "table":
        notes = read(write(photos, "file,label", lambda i: f"img/{i}.png,{names[i % 2]}")).notes
    elif door == "folders":
        lay_out(photos / "set", [f"{names[i % 2]}/{i}.jpg" for i in range(COUNT)])
        notes = read(photos / "set").notes
    else:
        pixels = [np.asarray(grainy(i)) for i in range(COUNT)]
        notes = read_arrays(pixels, [names[i % 2] for i in range(COUNT)], 16).notes
    said = [note for note in notes if "alone:" in note or "says that there is none" in note]
    assert len(said) == bool(words) and words in "".join(said)


ACCENTED, NO_TEXT = (("Café", "Cafe\u0301"), "Café"), (("a\udce9", "a\udce9"), r"a\udce9")


@pytest.mark.parametrize(
    ("door", "names"),
    [(door, names) for door in ("lines", "folders", "arrays") for names in (ACCENTED, NO_TEXT)]
    + [("table", ACCENTED)],
)
def test_a_name_in_two_unicode_forms_or_no_text_is_one_class_that_can_be_printed(
    photos, door, names
):
    two, one = names
    label = [(*two, "tea", "tea")[i % 4] for i in range(COUNT)]
    if door == "table":
        made = read(write(photos, "file,label", lambda i: f"img/{i}.png,{label[i]}"))
    elif door == "lines":
        rows = [json.dumps({"file": f"img/{i}.png", "label": label[i]}) for i in range(COUNT)]
        (photos / "t.jsonl").write_text("\n".join(rows))
        made = read(photos / "t.jsonl")
    elif door == "folders":
        lay_out(photos / "set", [f"{label[i]}/{i}.jpg" for i in range(COUNT)])
        made = read(photos / "set")
    else:
        made = read_arrays([np.asarray(grainy(i)) for i in range(COUNT)], label, 16)
    assert made.classes == (one, "tea") and made.train.labels.bincount().tolist() == [6, 6]
    assert one.isprintable()


@pytest.mark.parametrize("door", ["table", "folders", "arrays"])
def test_one_picture_under_two_labels_is_said(photos, door):
    """Of twelve images the last two are copies of the first, one of them in the other class."""
    same = [*range(COUNT - 2), 0, 0]
    if door == "arrays":
        pixels = [np.asarray(grainy(i)) for i in same]
        notes = read_arrays(pixels, [kind(i) for i in range(COUNT)], 16).notes
    else:
        for i, seed in enumerate(same):
            place = photos / "set" / kind(i) / f"{i}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(saved(grainy(seed)))
        if door == "table":
            write(photos, "file,label", lambda i: f"set/{kind(i)}/{i}.png,{kind(i)}")
        notes = read(photos / ("labels.csv" if door == "table" else "set")).notes
    assert any(note.startswith("2 images are copies of others") for note in notes)
    assert any(
        note.startswith(
            "1 images are copies of one with another label, and one of the two is wrong"
        )
        for note in notes
    )


# ------------------------------------------------------------------ paths


PATHS = {
    "with the other slash": lambda i: f"img\\{i}.png",
    "of another machine": lambda i: f"C:\\Users\\ann\\data\\img\\{i}.png",
    "of another folder": lambda i: f"/home/ann/kaggle/{i}.png",
    "an address": lambda i: f"https://example.org/data/img/{i}.png",
    "in other letters": lambda i: f"IMG/{i}.PNG",
    "without its ending": lambda i: f"img/{i}",
    "a name alone": lambda i: f"{i}.png",
    "a number alone": lambda i: f"{i}",
    "a number with its zeros": lambda i: f"{i:05}",
    "a number with a point": lambda i: f"{i}.0",
    "converted since": lambda i: f"img/{i}.tif",
    "below here": lambda i: f"./img/{i}.png",
}


@pytest.mark.parametrize("how", PATHS)
def test_files_are_found_by_names_that_are_not_theirs_and_that_is_said(photos, how):
    found = read(write(photos, "file,label", lambda i: f"{PATHS[how](i)},{kind(i)}"))
    check_halves(found)
    assert set(found.train.files) == {f"img/{i}.png" for i in range(COUNT)}
    said = [note for note in found.notes if "found by other names" in note]
    assert len(said) == (0 if how in ("with the other slash", "below here") else 1)
    if said:
        assert f"({PATHS[how](0)} = img/0.png …)" in said[0]


def test_unicode_forms_are_one(photos):
    for i in range(COUNT):
        name = unicodedata.normalize("NFD", f"Käfer {i}.png")
        (photos / "img" / f"{i}.png").rename(photos / "img" / name)
    path = write(photos, "file,label", lambda i: f"img/Käfer {i}.png,{kind(i)}")
    found = read(path)
    assert len(found.train) == COUNT and not found.skipped
    assert found.notes[0].startswith(
        "files were found by other names than the table's: 12 in another Unicode form (img/"
    )
    path = write(photos, "file,label", lambda i: f"img/K%C3%A4fer%20{i}.png,{kind(i)}")
    assert "12 with signs for %" in read(path).notes[0]


def test_a_name_that_could_be_two_files_is_said_and_not_guessed(photos):
    (photos / "again").mkdir()
    for i in range(3):
        (photos / "again" / f"{i}.png").write_bytes(saved(grainy(50 + i)))
    found = read(write(photos, "file,label", lambda i: f"{i}.png,{kind(i)}"))
    # img/ holds most of the names, so that is where they are
    assert set(found.train.files) == {f"img/{i}.png" for i in range(COUNT)}
    for i in range(3, COUNT):
        (photos / "again" / f"{i}.png").write_bytes(saved(grainy(50 + i)))
    with pytest.raises(
        ValueError, match=r"that of several files: '0\.png' of again/0\.png and of img/0\.png"
    ):
        read(photos / "labels.csv")
    (photos / "0.png").write_bytes(saved(grainy(99)))  # just this one is meant
    path = write(photos, "file,label", lambda i: f"{'img/' if i > 4 else ''}{i}.png,{kind(i)}")
    skipped = read(path).skipped
    assert skipped[0] == "line 3 of labels.csv: '1.png' could be again/1.png or img/1.png"
    assert len(skipped) == 4


def test_a_missing_file_is_not_replaced_by_one_of_the_same_name(photos):
    (photos / "dog").mkdir()
    for i in range(4):
        (photos / "dog" / f"{i}.png").write_bytes(saved(grainy(50 + i)))
    (photos / "img" / "3.png").unlink()
    rows = [f"img/{i}.png,a" for i in range(6)] + [f"dog/{i}.png,b" for i in range(4)]
    (photos / "t.csv").write_text("\n".join(["file,label", *rows]))
    found = read(photos / "t.csv")
    assert found.skipped == ("img/3.png cannot be read: No such file or directory",)
    assert len(found.train) == 9


def test_a_table_in_a_folder_of_its_own_finds_the_images_beside_it(photos):
    (photos / "tables").mkdir()
    found = read(write(photos / "tables", "file,label", lambda i: f"{i}.png,{kind(i)}"))
    check_halves(found)
    assert found.notes[0].startswith(
        "files were found by other names than the table's: 12 in ../img/ (0.png = ../img/0.png …)"
    )


def test_a_table_in_a_zip_finds_the_images_there(photos):
    rows = "\n".join(["file,label", *(f"{i},{kind(i)}" for i in range(COUNT))])
    with zipfile.ZipFile(photos / "all.zip", "w") as archive:
        archive.writestr("set/labels.csv", rows)
        for i in range(COUNT):
            archive.writestr(f"set/img/{i}.png", saved(grainy(i)))
    with zipfile.ZipFile(photos / "all.zip") as archive:
        listing = list_zip(photos / "all.zip", archive)
        beside = FilesBeside(None, listing, ("set",))
        table = parse_table("labels.csv", listing.readers["set", "labels.csv"](), beside)
        made = list_table_images(table, beside)
        assert made.folders.train["a"][:2] == [("set", "img", f"{i}.png") for i in (0, 2)]
        assert made.listing.readers["set", "img", "2.png"]() == saved(grainy(2))
        assert beside.reader(("set", "img", "no.png")) is not None
        with pytest.raises(FileNotFoundError):
            beside.reader(("set", "img", "no.png"))()


# ------------------------------------------------------------------ spreadsheets


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_however_a_spreadsheet_saves_it(photos, mark, encoding):
    def row(i):
        return f"img/{i}.png{mark}{'Käfer' if i % 2 else 'Ähre'}"

    found = read(write(photos, f"file{mark}label", row, encoding=encoding))
    assert found.classes == ("Käfer", "Ähre") and len(found.train) == COUNT
    said = ("labels.csv is not in UTF-8: it was read as cp1252",)
    assert found.notes == (said if encoding == "cp1252" else ())


@pytest.mark.parametrize(("encoding", "words"), [("gb18030", "健康 锈病"), ("cp932", "健康 病気")])
def test_a_table_from_the_east_is_read(photos, encoding, words):
    one, two = words.split()

    def row(i):
        return f"img/{i}.png,{two if i % 2 else one}"

    found = read(
        write(
            photos, "文件,label" if encoding == "gb18030" else "file,label", row, encoding=encoding
        )
    )
    assert set(found.classes) == {one, two}


def test_what_excel_says_of_its_own_separator_is_no_row(photos):
    rows = "\r\n".join(f'"img/{i}.png";"{kind(i)}"' for i in range(COUNT))
    (photos / "t.csv").write_text(f"sep=;\r\nfile;label\r\n{rows}\r\n\r\n")
    check_halves(read(photos / "t.csv"))


def test_a_table_without_names_of_columns_is_read_and_said(photos):
    path = photos / "list.csv"
    path.write_text("\n".join(f"img/{i}.png {kind(i)}" for i in range(COUNT)))
    found = read(path)
    check_halves(found)
    assert found.notes[0] == "list.csv has no names of columns in its first line"


def test_an_excel_sheet_is_read(photos):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [
        ("file", "label", "age"),
        *((f"img/{i}.png", i % 2, 1.5 * i) for i in range(COUNT)),
    ]:
        book.active.append(row)
    book.create_sheet("more").append(("x", "y"))
    book.save(photos / "labels.xlsx")
    found = read(photos / "labels.xlsx")
    assert found.classes == ("0", "1") and len(found.train) == COUNT
    assert found.notes[0] == "the sheet 'more' of labels.xlsx was left aside: the first is read"
    (photos / "bad.xlsx").write_bytes(b"PK\3\4 and no sheet")
    with pytest.raises(ValueError, match="bad.xlsx cannot be read as an Excel sheet"):
        read(photos / "bad.xlsx")


def test_an_excel_sheet_without_its_reader_is_one_sentence(photos, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    (photos / "labels.xlsx").write_bytes(b"PK")
    with pytest.raises(ValueError, match="pip install openpyxl, or save it as CSV"):
        read(photos / "labels.xlsx")


def test_json_lines_are_a_table(photos):
    def row(i):
        return json.dumps({"file_name": f"img/{i}.png", "label": i % 2, "text": None})

    (photos / "metadata.jsonl").write_text("\n".join(map(row, range(COUNT))))
    assert read(photos / "metadata.jsonl").classes == ("0", "1")
    (photos / "metadata.jsonl").write_text("[1, 2]\n")
    with pytest.raises(ValueError, match=r"metadata\.jsonl is no JSON object a line"):
        read(photos / "metadata.jsonl")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "labels.csv is empty"),
        (b"file,label\n", "labels.csv has no rows below its columns file, label"),
        (b"file,file\na,b\n", "labels.csv has two columns called 'file'"),
        (
            b"\xff\xd8\xff\xe0\0\0\0 a JPEG\0",
            "labels.csv is no table: it holds bytes that are no text",
        ),
    ],
)
def test_what_is_no_table_is_one_sentence(photos, content, words):
    (photos / "labels.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"^{words}"):
        read(photos / "labels.csv")


def test_a_row_with_more_cells_than_names_is_named(photos):
    rows = [f"img/{i}.png,{kind(i)}" for i in range(COUNT)] + ["img/a, b.png,a"]
    (photos / "t.csv").write_text("\n".join(["file,label", *rows]))
    found = read(photos / "t.csv")
    assert found.skipped == ("line 14 of t.csv has 3 cells, its first line 2",)
    with pytest.raises(ValueError, match="^line 14 of t.csv has 3 cells"):
        read(photos / "t.csv", strict=True)


def test_a_frame_is_a_table(photos):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "path": [photos / "img" / f"{i}.png" for i in range(COUNT)],
            "label": [float(i % 2) for i in range(COUNT)],
        }
    )
    frame.loc[3, "label"] = None
    made = list_table_images(table_of_frame(frame), FilesBeside(Path.cwd()))
    assert {name: len(places) for name, places in made.folders.train.items()} == {"0": 6, "1": 5}
    assert made.listing.skipped == ["line 3 of the table names no label"]
    assert io.BytesIO(made.listing.readers[made.folders.train["0"][0]]()).read(4) == b"\x89PNG"


# ------------------------------------------------------------------ tables as others publish them


def lay_out(folder: Path, names: list[str]) -> None:
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(saved(grainy(i)))


PUBLISHED = {
    # of each the table's name, its head, a row, the files, the classes, and what is said
    "HAM10000": (
        "HAM10000_metadata.csv",
        "lesion_id,image_id,dx,dx_type,age,sex,localization",
        lambda i: f"HAM_{i // 2},ISIC_{i:05},{('nv', 'mel')[i // 2 % 2]},histo,{40 + i},male,back",
        lambda i: f"HAM10000_images_part_{1 + i // 6}/ISIC_{i:05}.jpg",
        ("mel", "nv"),
        "the 6 groups of the column lesion_id stay whole",
    ),
    "ISIC 2019": (
        "ISIC_2019_Training_GroundTruth.csv",
        "image,MEL,NV,BCC",
        lambda i: f"ISIC_{i:05}," + ",".join(str(float(i % 3 == k)) for k in range(3)),
        lambda i: f"ISIC_2019_Training_Input/ISIC_{i:05}.jpg",
        ("BCC", "MEL", "NV"),
        "one column per class (one-hot): MEL, NV, BCC",
    ),
    "a competition of breeds": (
        "labels.csv",
        "id,breed",
        lambda i: f"{i:032x},{kind(i)}",
        lambda i: f"train/{i:032x}.jpg",
        ("a", "b"),
        "12 in train/, with the ending .jpg",
    ),
    "AutoML": (
        "import.csv",
        "",
        lambda i: f"{'TRAIN' if i < 8 else 'TEST'},gs://bucket/flowers/{i}.jpg,{kind(i)}",
        lambda i: f"flowers/{i}.jpg",
        ("a", "b"),
        "import.csv has no names of columns in its first line",
    ),
    "a list for Caffe": (
        "train.txt",
        "",
        lambda i: f"img {i}.jpg {i % 2}",
        lambda i: f"img {i}.jpg",
        ("0", "1"),
        "train.txt has no names of columns in its first line",
    ),
    "Label Studio": (
        "project-1.csv",
        "image,id,choice,annotator,annotation_id,created_at,lead_time",
        lambda i: f"/data/upload/1/abc-{i}.jpg,{i},{kind(i)},1,{90 + i},2024-01-0{1 + i % 9},{i}.5",
        lambda i: f"media/abc-{i}.jpg",
        ("a", "b"),
        "label = choice; not used: id, annotator",
    ),
    "chest films": (
        "Data_Entry_2017.csv",
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age",
        lambda i: f"{i:08}_000.png,{'Mass' if i % 2 else 'No Finding'},0,{i // 2},{50 + i}",
        lambda i: f"images_001/images/{i:08}_000.png",
        ("Mass", "No Finding"),
        "the 6 groups of the column Patient ID stay whole",
    ),
    "boxes of a detector": (
        "annotations.csv",
        "filename,width,height,class,xmin,ymin,xmax,ymax",
        lambda i: f"{i * 2 // 3}.jpg,64,64,{kind(i * 2 // 3)},1,1,{i},9",
        lambda i: f"{i}.jpg",
        ("a", "b"),
        "4 files have several rows in annotations.csv and were read once (0.jpg …)",
    ),
    "a spreadsheet's empty columns and an index": (
        "labels.csv",
        ",file,label,,",
        lambda i: f"{i},{i}.jpg,{kind(i)},,",
        lambda i: f"{i}.jpg",
        ("a", "b"),
        "columns of labels.csv: file = file, label = label; not used: column 1",
    ),
    "an index before files of other numbers": (
        "labels.csv",
        ",test_samples,test_labels",
        lambda i: f"{i},/mnt/data/{(i + 1) % COUNT}.jpg,{kind(i + 1)}",
        lambda i: f"img/{i}.jpg",
        ("a", "b"),
        "file = test_samples, label = test_labels; not used: column 1",
    ),
    "lists that pandas wrote": (
        "labels.csv",
        "file,labels",
        lambda i: f"{i}.jpg,\"['{kind(i)}']\"",
        lambda i: f"img/{i}.jpg",
        ("a", "b"),
        "label = labels",
    ),
    "several findings in a cell": (
        "labels.csv",
        "file,label",
        lambda i: f"{i}.jpg,{('rust', 'rust|scab')[i % 2]}",
        lambda i: f"img/{i}.jpg",
        ("rust", "rust|scab"),
        "6 rows of labels.csv name several classes in one cell ('rust|scab' …)",
    ),
    "two spellings": (
        "labels.csv",
        "file,label",
        lambda i: (
            f"{i}.jpg,{('cat', 'Cat', unicodedata.normalize(('NFC', 'NFD')[i % 2], 'é'))[i % 3]}"
        ),
        lambda i: f"{i}.jpg",
        ("Cat", "cat", "é"),
        "differ in upper and lower case, blanks or signs alone: 'cat' and 'Cat'",
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_table_as_others_publish_it_is_read(tmp_path, name):
    table, head, row, file, classes, words = PUBLISHED[name]
    count = COUNT * 2 // 3 if "boxes" in name else COUNT
    lay_out(tmp_path, [file(i) for i in range(count)])
    lines = [*([head] if head else []), *(row(i) for i in range(COUNT))]
    (tmp_path / table).write_text("\n".join(lines), encoding="utf-8")
    found = read(tmp_path / table)
    assert sorted(found.classes) == sorted(classes) and not found.skipped
    assert len(found.train) + (len(found.test) if found.test else 0) == count
    assert any(words in note for note in found.notes), found.notes


def test_scores_beside_marks_are_learnt_by_name(tmp_path):
    lay_out(tmp_path, [f"train/{i:08x}.jpg" for i in range(COUNT)])
    rows = [f"{i:08x},{i % 2},1,{10 * i}" for i in range(COUNT)]
    (tmp_path / "train.csv").write_text("\n".join(["Id,Eyes,Face,Pawpularity", *rows]))
    with pytest.raises(ValueError, match="several classes in 6 rows .* say which column to learn"):
        read(tmp_path / "train.csv")
    named = Columns(label="Pawpularity", regression=True)
    assert read(tmp_path / "train.csv", columns=named).train.labels.tolist() == [
        10.0 * i for i in range(COUNT)
    ]


# ------------------------------------------------------------------ tables in a folder or zip of images


ROWS = "file,label\n" + "\n".join(f"{i}.jpg,{kind(i)}" for i in range(COUNT))
TESTED = "file,label\n" + "\n".join(f"{i}.jpg,{kind(i)}" for i in range(20, 26))
TRAIN, TEST = [f"train/{i}.jpg" for i in range(COUNT)], [f"test/{i}.jpg" for i in range(20, 26)]
FOLDERS = {
    "images and a table": ([f"images/{i}.jpg" for i in range(COUNT)], {"labels.csv": ROWS}, None),
    "a table among the images": ([f"{i}.jpg" for i in range(COUNT)], {"labels.csv": ROWS}, None),
    "a competition": (
        [*TRAIN, *TEST],
        {"train.csv": ROWS.replace("file", "id"), "sample_submission.csv": "id,a,b\n20,.5,.5\n"},
        None,
    ),
    "Hugging Face": ([*TRAIN, *TEST], {"train/metadata.csv": ROWS, "test/metadata.csv": TESTED}, 6),
    "a table for each part": (
        [f"img/{i}.jpg" for i in (*range(COUNT), *range(20, 26))],
        {"train.csv": ROWS, "test.csv": TESTED, "sample.csv": "id\n3\n"},
        6,
    ),
    "folds beside a table for testing": (
        [f"img/{i}.jpg" for i in (*range(COUNT), *range(20, 26))],
        {
            "train.csv": "file,label,fold\n"
            + "\n".join(f"{i}.jpg,{kind(i)},{i // 2 % 3}" for i in range(COUNT)),
            "test.csv": TESTED,
        },
        6,
    ),
    "a table for each part, by a longer name": (
        [f"img/{i}.jpg" for i in (*range(COUNT), *range(20, 26))],
        {"train_labels.csv": ROWS, "val_labels.csv": TESTED},
        6,
    ),
    "lists for Caffe": (
        [*TRAIN, *(f"val/{i}.jpg" for i in range(20, 28))],
        {
            f"{part}.txt": "\n".join(f"{part}/{i}.jpg {kind(i)}" for i in numbers)
            for part, numbers in {"train": range(COUNT), "val": range(20, 28)}.items()
        },
        8,
    ),
    "Roboflow": (
        [*TRAIN, *(name.replace("test", "valid") for name in TEST)],
        {
            f"{part}/_classes.csv": "filename,a,b\n"
            + "\n".join(f"{i}.jpg,{1 - i % 2},{i % 2}" for i in numbers)
            for part, numbers in {"train": range(COUNT), "valid": range(20, 26)}.items()
        },
        6,
    ),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("layout", FOLDERS)
def test_a_folder_is_read_by_its_table_where_its_folders_are_no_classes(tmp_path, layout, zipped):
    names, tables, tested = FOLDERS[layout]
    place = tmp_path / "set"
    lay_out(place, names)
    for name, text in tables.items():
        (place / name).write_text(text)
    if zipped:
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            for file in sorted(place.rglob("*")):
                archive.write(file, file.relative_to(tmp_path).as_posix())
        place = tmp_path / "set.zip"
    found = read(place)
    assert found.classes == ("a", "b") and len(found.train) == COUNT
    assert (found.test and len(found.test)) == tested
    for part in (found.train, *([found.test] if tested else [])):
        assert [int(Path(file).stem) % 2 for file in part.files] == part.labels.tolist()
    assert found.notes[0].startswith(f"what is in the images of {place.name} is read from ")
    if layout.startswith("folds"):
        assert sum("of testing is not used" in note for note in found.notes) == 1
    if layout == "a competition":
        assert any("6 images are in no row and were left aside" in note for note in found.notes)
        assert found.skipped[0].endswith(
            "sample_submission.csv was not used: the table is "
            + ("set/train.csv" if zipped else "train.csv")
        )


def test_a_table_beside_that_for_training_is_named_where_it_is_not_used(tmp_path):
    lay_out(tmp_path, [f"img/{i}.jpg" for i in (*range(COUNT), *range(20, 26))])
    (tmp_path / "train.csv").write_text(ROWS)
    (tmp_path / "test.csv").write_text(TESTED)
    words = (
        "test.csv beside train.csv was not used: give the folder of both, or test=, to test on it"
    )
    assert words in read(tmp_path / "train.csv").notes
    (tmp_path / "test.csv").unlink()
    assert words not in read(tmp_path / "train.csv").notes


def test_class_folders_go_before_a_table_that_does_not_belong_to_them(tmp_path):
    lay_out(tmp_path, [f"{kind(i)}/{i}.jpg" for i in range(COUNT)])
    (tmp_path / "notes.csv").write_text(ROWS.replace("label", "other"))
    found = read(tmp_path)
    assert found.classes == ("a", "b") and found.skipped[0].startswith(
        "notes.csv was not used: the folders"
    )
    # one that belongs to its folder goes first, if it says what is in the images
    rows = [f"{kind(i)}/{i}.jpg,{'xy'[i // 6]}" for i in range(COUNT)]
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    assert read(tmp_path).classes == ("x", "y")
    rows = [f"{kind(i)}/{i}.jpg,a picture of number {i}" for i in range(COUNT)]
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    assert read(tmp_path).classes == ("a", "b")
    # and so does any of which the columns are named
    assert read(tmp_path, columns=Columns(file="file", label="other")).classes == ("a", "b")


def test_two_tables_that_fit_alike_are_asked_for(tmp_path):
    lay_out(tmp_path, [f"img/{i}.jpg" for i in range(COUNT)])
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text(ROWS)
    with pytest.raises(
        ValueError, match=r"one\.csv and two\.csv list as many images of .*: give one of"
    ):
        read(tmp_path)
    (tmp_path / "two.csv").write_text("nothing,here\nx,y\n")
    assert read(tmp_path).skipped == ("two.csv was not used: the table is one.csv",)
    (tmp_path / "one.csv").unlink()
    with pytest.raises(
        ValueError, match="one class only.* and as a table: no column of two.csv names files"
    ):
        read(tmp_path)


@pytest.mark.parametrize("column", ["is_male", "island", "isolated"])
def test_a_column_that_begins_with_is_is_no_split_by_that(photos, column):
    rows = [f"img/{i}.png,{'xy'[i % 2]},{i % 2}" for i in range(COUNT)]
    (photos / "labels.csv").write_text("\n".join([f"file,label,{column}", *rows]))
    found = read_folder(photos / "labels.csv", 16)
    assert found.test is None and len(found.train) == COUNT


def test_words_that_are_no_split_are_named(photos):
    words = ["train"] * 6 + ["tset"] * 2 + ["test"] * 4
    found = read(write(photos, "file,label,split", lambda i: f"img/{i}.png,{kind(i)},{words[i]}"))
    assert (
        "2 rows of labels.csv were left aside: what their 'split' says is no known word ('tset')"
        in found.notes
    )


def test_a_class_that_tables_leave_untested_is_said(tmp_path):
    words = "the test set has no image of 'c': its accuracy says nothing about it"
    lay_out(tmp_path, [f"img/{i}.jpg" for i in range(18)])
    rows = [f"img/{i}.jpg,{'abc'[i % 3]}" for i in range(12)]
    tested = [f"img/{i}.jpg,{'ab'[i % 2]}" for i in range(12, 18)]
    for name, own in {"train": rows, "test": tested}.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(["file,label", *own]))
    assert words in read(tmp_path).notes
    parts = [f"{row},{'test' if i > 11 else 'train'}" for i, row in enumerate([*rows, *tested])]
    (tmp_path / "all.csv").write_text("\n".join(["file,label,split", *parts]))
    assert words in read(tmp_path / "all.csv").notes
