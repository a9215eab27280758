import io
import zipfile

import pytest
from PIL import Image

from vtlab.widgets import upload as upload
from vtlab.widgets.upload import UploadPanel


def square(colour: str, i: int) -> bytes:
    image, buffer = Image.new("RGB", (40, 36), colour), io.BytesIO()
    image.paste((20 * i, 90, 10 * i), (i, i, 12 + i, 9 + i))
    image.save(buffer, "PNG")
    return buffer.getvalue()


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return buffer.getvalue()


GOOD = {f"{colour}/{i}.png": square(colour, i) for colour in ("red", "blue") for i in range(6)}


@pytest.fixture
def panel():
    made = UploadPanel(32)
    yield made
    made.close()


def give(
    panel, name: str, content: bytes, kind: str = "photo", tray: str = "", part: int = 70
) -> None:
    """As the page does it: in parts."""
    pieces = [content[at : at + part] for at in range(0, len(content), part)] or [b""]
    for place, piece in enumerate(pieces):
        about = {"kind": kind, "class": tray, "name": name, "last": True}
        about |= {"id": name, "part": place, "parts": len(pieces)}
        panel._hear(panel.trays, about, [memoryview(piece)])


def test_a_zip_becomes_a_task_is_trained_on_and_a_photo_is_named(panel):
    give(panel, "photos.zip", archive(GOOD), "zip")
    assert panel.task.classes == ("blue", "red") and len(panel.task.test) == 4
    assert "8 training images and 4 test images of 2 classes" in panel.status.words
    assert "<img" in panel._picture.value
    panel.training.buttons["train"].click()
    assert panel.training.wait() == "finished"
    give(panel, "mine.png", square("red", 2), "ask")
    assert panel.answer.startswith("mine.png: red, ") and panel.answer in panel.status.words
    shown = panel.trays.answer
    assert [name for name, _ in shown["bars"]] == ["red", "blue"]
    assert sum(share for _, share in shown["bars"]) == pytest.approx(1)
    assert shown["image"].startswith("data:image/png") and shown["map"].startswith("data:image/png")


def fill(panel, red: str = "class 1", blue: str = "class 2") -> None:
    for name, content in GOOD.items():
        colour, file = name.split("/")
        give(panel, file, content, tray=red if colour == "red" else blue)


def test_trays_become_classes_whatever_they_are_called(panel):
    fill(panel)
    assert panel.trays.classes == [{"name": f"class {n}", "count": 6} for n in (1, 2)]
    panel._hear(panel.trays, {"rename": ["class 1", "赤 🌹"]}, [])
    panel._hear(panel.trays, {"add": "class 3"}, [])
    panel._hear(panel.trays, {"use": True}, [])
    assert panel.task.classes == ("class 2", "赤 🌹") and len(panel.task.train) == 8


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "cannot be called ''"), ("a/b", "cannot be called 'a/b'"), ("class 2", "is a class")],
)
def test_a_name_that_no_tray_can_have_is_refused_and_nothing_is_lost(panel, name, words):
    fill(panel)
    panel.rename("class 1", name)
    assert (
        panel.status.words.startswith("Not renamed: ") and words.split()[-1] in panel.status.words
    )
    assert len(panel.photographs_of["class 1"]) == 6


def test_empty_trays_are_no_task(panel):
    panel.use_trays()
    assert panel.status.words.startswith("Not taken: ") and panel.task is None


def test_another_network_answers_anew_and_the_old_answer_is_gone(panel):
    fill(panel, "red", "blue")
    panel.use_trays()
    panel.training.train()
    panel.training.wait()
    give(panel, "mine.png", square("red", 2), "ask")
    assert panel.trays.answer["bars"][0][0] == "red"
    fill(panel, "blue", "red")  # the same photographs under the other name
    panel.photographs_of = {
        "red": [file for file in panel.photographs_of["red"] if file[1] in _of("blue")],
        "blue": [file for file in panel.photographs_of["blue"] if file[1] in _of("red")],
    }
    panel.use_trays()
    assert not panel.trays.answer
    panel.training.train()
    panel.training.wait()
    assert panel.trays.answer["bars"][0][0] == "blue"  # of the same photograph, without a question


def _of(colour: str) -> set[bytes]:
    return {content for name, content in GOOD.items() if name.startswith(colour)}


def test_photographs_are_sorted_by_their_names(panel):
    panel.upload(
        {
            f"{name.split('/')[0]} ({i}).png": content
            for i, (name, content) in enumerate(GOOD.items())
        }
    )
    assert panel.task.classes == ("blue", "red") and len(panel.task.train) == 8


def test_a_path_is_read_where_the_notebook_runs(panel, tmp_path):
    (tmp_path / "my.zip").write_bytes(archive(GOOD))
    panel.controls["path"].value = str(tmp_path / "my.zip")
    panel.buttons["read"].click()
    assert panel.task.name == "my"


HOSTILE = {
    "no zip": ({"a.zip": b"zip?"}, "a.zip is no zip"),
    "text": ({"notes.txt": b"hello"}, "notes.txt is no image and no zip"),
    "no class": ({"1.png": square("red", 1)}, "1.png does not begin with the name of its class"),
    "climbs": ({"a.zip": archive({"../../red/1.png": b"x"})}, "climbs out of the zip"),
    "absolute": ({"a.zip": archive({"/etc/red/1.png": b"x"})}, "climbs out of the zip"),
    "broken images": (
        {"a.zip": archive({name: b"no image" for name in GOOD})},
        "cannot be read as an image",
    ),
    "empty": ({"a.zip": archive({})}, "holds no folders with images"),
    "two": ({"a.zip": b"", "b.png": b""}, "a.zip came with other files"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_cannot_be_taken_is_said_and_nothing_changes(panel, kind):
    files, words = HOSTILE[kind]
    panel.upload(files)
    assert panel.status.words.startswith("Not taken: ") and words in panel.status.words
    assert panel.task is None and panel.training is None


def test_a_broken_image_is_left_out_and_said(panel):
    panel.upload({"a.zip": archive(GOOD | {"red/7.png": b"no image"})})
    assert "Files left out: 1 (red/7.png cannot be read as an image)." in panel.status.words
    assert len(panel.task.train) == 8


def test_a_zip_that_unpacks_beyond_the_limit_is_refused_before_unpacking(panel, monkeypatch):
    monkeypatch.setattr(upload, "MAX_UNPACKED_BYTES", 10_000)
    panel.upload({"bomb.zip": archive({f"red/{i}.png": bytes(9_000) for i in range(2)})})
    assert "would unpack to 18,000 bytes; the most is 10,000" in panel.status.words


def test_nothing_of_an_upload_is_left_on_the_disk(panel, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    panel.upload({"photos.zip": archive(GOOD)})
    panel.upload({"a.zip": archive({"../../red/1.png": b"x"})})
    assert list(tmp_path.rglob("*")) == []


def test_a_photo_cannot_be_named_before_training(panel):
    give(panel, "mine.png", square("red", 2), "ask")
    assert "Not named: there is no trained network yet" in panel.status.words


def test_a_photo_is_named_in_the_classes_that_were_learnt(panel, monkeypatch):
    monkeypatch.setattr("vtlab.widgets.session.evaluate", lambda *given: 0.5)
    give(panel, "photos.zip", archive(GOOD), "zip")
    panel.training.task = "garden"
    panel.training.shots = 1
    panel.training.buttons["train"].click()
    assert panel.training.wait() == "finished"
    give(panel, "mine.png", square("red", 2), "ask")
    assert panel.answer.split(": ")[1].rpartition(",")[0] in panel.training.session.task.classes
