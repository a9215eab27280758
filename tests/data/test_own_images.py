"""Images in memory as a task: arrays, Datasets, DataFrames."""

import numpy as np
import pandas
import pytest
import torch
from images_made_up import grainy, saved, scene
from PIL import Image
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from vtlab.data.images import Images
from vtlab.data.tasks import Task, task

COUNT, SIDE = 24, 32
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE, 3), dtype=np.uint8)
LABELS = np.arange(COUNT) % 3
AS_TENSOR = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).contiguous()


def all_of(made: Task) -> dict[int, tuple[int, torch.Tensor]]:
    """By its number each image's label and pixels, of both sides together."""
    return {
        int(file.split("[")[1].split("]")[0]): (int(label), pixels)
        for part in (made.at("all").train, made.test)
        for file, label, pixels in zip(part.files, part.labels, part.pixels, strict=True)
    }


def check_is_the_set(made: Task, tolerance: int = 0) -> None:
    found = all_of(made)
    assert sorted(found) == list(range(COUNT))
    for i, (label, pixels) in found.items():
        assert label == LABELS[i]
        assert (pixels.int() - AS_TENSOR[i].int()).abs().max() <= tolerance


FORMS = {
    "channels last": PIXELS,
    "channels first": PIXELS.transpose(0, 3, 1, 2),
    "tensor": AS_TENSOR,
    "floats to 1": PIXELS / 255,
    "half floats to 1": (AS_TENSOR / 255).to(torch.float32),
    "floats to 255": PIXELS.astype(np.float32),
    "whole numbers": PIXELS.astype(np.int64),
    "list of arrays": list(PIXELS),
    "list of pictures": [Image.fromarray(pixels) for pixels in PIXELS],
    "with opacity": np.concatenate([PIXELS, np.full_like(PIXELS[..., :1], 255)], 3),
}


@pytest.mark.parametrize("form", FORMS)
def test_arrays_of_any_usual_form_are_a_task(form):
    made = task((FORMS[form], LABELS), shots=2)
    assert made.classes == ("0", "1", "2") and made.image_size == SIDE and len(made.train) == 6
    check_is_the_set(made)


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor, pandas.Series])
def test_labels_of_any_usual_form_are_classes(kind):
    check_is_the_set(task((PIXELS, kind(LABELS.tolist()))))


def test_words_are_classes_and_classes_have_an_order():
    words = np.array(["cat", "dog", "bee"])[LABELS]
    assert task((PIXELS, words)).classes == ("bee", "cat", "dog")
    made = task((PIXELS, words), classes=["cat", "dog", "bee"])
    assert made.classes == ("cat", "dog", "bee")
    check_is_the_set(made)
    check_is_the_set(named := task((PIXELS, LABELS), classes=["x", "y", "z"]))
    assert named.classes == ("x", "y", "z")
    check_is_the_set(task((PIXELS, np.eye(3)[LABELS])))


