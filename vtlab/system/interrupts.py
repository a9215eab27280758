"""Blocks of code that Ctrl-C and SIGTERM do not cut in two, so that no training step is half done.

Ctrl-C may come between the update of one weight and the next. Inside `defer_signals()` it is noted
and acted on at the end. Python gives signals to the main thread only; elsewhere there is
nothing to hold back.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Protocol

DEFERRED_SIGNALS = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], Any]


class StopEvent(Protocol):
    """What says that a training should stop: a `threading.Event`, or anything like it."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class Termination(KeyboardInterrupt):
    """SIGTERM, as an exception: whatever tidies up after Ctrl-C tidies up after it too."""


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """A block that SIGINT and SIGTERM do not cut in two; they act when it has ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    holding: list[bool] = []  # not empty while the block runs
    # a handler outside Python acts at once, whatever is done here
    handlers: dict[int, Handler] = {
        number: handler
        for number in DEFERRED_SIGNALS
        if callable(handler := signal.getsignal(number))
    }

    def hold(number: int, frame: FrameType | None) -> None:
        # A signal that comes between the two restorations below leaves this behind as a handler:
        # it then does what the handler did that it stood in for.
        if holding:
            came.append(number)
        else:
            handlers[number](number, frame)

    with contextlib.ExitStack() as stack:  # puts every handler back, also if one of them raises
        stack.callback(_deliver, came, handlers)
        for number, handler in handlers.items():
            stack.callback(signal.signal, number, handler)
            signal.signal(number, hold)
        holding.append(True)
        try:
            yield
        finally:
            holding.clear()


def _deliver(came: list[int], handlers: dict[int, Handler]) -> None:
    """Act on the first signal that came."""
    for number in came[:1]:
        handlers[number](number, None)


@contextlib.contextmanager
def raise_on_termination() -> Iterator[None]:
    """A block in which SIGTERM raises `Termination` in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Termination

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
