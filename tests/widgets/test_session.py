import threading

import pytest

from vtlab.widgets.session import SessionWorker


def until(stop: threading.Event) -> None:
    stop.wait(20)


def test_there_is_never_a_second_thread_and_it_is_a_daemon():
    worker, ended = SessionWorker("digging"), []
    assert worker.start(until, ended.append)
    assert not worker.start(until, ended.append)
    mine = [t for t in threading.enumerate() if t.name == "digging"]
    assert len(mine) == 1 and mine[0].daemon and worker.busy
    worker.stop()
    worker.stop()
    worker.wait()
    assert ended == [None] and not worker.busy


def test_what_ends_the_work_is_raised_by_wait_and_only_once():
    worker, ended = SessionWorker("digging"), []
    worker.start(lambda stop: 1 / 0, ended.append)
    with pytest.raises(ZeroDivisionError):
        worker.wait()
    worker.wait()
    assert isinstance(ended[0], ZeroDivisionError)


def test_when_the_work_is_over_another_may_start_at_once():
    worker, again = SessionWorker("digging"), []
    worker.start(lambda stop: None, lambda e: again.append(worker.start(until, lambda e: None)))
    worker._thread.join(0.2)
    while not again:
        pass
    assert again == [True]
    worker.stop()
    worker.wait()


def test_waiting_too_long_is_an_error_and_the_work_goes_on():
    worker = SessionWorker("digging")
    worker.start(until, lambda error: None)
    with pytest.raises(TimeoutError, match="digging is still at work"):
        worker.wait(0.01)
    assert worker.busy
    worker.stop()
    worker.wait()


def test_an_interrupt_while_waiting_stops_the_work(monkeypatch):
    worker = SessionWorker("digging")
    worker.start(until, lambda error: None)
    thread = worker._thread

    class Interrupted:
        def join(self, timeout):
            raise KeyboardInterrupt

    worker._thread = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        worker.wait()
    thread.join(5)
    assert not thread.is_alive()
