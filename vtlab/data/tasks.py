"""Tasks: what is to be learnt, with training and test images; built in, or made from one's own images.

`train` is the shots: everything a learner may use. `test` is read once, at the end, by all
strategies alike. Garden tasks and printed digits draw both (`garden.worlds`, `data.digits`);
handwritten digits have a fixed test set; a folder of photographs has its own or a stratified
hold-out. The seed chooses the shots and never the test set, and the shots of one seed are
nested: its first 5 images a class are among its first 10.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vtlab.data.decoding import DEEP_BITS
from vtlab.data.digits import DIGITS, TRAINING_SCANS, handwritten_digits, printed_digits
from vtlab.data.file_matching import FilesBeside
from vtlab.data.file_names import printable_path_name
from vtlab.data.folders import ImageFolder, read_class_folders, read_folder
from vtlab.data.groups import check_group_word
from vtlab.data.images import Images, check_size_of_images, image_places_by_class
from vtlab.data.near_duplicates import near_duplicates
from vtlab.data.own_images import read_arrays, read_dataset
from vtlab.data.public_datasets import PUBLIC_DATASETS, list_public_dataset
from vtlab.data.splits import alternate_groups, count_groups, split_each_class, stratified_split
from vtlab.data.table_cells import table_of_frame
from vtlab.data.tables import Columns, list_table_images
from vtlab.garden.worlds import WORLDS, World
from vtlab.models.starts import Start, find_default_start
from vtlab.system.arguments import check_whole_number
from vtlab.system.randomness import make_generator

HOLDOUT_SHARE = 0.3  # of a folder's images, where it has no test set
DRAWN_TEST_IMAGES = 1200


@dataclass(frozen=True, eq=False)
class Task:
    """A target task with its splits.

    Attributes:
        name: As in tables and file names.
        classes: The K class names; label k is `classes[k]`. Where a number is asked for, its name.
        train: The shots.
        test: Never used to choose anything.
        val: A part held back from the shots, or None.
        shots: Images per class in `train`; None for all there are.
        seed: Which shots.
        draw: Gives the training images for `(shots, seed)`: so many of each class. None to choose them from
            `train`.
        notes: What a reader of the results should know about the data.
        skipped: A sentence for each file of a folder that was left out.
        flip: Whether a mirror image has the same class; `fit` mirrors half of the views where it has.
        resize: How image files became squares (`decoding.RESIZES`).
        bits: Of grey image files with more than 8 bits, those that are used (`decoding.decode`).
    """

    name: str
    classes: tuple[str, ...]
    train: Images
    test: Images
    shots: int | None
    seed: int
    draw: Callable[[int | None, int], Images] | None = None
    val: Images | None = None
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    flip: bool = True
    resize: str = "crop"
    bits: int = DEEP_BITS

    def __post_init__(self) -> None:
        """Choose shots from the training images, where nothing else draws them."""
        if self.draw is None:
            object.__setattr__(self, "draw", partial(choose_shots, self.train, self.classes))

    @property
    def asks_a_number(self) -> bool:
        """Whether labels are numbers (float) instead of classes."""
        return self.test.labels.is_floating_point()

    @property
    def chance(self) -> float:
        """The test accuracy of always naming the most frequent class, or number, of the test set."""
        return torch.unique(self.test.labels, return_counts=True)[1].max().item() / len(self.test)

    @property
    def image_size(self) -> int:
        """Side of the images in pixels."""
        return self.test.pixels.shape[-1]

    @property
    def start(self) -> Start:
        """The backbone, and its weights, that these images begin from where none is named (`vt.starts`)."""
        return find_default_start(photographs=bool(self.test.files), image_size=self.image_size)

    def at(self, shots: int | str | None, seed: int = 0) -> Task:
        """The same task with other shots; None or "all" for all images there are.

        Raises:
            ValueError: If a class has not so many images, that is no number of shots, or `draw` gives
                another number of images.
        """
        shots = check_task_shots(shots)
        train = self.draw_shots(shots, seed)
        return replace(self, train=train, val=None, shots=shots, seed=seed)

    def draw_shots(self, shots: int | None, seed: int) -> Images:
        """The training images of these shots, counted.

        Raises:
            ValueError: If a class has not so many images, or `draw` gives another number of them.
        """
        assert self.draw is not None
        train = self.draw(shots, seed)
        if shots is not None and not self.asks_a_number:
            counts = torch.bincount(train.labels, minlength=len(self.classes)).tolist()
            for name, count in zip(self.classes, counts, strict=True):
                if count != shots:
                    raise ValueError(
                        f"{self.name}: its draw({shots}, {seed}) gives {count} images of class {name!r}, not "
                        f"{shots}, and results would stand under a false number of shots"
                    )
        return train

    def hold_back(self, share: float = 0.25, number: int = 0) -> Task:
        """The same shots, a part of each class moved to `val`, groups whole; the task's seed says which.

        Args:
            share: Of each class that is moved, one image at least.
            number: From 0: other numbers are other parts, drawn anew.

        Raises:
            ValueError: If the share is not between 0 and 1, or a class has one image only.
        """
        if not 0 < share < 1:
            raise ValueError(f"a share to hold back lies between 0 and 1, not {share}")
        self.check_two_per_class()
        # at random, as a folder's order is by name
        random = make_generator(self.seed, f"hold back {number}" if number else "hold back")
        groups = self.train.groups
        kept, held = split_each_class(self._strata(), share, random, least=1, groups=groups)
        return replace(self, train=self.train[kept], val=self.train[held])

    def count_classes(self) -> list[int]:
        """Training images of each class; where a number is asked for, of all."""
        return torch.bincount(self._strata(), minlength=len(self.classes)).tolist()

    @property
    def has_two_per_class(self) -> bool:
        """Whether every class has an image, or a group of images, to learn from and one to hold back."""
        strata, classes = self._strata(), range(1 if self.asks_a_number else len(self.classes))
        counts = count_groups(strata, self.train.groups)
        return min(counts.get(k, 0) for k in classes) >= 2

    def check_two_per_class(self) -> None:
        """Refuse shots of which a class has one image, or one group of images, and so none to hold back.

        Raises:
            ValueError: If one has.
        """
        if not self.has_two_per_class:
            if self.train.groups:
                raise ValueError(
                    f"{self.name}: a class whose images lie in one group has none to hold back"
                )
            raise ValueError(f"{self.name}: a class with one image has none to hold back")

    def check_draw(self) -> None:
        """Refuse a task that was given other training images than it draws: every run draws its own.

        Raises:
            ValueError: If `draw` does not give `train` for the task's own shots and seed.
        """
        assert self.draw is not None
        drawn = self.draw(self.shots, self.seed)
        same = len(drawn) == len(self.train) and torch.equal(drawn.labels, self.train.labels)
        if drawn.files or self.train.files:  # pixels may be more than memory
            same = same and drawn.files == self.train.files
        else:
            same = same and torch.equal(drawn.pixels, self.train.pixels)
        if not same:
            raise ValueError(
                f"{self.name}: its training images are not those that its draw(shots, seed) gives, "
                "which every run asks for its own: change `draw`, too"
            )

    def _strata(self) -> Tensor:
        """The training images' classes; where a number is asked for, all are of one kind."""
        labels = self.train.labels
        return torch.zeros_like(labels, dtype=torch.long) if self.asks_a_number else labels


