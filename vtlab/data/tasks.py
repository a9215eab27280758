"""Tasks: what is to be learnt, with training and test images; built in, or made from one's own images.

`train` is the shots: everything a learner may use. `test` is read once, at the end, by all
strategies alike. Garden tasks and printed digits draw both (`garden.worlds`, `data.digits`);
handwritten digits have a fixed test set; a folder of photographs has its own or a stratified
hold-out. The seed chooses the shots and never the test set, and the shots of one seed are
nested: its first 5 images a class are among its first 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from vtlab.data.digits import DIGITS, TRAINING_SCANS, handwritten_digits, printed_digits
from vtlab.data.file_names import printable_path_name
from vtlab.data.folders import ImageFolder, read_class_folders, read_folder
from vtlab.data.images import Images, check_size_of_images, image_places_by_class
from vtlab.data.near_duplicates import near_duplicates
from vtlab.data.public_datasets import PUBLIC_DATASETS, list_public_dataset
from vtlab.data.splits import alternate_groups, count_groups, split_each_class
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
        draw: Gives the training images for `(shots, seed)`.
        notes: What a reader of the results should know about the data.
        skipped: A sentence for each file of a folder that was left out.
        flip: Whether a mirror image has the same class; `fit` mirrors half of the views where it has.
    """

    name: str
    classes: tuple[str, ...]
    train: Images
    test: Images
    shots: int | None
    seed: int
    draw: Callable[[int | None, int], Images]
    val: Images | None = None
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    flip: bool = True

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
            ValueError: If a class has not so many images, or that is no number of shots.
        """
        shots = check_task_shots(shots)
        train = self.draw(shots, seed)
        return replace(self, train=train, val=None, shots=shots, seed=seed)

    def hold_back(self, share: float = 0.25) -> Task:
        """The same shots, a part of each class moved to `val`, groups whole; the task's seed says which.

        Raises:
            ValueError: If the share is not between 0 and 1, or a class has one image only.
        """
        if not 0 < share < 1:
            raise ValueError(f"a share to hold back lies between 0 and 1, not {share}")
        self.check_two_per_class()
        # at random, as a folder's order is by name
        random = make_generator(self.seed, "hold back")
        groups = self.train.groups
        kept, held = split_each_class(self._strata(), share, random, least=1, groups=groups)
        return replace(self, train=self.train[kept], val=self.train[held])

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
    name: str | Path = "garden",
    *,
    shots: int | str | None = 5,
    seed: int = 0,
    image_size: int | None = None,
    tests: int | None = None,
    strict: bool = False,
    flip: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Task:
    """A task by name, or from a folder or zip of one's own photographs.

    Args:
        name: "garden", "fine", "far", "glyphs", "textures" (drawn), "arrows" (drawn; the class is
            a direction), "petals" (drawn; how many petals, a number), "digits" (handwritten),
            "printed" (drawn from fonts): nothing to download. Or one of torchvision's data sets
            ("flowers102", "oxford_pets", "cifar10", "eurosat", "dtd", "food101" …, see
            `public_datasets.PUBLIC_DATASETS`), which is fetched once. Or a path whose folders are the
            classes, or hold them below `train/` and `test/`. Where a folder is called like a task that
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
        progress: Called with how many files are read, and of how many.

    Raises:
        ValueError: If a name is unknown, a number is out of range, a class is too small, or, with
            `strict`, an image cannot be read.
        FileNotFoundError: If the path is not there.
        OSError: If a data set could not be fetched; the message says where its files belong.

    Lesson 01; folders in lesson 16.
    """
    number = check_task_shots(shots)
    if image_size is None:
        image_size = find_start_of_task(name).image_size
    check_size_of_images(image_size)
    if tests is not None and tests < 1:
        raise ValueError(f"{tests} test images per class are too few; the least is 1")
    # a name that needs no fetching goes before a folder, a folder before a data set to fetch
    key = str(name)
    if key in WORLDS:
        made = garden_task(WORLDS[key], image_size, tests)
    elif key in DIGIT_TASKS:
        made = DIGIT_TASKS[key](image_size)
    elif key in PUBLIC_DATASETS and not Path(name).exists():
        listing = list_public_dataset(key)
        read = read_class_folders(
            listing, image_size, progress, strict=strict, hold_out=HOLDOUT_SHARE
        )
        made = _task_of_folder(key, read, flip=PUBLIC_DATASETS[key].flip)
    else:
        path = Path(name)
        if not path.exists() and len(path.parts) == 1 and not path.suffix:
            raise ValueError(
                f"no task and no folder is called {key!r}; "
                f"the tasks are {', '.join((*WORLDS, *DIGIT_TASKS, *PUBLIC_DATASETS))}"
            )
        read = read_folder(path, image_size, progress, strict=strict, hold_out=HOLDOUT_SHARE)
        # resolved, since "." and ".." say no name
        own_name = path.resolve().name if path.is_dir() else path.stem
        made = _task_of_folder(printable_path_name((own_name,)), read)
    if tests is not None and key not in WORLDS:  # the garden has drawn no more
        places = image_places_by_class(made.test.labels, range(len(made.classes)))
        first = torch.cat([own[:tests] for own in places]).sort().values
        made = replace(made, test=made.test[first])
    if is_built_in_task(name) and Path(name).exists():
        note = f"{name} is the task of that name; what lies here under the same name is ./{name}"
        made = replace(made, notes=(*made.notes, note))
    if flip is not None:
        made = replace(made, flip=flip)
    return made.at(number, seed)


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


def _task_of_folder(name: str, read: ImageFolder, flip: bool = True) -> Task:
    """A task from images in files, with what should be known about them."""
    assert read.test is not None  # there is one where `hold_out` was asked for
    notes = read.notes
    if alike := near_duplicates(read.train.pixels, read.test.pixels):
        i, j = alike[0]
        notes += (
            f"{len(alike)} of {len(read.test)} test images look the same as a training image, which "
            f"flatters the test accuracy ({read.test.files[j]} and {read.train.files[i]} …)",
        )
    return _task_of_pool(name, read.classes, read.train, read.test, notes, read.skipped, flip)


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
    counts = torch.bincount(pool.labels, minlength=len(classes))

    def draw(shots: int | None, seed: int) -> Images:
        if shots is None:
            return pool
        least = int(counts.argmin())
        if shots > counts[least]:
            raise ValueError(
                f"class {classes[least]!r} has {counts[least]} training images, "
                f"fewer than the {shots} shots asked for"
            )
        random = make_generator(seed, "shots")
        shuffled = image_places_by_class(pool.labels, range(len(classes)), random)
        if pool.groups:  # from as many groups as there are
            shuffled = [
                torch.tensor(alternate_groups(own.tolist(), pool.groups)) for own in shuffled
            ]
        return pool[torch.cat([own[:shots] for own in shuffled])]

    return Task(name, classes, pool, test, None, 0, draw, None, notes, skipped, flip)