def test_one_channel_is_grey_and_bits_have_one_scale():
    grey = PIXELS[..., 0]
    for images in (grey, grey[:, None], grey[..., None], list(grey)):
        found = all_of(task((images, LABELS)))
        assert all((pixels == torch.from_numpy(grey[i])).all() for i, (_, pixels) in found.items())
    made = task((grey.astype(np.uint16) * 16, LABELS))
    assert "the images use 12 bits: 4,095 is white" in made.notes
    assert (all_of(made)[0][1][0].int() - torch.from_numpy(grey[0]).int()).abs().max() <= 1
    hot = grey.astype(np.uint16) * 16
    hot[3, 2, 2] = 65535  # a defect pixel
    found = task((hot, LABELS))
    assert (
        "the images use 12 bits: 4,095 is white; 1 pixels are brighter, and white, too"
        in found.notes
    )
    assert torch.equal(all_of(found)[0][1], all_of(made)[0][1])
    dark = task((np.where(hot == 65535, 255, grey // 8).astype(np.uint8), LABELS))
    assert "the images are dark: of a thousand pixels not one reaches 64 of 255" in dark.notes


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (
            PIXELS / 255 - 0.5,
            LABELS,
            "numbers go from -0.5 to 0.5: give bytes, or floats from 0 to 1, before",
        ),
        (PIXELS / np.nan, LABELS, "numbers that are not finite"),
        (
            PIXELS[..., :2],
            LABELS,
            r"image 0 is of shape \(32, 32, 2\) and uint8; an image has a height",
        ),
        (PIXELS, LABELS[:-1], r"24 images have 24 labels, not labels of shape \(23,\)"),
        (
            PIXELS,
            LABELS + 0.5,
            "labels are floats, such as 0.5: classes are whole numbers or words",
        ),
        (PIXELS, LABELS / np.nan, "24 of 24 labels are missing"),
        (PIXELS, ["a", "b", None] * 8, "8 of 24 labels are missing, first that of 2"),
        (PIXELS, ["a", float("nan"), "b"] * 8, "8 of 24 labels are missing, first that of 1"),
        (PIXELS, pandas.Series(["a", pandas.NA] * 12, dtype=object), "12 of 24 labels are missing"),
        (PIXELS, LABELS * 0, "all labels are '0'; it takes two classes"),
        (PIXELS, np.ones((COUNT, 3)), "column per class and not one 1 in each row"),
        (PIXELS[:5], LABELS[:5], "class '0' has 2 images; the least is 4"),
        (LABELS, PIXELS, r"the labels come first: .* a pair \(images, labels\)"),
        (np.moveaxis(PIXELS, 0, 3), LABELS, r"\(32, 32, 3, 24\) have their number last"),
    ],
)
def test_what_is_no_image_or_no_label_is_one_sentence(images, labels, words):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=words):
        task((images, labels))


def test_what_is_no_task_says_what_is():
    class Endless(Dataset):
        def __getitem__(self, i):
            return 1

    with pytest.raises(ValueError, match="a ndarray is no task: give a name, a path, a pair"):
        task(PIXELS)
    with pytest.raises(ValueError, match=r"a pair \(images, labels\), not 3 things"):
        task((PIXELS, LABELS, LABELS))
    with pytest.raises(ValueError, match="a Endless is no task"):
        task(Endless())
    with pytest.raises(ValueError, match="and a label 3: classes are numbered from 0, these .* 1"):
        task((PIXELS, LABELS + 1), classes=["x", "y", "z"])
    with pytest.raises(ValueError, match="there are 2 classes .*, and a label 2$"):
        task((PIXELS, LABELS), classes=["a", "b"])
    with pytest.raises(ValueError, match="columns are of a table, and a tuple is none"):
        task((PIXELS, LABELS), columns={"label": "x"})
    with pytest.raises(
        ValueError, match="a table has no column for 'labels': there are file, label"
    ):
        task((PIXELS, LABELS), columns={"labels": "x"})
    for word, value in {"resize": "pad", "classes": ["a"], "columns": {"file": "x"}}.items():
        with pytest.raises(
            ValueError, match=f"garden has no files, and {word} .* would say nothing"
        ):
            task("garden", **{word: value})
    with pytest.raises(
        ValueError, match="garden has no files, and regression True would say nothing"
    ):
        task("garden", regression=True)


BOTH = {
    "parts, as Hugging Face's": {"train": (PIXELS, LABELS), "test": (PIXELS[:9], LABELS[:9])},
    "parts, one for validation": {
        "train": (PIXELS, LABELS),
        "validation": (PIXELS[:9], LABELS[:9]),
    },
    "two pairs, as Keras gives": ((PIXELS, LABELS), (PIXELS[:9], LABELS[:9])),
}


@pytest.mark.parametrize("form", BOTH)
def test_an_object_of_both_parts_is_taken_apart(form):
    made = task(BOTH[form], shots="all")
    assert (len(made.train), len(made.test)) == (COUNT, 9)
    assert (made.test.pixels == AS_TENSOR[:9]).all()
    with pytest.raises(ValueError, match="test is given, and there is a test set already"):
        task(BOTH[form], test=(PIXELS, LABELS))


