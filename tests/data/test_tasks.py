from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from vtlab.data.baselines import pixel_neighbour
from vtlab.data.images import Images
from vtlab.data.tasks import (
    Task,
    find_start_of_task,
    is_built_in_task,
    task,
    task_reads_files,
)


@pytest.fixture
def folder(tmp_path):
    for name, count in (("a", 10), ("b", 20)):
        for i in range(count):
            path = tmp_path / name / f"{i:02d}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (20, 20), (12 * i, 100 if name == "a" else 0, 0)).save(path)
    return tmp_path


def test_the_garden_has_balanced_shots_and_a_large_test_set(garden):
    assert torch.bincount(garden.train.labels).tolist() == [5] * 8
    assert len(garden.test) >= 1000 and garden.chance == 1 / 8
    assert garden.image_size == 64 and len(garden.classes) == 8


def test_shots_are_nested_and_seeds_leave_the_test_set(garden):
    more, other = garden.at(7, 0), garden.at(5, 1)
    for k in range(8):
        first = garden.train.pixels[garden.train.labels == k]
        assert torch.equal(more.train.pixels[more.train.labels == k][:5], first)
    assert other.test is garden.test
    assert not torch.equal(other.train.pixels, garden.train.pixels)


def test_a_folder_without_a_test_set_holds_out_a_part_of_each_class(folder):
    made = task(folder, shots="all", image_size=16)
    assert torch.bincount(made.test.labels).tolist() == [3, 6]
    assert torch.bincount(made.train.labels).tolist() == [7, 14]
    assert not set(made.train.files) & set(made.test.files)
    assert any("held out" in note for note in made.notes)