def task(
    name: Any = "garden",
    *,
    shots: int | str | None = 5,
    seed: int = 0,
    image_size: int | None = None,
    tests: int | None = None,
    strict: bool = False,
    flip: bool | None = None,
    group: str | None = None,
    resize: str = "crop",
    columns: Columns | Mapping[str, str] | None = None,
    regression: bool = False,
    test: Any = None,
    classes: Sequence[str] = (),
    groups: Sequence[Any] | str = (),
    progress: Callable[[int, int], None] | None = None,
) -> Task:
    """A task by name, from a folder, zip or table of one's own photographs, or from images in memory.

    Args:
        name: "garden", "fine", "far", "glyphs", "textures" (drawn), "arrows" (drawn; the class is
            a direction), "petals" (drawn; how many petals, a number), "digits" (handwritten),
            "printed" (drawn from fonts): nothing to download. Or one of torchvision's data sets
            ("flowers102", "oxford_pets", "cifar10", "eurosat", "dtd", "food101" …, see
            `public_datasets.PUBLIC_DATASETS`), which is fetched once. Or a path whose folders are the
            classes, or hold them below `train/` and `test/`, or a table with a row per image
            (`tables.TABLE_ENDINGS`). Or images in memory: a pair of images and labels (`(X, y)`: arrays, bytes
            or floats from 0 to 1, channels first or last), a Dataset of PyTorch or Hugging Face, or a
            DataFrame with a column of files and one of classes. Where a folder is called like a task that
            needs no fetching, "./garden" is the folder; like a data set, the folder goes first.
        shots: Training images per class, or "all" where images are not drawn.
        seed: Which shots.
        image_size: Side in pixels; None for that of the start that the task begins from (`Task.start`): of
            drawings 64, of photographs more.
        tests: Test images per class (of "petals", per species), the first so many; None for all there
            are. Fewer are tested sooner and tell less.
        strict: Refuse a folder with an image that cannot be read, instead of leaving it out.
        flip: Whether a mirror image has the same class: not so of writing, or of left and right. None for
            what is known of the task: no for digits, arrows and traffic signs, yes for a folder.
        group: Which images of a folder or table belong together, such as those of a patient or a film, and
            stay on one side of every split: "folder" (the folders in a class folder), "name" (`p07_1.jpg` and
            `p07_2.jpg`), "auto" (images that look the same), a column of a table, a pattern with brackets
            that is looked for in the names of files, or "none"; None for what names say.
        resize: How an image becomes a square: its middle is kept ("crop"), grey is put beside it ("pad"), or
            its longer side is squeezed ("squeeze").
        columns: What a table or DataFrame calls its columns, where that is not to be found, such as
            `{"file": "image_id", "label": "dx"}`, and "split" and "group".
        regression: Whether the label is a number to be predicted; `shots` are then images in all.
        test: The test images, given as `name` is; None to hold some of those out.
        classes: Of images in memory the names of the classes 0, 1, …, or the order of the words.
        groups: Of images in memory the group of each, as a patient, that stays on one side of every split.
        progress: Called with how many files are read, and of how many.

    Raises:
        ValueError: If a name is unknown, a number is out of range, a class is too small, or, with
            `strict`, an image cannot be read.
        FileNotFoundError: If the path is not there.
        OSError: If a data set could not be fetched; the message says where its files belong.

    Lesson 01; folders in lesson 16.
    """
    number = check_task_shots(shots)
    if tests is not None and tests < 1:
        raise ValueError(f"{tests} test images per class are too few; the least is 1")
    asked = dict(columns) if isinstance(columns, Mapping) else vars(columns or Columns())
    if odd := asked.keys() - vars(Columns()).keys():
        raise ValueError(
            f"a table has no column for {min(odd)!r}: there are file, label, split and group"
        )
    reading = _Reading(
        image_size,
        strict,
        resize,
        group,
        Columns(**{**asked, "regression": regression or asked.get("regression", False)}),
        tuple(classes),
        groups,
        progress,
    )
    if image_size is not None:
        check_size_of_images(image_size)
    if isinstance(name, (str, os.PathLike)):
        made = _make_named_task(name, reading, tests, test)
    else:
        made = _task_of_own_images(name, reading, test)
    if tests is not None and str(name) not in WORLDS:  # the garden has drawn no more
        kinds = torch.zeros_like(made.test.labels) if made.asks_a_number else made.test.labels
        places = image_places_by_class(kinds, range(len(made.classes)))
        first = torch.cat([own[:tests] for own in places]).sort().values
        made = replace(made, test=made.test[first])
    if flip is not None:
        made = replace(made, flip=flip)
    return made.at(number, seed)


