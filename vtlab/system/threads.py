"""How many threads torch computes with."""

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


THREADS = (
    _choose_threads()
)  # inner threads of every run: a run in a worker equals one in a notebook


class _SingleThreadState:
    """Who is in `single_thread`: whether this thread is, how many are, and the number before the first."""

    this, lock, count, before = threading.local(), threading.Lock(), 0, 0


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """One inner thread for small linear algebra, and for Python threads that are started here.

    Each Python thread has a number of its own, which begins as the one that was set last, by whichever
    thread: so each sets its own back, and one that began while another was in here takes that one's.
    """
    if getattr(_SingleThreadState.this, "inside", False):
        yield
        return
    with _SingleThreadState.lock:
        own = torch.get_num_threads()
        if not _SingleThreadState.count:
            _SingleThreadState.before = own
        elif own == 1:
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
