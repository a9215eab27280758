"""One training of a panel: made from what was chosen, stopped, gone on with, tested once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.features import evaluate
from vtlab.models.network import Network
from vtlab.results.records import Epoch
from vtlab.training.fit import Training, fit
from vtlab.training.strategies import Strategy, partial, strategy, surgical

PART = 128  # test images between two looks at the stop event


def chosen(name: str, stages: tuple[str, ...]) -> Strategy:
    """The strategy of a family's name; "partial" and "surgical" let these stages learn."""
    if name == "partial":
        return partial(len(stages))
    if name == "surgical":
        return surgical(*stages)
    return strategy(name)


def fitting(name: str, stages: tuple[str, ...], everything: tuple[str, ...]) -> str:
    """The family that lets just these stages learn; the given one if it does."""
    if not stages:
        return "probe"
    if stages == everything:
        return name if name in ("scratch", "lp_ft") else "full"
    tail = stages == everything[len(everything) - len(stages) :]
    return "partial" if tail and name != "surgical" else "surgical"


@dataclass(eq=False)
class Session:
    """One training, from nothing to its test.

    Attributes:
        task: With its shots.
        backbone: Name of the network.
        strategy: What learns.
        seed: Of the head, the order of the batches and the augmentation.
        epochs: None for the default schedule.
        network: Once the work has begun; what was learnt is in it, also after a stop.
        history: The records so far.
        accuracy: On the test set, once all is done.
    """

    task: Task
    backbone: str
    strategy: Strategy
    seed: int = 0
    epochs: int | None = None
    network: Network | None = None
    history: list[Epoch] = field(default_factory=list)
    accuracy: float | None = None
    _torn: bool = False
    _training: Training | None = None
    _epochs: int | None = None
    _row: dict[str, object] | None = None
    _right: list[float] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether it was trained to the end and tested."""
        return self.accuracy is not None

    @property
    def whole(self) -> int | None:
        """How many epochs it will have; not known of a probe, which is solved."""
        training = self._training  # the thread that trains takes it away
        return self._epochs if training is None or self.strategy.convex else training.epochs

    @property
    def goes_on(self) -> bool:
        """Whether it was begun and is between two steps, so that `work` goes on with it."""
        return self._training is not None and not self._torn

    @property
    def seconds(self) -> float:
        """Of training."""
        return sum(epoch.seconds for epoch in self.history)

    def work(self, stop: threading.Event) -> Iterator[Epoch]:
        """Train on and test, a record an epoch; ends early when the event is set.

        What follows a stop is bit-equal to a training that was never stopped.
        """
        if self._training is None:
            self.network = backbone(self.backbone, classes=len(self.task.classes))
            self._training = fit(
                self.network, self.task, self.strategy, seed=self.seed, epochs=self.epochs
            )
        self._training.stop = stop
        try:
            for epoch in self._training:
                self.history.append(epoch)
                yield epoch
        except Exception as error:  # its own: what its caller does with an epoch raises elsewhere
            self._torn = not isinstance(error, OSError)  # room on the disk is made before a step
            raise
        if self._training.done:
            self._test(stop)

    def _test(self, stop: threading.Event) -> None:
        test = self.task.test
        pixels, labels = test.pixels.split(PART), test.labels.split(PART)
        while len(self._right) < len(labels):
            if stop.is_set():
                return
            part = len(self._right)
            share = evaluate(self.network, pixels[part], labels[part])
            self._right.append(share * len(labels[part]))
        self.accuracy = sum(self._right) / len(test)
        self._epochs, self._training = self.whole, None  # its kept views and moments are large

    def let_go(self) -> None:
        """Keep what came of it; the network goes."""
        self._row, self.network = self.row(), None

    def row(self) -> dict[str, object]:
        """What was trained and what came of it."""
        way, network = self.strategy, self.network  # which `let_go` takes away once there is a row
        return self._row or {
            "task": self.task.name,
            "backbone": self.backbone,
            "strategy": way.name,
            "shots": "all" if self.task.shots is None else self.task.shots,
            "seed": self.seed,
            "epochs": len(self.history),
            "rate": None if way.convex else way.peak_rate,
            "stage_decay": way.stage_decay,
            "test_accuracy": self.accuracy,
            "seconds": self.seconds,
            "trainable_weights": network.learning_weights(),
            "total_weights": network.total_weights(),
        }


SECONDS = 0.25  # between two updates of the page, at least
SHARE = 0.2  # of the time, at most, goes into drawing


class Worker:
    """At most one daemon thread at a time.

    Attributes:
        busy: Whether there is one.
        error: What the last work was ended by, or None.
    """

    def __init__(self, name: str) -> None:
        """A worker whose threads carry this name."""
        self.name = name
        self.error: BaseException | None = None
        self.busy = False
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def start(
        self, work: Callable[[threading.Event], None], ended: Callable[[BaseException | None], None]
    ) -> bool:
        """Do this in the background; False, and nothing happens, while there is work already.

        Args:
            work: Called in the thread with the event that asks it to stop.
            ended: Called in the thread when the work is over and another may start, with what
                it was ended by.
        """
        with self._lock:
            if self.busy:
                return False
            self.busy, self.error, self._stop = True, None, threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(work, ended, self._stop), name=self.name, daemon=True
            )
            self._thread.start()
            return True

    def _run(self, work: Callable, ended: Callable, stop: threading.Event) -> None:
        error = None
        try:
            work(stop)
        except BaseException as raised:  # whatever it is: it belongs to whoever waits
            error = raised
        with self._lock:
            self.error, self.busy = error, False
        ended(error)

    def stop(self) -> None:
        """Ask the work to stop; does not wait for it."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the work to end, and raise what it was ended by, once.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: If it is still at work then; it goes on.
            KeyboardInterrupt: After Ctrl-C or the kernel's interrupt; the work is asked to stop.
        """
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            try:
                thread.join(timeout)
            except KeyboardInterrupt:
                self.stop()
                raise
            if thread.is_alive():
                raise TimeoutError(f"{self.name} is still at work after {timeout:g} s")
        error, self.error = self.error, None
        if error is not None:
            raise error


class Pace:
    """Says when it is time to draw again: four times a second, or less if drawing is slow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """The first time is at once."""
        self._clock, self._next = clock, float("-inf")

    def due(self) -> bool:
        """Whether the next picture may be drawn now."""
        return self._clock() >= self._next

    def drawn(self, started: float) -> None:
        """A picture that was begun at `started`, by the same clock, is done."""
        now = self._clock()
        self._next = max(started + SECONDS, now + (now - started) * (1 / SHARE - 1))
