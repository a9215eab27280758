"""A panel that shows where networks look, and how that changed while they learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
import traitlets

from vtlab import plots
from vtlab.analysis.cams import METHODS, explain
from vtlab.analysis.scores import cam_scores
from vtlab.data.tasks import Task
from vtlab.models.evaluation import predict
from vtlab.models.network import Network
from vtlab.results import labels as names
from vtlab.results.formatting import format_percent
from vtlab.widgets.panel import (
    Panel,
    button,
    checkbox,
    control_row,
    dropdown,
    number_box,
    panel_strategy_boxes,
    render_panel_table,
)

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.figure import Figure

MAX_CACHED_MAPS = 512
TARGET_WORDS = ("predicted", "true")  # targets that are no class's name


class CamPanelExplanation(NamedTuple):
    """What a network names in an image, and where it finds the evidence.

    Attributes:
        map: `(h, w)`, at the size of the feature maps or of the image.
        predicted: The number of the class.
        probability: Of that class.
        notes: What `explain` says of the map: that it is empty, or of another place.
    """

    map: np.ndarray
    predicted: int
    probability: float
    notes: tuple[str, ...] = ()


class CamPanel(Panel):
    """Where the evidence for a class lies, by image, strategy, stage, method and epoch.

    All maps of a picture share one scale, so that a weak map looks weak. The plain twins are
    `explain`, `cam_scores` and `plots.cams`.

    Attributes:
        image: The number of a test image.
        strategies: Names of those that are shown.
        stage: Whose feature maps; methods at the pixels do not ask.
        method: One of `METHODS`.
        target: "predicted", "true", or the name of a class; a class that is called "true" is "class true".
        mask: Whether the outline of the object is drawn, where it is known.
        epoch: 0 is the network before training; the last one is shown first.
        last_epoch: The largest number that `epoch` can be.
        buttons: "previous", "next", "earlier", "later".

    Lessons 02 and 09.
    """

    photographs = True
    image = traitlets.Int(0, min=0)
    strategies = traitlets.Tuple()
    stage = traitlets.Unicode()
    method = traitlets.Enum(tuple(METHODS), "grad_cam")
    target = traitlets.Unicode("predicted")
    mask = traitlets.Bool(True)
    epoch = traitlets.Int(0, min=0)

    def __init__(
        self, networks: Mapping[str, Network | Sequence[Network]], task: Task, **traits: object
    ) -> None:
        """Open the panel.

        Args:
            networks: By strategy's name: a trained network, or its copies, one per epoch, the
                first from before training. A strategy with fewer copies shows its last one.
            task: Its test images, classes and, where known, masks.
            traits: To begin with.

        Raises:
            ValueError: If there is no network.
        """
        self._networks = {
            name: [given] if isinstance(given, Network) else list(given)
            for name, given in networks.items()
        }
        if not self._networks or not all(self._networks.values()):
            raise ValueError("there is no network to look into")
        self.task, self._names = task, tuple(sorted(self._networks, key=names.rank_label))
        self.last_epoch = max(len(copies) for copies in self._networks.values()) - 1
        self._stages = self._networks[self._names[0]][0].map_stage_names
        self._classes = {
            f"class {name}" if name in TARGET_WORDS else name: k
            for k, name in enumerate(task.classes)
        }
        # A cache of each panel's own: it goes when the panel goes.
        self._cached_explanation = lru_cache(MAX_CACHED_MAPS)(self._explain)
        moves = {
            "previous": ("Previous image", "image", -1),
            "next": ("Next image", "image", 1),
            "earlier": ("Earlier", "epoch", -1),
            "later": ("Later", "epoch", 1),
        }
        self.buttons = {
            name: button(words, partial(self._step, trait, step))
            for name, (words, trait, step) in moves.items()
        }
        start = {
            "strategies": self._names,
            "stage": self._stages[-1],
            "epoch": self.last_epoch,
            "mask": task.test.masks is not None,
        }
        super().__init__(**(start | traits))

    @traitlets.validate("image", "epoch")
    def _check_range(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        if value > (last := self._last(name)):
            raise traitlets.TraitError(f"no {name} {value} here; the last is {last}")
        return value

    @traitlets.validate("strategies")
    def _check_strategies(self, proposal: dict) -> tuple[str, ...]:
        return self.select_known(proposal["value"], self._names, "no network of", " here, only")

    @traitlets.validate("stage", "target")
    def _check_listed(self, proposal: dict) -> str:
        name = proposal["trait"].name
        known = self._stages if name == "stage" else (*TARGET_WORDS, *self._classes)
        return self.select_known([proposal["value"]], known, f"no {name}", " here; there are")[0]

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """A control for everything that can be chosen."""
        targets = [
            ("the predicted one", "predicted"),
            ("the true one", "true"),
            *zip(self.task.classes, self._classes, strict=True),
        ]
        return {
            "image": number_box("Test image", 0, len(self.task.test) - 1),
            "strategies": panel_strategy_boxes(self._names),
            "stage": dropdown("Stage", self._stages),
            "method": dropdown("Method", [(m.text, name) for name, m in METHODS.items()]),
            "target": dropdown("Evidence for the class", targets),
            "mask": checkbox("Outline of the object"),
            "epoch": number_box(f"Epoch (0 to {self.last_epoch})", 0, self.last_epoch),
        }

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """Image and class, strategies, method, time."""
        controls, buttons = self.controls, self.buttons
        rows = [
            control_row(controls["image"], buttons["previous"], buttons["next"], controls["mask"]),
            controls["strategies"],
            control_row(controls["stage"], controls["method"], controls["target"]),
        ]
        if self.last_epoch:
            rows.append(control_row(controls["epoch"], buttons["earlier"], buttons["later"]))
        return rows

    def _last(self, trait: str) -> int:
        return self.last_epoch if trait == "epoch" else len(self.task.test) - 1

    def _step(self, trait: str, step: int) -> None:
        setattr(self, trait, min(max(getattr(self, trait) + step, 0), self._last(trait)))

    def _explain(
        self, name: str, epoch: int, image: int, stage: str, method: str, target: str
    ) -> CamPanelExplanation:
        network = self._networks[name][epoch]
        shown = self.task.test.pixels[image : image + 1]
        labels = self.task.test.labels[image : image + 1]
        probability, predicted = predict(network, shown).max(1)
        targets = self._classes.get(target, target)
        notes: list[str] = []
        maps = explain(
            network,
            shown,
            method=method,
            stage=stage if METHODS[method].at_stage else None,
            labels=labels if targets == "true" else None,
            targets=targets,
            say=notes.append,
        )
        return CamPanelExplanation(
            maps[0].float().numpy(), int(predicted), float(probability), tuple(notes)
        )

    def explanations(self) -> dict[str, CamPanelExplanation]:
        """What each strategy shown names in the image, and where it finds the evidence.

        Raises:
            ValueError: If no strategy is picked.
        """
        if not self.strategies:
            raise ValueError("Pick at least one strategy.")
        found = {}
        for name in self.strategies:
            epoch = min(self.epoch, len(self._networks[name]) - 1)
            found[name] = self._cached_explanation(
                name, epoch, self.image, self.stage, self.method, self.target
            )
        return found

    def scores(self) -> pd.DataFrame:
        """How well each map finds the object: hit, mass and overlap, a row per strategy.

        Raises:
            ValueError: If the object's outline is not known.
        """
        if self.task.test.masks is None:
            raise ValueError(f"the masks of {self.task.name} are not known")
        mask = self.task.test.masks[self.image : self.image + 1]  # (1, H, W)
        rows = {
            name: cam_scores(torch.from_numpy(found.map[None]).double(), mask).iloc[0]
            for name, found in self.explanations().items()
        }
        return pd.DataFrame(rows).T.rename_axis("strategy")

    def figure(self) -> Figure:
        """The image, and each strategy's map over it."""
        found, classes, i = self.explanations(), self.task.classes, self.image
        truth = int(self.task.test.labels[i])
        masks = self.task.test.masks if self.mask else None
        return plots.cams(
            self.task.test.pixels[i : i + 1],
            {n: e.map[None] for n, e in found.items()},
            masks=None if masks is None else masks[i : i + 1],
            titles=[f"is {classes[truth]}"],
            marks={n: [(classes[e.predicted], e.predicted == truth)] for n, e in found.items()},
            what=METHODS[self.method].text,
            of=self.target if self.target in TARGET_WORDS else classes[self._classes[self.target]],
        )

    def caption(self) -> str:
        """Which maps are empty or of another place, and why."""
        return " ".join(
            f"{names.get_label(name).text}: {sentence}."
            for name, found in self.explanations().items()
            for sentence in found.notes
        )

    def describe(self) -> str:
        """What each network names, how much of its map lies on the object, and which maps are empty."""
        classes = self.task.classes
        scores = self.scores() if self.task.test.masks is not None else None
        sentences = []
        for name, found in self.explanations().items():
            words = (
                f"{names.get_label(name).text} says {classes[found.predicted]} "
                f"({format_percent(found.probability, 0)})"
            )
            if scores is not None:
                mass = format_percent(scores.mass[name], 0)
                words += f", {mass} of its map on the object"
            sentences.append(words)
        truth = classes[int(self.task.test.labels[self.image])]
        where = f" of {self.stage}" if METHODS[self.method].at_stage else ""
        return (
            f"{METHODS[self.method].text}{where} for test image {self.image}, {truth}, "
            f"epoch {self.epoch}: {'; '.join(sentences)}. {self.caption()}"
        ).rstrip()

    def footer(self) -> str:
        """The scores as a table, where the object's outline is known."""
        if self.task.test.masks is None:
            return ""
        scores = self.scores()
        return render_panel_table(
            {
                "Strategy": [names.get_label(name).text for name in scores.index],
                "Maximum on the object": ["yes" if hit else "no" for hit in scores.hit],
                "Mass on the object": [format_percent(share, 0) for share in scores.mass],
                "Overlap": [f"{overlap:.2f}" for overlap in scores.overlap],
            }
        )
