"""Ctrl-C and SIGTERM end a command with exit status 130 and 143; during imports they wait."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mlplab.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_heard: list[int] = []  # by this process


class Interrupted(SystemExit):
    """Lightning lets it pass; of KeyboardInterrupt it makes exit status 1."""


def install_handlers() -> None:
    """From now on the first signal raises Interrupted. What comes after it, while files are closed and removed, changes
    nothing."""
    for number in SIGNALS:
        signal.signal(number, _leave)


def _leave(number: int, _: FrameType | None) -> None:
    if not _heard:
        _heard.append(number)
        raise Interrupted(128 + number)


def ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def exit_status(error: BaseException | None = None) -> int | None:
    """The exit status of a process that was asked to end, else None. A library that is cut short may raise an error of
    its own: that counts as the signal's."""
    if isinstance(error, Stopped):
        return error.status
    return 128 + _heard[0] if _heard else None


@contextmanager
def defer_signals() -> Iterator[None]:
    """A signal that comes meanwhile is sent again at the end: to unwind through half an import ends in errors of its
    own. Only the main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
