"""No host is asked: the files lie where torchvision keeps them, or cannot be fetched."""

import struct

import numpy as np
import pytest
from images_made_up import grainy
from torchvision import datasets

from vtlab.data import public_datasets
from vtlab.data.listing import Listing
from vtlab.data.public_datasets import PUBLIC_DATASETS, list_public_dataset
from vtlab.data.tasks import task


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VTLAB_CACHE", str(tmp_path))
    return tmp_path / "datasets"


def idx(path, values):
    """The format of MNIST's files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    path.write_bytes(header + values.tobytes())


@pytest.fixture
def mnist(cache):
    """60 training and 20 test images of 28 pixels; image i has the label i % 10."""
    raw, kept = cache / "MNIST" / "raw", {}
    for part, count in (("train", 60), ("t10k", 20)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        idx(raw / f"{part}-images-idx3-ubyte", images)
        idx(raw / f"{part}-labels-idx1-ubyte", (np.arange(count) % 10).astype(np.uint8))
        kept[part] = images
    return kept


@pytest.fixture
def eurosat(cache):
    """Two classes of 10 JPEG files, as EuroSAT is unpacked."""
    for k, name in enumerate(("Forest", "River")):
        folder = cache / "eurosat" / "2750" / name
        folder.mkdir(parents=True)
        for i in range(10):
            grainy(50 * k + i, 64).save(folder / f"{name}_{i}.jpg")


@pytest.fixture
def pets(cache):
    """Three breeds, listed in text files, as the Oxford pets are."""
    base = cache / "oxford-iiit-pet"
    (base / "images").mkdir(parents=True)
    (base / "annotations").mkdir()
    for part, numbers in (("trainval", range(4)), ("test", range(4, 6))):
        lines = []
        for k, breed in enumerate(("Beagle", "Great_Pyrenees", "Sphynx")):
            for i in numbers:
                grainy(10 * k + i, 40).save(base / "images" / f"{breed}_{i}.jpg")
                lines.append(f"{breed}_{i} {k + 1} 1 1")
        (base / "annotations" / f"{part}.txt").write_text("\n".join(lines) + "\n")


def test_images_without_files_keep_their_pixels_labels_and_split(mnist):
    made = task("mnist", shots="all", image_size=28)
    assert len(made.train) == 60 and len(made.test) == 20 and len(made.classes) == 10
    assert made.classes[3] == "3 - three"
    for place in (0, 17, 59):
        i = int(made.train.files[place].split()[-1].removesuffix(".ppm"))
        assert made.train.labels[place] == i % 10
        assert np.array_equal(made.train.pixels[place, 1].numpy(), mnist["train"][i])


def test_shots_and_seeds_are_as_in_any_task(mnist):
    few = task("mnist", shots=2, seed=3, image_size=28)
    assert few.train.labels.bincount().tolist() == [2] * 10
    assert set(few.train.files) < set(task("mnist", shots=4, seed=3, image_size=28).train.files)


def test_a_set_without_a_split_gets_a_test_set(eurosat):
    made = task("eurosat", shots="all")
    assert made.classes == ("Forest", "River") and len(made.train) == 14 and len(made.test) == 6
    assert any("held out" in note for note in made.notes)


def test_files_are_not_opened_before_they_are_decoded(eurosat, pets, monkeypatch):
    def refused(*rest, **named):
        raise AssertionError("an image was opened")

    monkeypatch.setattr("PIL.Image.open", refused)
    assert len(list_public_dataset("eurosat").readers) == 20
    assert len(list_public_dataset("oxford_pets").readers) == 18


def test_breeds_are_classes_and_the_official_split_is_kept(pets):
    made = task("oxford_pets", shots="all")
    assert made.classes == ("Beagle", "Great Pyrenees", "Sphynx")
    assert made.train.labels.bincount().tolist() == [4, 4, 4]
    assert made.test.labels.bincount().tolist() == [2, 2, 2]


@pytest.mark.parametrize("name", PUBLIC_DATASETS)
def test_what_cannot_be_fetched_is_one_clear_line(name, monkeypatch, cache):
    def offline(*rest, **named):
        raise OSError("no\nnetwork")

    monkeypatch.setattr(f"torchvision.datasets.{PUBLIC_DATASETS[name].kind}.__init__", offline)
    with pytest.raises(
        OSError,
        match=rf"{name} could not be fetched \(no network\): place its files in .*"
        rf"torchvision.datasets.{PUBLIC_DATASETS[name].kind}",
    ):
        task(name)


def test_every_set_is_asked_for_as_torchvision_knows_it():
    import inspect

    for public in PUBLIC_DATASETS.values():
        known = inspect.signature(getattr(datasets, public.kind)).parameters
        assert "download" in known
        for how in (how for asked in public.parts.values() for how in asked):
            assert set(how) <= set(known)


def test_a_folder_of_that_name_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(public_datasets, "list_public_dataset", None)
    for name in ("a", "b"):
        (tmp_path / "mnist" / name).mkdir(parents=True)
        for i in range(4):
            grainy(i + 10 * ord(name)).save(tmp_path / "mnist" / name / f"{i}.png")
    assert task("mnist", shots="all").classes == ("a", "b")


def test_a_class_of_several_names_has_the_first(tmp_path):
    """Imagenette's classes are tuples in torchvision."""

    class Data(list):
        classes = (("tench", "Tinca tinca"), "church")

    found = Listing("imagenette")
    public_datasets._add_images(
        found, "train", "", Data([(tmp_path / "a", 0), (tmp_path / "b", 1)]), True
    )
    assert found.subfolders(("train",)) == ["church", "tench"]


def test_writing_and_signs_are_not_mirrored(mnist):
    assert not task("mnist", shots=1, image_size=16).flip
    assert {name for name, public in PUBLIC_DATASETS.items() if not public.flip} == {
        "gtsrb",
        "mnist",
        "svhn",
    }


def test_photographs_of_ones_own_may_be_the_test_set(eurosat, tmp_path):
    for name in ("Forest", "River"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(4):
            grainy(i, 64).save(tmp_path / "mine" / name / f"{i}.png")
    made = task("eurosat", test=tmp_path / "mine", shots="all", image_size=16)
    assert len(made.train) == 20 and len(made.test) == 8
    assert all(file.endswith(".png") for file in made.test.files)