@dataclass(frozen=True)
class _Reading:
    """How a task's images are read; the attributes are arguments of `task`."""

    image_size: int | None
    strict: bool
    resize: str
    group: str | None
    columns: Columns
    classes: tuple[str, ...]
    groups: Sequence[Any] | str
    progress: Callable[[int, int], None] | None

    def check_not_given(self, name: str, why: str, *words: str) -> None:
        """Refuse what would not be used.

        Raises:
            ValueError: Naming it.
        """
        plain = _Reading(None, False, "crop", None, Columns(), (), (), None)
        for word in words:
            if (value := getattr(self, word)) != getattr(plain, word):
                if word == "columns" and value == Columns(regression=True):
                    word, value = "regression", True
                raise ValueError(f"{name} {why}, and {word} {value!r} would say nothing")


def _make_named_task(
    name: str | os.PathLike[str], reading: _Reading, tests: int | None, test: Any
) -> Task:
    """A task by name, or from a path."""
    # a name that needs no fetching goes before a folder, a folder before a data set to fetch
    key, path = str(name), Path(name)
    image_size = reading.image_size or find_start_of_task(path).image_size
    if is_built_in_task(key):
        reading.check_not_given(
            key, "has no files", "group", "resize", "columns", "classes", "groups"
        )
        if test is not None:
            raise ValueError(f"{key} has test images of its own: test is of no use")
        if key in WORLDS:
            made = garden_task(WORLDS[key], image_size, tests)
        else:
            made = DIGIT_TASKS[key](image_size)
        if path.exists():
            note = f"{key} is the task of that name; what lies here under the same name is ./{key}"
            made = replace(made, notes=(*made.notes, note))
        return made
    reading.check_not_given(key, "is no set of images in memory", "classes", "groups")
    if key in PUBLIC_DATASETS and not path.exists():
        reading.check_not_given(key, "is no table", "columns")
        check_group_word(reading.group)
        read = read_class_folders(
            list_public_dataset(key),
            image_size,
            reading.progress,
            strict=reading.strict,
            hold_out=HOLDOUT_SHARE,
            resize=reading.resize,
            group=reading.group,
        )
        return _task_of_folder(key, read, reading.resize, PUBLIC_DATASETS[key].flip)
    if not path.exists() and len(path.parts) == 1 and not path.suffix:
        raise ValueError(
            f"no task and no folder is called {key!r}; "
            f"the tasks are {', '.join((*WORLDS, *DIGIT_TASKS, *PUBLIC_DATASETS))}"
        )

    def read_path(path: str | Path, hold_out: float) -> ImageFolder:
        return read_folder(
            path,
            image_size,
            reading.progress,
            strict=reading.strict,
            hold_out=hold_out,
            resize=reading.resize,
            group=reading.group,
            columns=reading.columns,
        )

    read = read_path(path, HOLDOUT_SHARE if test is None else 0)
    if test is not None:
        read = _add_test(read, read_path(test, 0))
    # resolved, since "." and ".." say no name
    own_name = path.resolve().name if path.is_dir() else path.stem
    return _task_of_folder(printable_path_name((own_name,)), read, reading.resize)