def test_parts_that_are_not_used_are_said():
    pair = (PIXELS, LABELS)
    notes = task({"train": pair, "validation": pair, "test": pair, "unsupervised": pair}).notes
    assert notes[:2] == ("the test set is 'test'", "'validation', 'unsupervised' left aside")
    check_is_the_set(task({"train": pair}))
    check_is_the_set(task({"image": PIXELS, "label": LABELS}))
    with pytest.raises(
        ValueError, match="a dict holds 'cat', 'dog': it is to hold 'train' and 'test', or 'image'"
    ):
        task({"cat": PIXELS, "dog": PIXELS})


def test_a_test_set_of_ones_own_is_the_test_set():
    made = task((PIXELS, LABELS), test=(PIXELS[::-1].copy(), LABELS[::-1].copy()), shots="all")
    assert len(made.train) == len(made.test) == COUNT
    assert (made.test.pixels == AS_TENSOR.flip(0)).all() and made.test.labels[0] == 2
    two = LABELS < 2
    made = task((PIXELS, LABELS), test=(PIXELS[two], LABELS[two]))
    assert "the test set has no image of '2'" in made.notes
    with pytest.raises(
        ValueError, match="the test images have a class '3' that is none to learn from"
    ):
        task((PIXELS, LABELS), test=(PIXELS, LABELS + 1))


def test_groups_of_ones_own_stay_whole():
    groups = [f"p{i // 6}{i % 3}" for i in range(COUNT)]
    made = task((PIXELS, LABELS), groups=groups, shots="all")
    assert not set(made.train.groups) & set(made.test.groups)
    with pytest.raises(ValueError, match="24 images have 24 groups, not 3"):
        task((PIXELS, LABELS), groups=["a", "b", "c"])
    with pytest.raises(ValueError, match="groups of images in memory are a list"):
        task((PIXELS, LABELS), groups="patient")


def test_images_of_other_sizes_become_squares_and_that_is_said():
    wide = [np.asarray(scene(60 + i, 20)) for i in range(COUNT)]
    made = task((wide, LABELS), image_size=16)
    assert made.image_size == 16
    assert any(
        note.startswith("the middle square is kept: of 24 of 24 images") for note in made.notes
    )
    assert made.resize == "crop" and task((wide, LABELS), resize="pad").resize == "pad"
    assert not any("square" in note for note in task((wide, LABELS), resize="pad").notes)
    assert task((PIXELS, LABELS), image_size=16).image_size == 16


def test_numbers_are_learnt_where_that_is_asked_for():
    made = task((PIXELS, np.linspace(0, 5, COUNT)), regression=True, classes=["age"], shots=6)
    assert made.asks_a_number and made.classes == ("age",) and len(made.train) == 6
    assert made.train.labels.dtype == torch.float32
    assert len(made.at("all").train) + len(made.test) == COUNT
    assert len(task((PIXELS, np.linspace(0, 5, COUNT)), regression=True, tests=3).test) == 3


# ------------------------------------------------------------------ Datasets


class Listed(Dataset):
    classes = ("ant", "bee", "cat")

    def __init__(self, item=lambda i: (AS_TENSOR[i], int(LABELS[i]))):
        self.item = item

    def __len__(self):
        return COUNT

    def __getitem__(self, i):
        return self.item(i)


ITEMS = {
    "bytes": lambda i: (AS_TENSOR[i], int(LABELS[i])),
    "floats": lambda i: (AS_TENSOR[i] / 255, torch.tensor(int(LABELS[i]))),
    "pictures": lambda i: (Image.fromarray(PIXELS[i]), np.int64(LABELS[i])),
    "dictionaries": lambda i: {"image": Image.fromarray(PIXELS[i]), "label": int(LABELS[i])},
    "three things": lambda i: (AS_TENSOR[i], int(LABELS[i]), f"{i}.png"),
    "a name before": lambda i: (f"{i}.png", AS_TENSOR[i], int(LABELS[i])),
    "a label in a dictionary": lambda i: (AS_TENSOR[i], {"label": int(LABELS[i]), "box": i}),
    "one of several": lambda i: (AS_TENSOR[i], torch.eye(3)[LABELS[i]]),
}
UNUSED = {"three things": "part 2", "a name before": "part 0", "a label in a dictionary": "box"}


