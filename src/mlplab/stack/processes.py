"""Divides the members of a stack among processes, one per core: a step of a small stack does not use a second core."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import torch

from mlplab import files
from mlplab.config.messages import describe_error
from mlplab.errors import RunError

LARGE = 2**15  # parameters of a network that uses a whole core by itself
MIN_MEMBERS = 4  # of smaller networks per process: together they share the fixed cost of a step
PR_SET_PDEATHSIG = 1  # of Linux: the signal that a process gets when its parent dies
Work = Callable[[Sequence[int]], Mapping[int, Any]]  # indices -> results by index


class Results(NamedTuple):
    """found: results by index. killed: the indices whose process was killed."""

    found: dict[int, Any]
    killed: list[int]


class _Part(NamedTuple):
    process: BaseProcess
    pipe: Connection
    indices: Sequence[int]


def split_members(members: int, parameters: int) -> list[list[int]]:
    """Returns the indices of the members of each process; one part where a second process does not pay.

    As many processes as torch may use threads (`OMP_NUM_THREADS`), each with one thread. parameters: of one network.
    """
    least = 1 if parameters >= LARGE else MIN_MEMBERS
    # elsewhere than on Linux a fork is unsafe
    processes = max(1, min(torch.get_num_threads(), members // least)) if sys.platform == "linux" else 1
    return [list(range(first, members, processes)) for first in range(processes)]


def run_in_processes(work: Work, parts: Sequence[Sequence[int]]) -> Results:
    """Runs `work` for each part in its own process.

    Raises RunError where it fails in one, with the reason. Any exception here, a signal too, ends all processes.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    running: list[_Part] = []
    try:
        for indices in parts:
            running.append(_start(work, indices))
        return _collect(work, running)
    except BaseException:
        for part in running:
            part.process.terminate()
        raise
    finally:
        for part in running:
            part.process.join()


def _start(work: Work, indices: Sequence[int]) -> _Part:
    fork = get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_run_child, args=(work, indices, sender, os.getpid()))
    process.start()
    sender.close()
    return _Part(process, receiver, indices)


def _collect(work: Work, running: Sequence[_Part]) -> Results:
    results = Results({}, [])
    for part in running:
        try:
            kind, content = part.pipe.recv()
        except EOFError:
            results.killed.extend(part.indices)
            continue
        if kind == "failed":
            raise RunError(content)
        results.found.update(content if kind == "done" else work(part.indices))
    return results


def _run_child(work: Work, indices: Sequence[int], pipe: Connection, parent: int) -> None:
    files.release_in_fork()
    with suppress(OSError, AttributeError):  # without prctl a child outlives its parent, and blocks a resume
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return
    torch.set_num_threads(1)
    try:
        pipe.send(("done", dict(work(indices))) if _has_gradients() else ("no gradients", None))
    except Exception as error:  # the border of this process: the parent raises it again
        pipe.send(("failed", describe_error(error)))


def _has_gradients() -> bool:
    """Returns whether autograd works: it refuses in a process that was forked after a backward pass, where there is a
    GPU."""
    weight = torch.ones(1, requires_grad=True)
    try:
        torch.autograd.grad(weight.sum(), weight)
    except RuntimeError:
        return False
    return True
