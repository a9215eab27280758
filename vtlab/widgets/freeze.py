"""A panel to choose the frozen stages: it shows what freezing saves, and what moved in training."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import traitlets

from vtlab import plots
from vtlab.analysis.movement import measure_movement, take_snapshot
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.network import Network
from vtlab.training.costs import Speed, calibrate_costs, cost_table
from vtlab.training.fit import fit
from vtlab.training.strategies import partial
from vtlab.widgets.panel import (
    Panel,
    PanelStatusLine,
    button,
    control_row,
    number_box,
    panel_stage_boxes,
)
from vtlab.widgets.session import (
    WHOLE_STAGES,
    SessionWorker,
    describe_parts_that_learn,
    make_session_strategy,
    name_session_strategy,
)

if TYPE_CHECKING:
    import ipywidgets
    import pandas as pd
    from matplotlib.figure import Figure

BATCH_SIZE = partial().batch_size  # of what Train trains by


class FreezePanel(Panel):
    """Tick the stages that learn, and see what it costs, and after training what moved.

    A copy of the network is trained, so that each press of Train begins at the same weights.
    The head always learns, since its classes are new. The plain twins are `cost_table`,
    `measure_movement` and `plots.costs`.

    Attributes:
        stages: Names of those that learn beside the head; whole ones.
        epochs: How long Train trains; a network whose head alone learns is solved instead.
        network: As it was given.
        trained_network: The copy that was trained last, or None.
        movement: What that training changed, from `measure_movement`, or None.
        buttons: "measure", "train" and "stop".
    """

    stages = traitlets.Tuple()
    epochs = traitlets.Int(3, min=1)

    def __init__(
        self,
        network: Network,
        task: Task | None = None,
        *,
        image_size: int | None = None,
        **traits: object,
    ) -> None:
        """Open the panel.

        Args:
            network: Left as it is.
            task: To train on; the garden's by default.
            image_size: Side of the images in pixels; the task's, or 64.
            traits: To begin with.
        """
        self.network, self._task = network, task
        self._size = image_size or (task.image_size if task else 64)
        self.trained_network: Network | None = None
        self.movement: pd.DataFrame | None = None
        # How fast the machine is, with the costs by stages that follow from it: replaced together, since
        # one thread measures while another draws.
        self._measured: tuple[Speed | None, dict[tuple[str, ...], pd.DataFrame]] = None, {}
        self._result = ""  # of the last work, in words
        self._lock = threading.RLock()  # of what belongs to the ticked stages, and of the status
        self._worker = SessionWorker("vtlab freezing")
        self.status = PanelStatusLine(
            "The head always learns. Tick what else should." + describe_parts_that_learn(network)
        )
        self.buttons = {
            "measure": button("Measure this machine", self.measure),
            "train": button("Train and see what moves", self.train, main=True),
            "stop": button("Stop", self.stop),
        }
        super().__init__(**({"stages": network.stage_names[-1:]} | traits))

    @traitlets.validate("stages")
    def _check_stages(self, proposal: dict) -> tuple[str, ...]:
        names, complaint = self.network.stage_names, f"{self.network.name} has no stage"
        return self.select_known(proposal["value"], names, complaint, WHOLE_STAGES)

    @traitlets.observe("stages")
    def _forget_movement(self, change: object) -> None:
        with self._lock:
            self.movement = None  # it was measured with other stages

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """A box for each stage, and how long to train."""
        return {
            "stages": panel_stage_boxes(self.network.stage_names),
            "epochs": number_box("Epochs", 1, 60),
        }

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """Stages, then the buttons."""
        return [
            self.controls["stages"],
            control_row(self.controls["epochs"], *self.buttons.values(), self.status),
        ]

    @property
    def picture_traits(self) -> tuple[str, ...]:
        """How long to train changes nothing in the picture."""
        return ("stages",)

    def measure(self) -> None:
        """Measure, in the background, how fast this machine runs the network's parts."""
        self._start(lambda stop: self._measure(), "Measuring …")

    def train(self) -> None:
        """Train a copy in the background, and measure what moved."""
        stages, epochs = self.stages, self.epochs
        self._start(lambda stop: self._train(stages, epochs, stop), "Training …")

    def stop(self) -> None:
        """Ask a training to stop within one batch; a measurement, of a few batches, is carried through."""
        with self._lock:
            self.status.say("Stopping …" if self._worker.busy else "Nothing is being trained.")
            self._worker.stop()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the work to end; raises what ended it, as `TrainPanel.wait`."""
        self._worker.wait(timeout)

    def close(self) -> None:
        """Stop the work and remove the panel from the page."""
        self._worker.stop()
        super().close()

    def _start(self, work: Callable[[threading.Event], None], words: str) -> None:
        with self._lock:
            if self._worker.start(work, self._finish):
                self.status.say(words)
            else:
                self.status.say("One thing at a time: stop what is under way first.")

    def _measure(self) -> None:
        speed = calibrate_costs(self.network, image_size=self._size, batch=BATCH_SIZE, repeats=3)
        self._measured = speed, {}
        self._result = "Measured."

    def _train(self, stages: tuple[str, ...], epochs: int, stop: threading.Event) -> None:
        """What the worker does: train a copy of the network, and measure what moved."""
        if self._measured[0] is None:
            self._measure()
        task = self._task or make_task("garden", shots=5, image_size=self._size)
        twin = copy.deepcopy(self.network)
        name = name_session_strategy("partial", stages, twin.stage_names)
        way = make_session_strategy(name, stages)
        way.prepare(twin, 0)  # the new head is no movement: training begins after it
        before = take_snapshot(twin)
        training = fit(twin, task, way, epochs=epochs, stop=stop, say=lambda sentence: None)
        for _epoch in training:
            pass
        if training.diverged:
            self._result = f"Nothing came of it: {training.diverged}."
            return
        if not training.steps:
            self._result = "Stopped before the first step: nothing was trained."
            return
        movement = measure_movement(before, twin)
        with self._lock:
            if stages == self.stages:
                self.trained_network, self.movement = twin, movement
                self._result = _describe_frozen_stages(movement)
            else:
                self._result = (
                    "Other stages were ticked meanwhile, so what moved is not shown: train again."
                )

    def _finish(self, error: BaseException | None) -> None:
        with self._lock:
            if error is not None:
                self._result = f"Stopped by an error. {type(error).__name__}: {error}"
            self.status.say(self._result)
        self.refresh()

    def costs(self) -> pd.DataFrame:
        """What the ticked stages cost, a row per stage and one for the head."""
        stages, (speed, tables) = self.stages, self._measured
        if stages not in tables:  # takes longer than drawing it
            learning = (*stages, "head")
            tables[stages] = cost_table(
                self.network, learning, speed=speed, image_size=self._size, batch=BATCH_SIZE
            )
        return tables[stages]

    def figure(self) -> Figure:
        """Costs by stage, and beside them what moved."""
        return plots.costs(self.costs(), moved=self.movement)

    def describe(self) -> str:
        """The sums in words, and what moved."""
        table, movement = self.costs(), self.movement
        memory = (table.activations + table.optimiser).sum() / 1e6
        words = (
            f"{', '.join((*self.stages, 'head'))} learn: {table.learn.sum():,} of "
            f"{table.weights.sum():,} weights, {table.step.sum() / 1e6:.0f} million multiply-adds "
            f"per training image, {memory:.0f} MB a batch"
        )
        if "seconds" in table:
            words += f", {1e3 * table.seconds.sum():.0f} ms a batch expected"
        return f"{words}." if movement is None else f"{words}. {_describe_frozen_stages(movement)}"


def _describe_frozen_stages(movement: pd.DataFrame) -> str:
    """Which stages moved, by weights or BatchNorm statistics, and which did not at all."""
    still = [stage for stage, row in movement.iterrows() if not row.fillna(0).any()]
    moved = [stage for stage in movement.index if stage not in still]
    return (
        f"Moved: {', '.join(moved) or 'nothing'}. Not a single bit of weights or BatchNorm "
        f"statistics moved in: {', '.join(still) or 'no stage'}."
    )