def _task_of_own_images(given: Any, reading: _Reading, test: Any) -> Task:
    """A task of images in memory."""
    read, name = _read_own_images(given, reading, 0 if test is not None else HOLDOUT_SHARE)
    if test is not None:
        size = read.train.pixels.shape[-1]
        read = _add_test(
            read, _read_own_images(test, replace(reading, image_size=size, groups=()), 0)[0]
        )
    elif read.test is None:
        images, strata = read.train, read.train.labels
        if strata.is_floating_point():
            strata = torch.zeros_like(strata, dtype=torch.long)
        kept, held = stratified_split(strata, HOLDOUT_SHARE, 0, read.classes, images.groups)
        each = "each class" if len(read.classes) > 1 else "all"  # where a number is asked for
        note = f"no test images: {len(held)} images, {HOLDOUT_SHARE:.0%} of {each}, held out"
        read = replace(
            read,
            train=images[kept],
            test=images[held],
            notes=(*read.notes, note),
            held_out=True,
        )
    return _task_of_folder(name, read, reading.resize)


def _read_own_images(given: Any, reading: _Reading, hold_out: float) -> tuple[ImageFolder, str]:
    """Images in memory, and what they are called.

    Raises:
        ValueError: If they are no images with labels.
    """
    kind = type(given).__name__
    size, start = reading.image_size, find_default_start(photographs=True).image_size
    if hasattr(given, "to_pandas") and hasattr(given, "columns"):
        given = given.to_pandas()
    if hasattr(given, "itertuples"):
        return _read_frame(given, reading, size or start, hold_out), "table"
    group = reading.groups if not isinstance(reading.groups, str) else ()
    if isinstance(reading.groups, str) or reading.group:
        raise ValueError("groups of images in memory are a list, with the group of each image")
    options: dict[str, Any] = {
        "resize": reading.resize,
        "classes": reading.classes,
        "groups": list(group),
        "regression": reading.columns.regression,
        "default_size": start,
    }
    if reading.columns != Columns(regression=reading.columns.regression):
        raise ValueError(f"columns are of a table, and a {kind} is none")
    if isinstance(given, Images):
        options["groups"] = options["groups"] or list(given.groups)
        return read_arrays(given.pixels, given.labels, size, **options), "arrays"
    if isinstance(given, (tuple, list)):
        if len(given) != 2:
            raise ValueError(
                f"images in memory are a pair (images, labels), not {len(given)} things"
            )
        images, labels = given
        return read_arrays(images, labels, size, **options), "arrays"
    if hasattr(given, "dataset") and hasattr(given, "batch_size"):
        raise ValueError(f"a {kind} gives batches: give its dataset")
    if hasattr(given, "__getitem__") and hasattr(given, "__len__") and not hasattr(given, "shape"):
        return read_dataset(given, size, progress=reading.progress, **options), kind.lower()
    raise ValueError(
        f"a {kind} is no task: give a name, a path, a pair (images, labels), a Dataset with a length, a "
        "DataFrame, or build a vt.Task of two vt.Images"
    )


