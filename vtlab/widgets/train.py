"""A panel that trains, in the background, and can be stopped and gone on with."""

from __future__ import annotations

import html
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
from vtlab.garden.worlds import WORLDS
from vtlab.models.backbones import family
from vtlab.models.families import MINI_NETWORKS, STAGE_NAMES
from vtlab.results import labels as names
from vtlab.results.labels import percent
from vtlab.widgets.panel import Checks, Panel, Status, button, choice, number, row
from vtlab.widgets.session import Pace, Session, Worker, chosen, fitting

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.figure import Figure

WAYS = ("scratch", "probe", "partial", "full", "lp_ft", "surgical")
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
DECAYS = (1.0, 0.7, 0.5, 0.3)
COLUMNS = (
    "run",
    "task",
    "backbone",
    "strategy",
    "shots",
    "seed",
    "epochs",
    "rate",
    "stage_decay",
    "test_accuracy",
    "seconds",
    "trainable_weights",
    "total_weights",
)
READY, TRAINING, STOPPING, STOPPED, FINISHED, FAILED = (
    "ready",
    "training",
    "stopping",
    "stopped",
    "finished",
    "failed",
)


class TrainPanel(Panel):
    """Choose what to train, press Train, watch, stop, go on.

    Training runs in a thread, so that other cells can be run meanwhile. Every finished run
    stays on the picture and in `runs`, with its test accuracy; who picks the best of many runs
    by that number flatters it. The plain twins are `fit` and `plot_training`.

    Attributes:
        task: Name of a garden task, or of the task that the panel was given.
        shots: Training images per class; 0 for all of a folder.
        backbone: Name of the network.
        strategy: "scratch", "probe", "partial", "full", "lp_ft" or "surgical".
        stages: That learn beside the head; ticking them chooses the strategy that fits.
        rate: Peak learning rate; 0 for the committed default.
        stage_decay: Each stage nearer to the image learns this much slower.
        epochs: 0 for the default schedule.
        seed: Of the shots, the head, the order of the batches and the augmentation.
        state: "ready", "training", "stopping", "stopped", "finished" or "failed".
        session: The training at hand; its `network` holds what was learnt.
        buttons: "train", "stop" and "continue".

    Lesson 01.
    """

    task = traitlets.Unicode("garden")
    shots = traitlets.Int(5, min=0)
    backbone = traitlets.Enum(list(MINI_NETWORKS), "mini_resnet")
    strategy = traitlets.Enum(WAYS, "partial")
    stages = traitlets.Tuple(("stage4",))
    rate = traitlets.Enum((0, *RATES), 0)
    stage_decay = traitlets.Enum(DECAYS, 1.0)
    epochs = traitlets.Int(0, min=0)
    seed = traitlets.Int(0, min=0)
    state = traitlets.Unicode(READY, read_only=True)

    def __init__(self, task: Task | str | None = None, **traits: object) -> None:
        """Open the panel.

        Args:
            task: One of your own, beside the garden's; or the name of one of those.
            traits: To begin with.

        Raises:
            TypeError: If the task is neither.
            ValueError: If the task's training images are not those that it draws, as every run does.
        """
        if isinstance(task, str):
            task, traits = None, {"task": task} | traits
        if not isinstance(task, Task | None):
            raise TypeError(
                f"{task!r} is no task: give what vt.task makes, or the name of a garden task"
            )
        self._given = task
        self._bases: dict[tuple[str, int], Task] = {}
        self._tasks = [name for name, world in WORLDS.items() if world.target == "class"]
        if task is not None:
            task.check_draw()
            self._tasks = [task.name, *(name for name in self._tasks if name != task.name)]
            known = 0 if task.shots is None else task.shots
            traits = {"task": task.name, "shots": known, "seed": task.seed} | traits
        self.session: Session | None = None
        self._sessions: dict[int, Session] = {}
        self._started = 0
        self._lock = threading.RLock()  # of what a button changes
        self._settling = False
        self._worker = Worker("vtlab training")
        self.status = Status("Choose, then press Train.")
        self.buttons = {
            "train": button("Train", self.train, main=True),
            "stop": button("Stop", self.stop),
            "continue": button("Continue", self.resume),
        }
        super().__init__(**traits)
        self._settle({"name": "strategy"})

    @traitlets.validate("task")
    def _known_task(self, proposal: dict) -> str:
        if proposal["value"] not in self._tasks:
            raise traitlets.TraitError(
                f"no task {proposal['value']!r} here; there are {', '.join(self._tasks)}"
            )
        return proposal["value"]

    @traitlets.validate("stages")
    def _known_stages(self, proposal: dict) -> tuple[str, ...]:
        if odd := set(proposal["value"]) - set(STAGE_NAMES):
            raise traitlets.TraitError(
                f"no stage {sorted(odd)[0]!r}; there are {', '.join(STAGE_NAMES)}"
            )
        return tuple(name for name in STAGE_NAMES if name in proposal["value"])

    @traitlets.observe("strategy", "stages")
    def _settle(self, change: dict) -> None:
        """Strategy and ticked stages always say the same."""
        if self._settling:
            return
        self._settling = True
        try:
            if change["name"] == "stages":
                self.strategy = fitting(self.strategy, self.stages, STAGE_NAMES)
            elif self.strategy == "probe":
                self.stages = ()
            elif self.strategy in ("scratch", "full", "lp_ft"):
                self.stages = STAGE_NAMES
            elif fitting("partial", self.stages, STAGE_NAMES) != self.strategy:
                self.stages = ("stage4",) if self.strategy == "partial" else ("stage1",)
        finally:
            self._settling = False

    def build(self) -> dict[str, ipywidgets.Widget]:
        """A control for each choice."""
        return {
            "task": choice("Task", self._tasks),
            "shots": number("Images per class (0: all)", 0, 1000),
            "seed": number("Seed", 0, 999),
            "backbone": choice("Backbone", self.traits()["backbone"].values),
            "strategy": choice("Strategy", [(names.label(name).text, name) for name in WAYS]),
            "stages": Checks(
                {name: name for name in STAGE_NAMES}, "Stages that learn, beside the head"
            ),
            "rate": choice("Peak rate", [("default", 0), *((f"{r:g}", r) for r in RATES)]),
            "stage_decay": choice("Rate of each earlier stage", [(f"× {d:g}", d) for d in DECAYS]),
            "epochs": number("Epochs (0: default)", 0, 500),
        }

    def arrange(self) -> Sequence[ipywidgets.Widget]:
        """What, then how, then the buttons and the state."""
        have = self.controls
        return [
            row(*(have[n] for n in ("task", "shots", "seed", "backbone", "strategy"))),
            have["stages"],
            row(*(have[n] for n in ("rate", "stage_decay", "epochs"))),
            row(*self.buttons.values(), self.status),
        ]

    @property
    def shows(self) -> tuple[str, ...]:
        """Choices change nothing in the picture, runs do."""
        return ()

    def train(self) -> None:
        """Start a new run with what is chosen; what was learnt in the last one is let go."""
        with self._lock:
            if self.state in (TRAINING, STOPPING):
                self.status.say("A training is under way: stop it first.")
                return
            self._started += 1
            values = {name: getattr(self, name) for name in self.controls}
            self._begin(self._started, None, values)

    def resume(self) -> None:
        """Go on with the run that was stopped, by a person or by an error between two of its steps."""
        with self._lock:
            if self.state == STOPPED:
                self._begin(self._started, self.session, {})
            else:
                self.status.say("There is no stopped run to go on with.")

    def stop(self) -> None:
        """Ask the training to stop within one batch; what was learnt stays."""
        with self._lock:
            if self.state == TRAINING:
                self._enter(STOPPING, "Stopping …")
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

    def _begin(self, run: int, session: Session | None, values: dict) -> None:
        self._enter(TRAINING, f"Run {run}: {'preparing' if session is None else 'going on'} …")
        self._worker.start(lambda stop: self._work(run, session, values, stop), self._ended)

    def _work(self, run: int, session: Session | None, values: dict, stop: threading.Event) -> None:
        if session is None:
            self._sessions = {n: s for n, s in self._sessions.items() if s.finished}
            for past in self._sessions.values():
                past.let_go()
            session = self.session = self.prepare(**values)
            self._sessions[run] = session
        pace = Pace()
        for epoch in session.work(stop):
            if epoch.number == 1:
                self.status.say(
                    f"Run {run}: {names.label(session.strategy.name).text} is training."
                )
            if pace.due() and not stop.is_set():  # the end draws the last picture
                started = time.monotonic()
                self.refresh()
                pace.drawn(started)

    def prepare(
        self,
        *,
        task: str,
        shots: int,
        seed: int,
        backbone: str,
        strategy: str,
        stages: tuple[str, ...],
        rate: float,
        stage_decay: float,
        epochs: int,
    ) -> Session:
        """The training that these choices mean.

        Raises:
            ValueError: If the task has not so many images.
        """
        way = chosen(strategy, stages)
        way = replace(way, rate=rate or None, stage_decay=stage_decay)
        base = self._base(task, family(backbone).image_size)
        return Session(base.at(shots or None, seed), backbone, way, seed, epochs or None)

    def _base(self, name: str, size: int) -> Task:
        if self._given is not None and name == self._given.name:
            return self._given
        if (name, size) not in self._bases:
            self._bases[name, size] = make_task(name, shots=1, image_size=size)
        return self._bases[name, size]

    def _ended(self, error: BaseException | None) -> None:
        """Called by the worker, always: the last state and the last picture are sent."""
        with self._lock:
            session = self._sessions.get(self._started)  # none where it could not be prepared
            if error is not None:
                whole = session is not None and session.goes_on
                said = f"; Continue goes on with run {self._started}" if whole else ""
                self._enter(
                    STOPPED if whole else FAILED,
                    f"Stopped by an error{said}. {type(error).__name__}: {error}",
                )
            elif session is not None and session.finished:
                got = percent(session.accuracy)
                self._enter(FINISHED, f"Run {self._started} is finished: test accuracy {got}.")
            else:
                self._enter(STOPPED, f"Run {self._started} is stopped. Continue goes on with it.")
        self.refresh()

    def _enter(self, state: str, words: str) -> None:
        self.set_trait("state", state)
        self.status.say(words)
        useful = {TRAINING: "stop", STOPPING: "stop", STOPPED: "continue"}.get(state, "train")
        # All buttons can be pressed at any time, so that none that has the focus ever loses it.
        for name, made in self.buttons.items():
            made.button_style = "primary" if name == useful else ""

    @property
    def runs(self) -> pd.DataFrame:
        """The finished runs, a row each."""
        rows = [{"run": n} | s.row() for n, s in dict(self._sessions).items() if s.finished]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def curves(self) -> pd.DataFrame:
        """The epochs of all runs on the picture: run, strategy, epoch, loss, train_accuracy."""
        rows = [
            (n, s.strategy.name, e.number, e.loss, e.train_accuracy)
            for n, s in dict(self._sessions).items()
            for e in list(s.history)
        ]
        return pd.DataFrame(rows, columns=["run", "strategy", "epoch", "loss", "train_accuracy"])

    def figure(self) -> Figure:
        """Loss and training accuracy of the finished runs and of the one at hand."""
        runs = self.runs
        return plots.training(
            self.curves(),
            current=self._started,
            results=dict(zip(runs.run, runs.test_accuracy, strict=True)),
        )

    def caption(self) -> str:
        """How far the run at hand is."""
        session = self._sessions.get(self._started)  # none where it could not be prepared
        if session is None or not session.history:
            return ""
        last, whole = session.history[-1], session.whole
        of = f"epoch {last.number} of {whole}" if whole else f"solver step {last.number}"
        return (
            f"Run {self._started}, {names.label(session.strategy.name).text}: {of}, "
            f"loss {last.loss:.3f}, {percent(last.train_accuracy, 0)} of the training "
            "images right"
        )

    def describe(self) -> str:
        """The curves in words: where each run began and where it is now."""
        said = []
        for run, epochs in self.curves().groupby("run"):
            first, last = epochs.iloc[0], epochs.iloc[-1]
            said.append(
                f"run {run}, {names.label(first.strategy).text}: training loss from "
                f"{first.loss:.2f} to {last.loss:.2f}, accuracy "
                f"{percent(last.train_accuracy, 0)} after {last.epoch} epochs"
            )
        return f"Training curves; {'; '.join(said)}." if said else "Empty axes: no training yet."

    def below(self) -> str:
        """The finished runs as a table."""
        return _table(self.runs)


def _table(runs: pd.DataFrame) -> str:
    """The finished runs as markup; nothing without one."""
    if runs.empty:
        return ""
    heads = (
        "Run",
        "Strategy",
        "Images per class",
        "Seed",
        "Weights that learn",
        "Seconds",
        "Test accuracy",
    )
    head = "".join(f'<th scope="col" style="padding:2px 10px">{words}</th>' for words in heads)
    lines = []
    for r in runs.to_dict("records"):
        cells = (
            r["run"],
            html.escape(names.label(r["strategy"]).text),
            r["shots"],
            r["seed"],
            f"{r['trainable_weights']:,}",
            f"{r['seconds']:.1f}",
            percent(r["test_accuracy"]),
        )
        lines.append(
            "<tr>" + "".join(f'<td style="padding:2px 10px">{c}</td>' for c in cells) + "</tr>"
        )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
