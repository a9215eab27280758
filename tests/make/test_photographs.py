import io
import zipfile

import numpy as np
import photographs
import pytest
import torch
from photographs import PhotoPool, read_pools, read_search_pools
from PIL import Image

from vtlab.data.images import Images


def pictures(each=30, side=16, seed=0):
    """Two classes, dark and light, with grain."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(2).repeat_interleave(each)
    grain = torch.randint(0, 100, (2 * each, 3, side, side), generator=random)
    pixels = (grain + 100 * labels[:, None, None, None]).to(torch.uint8)
    return Images(pixels, labels, None, tuple(f"{i}.png" for i in range(2 * each)))


def pool(name="photo", test=None, **more):
    return PhotoPool(name, ("dark", "light"), pictures(), test, **more)


def test_the_shots_of_a_seed_are_nested_and_the_test_set_is_what_they_leave():
    few, more = pool().task(3, 1), pool().task(8, 1)
    assert set(few.train.files) < set(more.train.files)
    assert few.train.labels.bincount().tolist() == [3, 3]
    for task in (few, more):
        assert not set(task.train.files) & set(task.test.files)
        assert len(task.train) + len(task.test) == 60
    assert set(pool().task(3, 2).train.files) != set(few.train.files)


def test_a_task_asked_for_other_shots_gives_none_of_its_test_images():
    task, few = pool().task(8, 1), pool().task(3, 1)
    task.check_draw()
    assert set(task.at(3, 1).train.files) == set(few.train.files)
    for shots, seed in ((3, 2), (8, 2), (None, 5)):
        assert set(task.at(shots, seed).train.files) <= set(task.train.files)
    assert set(task.at(3, 2).train.files) != set(few.train.files)
    with pytest.raises(ValueError, match="photo: this task has 8 shots, fewer than 9"):
        task.at(9, 1)


def test_twenty_test_images_a_class_are_kept():
    assert pool().most_shots == 10
    with pytest.raises(ValueError, match="photo: 'dark' has 30 images, of which 10 can be shots"):
        pool().task(11, 0)


def test_a_limited_test_set_is_the_same_for_all_shots():
    made = pool(most_tests=12)
    tests = [made.task(shots, 0).test for shots in (1, 7, 18)]
    assert all(test.files == tests[0].files for test in tests)
    assert tests[0].labels.bincount().tolist() == [12, 12] and made.most_shots == 18


def test_a_test_set_of_its_own_stays_as_it_is():
    made = pool(test=pictures(25, seed=9))
    assert made.task(28, 0).test is made.test and made.most_shots == 30
    with pytest.raises(ValueError, match="30 can be shots, not 40"):
        made.task(40, 0)


def write_zip(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, pixels in files.items():
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "PNG")  # told by its content, not by its name
            archive.writestr(name, content.getvalue())


def flat(grey):
    return np.full((20, 20, 3), grey, np.uint8)


def test_a_folder_within_a_zip_is_a_set_of_its_own(tmp_path, monkeypatch):
    files = {
        f"{part}/{kind}/{i}.png": flat(10 * i + start)
        for part, start in (("photo", 0), ("sketch", 200))
        for kind in ("cat", "dog")
        for i in range(4)
    }
    write_zip(tmp_path / "both.zip", files)
    sets = {name: ("both.zip", name) for name in ("photo", "sketch")}
    monkeypatch.setattr(photographs, "SETS", sets)
    pools = read_pools(tmp_path, 16)
    assert {name: made.classes for name, made in pools.items()} == dict.fromkeys(
        sets, ("cat", "dog")
    )
    for name, start in (("photo", 0), ("sketch", 200)):
        assert (
            pools[name].images.pixels[:, 0, 0, 0].tolist() == [start + 10 * i for i in range(4)] * 2
        )
    assert read_pools(tmp_path, 16) is pools


def test_sheets_are_cut_row_by_row_and_sounds_split_by_their_recordings(tmp_path, monkeypatch):
    # two kinds, a sheet each: 2 tiles in a row, 3 rows, of which the last tile is no image
    sheets = {}
    for kind in range(2):
        sheet = np.zeros((3 * 64, 2 * 64, 3), np.uint8)
        for i in range(5):
            row, column = divmod(i, 2)
            sheet[64 * row :, 64 * column :][:64, :64] = 100 * kind + 10 * i + 1
        sheets[f"train/n{kind}.jpg"] = sheet
    write_zip(tmp_path / "tiny_imagenet_64.zip", sheets)
    with zipfile.ZipFile(tmp_path / "tiny_imagenet_64.zip", "a") as archive:
        archive.writestr("classes.csv", 'index,wnid,name\n0,n0,"bee, insect"\n1,n1,fly\n')
    clips = {
        f"sounds/images/{kind}/{fold}-{i}.png": flat(50 * fold)
        for kind in ("rain", "sea")
        for fold in range(1, 6)
        for i in range(2)
    }
    write_zip(tmp_path / "open" / "sounds.zip", clips)
    monkeypatch.setattr(photographs, "TILE_KINDS", {"insects": "fly, bee"})
    monkeypatch.setattr(photographs, "TILES", 5)
    monkeypatch.setattr(photographs, "TILE_TEST_IMAGES", 2)
    pools = read_search_pools(tmp_path, 32)
    insects, sounds = pools["insects"], pools["sounds"]
    assert insects.classes == ("fly", "bee") and insects.images.pixels.shape == (10, 3, 32, 32)
    assert insects.images.pixels[:, 0, 5, 5].tolist() == [
        100 * kind + 10 * i + 1 for kind in (1, 0) for i in range(5)
    ]
    assert len(insects.task(3, 0).test) == 4
    assert sounds.images.pixels[:, 0, 0, 0].unique().tolist() == [50, 100, 150]
    assert sounds.test.pixels[:, 0, 0, 0].unique().tolist() == [200, 250]
    assert not sounds.task(2, 0).flip and insects.task(2, 0).flip


def test_the_real_sets_have_the_images_that_their_notes_tell(photos):
    pools = read_pools(photos, 16) | read_search_pools(photos, 16)
    assert {name: len(made.classes) for name, made in pools.items()} == {
        **{"photo": 7, "sketch": 7, "hymenoptera": 2, "flowers": 5, "eurosat": 10, "hands": 10},
        **dict.fromkeys(photographs.TILE_KINDS, 10),
        "sounds": 10,
    }
    assert [pools[name].most_shots for name in ("photo", "flowers", "insects")] == [80, 40, 150]
