"""Work on many members shared out among processes, a core each: the step of a small stack fills no second core."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import torch

from mlplab import files
from mlplab.config.messages import describe_error
from mlplab.errors import RunError

LARGE = 2**15  # parameters of a net that fills a core by itself
TOGETHER = 4  # smaller nets share the fixed cost of a step: so many at least are trained as one
PARENT_DIED = 1  # PR_SET_PDEATHSIG of Linux
Work = Callable[[Sequence[int]], Mapping[int, Any]]


def split_members(members: int, parameters: int) -> list[list[int]]:
    """Places of the members of each process; one share where a process would not pay, or cannot be forked safely.

    Of so many processes as torch may use threads here (`OMP_NUM_THREADS`): each takes one.
    """
    least = 1 if parameters >= LARGE else TOGETHER
    processes = min(torch.get_num_threads(), members // least) if sys.platform == "linux" else 1
    return [list(range(first, members, max(1, processes))) for first in range(max(1, processes))]


def run_in_processes(work: Work, parts: Sequence[Sequence[int]]) -> tuple[dict[int, Any], list[int]]:
    """What `work` returns of all parts, by place, and the places whose process was killed.

    Raises Failure where it fails in a process, with its reason. A signal ends all of them.
    """
    fork = get_context("fork")
    sys.stdout.flush()
    sys.stderr.flush()
    running = []
    try:
        for part in parts:
            ours, theirs = fork.Pipe(duplex=False)
            process = fork.Process(target=_child, args=(work, part, theirs, os.getpid()))
            process.start()
            theirs.close()
            running.append((process, ours, part))
        return _gathered(work, running)
    except BaseException:
        for process, *_ in running:
            process.terminate()
        raise
    finally:
        for process, *_ in running:
            process.join()


def _gathered(work: Work, running: Sequence[tuple[Any, Connection, Sequence[int]]]) -> tuple[dict[int, Any], list[int]]:
    found: dict[int, Any] = {}
    killed: list[int] = []
    for _, pipe, part in running:
        try:
            kind, told = pipe.recv()
        except EOFError:
            killed += part
            continue
        if kind == "failed":
            raise RunError(told)
        found |= told if kind == "done" else work(part)
    return found, killed


def _child(work: Work, part: Sequence[int], pipe: Connection, parent: int) -> None:
    files.release_in_fork()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PARENT_DIED, signal.SIGTERM)  # else it would go on, and nobody could go on with it
    if os.getppid() != parent:
        return
    torch.set_num_threads(1)
    try:
        if not _has_gradients():
            pipe.send(("cannot", None))
            return
        pipe.send(("done", dict(work(part))))
    except Exception as error:
        pipe.send(("failed", describe_error(error)))


def _has_gradients() -> bool:
    """Of a process that was forked after a backward pass autograd refuses."""
    try:
        torch.ones(1, requires_grad=True).sum().backward()  # type: ignore[no-untyped-call]
    except RuntimeError:
        return False
    return True
