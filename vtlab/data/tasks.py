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
from vtlab.data.file_names import list_few
from vtlab.data.images import Images, check_size_of_images, image_places_by_class
from vtlab.data.loading import Loading, load_images
from vtlab.data.public_datasets import PUBLIC_DATASETS
from vtlab.data.splits import alternate_groups, count_groups, split_each_class
from vtlab.data.tables import Columns
from vtlab.garden.worlds import WORLDS, World
from vtlab.models.starts import Start, find_default_start
from vtlab.results.formatting import format_shots
from vtlab.system.arguments import check_whole_number
from vtlab.system.files import expand_home
from vtlab.system.printing import OneLine
from vtlab.system.randomness import make_generator

DRAWN_TEST_IMAGES = 1200


@dataclass(frozen=True, eq=False, repr=False)
class Task(OneLine):
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

    def summarise(self) -> str:
        """The task, its classes, its images and which shots they are."""
        number = len(self.classes)
        asked = (
            self.classes[0]
            if self.asks_a_number
            else f"{number} classes ({list_few(self.classes)})"
        )
        val = "" if self.val is None else f", {len(self.val):,} held back"
        return (
            f"{self.name}: {asked}; {len(self.train):,} training and {len(self.test):,} test images{val}, "
            f"{self.image_size} px; {format_shots(self.shots)}, seed {self.seed}"
        )

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
        images = self.train
        kept, held = split_each_class(images.strata, share, random, least=1, groups=images.groups)
        return replace(self, train=images[kept], val=images[held])

    def count_classes(self) -> list[int]:
        """Training images of each class; where a number is asked for, of all."""
        return torch.bincount(self.train.strata, minlength=len(self.classes)).tolist()

    @property
    def has_two_per_class(self) -> bool:
        """Whether every class has an image, or a group of images, to learn from and one to hold back."""
        counts = count_groups(self.train.strata, self.train.groups)
        classes = 1 if self.asks_a_number else len(self.classes)
        return min(counts.get(k, 0) for k in range(classes)) >= 2

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
            or floats from 0 to 1, channels first or last; or names of files), a Dataset of PyTorch or Hugging
            Face, one of each part (`{"train": …, "test": …}`, or two pairs as Keras gives), or a DataFrame with
            a column of files or images and one of classes. Where a folder is called like a task that
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
    name, number = expand_home(name), check_task_shots(shots)
    if tests is not None and tests < 1:
        raise ValueError(f"{tests} test images per class are too few; the least is 1")
    if image_size is not None:
        check_size_of_images(image_size)
    asked = dict(columns) if isinstance(columns, Mapping) else vars(columns or Columns())
    if odd := asked.keys() - vars(Columns()).keys():
        raise ValueError(
            f"a table has no column for {min(odd)!r}: there are file, label, split and group"
        )
    asked = {**asked, "regression": regression or asked.get("regression", False)}
    together = groups if isinstance(groups, str) else tuple(groups)
    how = Loading(
        image_size, strict, resize, group, Columns(**asked), tuple(classes), together, progress
    )
    key, path = (str(name), Path(name)) if isinstance(name, (str, os.PathLike)) else ("", Path())
    # a name that needs no fetching goes before a folder, a folder before a data set to fetch
    if is_built_in_task(key):
        how.check_not_given(key, "has no files", "group", "resize", "columns", "classes", "groups")
        if test is not None:
            raise ValueError(f"{key} has test images of its own: test is of no use")
        size = image_size or find_start_of_task(key).image_size
        made = garden_task(WORLDS[key], size, tests) if key in WORLDS else DIGIT_TASKS[key](size)
        if path.exists():
            note = f"{key} is the task of that name; what lies here under the same name is ./{key}"
            made = replace(made, notes=(*made.notes, note))
    elif key and not task_reads_files(key) and len(path.parts) == 1 and not path.suffix:
        raise ValueError(
            f"no task and no folder is called {key!r}; "
            f"the tasks are {', '.join((*WORLDS, *DIGIT_TASKS, *PUBLIC_DATASETS))}"
        )
    else:
        title, read = load_images(name, how, test)
        assert read.test is not None
        made = Task(
            title,
            read.classes,
            read.train,
            read.test,
            shots=None,
            seed=0,
            notes=read.notes,
            skipped=read.skipped,
            flip=read.flip,
            resize=resize,
            bits=read.bits,
        )
    if tests is not None and key not in WORLDS:  # the garden has drawn no more
        kinds = 1 if made.asks_a_number else len(made.classes)
        places = image_places_by_class(made.test.strata, range(kinds))
        first = torch.cat([own[:tests] for own in places]).sort().values
        lacking = [made.classes[k] for k in range(kinds) if len(places[k]) < tests]
        note = f"{tests} test images are asked for, and of {list_few(map(repr, lacking))} there are fewer"
        notes = (*made.notes, note) if lacking else made.notes
        made = replace(made, test=made.test[first], notes=notes)
    if flip is not None:
        made = replace(made, flip=flip)
    return made.at(number, seed)


def is_built_in_task(name: str | Path) -> bool:
    """Whether it names a task that needs no fetching, and so never means a folder that is called so."""
    return str(name) in WORLDS or str(name) in DIGIT_TASKS


def task_reads_files(name: str | Path) -> bool:
    """Whether a task's images lie in files, so that there is an end of them."""
    there = str(name) in PUBLIC_DATASETS or Path(expand_home(name)).exists()
    return there and not is_built_in_task(name)


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
    return Task("digits", DIGITS, pool, test, None, 0, notes=(note,), flip=False)


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
    labels = pool.strata
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
