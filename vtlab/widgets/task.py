"""A panel to look at a task: its images, the garden's dials, what augmentation does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import traitlets

from vtlab import plots
from vtlab.data.augment import Augment, augment_images
from vtlab.data.images import Images
from vtlab.data.tasks import Task
from vtlab.garden.corruptions import CORRUPTIONS
from vtlab.garden.styles import STYLES
from vtlab.garden.worlds import WORLDS, World
from vtlab.widgets.panel import Panel, checkbox, control_row, dropdown, number_box

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.figure import Figure

GARDEN_TASKS = tuple(name for name, world in WORLDS.items() if world.target == "class")
COLUMNS = 8  # of the grid of images
IMAGES_SHOWN = 16  # without augmentation
IMAGES_AUGMENTED, VIEWS = 2, 7  # and views of each of them, beside the image as it is
ALL_CLASSES = -1
WORLD_DIALS = ("style", "corruption", "strength", "similarity", "shortcut", "weeds", "leaves")
AUGMENTATIONS = tuple(field.name for field in fields(Augment))
AUGMENTATION_LIMITS = {  # largest strength, and step of the control
    "shift": (0.3, 0.02),
    "crop": (0.6, 0.05),
    "rotate": (180.0, 5.0),
    "light": (0.6, 0.05),
    "noise": (60.0, 2.0),
    "hue": (0.5, 0.02),
    "erase": (0.6, 0.05),
}


class TaskPanel(Panel):
    """Look at the images of a task; of a garden task, turn its dials; preview augmentation.

    Its plain twin is `plots.images`, with `World.turn` and `Augment.view`.

    Attributes:
        task: Name of a garden task, or of the task that the panel was given.
        split: "train" or "test".
        shown: The number of the class that is shown; -1 for all of them.
        mask: Whether the outline of the object is drawn, where it is known.
        seed: Which training images.
        style, corruption, strength, similarity, shortcut, weeds, leaves: The garden's dials.
        augmented: Whether a few images are shown with augmented views, such as training sees.
        flip, shift, crop, rotate, light, noise, turn, hue, erase: Strengths of the augmentation,
            see `Augment`.

    Lesson 08.
    """

    photographs = True
    task = traitlets.Unicode("garden")
    split = traitlets.Enum(("train", "test"), "train")
    shown = traitlets.Int(ALL_CLASSES)
    mask = traitlets.Bool(False)
    seed = traitlets.Int(0, min=0)
    style = traitlets.Enum(STYLES, "photo")
    corruption = traitlets.Enum(CORRUPTIONS, "none")
    strength = traitlets.Float(0.0, min=0, max=5)
    similarity = traitlets.Float(1.0, min=0, max=1)
    shortcut = traitlets.Float(0.0, min=0, max=1)
    weeds = traitlets.Int(2, min=0, max=3)
    leaves = traitlets.Int(3, min=0, max=9)
    augmented = traitlets.Bool(False)
    flip = traitlets.Bool(Augment.flip)
    shift = traitlets.Float(Augment.shift, min=0)
    crop = traitlets.Float(Augment.crop, min=0)
    rotate = traitlets.Float(Augment.rotate, min=0)
    light = traitlets.Float(Augment.light, min=0)
    noise = traitlets.Float(Augment.noise, min=0)
    turn = traitlets.Bool(Augment.turn)
    hue = traitlets.Float(Augment.hue, min=0, max=0.5)
    erase = traitlets.Float(Augment.erase, min=0, max=1)

    def __init__(self, task: Task | str = "garden", **traits: object) -> None:
        """Open the panel.

        Args:
            task: A garden task's name, or a task of your own, which has no dials.
            traits: To begin with.

        Raises:
            ValueError: If there is no garden task of that name.
        """
        name = task if isinstance(task, str) else task.name
        self._own = None if isinstance(task, str) or _is_from_garden(task) else task
        if self._own is None and name not in GARDEN_TASKS:
            raise ValueError(f"no garden task {name!r}; there are {', '.join(GARDEN_TASKS)}")
        # The dials can draw the images of a garden task anew; any other task is shown as it is.
        start = {} if self._own else _read_dials(WORLDS[name])
        if not (self._own or isinstance(task, str)):
            start["seed"] = task.seed
        super().__init__(**({"task": name} | start | traits))
        self.observe(self._reset_dials, "task")

    @traitlets.validate("task")
    def _check_task(self, proposal: dict) -> str:
        known = [self._own.name] if self._own else GARDEN_TASKS
        return self.select_known([proposal["value"]], known, "no task", " here, only")[0]

    @traitlets.validate("shown")
    def _check_class(self, proposal: dict) -> int:
        if not ALL_CLASSES <= proposal["value"] < len(self.classes):
            raise traitlets.TraitError(
                f"no class {proposal['value']} here, only 0 to "
                f"{len(self.classes) - 1}, and {ALL_CLASSES} for all"
            )
        return proposal["value"]

    def _reset_dials(self, change: object) -> None:
        """Another garden task has other classes, and its dials stand elsewhere."""
        with self.hold_trait_notifications():
            self.shown = ALL_CLASSES
            for name, value in _read_dials(WORLDS[self.task]).items():
                setattr(self, name, value)
        self.controls["shown"].options = self._class_options()

    @property
    def world(self) -> World:
        """The garden with its dials turned.

        Raises:
            ValueError: If the task is none of the garden's.
        """
        if self._own:
            raise ValueError(f"{self.task} is no garden task: it has no dials")
        return WORLDS[self.task].turn(**{name: getattr(self, name) for name in WORLD_DIALS})

    @property
    def augment(self) -> Augment:
        """The augmentation that is previewed, as `fit` takes it."""
        return Augment(**{name: getattr(self, name) for name in AUGMENTATIONS})

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names."""
        return self._own.classes if self._own else WORLDS[self.task].classes

    def _class_options(self) -> list[tuple[str, int]]:
        return [("all", ALL_CLASSES), *((name, k) for k, name in enumerate(self.classes))]

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """What to show, the dials of a garden task, and the augmentation."""
        controls = {
            "task": dropdown("Task", [self.task] if self._own else GARDEN_TASKS),
            "split": dropdown("Split", [("training images", "train"), ("test images", "test")]),
            "shown": dropdown("Class", self._class_options()),
            "mask": checkbox("Outline of the object"),
            "seed": number_box("Seed of the images", 0, 999),
        }
        if not self._own:
            controls |= {
                "style": dropdown("Style", STYLES),
                "corruption": dropdown("Corruption", CORRUPTIONS),
                "strength": number_box("Its strength", 0, 5, 0.5),
                "similarity": number_box("Similarity to the source", 0, 1, 0.1),
                "shortcut": number_box("Ground tied to the class", 0, 1, 0.1),
                "weeds": number_box("Weeds", 0, 3),
                "leaves": number_box("Leaves", 0, 9),
            }
        controls["augmented"] = checkbox("Show augmented views")
        controls["flip"], controls["turn"] = checkbox("Flip"), checkbox("Quarter turns")
        for name, (high, step) in AUGMENTATION_LIMITS.items():
            controls[name] = number_box(name.capitalize(), 0, high, step)
        return controls

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """Three rows: images, dials, augmentation."""
        names = list(self.controls)
        cuts = ("task", "augmented") if self._own else ("task", "style", "augmented")
        places = [*(names.index(name) for name in cuts), len(names)]
        return [
            control_row(*(self.controls[n] for n in names[start:stop]))
            for start, stop in pairwise(places)
        ]

    def images(self) -> Images:
        """The images that are shown, without augmentation; as many of each class as have room."""
        count = IMAGES_AUGMENTED if self.augmented else IMAGES_SHOWN
        wanted = range(len(self.classes)) if self.shown == ALL_CLASSES else [self.shown]
        each = -(-count // len(wanted))  # rounded up
        if self._own:
            images = getattr(self._own, self.split)
        else:
            seed = self.seed if self.split == "train" else None
            images = _draw_images(self.world, each, seed)
        return images.first_of_classes(wanted, count)

    def figure(self) -> Figure:
        """A grid of images, or a few images each with its augmented views."""
        images = self.images()
        if not len(images):
            raise ValueError("There is no image of this class here.")
        masks = images.masks if self.mask else None
        titles = [self.classes[k] for k in images.labels]
        if not self.augmented:
            return plots.images(images.pixels, titles=titles, masks=masks, columns=COLUMNS)
        pixels = augment_images(images, self.augment, self.seed, VIEWS)
        numbers = [f"view {number}" for number in range(1, VIEWS + 1)]
        heads = [head for name in titles for head in (name, *numbers)]
        return plots.images(pixels, titles=heads, columns=VIEWS + 1)

    def describe(self) -> str:
        """What is shown, and which dials are turned."""
        images = self.images()
        which = "all classes" if self.shown == ALL_CLASSES else self.classes[self.shown]
        split = {"train": "training", "test": "test"}[self.split]
        parts = [f"{len(images)} {split} images of {self.task}, {which}"]
        if not self._own:
            usual = _read_dials(WORLDS[self.task])
            parts += [
                f"{name} {getattr(self, name)}"
                for name in WORLD_DIALS
                if getattr(self, name) != usual[name]
            ]
        if self.mask and images.masks is not None and not self.augmented:
            parts.append("with the outline of the object")
        if self.augmented:
            strengths = ", ".join(f"{name} {getattr(self, name):g}" for name in AUGMENTATIONS)
            parts.append(f"each with {VIEWS} augmented views ({strengths})")
        return "; ".join(parts) + "."


@lru_cache(1)  # the picture and its words ask for the same
def _draw_images(world: World, each: int, seed: int | None) -> Images:
    """So many images of each class of a garden world; of its test set where there is no seed."""
    pixels, labels, masks = world.draw(each, seed)
    return Images(pixels, labels, masks)


def _read_dials(world: World) -> dict[str, object]:
    """Where the dials of a world stand."""
    return {n: getattr(world if hasattr(world, n) else world.scene, n) for n in WORLD_DIALS}


def _is_from_garden(task: Task) -> bool:
    """Whether a task is the garden's own, which its dials can draw anew."""
    if task.name not in WORLDS or task.shots is None:
        return False
    pixels, labels, _ = WORLDS[task.name].draw(task.shots, task.seed, task.image_size)
    return pixels.equal(task.train.pixels) and labels.equal(task.train.labels)