def test_test_images_that_look_like_training_images_are_said(tmp_path):
    for part, quality in (("train", 90), ("test", 40)):
        for k, name in enumerate("ab"):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(3):
                twin = i == 0 and name == "a"
                noise = np.random.default_rng(9 if twin else 100 * k + 10 * i + quality)
                photo = Image.fromarray(noise.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize(
                    (90, 90)
                )
                photo.save(tmp_path / part / name / f"{i}.jpg", quality=quality)
    (note,) = [n for n in task(tmp_path, shots="all").notes if "look the same" in n]
    assert (
        note.startswith("1 of 6 test images look") and "(test/a/0.jpg and train/a/0.jpg …)" in note
    )


def test_shots_of_a_folder_are_nested_and_differ_by_seed(folder):
    made = task(folder, shots=3, image_size=16)
    five = made.at(5, 0)
    assert set(made.train.files) < set(five.train.files)
    assert set(made.at(3, 1).train.files) != set(made.train.files)
    assert torch.bincount(made.train.labels).tolist() == [3, 3]


@pytest.mark.parametrize("name", ["garden", "digits", "folder"])
def test_fewer_test_images_are_the_first_of_each_class(name, folder):
    name = folder if name == "folder" else name
    whole, fewer = (task(name, shots=3, image_size=16, tests=n) for n in (None, 2))
    assert torch.equal(fewer.train.pixels, whole.train.pixels)
    for k in range(len(whole.classes)):
        expected = whole.test.pixels[whole.test.labels == k][:2]
        assert (
            torch.equal(fewer.test.pixels[fewer.test.labels == k], expected) and len(expected) == 2
        )


def test_fewer_test_images_of_petals_are_the_first_of_each_species():
    whole, fewer = (task("petals", shots=1, image_size=16, tests=n) for n in (None, 2))
    assert torch.equal(
        fewer.test.pixels, whole.test.pixels.unflatten(0, (20, 60))[:, :2].flatten(0, 1)
    )


def test_a_folder_with_fewer_test_images_than_asked_for_gives_all(folder):
    made = task(folder, shots="all", image_size=16, tests=5)
    assert torch.bincount(made.test.labels).tolist() == [3, 5]
    assert [files.split("/")[0] for files in made.test.files] == ["a"] * 3 + ["b"] * 5
    said = "5 test images are asked for, and of 'a' there are fewer"
    assert said in made.notes
    assert said not in task(folder, shots="all", image_size=16, tests=3).notes


def test_a_held_back_part_is_no_part_of_the_shots_any_more(garden):
    held = garden.hold_back(0.25)
    assert torch.bincount(held.val.labels).tolist() == [1] * 8
    assert torch.bincount(held.train.labels).tolist() == [4] * 8
    assert held.test is garden.test


def test_what_cannot_be_had_is_named(folder, garden):
    with pytest.raises(ValueError, match="'a' has 7 training images, fewer than the 8"):
        task(folder, shots=8, image_size=16)
    with pytest.raises(ValueError, match="no task and no folder is called 'gardn'"):
        task("gardn")
    with pytest.raises(ValueError, match="too few"):
        task("garden", shots=0)
    with pytest.raises(ValueError, match="too small"):
        task("garden", image_size=8)
    for made in ("garden", folder):
        with pytest.raises(ValueError, match="images of 2000 px are too large; the most is 1024"):
            task(made, image_size=2000)
    with pytest.raises(ValueError, match="0 test images per class are too few"):
        task("garden", tests=0)
    with pytest.raises(ValueError, match="no end of images"):
        garden.at(None)
    with pytest.raises(ValueError, match="one image"):
        garden.at(1).hold_back()


def test_a_folder_has_the_same_name_by_whatever_path(folder, monkeypatch):
    own = folder.rename(folder.with_name("my.photos"))
    monkeypatch.chdir(own / "a")
    assert {
        task(path, image_size=16).name for path in ("..", "../", own, "../b/..", "../../my.photos")
    } == {"my.photos"}
    monkeypatch.chdir(own)
    assert task(".", image_size=16).name == "my.photos"


@pytest.mark.parametrize("name", ["garden", "printed"])
def test_a_tasks_name_never_means_a_folder_and_a_path_always_does(name, folder, monkeypatch):
    around = folder.parent / f"around {folder.name}"
    around.mkdir()
    monkeypatch.chdir(around)
    alone = task(name, image_size=16)
    folder.rename(around / name)
    made = task(name, image_size=16)
    assert made.classes == alone.classes and is_built_in_task(name) and not task_reads_files(name)
    note = f"{name} is the task of that name; what lies here under the same name is ./{name}"
    assert made.notes == (*alone.notes, note)
    for path in (f"./{name}", f"{name}/", around / name):
        assert (
            task(path, image_size=16).classes == ("a", "b")
            and task_reads_files(path)
            and not is_built_in_task(path)
        )


@pytest.mark.parametrize("wrong", [0, -1, 2.7, 5.0, True, "5", "few"])
def test_shots_are_whole_numbers_from_1_wherever_they_are_asked_for(garden, wrong):
    for ask in (garden.at, lambda shots: task("garden", shots=shots)):
        with pytest.raises(ValueError, match="images per class.* (no whole number|least is 1)"):
            ask(wrong)


def test_a_task_is_asked_for_all_its_images_by_that_word_and_for_shots_by_numpys_numbers(folder):
    made = task(folder, shots=1, image_size=16)
    assert len(made.at("all").train) == 21 and made.at("all").shots is None
    assert made.at(np.int64(2)).shots == 2 and isinstance(made.at(np.int64(2)).shots, int)


def test_petals_asks_how_many_and_draws_every_species():
    made = task("petals", shots=2)
    assert made.asks_a_number and made.classes == ("petals",)
    assert len(made.train) == 40 and len(made.test) == 1200
    numbers, counts = made.test.labels.unique(return_counts=True)
    assert numbers.min() >= 3 and torch.equal(numbers, numbers.round())
    assert made.chance == counts.max().item() / 1200


def test_the_pixel_neighbour_is_scikit_learns(folder):
    made = task(folder, shots="all", image_size=16)
    nearest = KNeighborsClassifier(1).fit(made.train.pixels.flatten(1), made.train.labels)
    assert pixel_neighbour(made) == nearest.score(made.test.pixels.flatten(1), made.test.labels)


def test_a_class_keeps_an_image_however_much_is_held_back(garden):
    held = garden.hold_back(0.9)
    assert torch.bincount(held.train.labels).min() == 1
    with pytest.raises(ValueError, match=r"between 0 and 1, not 1\.5"):
        garden.hold_back(1.5)


def test_numbers_are_held_back_whatever_they_are():
    petals = task("petals", shots=2)
    held = petals.hold_back()
    assert len(held.val) == round(len(petals.train) / 4)
    assert len(held.train) + len(held.val) == len(petals.train)


@pytest.mark.parametrize(
    ("name", "flip"), [("garden", True), ("arrows", False), ("digits", False), ("printed", False)]
)
def test_a_task_knows_whether_a_mirror_image_has_its_class(name, flip):
    assert task(name, shots=1, image_size=16).flip is flip
    assert task(name, shots=1, image_size=16, flip=not flip).flip is not flip


def test_of_a_folder_only_its_owner_knows_that(folder):
    assert task(folder, image_size=16).flip and not task(folder, image_size=16, flip=False).flip
    assert not task(folder, shots=2, image_size=16, flip=False).at(3, seed=1).hold_back().flip


def test_what_is_held_back_is_chosen_by_the_seed_and_not_by_the_files_names(folder):
    made = task(folder, shots="all", image_size=16)
    held = [made.at(None, seed).hold_back() for seed in (0, 0, 1)]
    files = [part.val.files for part in held]
    assert files[0] == files[1] != files[2]
    in_order = [[name for name in made.train.files if name.startswith(kind)] for kind in "ab"]
    firsts = [name for names in in_order for name in names[: round(len(names) / 4)]]
    assert len(files[0]) == len(firsts) and set(files[0]) != set(firsts)
    assert sorted(held[0].train.files + held[0].val.files) == sorted(made.train.files)


@pytest.fixture(scope="module")
def patients() -> Task:
    """Two classes of six patients with four images each, in a task of one's own."""
    labels = torch.arange(2).repeat_interleave(24)
    groups = tuple(f"p{i // 4:02d}" for i in range(48))
    pixels = torch.arange(48, dtype=torch.uint8).view(48, 1, 1, 1).expand(48, 3, 16, 16)
    pool = Images(pixels, labels, groups=groups)
    return Task("patients", ("a", "b"), pool, pool[torch.arange(0)], None, 0)


def test_what_is_held_back_divides_no_group(patients):
    held = patients.hold_back(0.25)
    assert not {*held.train.groups} & {*held.val.groups}
    assert len(held.train) + len(held.val) == 48
    assert torch.bincount(held.val.labels).tolist() == [8, 8]  # 6 of 24 is half of a group away


def test_shots_come_from_as_many_groups_as_there_are_and_are_nested(patients):
    for shots, groups in ((2, 4), (5, 10), (6, 12), (9, 12)):
        drawn = patients.at(shots, 3).train
        assert (
            len({*drawn.groups}) == groups and torch.bincount(drawn.labels).tolist() == [shots] * 2
        )
        values = {*drawn.pixels[:, 0, 0, 0].tolist()}
        assert values < {*patients.at(shots + 1, 3).train.pixels[:, 0, 0, 0].tolist()}
    assert patients.at(1).has_two_per_class is False and patients.at(2).has_two_per_class


def test_a_class_of_one_group_has_none_to_hold_back(patients):
    one = replace(patients, train=patients.train[torch.tensor([0, 1, 24, 28])])
    assert not one.has_two_per_class
    with pytest.raises(ValueError, match="one group has none to hold back"):
        one.hold_back()


@pytest.mark.parametrize("kind", [str, Path])
def test_a_task_may_lie_in_the_home_folder_whatever_names_it(folder, monkeypatch, kind):
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    name = kind(f"~/{folder.name}")
    made = task(name, shots="all", image_size=16, test=name)
    assert made.name == folder.name and len(made.train) == len(made.test)
    assert task_reads_files(name) and find_start_of_task(name) == find_start_of_task(folder)