def _read_frame(frame: Any, reading: _Reading, size: int, hold_out: float) -> ImageFolder:
    """The images of a DataFrame, whose files are seen from the working folder."""
    columns, groups = reading.columns, reading.groups
    if isinstance(groups, str) and groups:
        columns = replace(columns, group=groups)
    elif len(groups):
        columns, frame = replace(columns, group="group"), frame.assign(group=list(groups))
    elif reading.group:
        columns = replace(columns, group=reading.group)
    try:
        made = list_table_images(table_of_frame(frame), FilesBeside(Path()), columns)
    except ValueError as error:
        hint = "images in memory go in as a pair (images, labels) or as vt.Task"
        raise ValueError(f"{error} ({hint})") from None
    read = read_class_folders(
        made.listing,
        size,
        reading.progress,
        strict=reading.strict,
        hold_out=hold_out,
        resize=reading.resize,
        found=made.folders,
        numbers=made.numbers,
    )
    if not reading.classes:
        return read
    if sorted(reading.classes) != sorted(read.classes):
        raise ValueError(
            f"the table has the classes {', '.join(read.classes)}, not {', '.join(reading.classes)}"
        )
    return _rename_classes(read, tuple(reading.classes))


def _rename_classes(read: ImageFolder, classes: tuple[str, ...]) -> ImageFolder:
    """The same with its classes among these, in this order."""
    if read.train.labels.is_floating_point():
        return read
    number = torch.tensor([classes.index(name) for name in read.classes])
    train, test = (
        None if part is None else replace(part, labels=number[part.labels])
        for part in (read.train, read.test)
    )
    assert train is not None
    return replace(read, classes=classes, train=train, test=test)


def _add_test(read: ImageFolder, other: ImageFolder) -> ImageFolder:
    """Images to learn from, with others to test on.

    Raises:
        ValueError: If there are test images already, or a class to test is none to learn.
    """
    if read.test is not None or other.test is not None:
        raise ValueError("test is given, and there is a test set already: leave one out")
    numbers = read.train.labels.is_floating_point()
    if odd := [] if numbers else [name for name in other.classes if name not in read.classes]:
        raise ValueError(f"the test images have a class {odd[0]!r} that is none to learn from")
    lost = [] if numbers else [name for name in read.classes if name not in other.classes]
    notes = [f"the test set has no image of {', '.join(map(repr, lost))}"] if lost else []
    said = [f"of the test images: {note}" for note in other.notes if note not in read.notes]
    return replace(
        read,
        test=_rename_classes(other, read.classes).train,
        notes=(*read.notes, *notes, *said),
        skipped=(*read.skipped, *other.skipped),
    )


def is_built_in_task(name: str | Path) -> bool:
    """Whether it names a task that needs no fetching, and so never means a folder that is called so."""
    return str(name) in WORLDS or str(name) in DIGIT_TASKS


def task_reads_files(name: str | Path) -> bool:
    """Whether a task's images lie in files, so that there is an end of them."""
    return not is_built_in_task(name) and (str(name) in PUBLIC_DATASETS or Path(name).exists())


def find_start_of_task(name: str | Path, image_size: int | None = None) -> Start:
    """The start of the task of this name or path, which is not read for it (`Task.start`)."""
    return find_default_start(photographs=task_reads_files(name), image_size=image_size)


def check_task_shots(shots: int | str | None) -> int | None:
    """Images per class as a number; None for all of them, which "all" says, too.

    Raises:
        ValueError: If it is no whole number from 1.
    """
    return (
        None if shots is None or shots == "all" else check_whole_number(shots, "images per class")
    )


