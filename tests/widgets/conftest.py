"""A page that writes down what is sent to it, and a training that is over in no time."""

import threading
import time

import comm
import pytest
from comm.base_comm import BaseComm

from vtlab.plots import style
from vtlab.results.records import Epoch
from vtlab.widgets import session as session
from vtlab.widgets.train import TrainPanel


@pytest.fixture
def sent(monkeypatch) -> list:
    """What goes to the page: time, thread, kind of message, the model's id, the state in it."""
    messages = []

    class Recorder(BaseComm):
        def publish_msg(self, msg_type, data=None, **rest):
            messages.append(
                (
                    time.monotonic(),
                    threading.current_thread().name,
                    msg_type,
                    self.comm_id,
                    (data or {}).get("state", {}),
                )
            )

    monkeypatch.setattr(comm, "create_comm", Recorder)
    return messages


class Quick:
    """Stands for a training: so many records, each after so many seconds."""

    under_way = 0  # of all of them, now
    most = 0  # at the same time, ever
    lock = threading.Lock()

    def __init__(
        self,
        epochs: int,
        seconds: float = 0.0,
        fails_at: int | None = None,
        error: Exception = RuntimeError("the numbers are <gone>"),
        diverges: str = "",
    ):
        self.epochs, self.seconds, self.fails_at, self.error = epochs, seconds, fails_at, error
        self.stop, self.number, self.diverged, self.diverges = None, 0, "", diverges

    @property
    def done(self) -> bool:
        return self.number == self.epochs

    @property
    def batches_done(self) -> int:
        return self.number

    def __iter__(self):
        with Quick.lock:
            Quick.under_way += 1
            Quick.most = max(Quick.most, Quick.under_way)
        try:
            while not self.done and not self.stop.is_set():
                if self.number == self.fails_at:
                    raise self.error
                if self.seconds:
                    time.sleep(self.seconds)
                self.number += 1
                yield Epoch(self.number, 2 / self.number, 1 - 1 / self.number, 1e-3, self.seconds)
            self.diverged = self.diverges
        finally:
            with Quick.lock:
                Quick.under_way -= 1


@pytest.fixture
def quick(monkeypatch, toy):
    """Sets how trainings go: `quick(epochs=…, seconds=…)`; tests and pictures take no time either."""
    Quick.under_way = Quick.most = 0

    def set_up(pictures=False, **how):
        if not pictures:
            monkeypatch.setattr(
                TrainPanel, "figure", lambda panel: style.new_figure(width=1, height=1)[0]
            )
        monkeypatch.setattr(session, "fit", lambda *args, **rest: Quick(**how))
        monkeypatch.setattr(session, "evaluate", lambda *args: 0.5)
        return Quick

    return set_up
