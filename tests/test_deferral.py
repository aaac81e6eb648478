"""Signals wait while libraries are imported."""

import os
import signal
import threading

import pytest

from mlplab.deferral import deferred
from mlplab.mistake import Stopped


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_heard_once_the_imports_are_done(number: int, status: int) -> None:
    before = signal.getsignal(number)
    done: list[bool] = []

    def imports() -> None:
        with deferred():
            os.kill(os.getpid(), number)
            done.append(True)

    with pytest.raises(Stopped) as stop:
        imports()
    assert done
    assert stop.value.status == status
    assert signal.getsignal(number) is before


def test_without_a_signal_nothing_happens_in_any_thread() -> None:
    def work() -> None:
        with deferred():
            pass

    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