def garden_task(world: World, size: int, tests: int | None = None) -> Task:
    """The task of a garden world; `at` gives it shots: so many of each species, as of `tests`."""
    return _task_of_drawings(
        world.name,
        (world.name,) if world.target == "number" else world.classes,
        lambda count, seed: world.draw(count, seed, size),
        tests or -(-DRAWN_TEST_IMAGES // world.count),
        flip=world.things != "arrows",
    )


def _printed_task(size: int) -> Task:
    return _task_of_drawings(
        "printed",
        DIGITS,
        lambda count, seed: printed_digits(count, seed, size),
        -(-DRAWN_TEST_IMAGES // len(DIGITS)),
        "printed digits: the test images are in fonts that the training images never use",
        flip=False,
    )


def _handwritten_task(size: int) -> Task:
    scans = Images(*handwritten_digits(size))
    pool, test = (scans[part] for part in torch.arange(len(scans)).tensor_split([TRAINING_SCANS]))
    note = (
        f"scikit-learn's handwritten digits, 8 x 8 pixels enlarged: the last {len(test):,} of "
        f"{len(scans):,} in the order of their collection are the test set, so that few hands are "
        "on both sides"
    )
    return _task_of_pool("digits", DIGITS, pool, test, (note,), flip=False)


DIGIT_TASKS = {"digits": _handwritten_task, "printed": _printed_task}


def _task_of_drawings(
    name: str,
    classes: tuple[str, ...],
    make: Callable[[int, int | None], tuple[Tensor, Tensor, Tensor]],
    tests: int,
    *notes: str,
    flip: bool,
) -> Task:
    """A task whose images `make(count, seed)` draws, so many of each kind; the test set has the seed None."""

    def draw(shots: int | None, seed: int) -> Images:
        if shots is None:
            raise ValueError(f"{name} has no end of images: say how many shots")
        return Images(*make(shots, seed))

    test = Images(*make(tests, None))
    return Task(name, classes, test[torch.arange(0)], test, 0, 0, draw, notes=notes, flip=flip)


def _task_of_folder(name: str, read: ImageFolder, resize: str = "crop", flip: bool = True) -> Task:
    """A task from images in files, with what should be known about them."""
    assert read.test is not None  # there is one where `hold_out` was asked for
    notes = read.notes
    if alike := near_duplicates(read.train.pixels, read.test.pixels):
        i, j = alike[0]
        notes += (
            f"{len(alike)} of {len(read.test)} test images look the same as a training image, which "
            f"flatters the test accuracy ({read.test.files[j]} and {read.train.files[i]} …)"
            + ("; group 'auto' keeps such images on one side" if read.held_out else ""),
        )
    made = _task_of_pool(name, read.classes, read.train, read.test, notes, read.skipped, flip)
    return replace(made, resize=resize, bits=read.bits)


def _task_of_pool(
    name: str,
    classes: tuple[str, ...],
    pool: Images,
    test: Images,
    notes: tuple[str, ...],
    skipped: tuple[str, ...] = (),
    flip: bool = True,
) -> Task:
    """A task whose shots are chosen from a pool of images."""

    def draw(shots: int | None, seed: int) -> Images:
        return choose_shots(pool, classes, shots, seed)

    return Task(name, classes, pool, test, None, 0, draw, None, notes, skipped, flip)


def choose_shots(pool: Images, classes: Sequence[str], shots: int | None, seed: int) -> Images:
    """So many images of each class of a pool, of as many groups as there are; of numbers so many in all.

    Args:
        pool: All there are.
        classes: Their names.
        shots: Images per class; None for all images.
        seed: Which ones. The first shots of a seed are among more shots of it.

    Raises:
        ValueError: If a class has fewer.
    """
    if shots is None:
        return pool
    labels = pool.labels
    if labels.is_floating_point():
        labels = torch.zeros_like(labels, dtype=torch.long)
    counts = torch.bincount(labels, minlength=len(classes))
    least = int(counts.argmin())
    if shots > counts[least]:
        raise ValueError(
            f"class {classes[least]!r} has {counts[least]} training images, "
            f"fewer than the {shots} shots asked for"
        )
    random = make_generator(seed, "shots")
    shuffled = image_places_by_class(labels, range(len(classes)), random)
    if pool.groups:  # from as many groups as there are
        shuffled = [torch.tensor(alternate_groups(own.tolist(), pool.groups)) for own in shuffled]
    return pool[torch.cat([own[:shots] for own in shuffled])]
