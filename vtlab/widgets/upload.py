"""A panel for a person's own photographs: upload them, look, train, and have one named."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import anywidget
import ipywidgets
import traitlets
from PIL import Image

from vtlab import plots
from vtlab.analysis.cams import explain
from vtlab.data.decoding import decode_image_tensor
from vtlab.data.file_names import is_image_name
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.evaluation import predict
from vtlab.plots import export
from vtlab.plots.heatmaps import paint_heatmap
from vtlab.results.formatting import format_percent
from vtlab.widgets.panel import (
    DESCRIPTION_STYLE,
    FRONT,
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
MAX_BARS = 6  # classes whose probability is shown


class PhotoTrays(anywidget.AnyWidget):
    """A tray of photographs for each class and one to be named, as the browser shows them.

    Attributes:
        classes: A mapping for each class: its name, the count of its photographs, and, of those that came
            in a zip, a few as `thumbs`.
        answer: What a network says of the photograph that was to be named; empty for nothing.
    """

    _esm = FRONT / "photos.js"
    _css = FRONT / "photos.css"
    classes: traitlets.List = traitlets.List().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)


class UploadPanel(Panel):
    """Photographs of one's own as a task: drop them or take them, look, train, and have others named.

    Each class has a tray, which takes photographs that are dropped, chosen or made with the camera;
    browsers send them small. A zip has a folder per class; photographs that are dropped beside the trays
    are sorted by their names: `cat 1.jpg` and `cat_2.jpg` are of class `cat`. `path` reads a folder or zip
    where the notebook runs. Its plain twins are `task`, `fit`, `predict` and `plots.images`.

    Attributes:
        path: Of a folder or zip on the machine where the notebook runs; "" for none.
        size: Side of the images in pixels; None for that of the start (`Task.start`).
        task: What was uploaded or found, or None.
        training: The `TrainPanel` for it, or None.
        answer: What the network named, in words.
        photographs_of: The files of each tray by class: names and contents.

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
        self.photographs_of: dict[str, list[tuple[str, bytes]]] = {}
        self._parts: dict[str, list[bytes]] = {}  # of a file that is on its way
        self._loose: dict[
            str, bytes
        ] = {}  # dropped beside the trays, until the last of them is there
        self._asked: tuple[str, bytes] | None = None  # the photograph that was named last
        self.status = PanelStatusLine("Fill a tray for each class, with ten photographs or more.")
        self.trays = PhotoTrays()
        self.trays.on_msg(self._hear)
        self.buttons = {"read": button("Read this path", self._read_path)}
        self._training_place = ipywidgets.VBox()
        for name in ("class 1", "class 2"):
            self.photographs_of[name] = []
        super().__init__(**traits)
        self._show_trays()

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """The path; trays have no trait, since they hold photographs."""
        looks = {"style": DESCRIPTION_STYLE, "layout": {"width": "28em"}}
        return {"path": ipywidgets.Text(description="Path of a folder or zip", **looks)}

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """Trays, path, the state, training."""
        return [
            self.trays,
            control_row(self.controls["path"], self.buttons["read"]),
            self.status,
            self._training_place,
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

    def _hear(self, view: PhotoTrays, content: dict, buffers: Sequence) -> None:
        """What the page sends: files in parts, and names of trays."""
        match content:
            case {"kind": kind, "id": number, "part": part, "parts": parts}:
                pieces = self._parts.setdefault(number, [])
                pieces.append(bytes(buffers[0]))
                if part + 1 == parts:
                    name = PurePosixPath(str(content["name"]).replace("\\", "/")).name
                    self._take(kind, content, name, b"".join(self._parts.pop(number)))
            case {"add": name}:
                self.photographs_of.setdefault(str(name), [])
                self._show_trays()
            case {"rename": [old, new]}:
                self.rename(str(old), str(new))
            case {"use": _}:
                self.use_trays()

    def _take(self, kind: str, content: dict, name: str, data: bytes) -> None:
        """A whole file: for a tray, to be sorted by its name, a zip, or to be named."""
        if kind == "zip":
            self.upload({name: data})
        elif kind == "ask":
            self.name_photo(name, data)
        elif kind == "photo":
            self.photographs_of.setdefault(content["class"], []).append((name, data))
            self._show_trays()
        else:
            self._loose[name] = data
            if content.get("last"):
                files, self._loose = self._loose, {}
                self.upload(files)

    def rename(self, old: str, new: str) -> None:
        """Call a tray by another name; what is in it stays."""
        try:
            if not new or "/" in new or "\\" in new or new in (".", ".."):
                raise ValueError(f"a class cannot be called {new!r}")
            if new in self.photographs_of and new != old:
                raise ValueError(f"there is a class {new!r} already")
            kept = self.photographs_of
            self.photographs_of = {new if k == old else k: files for k, files in kept.items()}
        except ValueError as error:
            self.status.say(f"Not renamed: {error}.")
        self._show_trays()

    def use_trays(self) -> None:
        """Make a task of the photographs in the trays; empty trays are no classes."""
        try:
            with tempfile.TemporaryDirectory() as folder:  # the task holds its images in memory
                for name, files in self.photographs_of.items():
                    for number, (file, data) in enumerate(files):
                        place = Path(folder) / "photos" / name
                        place.mkdir(parents=True, exist_ok=True)
                        (place / f"{number:04d} {file}").write_bytes(data)
                self._open_task(Path(folder) / "photos")
        except (ValueError, OSError) as error:
            self.status.say(f"Not taken: {error}")

    def _show_trays(self) -> None:
        counts = [{"name": k, "count": len(of)} for k, of in self.photographs_of.items()]
        self.trays.classes = counts

    def _open_task(self, path: Path) -> None:
        """Read a folder or zip as a task, and offer a panel to train on it."""
        task = make_task(path, shots="all", image_size=self.size)
        if self.training is not None:
            self.training.close()
        self.task, self.answer, self.trays.answer = task, "", {}
        self.training = TrainPanel(task, strategy="probe")
        self.training.observe(self._ask_again, "state")
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

    def _ask_again(self, change: dict) -> None:
        """Another network, another answer: that of the one before is of no network that is here."""
        if change["new"] == "training":
            self.answer, self.trays.answer = "", {}
        elif change["new"] == "finished" and self._asked is not None:
            self.name_photo(*self._asked)

    def name_photo(self, file: str, content: bytes) -> None:
        """Have a photograph named by the network that was trained here.

        The page shows the probabilities of the classes, and where the network finds the evidence (Grad-CAM).
        """
        self._asked = (file, content)
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
            shares = predict(session.network, pixels)[0].cpu()
            best = shares.argsort(descending=True).tolist()
            sure = format_percent(float(shares[best[0]]), 0)
            self.answer = f"{file}: {task.classes[best[0]]}, {sure} sure"
            self.status.say(self.answer)
            heat = explain(session.network, pixels, say=lambda sentence: None)[0].float().cpu()
            self.trays.answer = {
                "name": file,
                "words": self.answer,
                "image": export.picture_uri(Image.fromarray(pixels[0].permute(1, 2, 0).numpy())),
                "map": export.picture_uri(paint_heatmap(heat.numpy(), task.image_size)),
                "bars": [[task.classes[k], float(shares[k])] for k in best[:MAX_BARS]],
            }
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