@pytest.mark.parametrize("kind", ITEMS)
def test_a_dataset_is_a_task(kind):
    seen = []
    made = task(Listed(ITEMS[kind]), shots=2, progress=lambda done, of: seen.append((done, of)))
    assert made.classes == Listed.classes and made.name == "listed"
    assert seen[-1] == (COUNT, COUNT)
    check_is_the_set(made)
    said = [note for note in made.notes if "not used" in note]
    unused = UNUSED.get(kind)
    assert said == ([f"of each item of the Listed not used: {unused}"] if unused else [])


def test_a_list_of_pairs_is_a_dataset():
    check_is_the_set(task([(AS_TENSOR[i], int(LABELS[i])) for i in range(COUNT)]))
    check_is_the_set(task([{"image": PIXELS[i], "label": int(LABELS[i])} for i in range(COUNT)]))


def test_parts_of_datasets_know_the_classes_of_the_whole():
    part = Subset(Listed(), [i for i in range(COUNT) if LABELS[i] != 1])
    made = task(part)
    assert made.classes == ("ant", "cat")
    assert "1 classes have no image and are left out (bee …)" in made.notes
    plain = TensorDataset(AS_TENSOR, torch.from_numpy(LABELS))
    check_is_the_set(task(plain))


def test_a_dataset_that_says_what_its_items_are_called_otherwise_is_asked():
    with pytest.raises(ValueError, match="a DataLoader gives batches: give its dataset"):
        task(DataLoader(Listed()))
    with pytest.raises(ValueError, match="an item of the Listed is a int, and no pair"):
        task(Listed(lambda i: i))
    with pytest.raises(
        ValueError, match="an item of the Listed holds a, b; an image is called image"
    ):
        task(Listed(lambda i: {"a": 1, "b": 2}))
    with pytest.raises(
        ValueError, match="a label of the Listed holds boxes, masks: give one class"
    ):
        task(Listed(lambda i: (AS_TENSOR[i], {"boxes": 1, "masks": 2})))
    with pytest.raises(
        ValueError, match="item 5 of the Listed cannot be read: ZeroDivisionError: integer"
    ):
        task(Listed(lambda i: (AS_TENSOR[i], 1 // (i - 5))))


def test_random_views_are_said():
    random = np.random.default_rng(0)
    made = task(Listed(lambda i: (random.integers(0, 256, (3, 32, 32), dtype=np.uint8), i % 3)))
    assert any("changes its images at random" in note for note in made.notes)


# ------------------------------------------------------------------ DataFrames


@pytest.fixture
def frame(tmp_path, monkeypatch):
    (tmp_path / "img").mkdir()
    for i in range(COUNT):
        (tmp_path / "img" / f"{i}.png").write_bytes(saved(grainy(i)))
    monkeypatch.chdir(tmp_path)
    return pandas.DataFrame(
        {
            "where": [f"img/{i}.png" for i in range(COUNT)],
            "kind": [("cat", "dog")[i % 2] for i in range(COUNT)],
            "age": np.arange(COUNT) / 4,
            "patient": [f"p{i // 4}{i % 2}" for i in range(COUNT)],
        }
    )


def test_a_frame_is_a_task(frame):
    made = task(frame, image_size=16, columns={"label": "kind"}, shots="all")
    assert made.classes == ("cat", "dog") and made.name == "table"
    assert not set(made.train.groups) & set(made.test.groups)
    assert set(made.train.files) | set(made.test.files) == set(frame["where"])
    made = task(frame, image_size=16, columns={"label": "kind"}, classes=["dog", "cat"], shots=2)
    assert made.classes == ("dog", "cat")
    labels = {f: int(k) for f, k in zip(made.test.files, made.test.labels, strict=True)}
    assert all(labels[f] == (i + 1) % 2 for i, f in enumerate(frame["where"]) if f in labels)
    with pytest.raises(ValueError, match="the table has the classes cat, dog, not cat, cow"):
        task(frame, columns={"label": "kind"}, classes=["cat", "cow"])


CELLS = {
    "pictures": lambda i: Image.fromarray(PIXELS[i]),
    "arrays": lambda i: PIXELS[i],
    "files' contents": lambda i: saved(Image.fromarray(PIXELS[i])),
    "as Hugging Face's": lambda i: {"bytes": saved(Image.fromarray(PIXELS[i])), "path": None},
}


@pytest.mark.parametrize("kind", CELLS)
def test_a_frame_may_hold_the_images_themselves(kind):
    frame = pandas.DataFrame({"label": LABELS, "image": [CELLS[kind](i) for i in range(COUNT)]})
    check_is_the_set(task(frame, image_size=SIDE))
    frame.at[3, "image"] = None
    made = task(frame, image_size=SIDE)
    assert made.skipped == ("image[3].png cannot be read: its cell holds a NoneType and no image",)


def test_names_of_files_with_labels_are_a_task(frame):
    made = task((list(frame["where"]), list(frame["kind"])), image_size=16, shots="all")
    assert made.classes == ("cat", "dog") and len(made.train) + len(made.test) == COUNT


def test_a_frame_takes_groups_a_test_frame_and_numbers(frame):
    given = task(
        frame.drop(columns="patient"),
        image_size=16,
        columns={"label": "kind"},
        groups=[f"g{i // 4}{i % 2}" for i in range(COUNT)],
    )
    assert given.test.groups[0].startswith("g")
    assert task(frame, columns={"label": "kind"}, groups="patient", image_size=16).test.groups
    made = task(frame[:16], test=frame[16:], columns={"label": "kind"}, image_size=16, shots="all")
    assert made.test.files == tuple(frame["where"][16::2]) + tuple(frame["where"][17::2])
    made = task(frame, regression=True, columns={"label": "age"}, image_size=16, shots=4)
    assert made.asks_a_number and made.classes == ("age",) and len(made.train) == 4


def test_a_frame_without_files_says_what_else_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match=r"is there: .*images in memory go in as a pair .* or as vt\.Task"
    ):
        task(pandas.DataFrame({"file": ["a.png"], "label": ["a"]}))


# ------------------------------------------------------------------ tasks by hand


def test_a_task_by_hand_chooses_its_shots_from_its_training_images():
    pool = Images(AS_TENSOR, torch.from_numpy(LABELS))
    made = Task("mine", ("a", "b", "c"), pool, pool, None, 0)
    few = made.at(2, seed=1)
    assert torch.bincount(few.train.labels).tolist() == [2, 2, 2]
    assert len(few.at(3).train) == 9  # of all there are, not of the few
    made.check_draw()
    with pytest.raises(ValueError, match="class 'a' has 8 training images, fewer than the 9 shots"):
        made.at(9)


def test_a_draw_that_ignores_the_shots_is_refused():
    pool = Images(AS_TENSOR, torch.from_numpy(LABELS))
    made = Task("mine", ("a", "b", "c"), pool, pool, None, 0, lambda shots, seed: pool)
    assert len(made.at("all").train) == COUNT
    with pytest.raises(
        ValueError, match=r"mine: its draw\(1, 0\) gives 8 images of class 'a', not 1, and results"
    ):
        made.at(1)


# ------------------------------------------------------------------ one scale


def _deep(*shades):
    return [np.full((32, 32), shade, dtype=np.uint16) for shade in shades]


def test_grey_numbers_in_a_column_get_one_scale_as_arrays_do():
    shades, labels = _deep(*[2000, 4000] * 8), ["dark", "light"] * 8
    frame = pandas.DataFrame({"image": shades, "label": labels})
    for given in ((shades, labels), frame):
        made = task(given, shots="all", image_size=32)
        found = {
            made.classes[label]: int(pixels[0, 0, 0])
            for pixels, label in zip(made.train.pixels, made.train.labels.tolist(), strict=True)
        }
        assert found == {"dark": 125, "light": 249}


def test_two_parts_of_two_scales_are_refused():
    labels = ["dark", "light"] * 4
    with pytest.raises(ValueError, match="learn from use 12 bits and those to test on 11"):
        task((_deep(*[2000, 4000] * 4), labels), test=(_deep(*[900, 2000] * 4), labels))


@pytest.mark.parametrize("none", [None, float("nan"), pandas.NA])
def test_images_without_a_group_stand_alone_and_that_is_said(none):
    pixels = [np.asarray(grainy(i)) for i in range(16)]
    groups = [none if i % 4 == 0 else f"p{i // 4}" for i in range(16)]
    made = task((pixels, [i % 2 for i in range(16)]), shots="all", groups=groups)
    found = [*made.train.groups, *made.test.groups]
    assert sorted(map(found.count, {*found})) == [1, 1, 1, 1, 3, 3, 3, 3]
    assert "4 images have no group and stand alone" in made.notes


def test_groups_on_both_sides_of_two_sets_that_are_given_are_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i in range(16):
        (tmp_path / f"{i}.png").write_bytes(saved(grainy(i)))

    def rows(numbers, patient):
        cells = [(f"{i}.png", "ab"[i % 2], patient(i)) for i in numbers]
        return pandas.DataFrame(cells, columns=["file", "label", "patient"])

    learnt = rows(range(8), lambda i: f"p{i // 2}")
    for patient, both in (
        (lambda i: f"p{i // 2}", 0),
        (lambda i: f"p{i // 4}", 2),
        (lambda i: "", 0),
    ):
        made = task(learnt, shots="all", image_size=16, test=rows(range(8, 16), patient))
        said = [note for note in made.notes if "on both sides of the split" in note]
        assert len(said) == bool(both) and "".join(said).startswith(
            f"{both} groups"[: 9 * bool(both)]
        )


def test_names_of_files_may_be_a_column_or_the_index_of_a_frame(frame):
    frame = frame.rename(columns={"where": "file", "kind": "label"})[["file", "label"]]
    for given in (
        (frame["file"], frame["label"]),
        (tuple(frame["file"]), frame["label"]),
        frame.set_index("file"),
    ):
        made = task(given, shots="all", image_size=16)
        assert len(made.train) + len(made.test) == len(frame)
        assert not any("not used" in note for note in made.notes)
    shuffled = frame.sample(frac=1, random_state=0)  # an index of numbers says nothing
    assert not any("not used" in n for n in task(shuffled, shots="all", image_size=16).notes)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda f: pandas.concat([f, f], axis=1), {}, "two columns called 'file'"),
        (lambda f: f, {"groups": [1, 2]}, r"\d+ images have \d+ groups, not 2"),
    ],
)
def test_a_frame_that_says_two_things_or_too_little_is_refused(frame, change, options, words):
    frame = frame.rename(columns={"where": "file", "kind": "label"})
    with pytest.raises(ValueError, match=words):
        task(change(frame), shots="all", image_size=16, **options)


@pytest.mark.parametrize(("peak", "fits"), [(1.0, True), (1.2, False), (1.999, False), (2.0, True)])
def test_floats_a_little_above_one_are_refused_and_not_nearly_black(peak, fits):
    pixels = PIXELS / PIXELS.max() * peak
    if fits:
        assert len(task((pixels, LABELS), shots="all").train)
    else:
        with pytest.raises(ValueError, match=f"floats go up to {peak:.4g}: clip them to 1"):
            task((pixels, LABELS), shots="all")


@pytest.mark.parametrize(("least", "said"), [(-999, True), (-1, True), (-2, False), (0, False)])
def test_a_number_that_says_that_there_is_none_is_said(least, said):
    numbers = [least if i < 2 else i for i in range(COUNT)]
    made = task((PIXELS, numbers), shots="all", regression=True)
    words = f"2 images have the number {least} and all others 0 or more"
    assert any(note.startswith(words) for note in made.notes) == said
    below = [least if i < 2 else -3 - i for i in range(COUNT)]
    assert not any(
        "0 or more" in n for n in task((PIXELS, below), shots="all", regression=True).notes
    )
