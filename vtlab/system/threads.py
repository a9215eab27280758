"""The number of threads that torch computes with."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import torch


def _choose_threads() -> int:
    """Two, or as many as `VTLAB_THREADS` says, and never more than this process has cores.

    Convolutions wait for one another in tight loops: two threads on one core take ten times
    longer than one.

    Raises:
        ValueError: If `VTLAB_THREADS` is no whole number above 0.
    """
    wanted = os.environ.get("VTLAB_THREADS") or "2"
    if not wanted.strip().isdecimal() or int(wanted) < 1:
        raise ValueError(f"VTLAB_THREADS is {wanted!r}; it is a whole number, 1 or more")
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cores = os.cpu_count() or 1
    return min(int(wanted), cores)


THREADS = _choose_threads()  # of every run, so that one in a worker equals one in a notebook


class _SingleThreadState:
    """Who is in `single_thread`: whether this thread is, how many threads are, and the number set before."""

    this, lock, count, before = threading.local(), threading.Lock(), 0, 0


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """A block that computes with one thread: for small linear algebra, and for Python threads started in it.

    Torch has a number of threads for each Python thread. It begins as the number that was set last, by
    whichever thread. So each thread sets its own number back here; a thread that began while another
    one was in such a block goes back to that one's number.
    """
    if getattr(_SingleThreadState.this, "inside", False):
        yield
        return
    with _SingleThreadState.lock:
        own = torch.get_num_threads()
        if not _SingleThreadState.count:
            _SingleThreadState.before = own
        elif own == 1:  # this thread may have begun while another was inside
            own = _SingleThreadState.before
        _SingleThreadState.count += 1
        torch.set_num_threads(1)
    _SingleThreadState.this.inside = True
    try:
        yield
    finally:
        _SingleThreadState.this.inside = False
        with _SingleThreadState.lock:
            _SingleThreadState.count -= 1
            torch.set_num_threads(own)
