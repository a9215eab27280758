"""A panel that trains, in the background, and can be stopped and resumed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import traitlets

from vtlab import plots
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.backbones import find_backbone_image_size
from vtlab.models.network import STAGE_NAMES, Network
from vtlab.models.starts import list_starts
from vtlab.results import labels as names
from vtlab.results.formatting import format_percent
from vtlab.training.strategies import Strategy, partial, plain
from vtlab.widgets.panel import (
    Panel,
    PanelRedrawTimer,
    PanelStatusLine,
    button,
    control_row,
    dropdown,
    number_box,
    panel_stage_boxes,
    render_panel_table,
)
from vtlab.widgets.session import (
    WHOLE_STAGES,
    Session,
    SessionWorker,
    describe_parts_that_learn,
    make_session_strategy,
    name_session_strategy,
)
from vtlab.widgets.task import GARDEN_TASKS

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.figure import Figure

STRATEGY_NAMES = ("scratch", "probe", "partial", "full", "lp_ft", "surgical")
RECIPES = {"committed": "the strategy's own", "plain": names.RECIPES["plain"]}
_WAYS = [make_session_strategy(name, ("stage4",)) for name in STRATEGY_NAMES]
_WAYS += [plain(way) for way in _WAYS]
PEAK_RATES = tuple(sorted({1e-4, 3e-4, 1e-3, 3e-3, 1e-2, *(way.peak_rate for way in _WAYS)}))
STAGE_DECAYS = tuple(
    sorted({1.0, 0.7, 0.5, 0.3, *(way.stage_decay for way in _WAYS)}, reverse=True)
)
STARTS = {start.name: start for start in list_starts()}
READY, TRAINING, STOPPING = "ready", "training", "stopping"
STOPPED, FINISHED, FAILED = "stopped", "finished", "failed"
RUN_COLUMNS = (
    "run task backbone strategy shots seed epochs rate stage_decay "
    "test_accuracy seconds trainable_weights total_weights"
).split()


class TrainPanel(Panel):
    """Choose what to train, press Train, watch, stop, go on.

    Training runs in a thread, so that other cells can be run meanwhile. Every finished run
    stays on the picture and in `runs`, with its test accuracy; who picks the best of many runs
    by that number flatters it. The plain twins are `fit` and `plots.training`.

    Attributes:
        task: Name of a garden task, or of the task that the panel was given.
        shots: Training images per class; 0 for all of a folder.
        backbone: Name of the network, and of its weights where they are not its default ones; of a task of
            photographs the one that `Task.start` names.
        strategy: "scratch", "probe", "partial", "full", "lp_ft" or "surgical".
        stages: Names of those that learn beside the head, whole ones; ticking them chooses the strategy.
        recipe: "committed" for the strategy's own, or "plain" (`plain`). Choosing a strategy or a recipe sets
            rate and stage_decay to its values.
        rate: Peak learning rate.
        stage_decay: Each stage nearer to the image learns this much slower.
        epochs: 0 for as many as the recipe says.
        seed: Of the shots, the head, the order of the batches and the augmentation.
        state: "ready", "training", "stopping", "stopped", "finished" or "failed".
        session: The training at hand; its `network` holds what was learnt.
        buttons: "train", "stop" and "continue".

    Lesson 01.
    """

    task = traitlets.Unicode("garden")
    shots = traitlets.Int(5, min=0)
    backbone = traitlets.Unicode("mini_resnet")
    strategy = traitlets.Enum(STRATEGY_NAMES, "partial")
    stages = traitlets.Tuple(("stage4",))
    recipe = traitlets.Enum(tuple(RECIPES), "committed")
    rate = traitlets.Enum(PEAK_RATES, partial().peak_rate)
    stage_decay = traitlets.Enum(STAGE_DECAYS, partial().stage_decay)
    epochs = traitlets.Int(0, min=0)
    seed = traitlets.Int(0, min=0)
    state = traitlets.Unicode(READY, read_only=True)

    def __init__(
        self,
        task: Task | str | None = None,
        *,
        network: Network | None = None,
        **traits: object,
    ) -> None:
        """Open the panel.

        Args:
            task: One of your own, beside the garden's; or the name of one of those.
            network: One of your own, as `vt.backbone` makes it, instead of those that are at hand. Each run
                trains a copy; `stages` are its own.
            traits: To begin with.

        Raises:
            TypeError: If the task is neither, or the network none of `vt.backbone`.
            ValueError: If the task's training images are not those that it draws, as every run does.
        """
        if isinstance(task, str):
            task, traits = None, {"task": task} | traits
        if not isinstance(task, Task | None):
            raise TypeError(
                f"{task!r} is no task: give what vt.task makes, or the name of a garden task"
            )
        if not isinstance(network, Network | None):
            raise TypeError(
                f"network is a {type(network).__name__}: vt.backbone makes a network of a module"
            )
        self._network, self._starts = network, [*STARTS]
        self._stage_names: tuple[str, ...] = STAGE_NAMES
        if network is not None:
            self._starts, self._stage_names = [network.name], network.stage_names
            traits = {"stages": network.stage_names[-1:]} | traits
        self._own = task
        self._garden: dict[tuple[str, int], Task] = {}  # by name and size of the images
        self._tasks = list(GARDEN_TASKS)
        if task is not None:
            task.check_draw()
            self._tasks = [task.name, *(name for name in self._tasks if name != task.name)]
            known = 0 if task.shots is None else task.shots
            start = task.start.name
            traits = {
                "task": task.name,
                "shots": known,
                "seed": task.seed,
                "backbone": start,
            } | traits
        if network is not None:
            traits["backbone"] = network.name
        self.session: Session | None = None
        self._sessions: dict[int, Session] = {}
        self._run = 0  # the number of the run at hand
        self._lock = threading.RLock()  # of what a button changes
        self._syncing = False
        self._worker = SessionWorker("vtlab training")
        self.status = PanelStatusLine(
            "Choose, then press Train." + describe_parts_that_learn(network)
        )
        self.buttons = {
            "train": button("Train", self.train, main=True),
            "stop": button("Stop", self.stop),
            "continue": button("Continue", self.resume),
        }
        self._given = set(traits)
        super().__init__(**traits)
        self._sync_ticks({"name": "strategy"})
        self._take_recipe()
        self._given = set()

    @traitlets.validate("task")
    def _check_task(self, proposal: dict) -> str:
        return self.select_known([proposal["value"]], self._tasks, "no task", " here; there are")[0]

    @traitlets.validate("backbone")
    def _check_backbone(self, proposal: dict) -> str:
        known = self._starts
        return self.select_known([proposal["value"]], known, "no backbone", " here; there are")[0]

    @traitlets.validate("stages")
    def _check_stages(self, proposal: dict) -> tuple[str, ...]:
        return self.select_known(proposal["value"], self._stage_names, "no stage", WHOLE_STAGES)

    @traitlets.observe("strategy", "stages")
    def _sync_ticks(self, change: dict) -> None:
        """Strategy and ticked stages always say the same."""
        if self._syncing:  # the change of one that follows from the other's
            return
        self._syncing = True
        stages = self._stage_names
        try:
            if change["name"] == "stages":
                self.strategy = name_session_strategy(self.strategy, self.stages, stages)
            elif self.strategy == "probe":
                self.stages = ()
            elif self.strategy in ("scratch", "full", "lp_ft"):
                self.stages = stages
            elif name_session_strategy("partial", self.stages, stages) != self.strategy:
                early = stages[1:2] if len(stages) > 2 else stages[:1]  # the first is the stem
                self.stages = stages[-1:] if self.strategy == "partial" else early
        finally:
            self._syncing = False

    @traitlets.observe("strategy", "recipe")
    def _take_recipe(self, change: object = None) -> None:
        """Rate and stage-wise decay begin as the recipe has them, where they were not given."""
        way = self._choose_way(self.strategy, self.stages or self._stage_names[-1:], self.recipe)
        if "rate" not in self._given:
            self.rate = way.peak_rate
        if "stage_decay" not in self._given:
            self.stage_decay = way.stage_decay

    def _choose_way(self, strategy: str, stages: tuple[str, ...], recipe: str) -> Strategy:
        way = make_session_strategy(strategy, stages)
        return plain(way) if recipe == "plain" else way

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """A control for each choice."""
        ways = [(names.get_label(name).text, name) for name in STRATEGY_NAMES]
        decays = [(f"× {decay:g}", decay) for decay in STAGE_DECAYS]
        return {
            "task": dropdown("Task", self._tasks),
            "shots": number_box("Images per class (0: all)", 0, 1000),
            "seed": number_box("Seed", 0, 999),
            "backbone": dropdown("Backbone", self._starts),
            "strategy": dropdown("Strategy", ways),
            "stages": panel_stage_boxes(self._stage_names),
            "recipe": dropdown("Recipe", [(words, name) for name, words in RECIPES.items()]),
            "rate": dropdown("Peak rate", [(f"{rate:g}", rate) for rate in PEAK_RATES]),
            "stage_decay": dropdown("Rate of each earlier stage", decays),
            "epochs": number_box("Epochs (0: the recipe's)", 0, 500),
        }

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """What, then how, then the buttons and the state."""
        controls = self.controls
        return [
            control_row(*(controls[n] for n in ("task", "shots", "seed", "backbone", "strategy"))),
            controls["stages"],
            control_row(*(controls[n] for n in ("recipe", "rate", "stage_decay", "epochs"))),
            control_row(*self.buttons.values(), self.status),
        ]

    @property
    def picture_traits(self) -> tuple[str, ...]:
        """Choices change nothing in the picture, runs do."""
        return ()

    def train(self) -> None:
        """Start a new run with what is chosen; what was learnt in the last one is let go."""
        with self._lock:
            if self.state in (TRAINING, STOPPING):
                self.status.say("A training is under way: stop it first.")
                return
            self._run += 1
            values = {name: getattr(self, name) for name in self.controls}
            self._start(None, values)

    def resume(self) -> None:
        """Go on with the run that was stopped, by a person or by an error between two of its steps."""
        with self._lock:
            if self.state == STOPPED:
                self._start(self.session, {})
            else:
                self.status.say("There is no stopped run to go on with.")

    def stop(self) -> None:
        """Ask the training to stop within one batch; what was learnt stays."""
        with self._lock:
            if self.state == TRAINING:
                self._set_state(STOPPING, "Stopping …")
                self._worker.stop()
            elif self.state != STOPPING:
                self.status.say("Nothing is being trained.")

    def wait(self, timeout: float | None = None) -> str:
        """Wait until nothing is being trained; gives the state.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: If it takes longer; the training goes on.
            KeyboardInterrupt: After Ctrl-C or the kernel's interrupt; the training is stopped.
            Exception: Whatever ended the training, once.
        """
        self._worker.wait(timeout)
        return self.state

    def close(self) -> None:
        """Stop the training and remove the panel from the page."""
        self.stop()
        super().close()

    def _start(self, session: Session | None, values: dict) -> None:
        run = self._run
        self._set_state(TRAINING, f"Run {run}: {'preparing' if session is None else 'going on'} …")
        self._worker.start(lambda stop: self._work(run, session, values, stop), self._finish)

    def _work(self, run: int, session: Session | None, values: dict, stop: threading.Event) -> None:
        """What the worker does: prepare the session if it is new, train it, and redraw now and then."""
        if session is None:
            # A stopped run makes room. Of a finished one the row and the curves stay, and no network.
            self._sessions = {n: s for n, s in self._sessions.items() if s.finished}
            for past in self._sessions.values():
                past.release_network()
            session = self.session = self.prepare(**values)
            self._sessions[run] = session
        timer = PanelRedrawTimer()
        for epoch in session.train(stop):
            if epoch.number == 1:
                self.status.say(
                    f"Run {run}: {names.get_label(session.strategy.name).text} is training."
                )
            if timer.is_due() and not stop.is_set():  # the end draws the last picture
                started = time.monotonic()
                self.refresh()
                timer.restart(started)

    def prepare(
        self,
        *,
        task: str,
        shots: int,
        seed: int,
        backbone: str,
        strategy: str,
        stages: tuple[str, ...],
        recipe: str,
        rate: float,
        stage_decay: float,
        epochs: int,
    ) -> Session:
        """The training that these choices mean.

        Raises:
            ValueError: If the task has not so many images.
        """
        way = self._choose_way(strategy, stages, recipe)
        if not way.convex:
            way = replace(way, rate=rate, stage_decay=stage_decay)
        if self._network is not None:
            size = find_backbone_image_size(self._network)
            drawn = self._find_task(task, size).at(shots or None, seed)
            return Session(drawn, self._network, way, seed, epochs or None)
        start = STARTS[backbone]
        drawn = self._find_task(task, start.image_size).at(shots or None, seed)
        return Session(drawn, start.backbone, way, seed, epochs or None, start.weights)

    def _find_task(self, name: str, size: int) -> Task:
        if self._own is not None and name == self._own.name:
            return self._own
        if (name, size) not in self._garden:  # with its test images, which are drawn once
            self._garden[name, size] = make_task(name, shots=1, image_size=size)
        return self._garden[name, size]

    def _finish(self, error: BaseException | None) -> None:
        """Called by the worker, always: the last state and the last picture are sent."""
        with self._lock:
            session = self._sessions.get(self._run)  # none where it could not be prepared
            if error is not None:
                resumable = session is not None and session.resumable
                advice = f"; Continue goes on with run {self._run}" if resumable else ""
                self._set_state(
                    STOPPED if resumable else FAILED,
                    f"Stopped by an error{advice}. {type(error).__name__}: {error}",
                )
            elif session is not None and session.diverged:
                self._set_state(FAILED, f"Run {self._run} came to nothing: {session.diverged}.")
            elif session is not None and session.accuracy is not None:
                accuracy = format_percent(session.accuracy)
                self._set_state(FINISHED, f"Run {self._run} is finished: test accuracy {accuracy}.")
            else:
                self._set_state(STOPPED, f"Run {self._run} is stopped. Continue goes on with it.")
        self.refresh()

    def _set_state(self, state: str, words: str) -> None:
        self.set_trait("state", state)
        self.status.say(words)
        useful = {TRAINING: "stop", STOPPING: "stop", STOPPED: "continue"}.get(state, "train")
        # All buttons can be pressed at any time, so that none that has the focus ever loses it.
        for name, pressed in self.buttons.items():
            pressed.button_style = "primary" if name == useful else ""

    @property
    def runs(self) -> pd.DataFrame:
        """The finished runs, a row each."""
        rows = [{"run": n} | s.row() for n, s in dict(self._sessions).items() if s.finished]
        return pd.DataFrame(rows, columns=RUN_COLUMNS)

    def curves(self) -> pd.DataFrame:
        """The epochs of all runs on the picture: run, strategy, epoch, loss, train_accuracy."""
        # Copies, since the thread that trains adds to both meanwhile.
        rows = [
            (n, s.strategy.name, e.number, e.loss, e.train_accuracy)
            for n, s in dict(self._sessions).items()
            for e in s.shown_history
        ]
        return pd.DataFrame(rows, columns=["run", "strategy", "epoch", "loss", "train_accuracy"])

    def figure(self) -> Figure:
        """Loss and training accuracy of the finished runs and of the one at hand."""
        runs = self.runs
        return plots.training(
            self.curves(),
            current=self._run,
            results=dict(zip(runs.run, runs.test_accuracy, strict=True)),
            notes=self._note_rates(),
        )

    def _note_rates(self) -> dict[int, str]:
        """The rate of each run on the picture whose strategy was trained at several rates."""
        ways = {n: s.strategy for n, s in dict(self._sessions).items() if not s.strategy.convex}
        rates: dict[str, set[float]] = {}
        for way in ways.values():
            rates.setdefault(way.name, set()).add(way.peak_rate)
        return {n: f"rate {w.peak_rate:g}" for n, w in ways.items() if len(rates[w.name]) > 1}

    def caption(self) -> str:
        """How far the run at hand is."""
        session = self._sessions.get(self._run)  # none where it could not be prepared
        if session is None or not session.history:
            return ""
        last, total = session.history[-1], session.total_epochs
        solving = len(session.history) == session.solver_records
        position = f"solver step {last.number}" if solving else f"epoch {last.number} of {total}"
        return (
            f"Run {self._run}, {names.get_label(session.strategy.name).text}: {position}, "
            f"loss {last.loss:.3f}, {format_percent(last.train_accuracy, 0)} of the training "
            "images right"
        )

    def describe(self) -> str:
        """The curves in words: where each run began and where it is now."""
        sentences = []
        for run, epochs in self.curves().groupby("run"):
            first, last = epochs.iloc[0], epochs.iloc[-1]
            sentences.append(
                f"run {run}, {names.get_label(first.strategy).text}: training loss from "
                f"{first.loss:.2f} to {last.loss:.2f}, accuracy "
                f"{format_percent(last.train_accuracy, 0)} after {last.epoch} epochs"
            )
        if not sentences:
            return "Empty axes: no training yet."
        return f"Training curves; {'; '.join(sentences)}."

    def footer(self) -> str:
        """The finished runs as a table."""
        runs = self.runs
        return render_panel_table(
            {
                "Run": runs.run,
                "Strategy": [names.get_label(name).text for name in runs.strategy],
                "Images per class": runs.shots,
                "Seed": runs.seed,
                "Peak rate": ["" if pd.isna(rate) else f"{rate:g}" for rate in runs.rate],
                "Weights that learn": [f"{count:,}" for count in runs.trainable_weights],
                "Seconds": [f"{seconds:.1f}" for seconds in runs.seconds],
                "Test accuracy": [format_percent(accuracy) for accuracy in runs.test_accuracy],
            }
        )
