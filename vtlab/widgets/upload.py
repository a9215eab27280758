"""A panel for a person's own photographs: upload them, look, train, and have one named."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import ipywidgets
import traitlets

from vtlab import plots
from vtlab.data.decoding import decode_image_tensor
from vtlab.data.file_names import IMAGE_ENDINGS, is_image_name
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.evaluation import predict
from vtlab.results.formatting import format_percent
from vtlab.widgets.panel import (
    CONTENT_WIDTH,
    DESCRIPTION_STYLE,
    Panel,
    PanelStatusLine,
    button,
    control_row,
)
from vtlab.widgets.train import TrainPanel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_UNPACKED_BYTES = 500_000_000  # of a zip
IMAGES_SHOWN = 16


class UploadPanel(Panel):
    """See a zip or a few photographs as a task, train on them, and have one photograph named.

    A zip has a folder per class. Single photographs are sorted into classes by their names:
    `cat 1.jpg` and `cat_2.jpg` are of class `cat`. A browser sends about 7 MB at once; `path`
    reads a larger folder or zip where the notebook runs. Its plain twins are `task`, `fit`,
    `predict` and `plots.images`.

    Attributes:
        path: Of a folder or zip on the machine where the notebook runs; "" for none.
        size: Side of the images in pixels; None for that of the start (`Task.start`).
        task: What was uploaded or found, or None.
        training: The `TrainPanel` for it, or None.
        answer: What the network named, in words.

    Lesson 16.
    """

    photographs = True
    path = traitlets.Unicode("")

    def __init__(self, size: int | None = None, **traits: object) -> None:
        """Open the panel.

        Args:
            size: Side of the images in pixels; None for that of the start that photographs begin from.
            traits: To begin with.
        """
        self.size = size
        self.task: Task | None = None
        self.training: TrainPanel | None = None
        self.answer = ""
        self.status = PanelStatusLine(
            "Choose a zip with a folder per class, or photos named like “cat 1.jpg”."
        )
        self.files = _upload_button("Photos or a zip", (".zip", *IMAGE_ENDINGS), multiple=True)
        self.photo = _upload_button("A photo to name", IMAGE_ENDINGS, multiple=False)
        self.buttons = {"read": button("Read this path", self._read_path)}
        self._training_place = ipywidgets.VBox()
        super().__init__(**traits)
        self.files.observe(self._take_files, "value")
        self.photo.observe(self._take_photo, "value")

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """The path; the uploads have no trait, since their value is the photographs."""
        looks = {"style": DESCRIPTION_STYLE, "layout": {"width": "28em"}}
        return {"path": ipywidgets.Text(description="Path of a folder or zip", **looks)}

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """Upload or path, the state, training, and the photograph to name."""
        return [
            control_row(self.files, self.controls["path"], self.buttons["read"]),
            self.status,
            self._training_place,
            control_row(self.photo),
        ]

    @property
    def picture_traits(self) -> tuple[str, ...]:
        """The picture is of what was read, whatever is typed."""
        return ()

    def upload(self, files: Mapping[str, bytes]) -> None:
        """Read these files as a task, as the upload does; what is wrong is said in the panel.

        Args:
            files: Contents by name: one zip, or photographs.
        """
        try:
            with tempfile.TemporaryDirectory() as folder:  # the task holds its images in memory
                self._open_task(store_upload(files, Path(folder)))
        except (ValueError, OSError) as error:
            self.status.say(f"Not taken: {error}")

    def _read_path(self) -> None:
        try:
            if not self.path:
                raise ValueError("the path is empty")
            self._open_task(Path(self.path))
        except (ValueError, OSError) as error:
            self.status.say(f"Not taken: {error}")

    def _take_files(self, change: dict) -> None:
        if change["new"]:
            self.upload(_read_uploaded_files(change["new"]))

    def _take_photo(self, change: dict) -> None:
        if change["new"]:
            self.name_photo(*_read_uploaded_files(change["new"]).popitem())

    def _open_task(self, path: Path) -> None:
        """Read a folder or zip as a task, and offer a panel to train on it."""
        task = make_task(path, shots="all", image_size=self.size)
        if self.training is not None:
            self.training.close()
        self.task, self.answer = task, ""
        self.training = TrainPanel(task, strategy="probe")
        self._training_place.children = (self.training.widget,)
        notes = " ".join(f"{note[0].upper()}{note[1:]}." for note in task.notes)
        if task.skipped:
            notes += f" Files left out: {len(task.skipped)} ({'; '.join(task.skipped)})."
        self.status.say(
            f"{len(task.train)} training images and {len(task.test)} test images of "
            f"{len(task.classes)} classes. {notes} Begins from {task.start.name} (trained on "
            f"{task.start.trained_on}). Now press Train."
        )
        self.refresh()

    def name_photo(self, file: str, content: bytes) -> None:
        """Have a photograph named by the network that was trained here."""
        training = self.training
        session = None if training is None else training.session
        try:
            if training is None or session is None or session.network is None:
                raise ValueError("there is no trained network yet: press Train first")
            if training.state in ("training", "stopping"):
                raise ValueError("wait until the training has ended, or stop it")
            task = session.task  # its panel offers the garden's, too
            pixels = decode_image_tensor(
                content, task.image_size, file, resize=task.resize, bits=task.bits
            )
            probability, predicted = predict(session.network, pixels).max(1)
            sure = format_percent(float(probability), 0)
            self.answer = f"{file}: {task.classes[int(predicted)]}, {sure} sure"
            self.status.say(self.answer)
        except ValueError as error:
            self.status.say(f"Not named: {error}")

    def close(self) -> None:
        """Stop the training and remove the panel from the page."""
        if self.training is not None:
            self.training.close()
        super().close()

    def figure(self) -> Figure:
        """Some of the training images, of all classes in turn."""
        task = self._uploaded_task()
        images = task.train.first_of_classes(range(len(task.classes)), IMAGES_SHOWN)
        return plots.images(images.pixels, titles=[task.classes[k] for k in images.labels])

    def describe(self) -> str:
        """How many images of which classes."""
        task = self._uploaded_task()
        return f"Some of the {len(task.train)} training images of {', '.join(task.classes)}."

    def _uploaded_task(self) -> Task:
        if self.task is None:
            raise ValueError("Nothing was uploaded yet.")
        return self.task


def _upload_button(words: str, endings: Iterable[str], *, multiple: bool) -> ipywidgets.FileUpload:
    what = {"accept": ",".join(endings), "multiple": multiple}
    return ipywidgets.FileUpload(description=words, layout=CONTENT_WIDTH, **what)


def store_upload(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write uploaded files into a folder, and give the zip or the folder of classes that they are.

    Raises:
        ValueError: If they are none of the two; the message names what is wrong.
    """
    zips = [name for name in files if name.lower().endswith(".zip")]
    if zips and len(files) > 1:
        raise ValueError(f"{zips[0]} came with other files: give one zip, or photographs")
    if zips:
        content = files[zips[0]]
        if not zipfile.is_zipfile(io.BytesIO(content)):
            raise ValueError(f"{zips[0]} is no zip, or a damaged one")
        # Sizes stand in the zip's table: a zip that would fill the disk is refused unopened.
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > MAX_UNPACKED_BYTES:
            raise ValueError(
                f"{zips[0]} would unpack to {total:,} bytes; the most is {MAX_UNPACKED_BYTES:,}"
            )
        place = folder / PurePosixPath(zips[0]).name
        place.write_bytes(content)
        return place
    for name, content in files.items():
        if not is_image_name(name):
            raise ValueError(f"{name} is no image and no zip")
        kind = re.sub(r"[\W_]*\d*[\W_]*$", "", PurePosixPath(name).stem)
        if not kind:
            raise ValueError(f"{name} does not begin with the name of its class, as in “cat 1.jpg”")
        (folder / "photos" / kind).mkdir(parents=True, exist_ok=True)
        (folder / "photos" / kind / PurePosixPath(name).name).write_bytes(content)
    return folder / "photos"


def _read_uploaded_files(uploaded: Sequence[Mapping]) -> dict[str, bytes]:
    """The contents of uploaded files by name; names of folders are left aside."""
    return {
        PurePosixPath(file["name"].replace("\\", "/")).name: bytes(file["content"])
        for file in uploaded
    }
