"""Signals wait while libraries are imported: to unwind through half of them ends in errors of their own."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mlplab.mistake import Stopped


@contextmanager
def deferred() -> Iterator[None]:
    """Raises Stopped at the end for a signal that came meanwhile. Only the main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise Stopped(came[0])
