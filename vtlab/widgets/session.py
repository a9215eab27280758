"""One training of a panel: made from the choices in the panel, stopped and resumed, and tested once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.models.network import Network
from vtlab.results.records import Epoch
from vtlab.training.fit import Training, fit
from vtlab.training.strategies import Strategy, partial, strategy, surgical

TEST_BATCH = 128  # images between two looks at the stop event
WHOLE_STAGES = "; a module inside one is trained by vt.surgical, and whole stages are"


def make_session_strategy(name: str, ticked: tuple[str, ...]) -> Strategy:
    """The strategy of a panel's list; "partial" and "surgical" let the ticked stages learn."""
    if name == "partial":
        return partial(len(ticked))
    if name == "surgical":
        return surgical(*ticked)
    return strategy(name)


def describe_parts_that_learn(network: Network | None) -> str:
    """A sentence where modules inside stages learn in a network, since a panel ticks whole stages."""
    inside = sorted(network.learning_names - network.parts.keys()) if network else []
    if not inside:
        return ""
    return (
        f" Here whole stages are ticked; {', '.join(inside)}, which learns now, is inside one: vt.surgical "
        "trains it."
    )


def name_session_strategy(name: str, ticked: tuple[str, ...], stages: tuple[str, ...]) -> str:
    """The name in a panel's list that lets just the ticked of all stages learn.

    The given name stays if it does so.
    """
    if not ticked:
        return "probe"
    if ticked == stages:
        return name if name in ("scratch", "lp_ft") else "full"
    at_the_end = ticked == stages[len(stages) - len(ticked) :]
    return "partial" if at_the_end and name != "surgical" else "surgical"


@dataclass(eq=False)
class Session:
    """One training, from nothing to its test.

    Attributes:
        task: With its shots.
        backbone: Name of the network, or one to be copied.
        strategy: What learns.
        seed: Of the head, the order of the batches and the augmentation.
        epochs: None for the default schedule.
        weights: What the network begins from, as in `vt.backbone`.
        network: Once the training has begun; what was learnt is in it, also after a stop.
        history: The records so far: first the solver's, where the head is solved, then the epochs.
        solver_records: How many of them are the solver's.
        accuracy: On the test set, once all is done.
        diverged: Why nothing came of it, in a sentence; "" as long as all losses are finite.
    """

    task: Task
    backbone: str | Network
    strategy: Strategy
    seed: int = 0
    epochs: int | None = None
    weights: str = "default"
    network: Network | None = None
    history: list[Epoch] = field(default_factory=list)
    solver_records: int = 0
    accuracy: float | None = None
    diverged: str = ""
    _failed_in_step: bool = False
    _training: Training | None = None
    _total_epochs: int | None = None
    _row: dict[str, object] | None = None
    _correct: list[float] = field(default_factory=list)  # test images, by batch

    @property
    def finished(self) -> bool:
        """Whether it was trained to the end and tested."""
        return self.accuracy is not None

    @property
    def total_epochs(self) -> int | None:
        """How many epochs it will have; not known of a probe, which is solved."""
        training = self._training  # the thread that trains takes it away
        if training is None or self.strategy.convex:
            return self._total_epochs
        return training.epochs

    @property
    def shown_history(self) -> list[Epoch]:
        """The epochs; the solver's steps as long as there are no others."""
        history = list(self.history)  # the thread that trains adds to it
        return history[self.solver_records :] or history

    @property
    def resumable(self) -> bool:
        """Whether it was begun and is between two steps, so that `train` goes on with it."""
        return self._training is not None and not self._failed_in_step

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return sum(epoch.seconds for epoch in self.history)

    def train(self, stop: threading.Event) -> Iterator[Epoch]:
        """Train on and test, a record an epoch; ends early when the event is set, or when it diverges.

        What follows a stop is bit-equal to a training that was never stopped.
        """
        if self._training is None:
            self.network = backbone(
                self.backbone, classes=len(self.task.classes), weights=self.weights
            )
            self._training = fit(
                self.network,
                self.task,
                self.strategy,
                seed=self.seed,
                epochs=self.epochs,
                say=lambda sentence: None,  # it stands in `diverged`
            )
        self._training.stop = stop
        try:
            for epoch in self._training:
                self.solver_records += not self._training.batches_done
                self.history.append(epoch)
                yield epoch
        except Exception as error:  # its own: what its caller does with an epoch raises elsewhere
            # Room on the disk is made before a step, so that a full disk leaves no half step.
            self._failed_in_step = not isinstance(error, OSError)
            raise
        self.diverged = self._training.diverged
        if self._training.done and not self.diverged:
            self._test(stop)

    def _test(self, stop: threading.Event) -> None:
        """Test batch by batch, so that a stop is noticed soon; goes on where it was stopped."""
        test, network = self.task.test, self.network
        assert network is not None
        pixels, labels = test.pixels.split(TEST_BATCH), test.labels.split(TEST_BATCH)
        while (batch := len(self._correct)) < len(labels):
            if stop.is_set():
                return
            share = evaluate(network, pixels[batch], labels[batch])
            self._correct.append(share * len(labels[batch]))
        self.accuracy = sum(self._correct) / len(test)
        # The views and moments that a training keeps are large.
        self._total_epochs, self._training = self.total_epochs, None

    def release_network(self) -> None:
        """Keep what came of it, and let go of the network, which is large."""
        self._row, self.network = self.row(), None

    def row(self) -> dict[str, object]:
        """What was trained and what came of it."""
        # In this order: `release_network` takes the network away once there is a row.
        way, network, row = self.strategy, self.network, self._row
        if row is not None:
            return row
        assert network is not None
        return {
            "task": self.task.name,
            "backbone": getattr(self.backbone, "name", self.backbone),
            "strategy": way.name,
            "shots": "all" if self.task.shots is None else self.task.shots,
            "seed": self.seed,
            "epochs": len(self.shown_history),
            "rate": None if way.convex else way.peak_rate,
            "stage_decay": way.stage_decay,
            "test_accuracy": self.accuracy,
            "seconds": self.seconds,
            "trainable_weights": network.count_learning_weights(),
            "total_weights": network.count_weights(),
        }


class SessionWorker:
    """Does the work of a panel's sessions, one at a time, in a daemon thread.

    Attributes:
        busy: Whether there is work.
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
        self,
        work: Callable[[threading.Event], None],
        finish: Callable[[BaseException | None], object],
    ) -> bool:
        """Do this in the background; False, and nothing happens, while there is work already.

        Args:
            work: Called in the thread with the event that asks it to stop.
            finish: Called in the thread when the work is over and another may start, with what
                it was ended by.
        """
        with self._lock:
            if self.busy:
                return False
            self.busy, self.error, self._stop = True, None, threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(work, finish, self._stop), name=self.name, daemon=True
            )
            self._thread.start()
            return True

    def _run(self, work: Callable, finish: Callable, stop: threading.Event) -> None:
        error = None
        try:
            work(stop)
        except BaseException as raised:  # whatever it is: it belongs to whoever waits
            error = raised
        with self._lock:
            self.error, self.busy = error, False
        finish(error)

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
