"""A panel to ask where networks look, and how that changed while they learnt."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import traitlets

from vtlab import plots
from vtlab.analysis.cams import METHODS, explain
from vtlab.analysis.scores import cam_scores
from vtlab.data.tasks import Task
from vtlab.models.features import predict
from vtlab.models.network import Network
from vtlab.results import labels as names
from vtlab.results.labels import percent
from vtlab.widgets.panel import Checks, Panel, button, choice, number, row, tick

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.figure import Figure

KEPT = 512  # maps that need not be computed again
WORDS = ("predicted", "true")  # targets that are no class's name


class CamPanel(Panel):
    """Where the evidence for a class lies, by image, strategy, stage, method and epoch.

    All maps of a picture share one scale, so that a weak map looks weak. The plain twins are
    `explain`, `cam_scores` and `plot_cams`.

    Attributes:
        image: The number of a test image.
        strategies: Names of those that are shown.
        stage: Whose feature maps; methods at the pixels do not ask.
        method: One of `METHODS`.
        target: "predicted", "true", or the name of a class; a class that is called "true" is "class true".
        mask: Whether the outline of the object is drawn, where it is known.
        epoch: 0 is the network before training; the last one is shown first.
        buttons: "previous", "next", "earlier", "later", "last".

    Lesson 09.
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
        self.task, self._names = task, tuple(sorted(self._networks, key=names.order))
        self.last = max(len(copies) for copies in self._networks.values()) - 1
        first = self._networks[self._names[0]][0]
        self._stages = first.stage_names
        self._classes = {
            f"class {name}" if name in WORDS else name: k for k, name in enumerate(task.classes)
        }
        self._look = lru_cache(KEPT)(self._computed)
        moves = {
            "previous": ("Previous image", "image", -1),
            "next": ("Next image", "image", 1),
            "earlier": ("Earlier", "epoch", -1),
            "later": ("Later", "epoch", 1),
        }
        self.buttons = {
            name: button(words, lambda t=trait, s=step: self._move(t, s))
            for name, (words, trait, step) in moves.items()
        }
        start = {
            "strategies": self._names,
            "stage": self._stages[-1],
            "epoch": self.last,
            "mask": task.test.masks is not None,
        }
        super().__init__(**(start | traits))

    @traitlets.validate("image", "epoch")
    def _in_range(self, proposal: dict) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        most = self.last if name == "epoch" else len(self.task.test) - 1
        if value > most:
            raise traitlets.TraitError(f"no {name} {value} here; the last is {most}")
        return value

    @traitlets.validate("strategies")
    def _known(self, proposal: dict) -> tuple[str, ...]:
        if odd := [name for name in proposal["value"] if name not in self._names]:
            raise traitlets.TraitError(
                f"no network of {odd[0]!r} here, only {', '.join(self._names)}"
            )
        return tuple(name for name in self._names if name in proposal["value"])

    @traitlets.validate("stage", "target")
    def _listed(self, proposal: dict) -> str:
        name, value = proposal["trait"].name, proposal["value"]
        known = self._stages if name == "stage" else (*WORDS, *self._classes)
        if value not in known:
            raise traitlets.TraitError(f"no {name} {value!r} here; there are {', '.join(known)}")
        return value

    def build(self) -> dict[str, ipywidgets.Widget]:
        """A control for everything that can be chosen."""
        targets = [("the predicted one", "predicted"), ("the true one", "true")]
        return {
            "image": number("Test image", 0, len(self.task.test) - 1),
            "strategies": Checks({n: names.label(n).text for n in self._names}, "Strategies"),
            "stage": choice("Stage", self._stages),
            "method": choice("Method", [(m.text, name) for name, m in METHODS.items()]),
            "target": choice(
                "Evidence for the class",
                [*targets, *zip(self.task.classes, self._classes, strict=True)],
            ),
            "mask": tick("Outline of the object"),
            "epoch": number(f"Epoch (0 to {self.last})", 0, self.last),
        }

    def arrange(self) -> Sequence[ipywidgets.Widget]:
        """Image and class, strategies, method, time."""
        have, press = self.controls, self.buttons
        times = [row(have["epoch"], press["earlier"], press["later"])] if self.last else []
        return [
            row(have["image"], press["previous"], press["next"], have["mask"]),
            have["strategies"],
            row(have["stage"], have["method"], have["target"]),
            *times,
        ]

    def _move(self, trait: str, step: int) -> None:
        most = self.last if trait == "epoch" else len(self.task.test) - 1
        setattr(self, trait, min(max(getattr(self, trait) + step, 0), most))

    def _computed(
        self, name: str, epoch: int, image: int, stage: str, method: str, target: str
    ) -> tuple[np.ndarray, int, float]:
        """The map `(h, w)`, the predicted class and its probability."""
        network = self._networks[name][epoch]
        shown = self.task.test.pixels[image : image + 1]
        labels = self.task.test.labels[image : image + 1]
        sure, guess = predict(network, shown).max(1)
        maps = explain(
            network,
            shown,
            method=method,
            stage=stage,
            labels=labels,
            targets=self._classes.get(target, target),
        )
        return maps[0].float().numpy(), int(guess), float(sure)

    def looks(self) -> dict[str, tuple[np.ndarray, int, float]]:
        """For each strategy shown: its map, the class it names, and how sure it is.

        Raises:
            ValueError: If no strategy is picked.
        """
        if not self.strategies:
            raise ValueError("Pick at least one strategy.")
        found = {}
        for name in self.strategies:
            epoch = min(self.epoch, len(self._networks[name]) - 1)
            found[name] = self._look(name, epoch, self.image, self.stage, self.method, self.target)
        return found

    def scores(self) -> pd.DataFrame:
        """How well each map finds the object: hit, mass and overlap, a row per strategy.

        Raises:
            ValueError: If the object's outline is not known.
        """
        if self.task.test.masks is None:
            raise ValueError(f"the masks of {self.task.name} are not known")
        mask = self.task.test.masks[self.image : self.image + 1]
        rows = {
            name: cam_scores(mask.new_tensor(look[0][None].tolist(), dtype=float), mask).iloc[0]
            for name, look in self.looks().items()
        }
        return pd.DataFrame(rows).T.rename_axis("strategy")

    def figure(self) -> Figure:
        """The image, and each strategy's map over it."""
        looks, classes, i = self.looks(), self.task.classes, self.image
        truth = int(self.task.test.labels[i])
        masks = self.task.test.masks if self.mask else None
        return plots.cams(
            self.task.test.pixels[i : i + 1],
            {n: look[0][None] for n, look in looks.items()},
            masks=None if masks is None else masks[i : i + 1],
            titles=[f"is {classes[truth]}"],
            marks={n: [(classes[g], g == truth)] for n, (_, g, _) in looks.items()},
        )

    def describe(self) -> str:
        """What each network names, and how much of its map lies on the object."""
        looks, classes = self.looks(), self.task.classes
        scores = self.scores() if self.task.test.masks is not None else None
        said = []
        for name, (_, guess, sure) in looks.items():
            words = f"{names.label(name).text} says {classes[guess]} ({percent(sure, 0)})"
            if scores is not None:
                mass = percent(scores.mass[name], 0)
                words += f", {mass} of its map on the object"
            said.append(words)
        truth = classes[int(self.task.test.labels[self.image])]
        where = f" of {self.stage}" if METHODS[self.method].at_stage else ""
        return (
            f"{METHODS[self.method].text}{where} for test image {self.image}, {truth}, "
            f"epoch {self.epoch}: {'; '.join(said)}."
        )

    def below(self) -> str:
        """The scores as a table, where the object's outline is known."""
        if self.task.test.masks is None:
            return ""
        heads = ("Strategy", "Maximum on the object", "Mass on the object", "Overlap")
        head = "".join(f'<th scope="col" style="padding:2px 10px">{h}</th>' for h in heads)
        lines = "".join(
            f'<tr><td style="padding:2px 10px">{html.escape(names.label(name).text)}</td>'
            f"<td>{'yes' if r.hit else 'no'}</td><td>{percent(r['mass'], 0)}</td>"
            f"<td>{r.overlap:.2f}</td></tr>"
            for name, r in self.scores().iterrows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
