"""A panel in which strategies race on the same images, in turn, pass by pass."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import anywidget
import torch
import traitlets
from PIL import Image
from torch import Tensor

from vtlab.analysis.cams import explain
from vtlab.data.images import Images, image_places_by_class
from vtlab.data.tasks import Task
from vtlab.data.tasks import task as make_task
from vtlab.models.evaluation import predict
from vtlab.plots import export
from vtlab.plots.heatmaps import paint_heatmap
from vtlab.plots.race_lanes import MIN_SEEDS, RaceLane, plot_race
from vtlab.results import labels, metrics
from vtlab.training.strategies import strategy
from vtlab.widgets.panel import (
    FRONT,
    Panel,
    PanelStatusLine,
    button,
    control_row,
    number_box,
    panel_strategy_boxes,
)
from vtlab.widgets.session import Session, SessionWorker

if TYPE_CHECKING:
    import ipywidgets
    from matplotlib.figure import Figure

STRATEGY_NAMES = ("scratch", "probe", "partial", "full", "lp_ft")
HELD_OUT, WATCHED = 200, 12  # images: those that accuracy is measured on, and those that are shown
SOLVER_SECONDS = 0.2  # between two looks at a head that is solved before a training


class RaceView(anywidget.AnyWidget):
    """The lanes as the browser draws them.

    Attributes:
        scene: What stays: the watched images side by side, what they are, the classes, chance.
        lanes: What changes, a mapping for each lane.
        maps: Pictures of where lanes look, by "strategy place".
    """

    _esm = FRONT / "race.js"
    _css = FRONT / "race.css"
    scene = traitlets.Dict().tag(sync=True)
    lanes: traitlets.List = traitlets.List().tag(sync=True)
    maps = traitlets.Dict().tag(sync=True)


@dataclass(eq=False)
class RaceRun:
    """A strategy in the race, with the seed that it runs with.

    Attributes:
        session: Its training.
        curve: Passes over the training images, and held-out accuracy after them.
        probabilities: `(N, K)`, of the watched images.
    """

    session: Session
    curve: list[tuple[float, float]] = field(default_factory=list)
    probabilities: Tensor | None = None

    @property
    def over(self) -> bool:
        """Whether it is finished, or came to nothing."""
        return self.session.finished or bool(self.session.diverged)

    @property
    def passes(self) -> float:
        """Over the training images; steps of the solver where the head is solved and that is all."""
        return self.curve[-1][0] if self.curve else -1

    @property
    def turn(self) -> tuple[float, bool]:
        """Smaller for the lane whose turn it is: who has seen the images least, then what is solved."""
        return self.passes, not self.session.strategy.convex


class RacePanel(Panel):
    """Strategies learn from the same images, in turn, and one sees who names more of the same others.

    Each lane shows the accuracy on held-out images while it learns, and twelve of them: framed where
    their class is named right, with a bar for its probability. A click on one shows where that lane looks
    (Grad-CAM). After the first seed the others follow, with other shots, and intervals over the seeds grow.

    The held-out images are there to look at: who stops a lane where its curve is highest, or takes the
    best of many races, flatters it. The plain twin is `compare`, which asks for the test images once.

    Attributes:
        strategies: Names of the lanes.
        shots: Training images per class; 0 for all of a folder.
        seeds: How many seeds run, one after the other.
        seed: The first.
        pace: Seconds that a pass takes at least, to watch it.
        state: "ready", "racing", "stopping", "stopped", "finished" or "failed".
        buttons: "race", "stop" and "continue".

    Lesson 01.
    """

    strategies = traitlets.Tuple(("scratch", "probe", "partial", "full"))
    shots = traitlets.Int(5, min=0)
    seeds = traitlets.Int(3, min=1)
    seed = traitlets.Int(0, min=0)
    pace = traitlets.Float(0.0, min=0.0, max=5.0)
    state = traitlets.Unicode("ready", read_only=True)

    def __init__(self, task: Task | str = "garden", **traits: object) -> None:
        """Open the panel.

        Args:
            task: One of your own, or a name as `vt.task` takes it.
            traits: To begin with.

        Raises:
            TypeError: If the task is neither.
            ValueError: If there is no task of that name, or its labels are numbers.
        """
        if isinstance(task, str):
            task = make_task(task, tests=20)
        if not isinstance(task, Task):
            raise TypeError(
                f"{task!r} is no task: give what vt.task makes, or a name that it takes"
            )
        if task.asks_a_number:
            raise ValueError(f"{task.name} asks for a number; a race is about classes")
        task.check_draw()
        traits = {"shots": 0 if task.shots is None else task.shots, "seed": task.seed} | traits
        self.task = replace(task, test=_choose_evenly(task, HELD_OUT))
        self._watched = self.task.test[torch.arange(min(WATCHED, len(self.task.test)))]
        self._runs: dict[str, RaceRun] = {}  # of the seed at hand, by strategy
        self._shown: dict[str, RaceRun] = {}  # of the first seed
        self._finished: dict[str, list[float]] = {}
        self._seeds_done = 0
        self._race = 0
        self._chosen: tuple[tuple[str, ...], int | None, range] = ((), None, range(0))
        self._lock = threading.RLock()
        self._asked: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self._worker = SessionWorker("vtlab race")
        self.status = PanelStatusLine("Who will be ahead? Then press Race.")
        self.buttons = {
            "race": button("Race", self.race, main=True),
            "stop": button("Stop", self.stop),
            "continue": button("Continue", self.resume),
        }
        super().__init__(**traits)

    @traitlets.validate("strategies")
    def _check_strategies(self, proposal: dict) -> tuple[str, ...]:
        return self.select_known(
            proposal["value"], STRATEGY_NAMES, "no strategy", " races; there are"
        )

    def build_controls(self) -> dict[str, ipywidgets.Widget]:
        """Who races, with what, and how fast."""
        return {
            "strategies": panel_strategy_boxes(STRATEGY_NAMES),
            "shots": number_box("Images per class (0: all)", 0, 1000),
            "seed": number_box("First seed", 0, 999),
            "seeds": number_box("Seeds", 1, 20),
            "pace": number_box("Seconds a pass, at least", 0.0, 5.0, 0.1),
        }

    def build_picture(self) -> RaceView:
        """The lanes, drawn by the browser."""
        view = RaceView()
        view.on_msg(self._hear)
        return view

    def arrange_controls(self) -> Sequence[ipywidgets.Widget]:
        """Who, then what, then the buttons and the state."""
        controls = self.controls
        return [
            controls["strategies"],
            control_row(*(controls[name] for name in ("shots", "seeds", "seed", "pace"))),
            control_row(*self.buttons.values(), self.status),
        ]

    @property
    def picture_traits(self) -> tuple[str, ...]:
        """Before a race the lanes are those that were chosen."""
        return ("strategies",)

    def race(self) -> None:
        """Start anew, all lanes at the same line."""
        with self._lock:
            if self.state in ("racing", "stopping"):
                self.status.say("A race is under way: stop it first.")
            elif not self.strategies:
                self.status.say("Pick a strategy.")
            else:
                self._race, self._seeds_done = self._race + 1, 0
                self._runs, self._shown, self._finished = {}, {}, {}
                self._start()

    def resume(self) -> None:
        """Go on with the race that was stopped."""
        with self._lock:
            if self.state == "stopped":
                self._start()
            else:
                self.status.say("There is no stopped race to go on with.")

    def stop(self) -> None:
        """Ask the race to stop within one batch; what was learnt stays."""
        with self._lock:
            if self.state == "racing":
                self._set_state("stopping", "Stopping …")
                self._worker.stop()
            elif self.state != "stopping":
                self.status.say("Nothing is racing.")

    def wait(self, timeout: float | None = None) -> str:
        """Wait until nothing races; gives the state.

        Raises:
            TimeoutError: If it takes longer than so many seconds; the race goes on.
            KeyboardInterrupt: After Ctrl-C or the kernel's interrupt; the race is stopped.
            Exception: Whatever ended the race, once.
        """
        self._worker.wait(timeout)
        return self.state

    def close(self) -> None:
        """Stop the race and remove the panel from the page."""
        self.stop()
        super().close()

    def _start(self) -> None:
        lanes, shots = self.strategies, self.shots or None
        seeds = range(self.seed, self.seed + self.seeds)
        if self._shown:  # one that was stopped goes on as it began
            lanes, shots, seeds = self._chosen
        self._chosen = (lanes, shots, seeds)
        self._set_state("racing", "On your marks …")
        self._worker.start(partial(self._work, lanes, shots, seeds), self._finish)

    def _work(
        self, lanes: tuple[str, ...], shots: int | None, seeds: range, stop: threading.Event
    ) -> None:
        while self._seeds_done < len(seeds):
            seed = seeds[self._seeds_done]
            if not self._runs:
                drawn = self.task.at(shots, seed)
                self._runs = {
                    name: RaceRun(
                        Session(
                            drawn,
                            drawn.start.backbone,
                            strategy(name),
                            seed,
                            weights=drawn.start.weights,
                        )
                    )
                    for name in lanes
                }
                self._shown = self._shown or self._runs
                self._redraw()
            if not self._run_seed(seed, stop):
                return
            for name, run in self._runs.items():
                if run.session.accuracy is not None:
                    self._finished.setdefault(name, []).append(run.session.accuracy)
                if self._runs is not self._shown:
                    run.session.release_network()
            self._runs, self._seeds_done = {}, self._seeds_done + 1
            self._redraw()

    def _run_seed(self, seed: int, stop: threading.Event) -> bool:
        """Let the lanes take their passes in turn; False where it was stopped."""
        steps = {name: run.session.train(stop) for name, run in self._runs.items()}
        while waiting := [name for name, run in self._runs.items() if not run.over]:
            name = min(waiting, key=lambda lane: self._runs[lane].turn)
            started = time.monotonic()
            self._advance(self._runs[name], steps[name])
            self._answer()
            if stop.is_set():
                return False
            self.status.say(
                f"Seed {seed}: {labels.get_label(name).text} has taken pass {self._runs[name].passes:g}."
            )
            if self._runs is self._shown:
                self._redraw()
                stop.wait(max(0.0, self.pace - (time.monotonic() - started)))
        return True

    def _advance(self, run: RaceRun, steps: Iterator) -> None:
        """One pass of a lane, and what it then says of the held-out images."""
        session, started = run.session, time.monotonic()
        for record in steps:
            solving = session.solver_records == len(session.history)
            if solving and not session.strategy.convex:
                passes = 0.0
                if time.monotonic() - started < SOLVER_SECONDS:
                    continue
            else:
                passes = float(record.number)
            break
        else:
            passes = max(0.0, run.passes)
        if session.network is None or session.diverged:
            return
        test = self.task.test
        probabilities = predict(session.network, test.pixels).cpu()
        right = probabilities.argmax(1) == test.labels
        run.probabilities = probabilities[: len(self._watched)]
        if run.curve and run.curve[-1][0] == passes:
            run.curve.pop()
        run.curve.append((passes, float(right.float().mean())))

    def _finish(self, error: BaseException | None) -> None:
        """Called by the worker, always."""
        with self._lock:
            if error is not None:
                self._set_state("failed", f"Stopped by an error. {type(error).__name__}: {error}")
            elif self._seeds_done == len(self._chosen[2]):
                self._set_state("finished", self.describe())
            else:
                self._set_state("stopped", "Stopped. Continue goes on with this race.")
        self._redraw()

    def _set_state(self, state: str, words: str) -> None:
        self.set_trait("state", state)
        self.status.say(words)
        useful = {"racing": "stop", "stopping": "stop", "stopped": "continue"}.get(state, "race")
        for name, pressed in self.buttons.items():
            pressed.button_style = "primary" if name == useful else ""

    def lanes(self) -> list[RaceLane]:
        """How far each strategy is, with the first seed; and where its seeds ended."""
        shown, truth = self._shown, self._watched.labels
        found = []
        for name in shown or self.strategies:
            if (run := shown.get(name)) is None:
                found.append(RaceLane(name))
                continue
            answers = run.probabilities
            if answers is None:
                answers = torch.zeros(0, len(self.task.classes))
            known = truth[: len(answers)]
            named = answers.argmax(1) if len(answers) else known
            found.append(
                RaceLane(
                    name,
                    self._describe_run(run),
                    tuple(run.curve),
                    tuple(named.tolist()),
                    tuple(answers.gather(1, known[:, None])[:, 0].tolist()),
                    tuple((named == known).tolist()),
                    tuple(self._finished.get(name, ())),
                )
            )
        return found

    def _describe_run(self, run: RaceRun) -> str:
        """How far it is, what learns, and what it took."""
        session = run.session
        if session.diverged:
            return session.diverged
        if session.network is None:
            return ""
        unit = "solver step" if session.strategy.convex else "pass"
        total = (
            "" if session.total_epochs is None or unit != "pass" else f" of {session.total_epochs}"
        )
        return (
            f"{unit} {max(0, run.passes):g}{total} · {session.network.count_learning_weights():,} weights "
            f"learn · {session.seconds:.1f} s"
        )

    def figure(self) -> Figure:
        """The lanes as they stand."""
        return plot_race(self.lanes(), self._watched.pixels, chance=self.task.chance)

    def describe(self) -> str:
        """Each lane in a sentence."""
        lanes = self.lanes()
        if not lanes:
            return "No lane: pick a strategy."
        return ". ".join(lane.describe() for lane in lanes) + "."

    def _redraw(self, change: object = None) -> None:
        with self._drawing:
            view, sent = self._picture, [self._to_message(lane) for lane in self.lanes()]
            assert isinstance(view, RaceView)
            if view.scene.get("number") != self._race:
                view.maps = {}
                view.scene = self._set_scene()
            view.lanes = sent

    def _to_message(self, lane: RaceLane) -> dict[str, object]:
        look, ends = labels.get_label(lane.name), {}
        if len(lane.finished) >= MIN_SEEDS:
            found = metrics.t_interval(lane.finished)
            ends = {"low": max(0.0, found.low), "high": min(1.0, found.high)}
        return {
            **asdict(lane),
            "text": look.text,
            "colour": look.colour,
            "said": lane.describe(),
            **ends,
        }

    def _set_scene(self) -> dict[str, object]:
        """What stays the same in a race, the images as one strip."""
        strip = torch.cat([*self._watched.pixels], dim=2).permute(1, 2, 0)
        classes = list(self.task.classes)
        return {
            "number": self._race,
            "images": export.picture_uri(Image.fromarray(strip.cpu().numpy())),
            "truth": [classes[label] for label in self._watched.labels.tolist()],
            "classes": classes,
            "chance": self.task.chance,
            "passes": 30,
        }

    def _hear(self, view: RaceView, content: dict, buffers: object) -> None:
        """A click on an image asks where a lane looks."""
        if "look" in content:
            name, place = content["look"]
            self.look(str(name), int(place))

    def look(self, name: str, place: int) -> None:
        """Show, or hide again, where a lane looks when it names the watched image at this place."""
        self._asked.put((name, place))
        if not self._worker.busy:
            self._answer()

    def _answer(self) -> None:
        """Make the maps that were asked for; while a race is on, its thread does so between two passes."""
        view = self._picture
        while not self._asked.empty():
            name, place = self._asked.get()
            key, maps = f"{name} {place}", dict(view.maps)
            run = self._shown.get(name)
            if maps.pop(key, None) is None and run is not None and run.session.network is not None:
                picture = self._watched.pixels[place : place + 1]
                found = explain(run.session.network, picture, say=self.status.say)[0].float()
                heat = paint_heatmap(found.cpu().numpy(), picture.shape[-1])
                maps[key] = export.picture_uri(heat)
            view.maps = maps

    def results(self) -> dict[str, str]:
        """The accuracy of each strategy over the seeds that are finished, with its interval."""
        return {
            name: str(metrics.interval(values, len(self.task.test)))
            for name, values in self._finished.items()
        }


def _choose_evenly(task: Task, count: int) -> Images:
    """So many test images, or all where there are fewer, of all classes alike and in turn."""
    places = image_places_by_class(task.test.labels, range(len(task.classes)))
    turns = [
        own[turn] for turn in range(max(map(len, places))) for own in places if turn < len(own)
    ]
    return task.test[torch.stack(turns[:count])]
