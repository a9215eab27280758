import os
import threading

import pytest
import torch

from vtlab.system.threads import _choose_threads, single_thread


def test_the_number_of_threads_is_given_back():
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError), single_thread():
        assert torch.get_num_threads() == 1
        raise RuntimeError
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("said", ["two", "-1", "0", "1.5"])
def test_a_number_of_threads_that_is_none_is_named(monkeypatch, said):
    monkeypatch.setenv("VTLAB_THREADS", said)
    with pytest.raises(ValueError, match=f"VTLAB_THREADS is '{said}'; it is a whole number"):
        _choose_threads()


def test_no_run_has_more_threads_than_cores_or_fewer_than_one(monkeypatch):
    for said, most in {"1": 1, "": 2, "1000": os.cpu_count()}.items():
        monkeypatch.setenv("VTLAB_THREADS", said)
        assert 1 <= _choose_threads() <= most


def test_overlapping_threads_each_have_their_number_back():
    """The main thread is inside first and leaves first; the other one begins, and stays, inside."""
    before, inside, left, counts = torch.get_num_threads(), threading.Event(), threading.Event(), []

    def other():
        with single_thread():
            inside.set()
            left.wait(10)
            counts.append(torch.get_num_threads())
        counts.append(torch.get_num_threads())

    torch.set_num_threads(2)
    worker = threading.Thread(target=other)
    with single_thread():
        with single_thread():  # once more in the same thread
            worker.start()
            assert inside.wait(10)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    left.set()
    worker.join()
    assert counts == [1, 2] and torch.get_num_threads() == 2
    torch.set_num_threads(before)
