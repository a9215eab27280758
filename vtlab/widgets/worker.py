"""One background thread per panel, stopped by an event, and how often it may speak.

A cell that trains blocks the kernel, and with some kernels the Stop button as well. A thread
does neither. It touches the page by assigning traits and in no other way: what a thread prints
lands in whatever cell happens to run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

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

    def start(self, work: Callable[[threading.Event], None],
              ended: Callable[[BaseException | None], None]) -> bool:  # fmt: skip
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
            self._thread = threading.Thread(target=self._run, args=(work, ended, self._stop),
                                            name=self.name, daemon=True)  # fmt: skip
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
