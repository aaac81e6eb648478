"""Ctrl-C and SIGTERM end a command with exit status 130 and 143; during imports they wait."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mlplab.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_received: list[int] = []  # by this process


class Interrupted(SystemExit):
    """Lightning lets it pass, but turns KeyboardInterrupt into exit status 1."""


def install_handlers() -> None:
    """Makes the first signal raise Interrupted. Later ones, while files are closed and removed, have no effect."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def _interrupt(number: int, _: FrameType | None) -> None:
    if not _received:
        _received.append(number)
        raise Interrupted(128 + number)


def ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def exit_status(error: BaseException | None = None) -> int | None:
    """Returns the exit status of a process that a signal ended, else None. An interrupted library may raise any error,
    which counts as the signal."""
    if isinstance(error, Stopped):
        return error.status
    return 128 + _received[0] if _received else None


@contextmanager
def defer_signals() -> Iterator[None]:
    """Sends a signal that arrives meanwhile again at the end, because an interrupted import raises errors of its own.
    Only the main thread receives signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda n, _: arrived.append(n)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])
