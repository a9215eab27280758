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


def give(widget, name: str, content: bytes) -> None:
    """As the page does it."""
    file = {"name": name, "type": "", "size": len(content), "last_modified": 0}
    message = {
        "method": "update",
        "state": {"value": [file | {"content": content}]},
        "buffer_paths": [],
    }
    widget._handle_msg({"content": {"data": message}, "buffers": []})


def test_a_zip_becomes_a_task_is_trained_on_and_a_photo_is_named(panel):
    give(panel.files, "photos.zip", archive(GOOD))
    assert panel.task.classes == ("blue", "red") and len(panel.task.test) == 4
    assert "8 training images and 4 test images of 2 classes" in panel.status.words
    assert "<img" in panel._picture.value
    panel.training.buttons["train"].click()
    assert panel.training.wait() == "finished"
    give(panel.photo, "mine.png", square("red", 2))
    assert panel.answer.startswith("mine.png: red, ") and panel.answer in panel.status.words


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
    give(panel.photo, "mine.png", square("red", 2))
    assert "Not named: there is no trained network yet" in panel.status.words


def test_a_photo_is_named_in_the_classes_that_were_learnt(panel, monkeypatch):
    monkeypatch.setattr("vtlab.widgets.session.evaluate", lambda *given: 0.5)
    give(panel.files, "photos.zip", archive(GOOD))
    panel.training.task = "garden"
    panel.training.shots = 1
    panel.training.buttons["train"].click()
    assert panel.training.wait() == "finished"
    give(panel.photo, "mine.png", square("red", 2))
    assert panel.answer.split(": ")[1].rpartition(",")[0] in panel.training.session.task.classes
