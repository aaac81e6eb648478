"""Each member is in one process; results, killed processes, errors and signals reach the parent."""

import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from mlplab.stack import processes
from mlplab.stack.processes import LARGE, MIN_MEMBERS, split_members

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


@given(members=some.integers(1, 200), parameters=some.integers(1, 2 * LARGE))
def test_each_member_is_in_one_part_and_the_parts_have_one_size(members: int, parameters: int) -> None:
    parts = split_members(members, parameters)
    assert Counter(index for part in parts for index in part) == Counter(range(members))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) <= torch.get_num_threads()
    assert len(parts) == 1 or min(sizes) >= (1 if parameters >= LARGE else MIN_MEMBERS)


@linux
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("refused", [False, True])
def test_the_parent_does_the_work_of_a_child_without_autograd(refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does after a backward pass in the parent, where there is a GPU."""
    if refused:
        monkeypatch.setattr(processes, "_has_gradients", lambda: False)
    weight = torch.ones(1, requires_grad=True)
    torch.autograd.grad(weight.sum(), weight)
    here: list[int] = []

    def work(part: Sequence[int]) -> dict[int, int]:
        here.extend(part)
        return {index: index**2 for index in part}

    assert processes.run_in_processes(work, [[0, 2], [1]]) == ({0: 0, 1: 1, 2: 4}, [])
    assert here == ([0, 2, 1] if refused else [])


def run_program(body: str) -> "subprocess.CompletedProcess[str]":
    """Runs a program in a process that has not trained yet."""
    head = """
        import os, signal, time, torch
        from mlplab.errors import RunError
        from mlplab.files import lock_folder
        from mlplab.stack.processes import run_in_processes
        def gradient(index):
            weight = torch.full((1,), float(index), requires_grad=True)
            (weight**2).sum().backward()
            return float(weight.grad)
    """
    program = textwrap.dedent(head) + textwrap.dedent(body)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


@linux
def test_each_part_has_its_own_process_with_one_thread_and_with_gradients() -> None:
    done = run_program("""
        def work(part):
            return {index: (gradient(index), os.getpid(), torch.get_num_threads()) for index in part}
        found, killed = run_in_processes(work, [[0, 2], [1, 3]])
        pids = {found[0][1], found[1][1], os.getpid()}
        print([found[index][0] for index in range(4)], killed, len(pids), {values[2] for values in found.values()})
        print(found[0][1] == found[2][1], found[1][1] == found[3][1])
    """)
    assert done.stdout.split("\n")[:2] == ["[0.0, 2.0, 4.0, 6.0] [] 3 {1}", "True True"], done.stderr


@linux
def test_a_killed_process_gives_its_indices_and_an_error_its_reason() -> None:
    done = run_program("""
        def work(part):
            if 1 in part:
                os.kill(os.getpid(), signal.SIGKILL)
            return {index: gradient(index) for index in part}
        print(tuple(run_in_processes(work, [[0, 2], [1, 3]])))
        def fails(part):
            if 1 in part:
                raise OSError(28, "No space left on device")
            time.sleep(60)
        started = time.time()
        try:
            run_in_processes(fails, [[1], [0]])
        except RunError as error:
            print(error, time.time() - started < 30)
    """)
    first, second = done.stdout.strip().split("\n")
    assert first == "({0: 0.0, 2: 4.0}, [1, 3])"
    assert "No space left on device" in second
    assert second.endswith("True")


@linux
def test_a_folder_is_unlocked_when_its_process_dies_though_children_live() -> None:
    """A forked process does not keep the lock, and gets SIGTERM."""
    done = run_program("""
        import sys
        from pathlib import Path
        from tempfile import TemporaryDirectory
        temporary = TemporaryDirectory()
        folder = Path(temporary.name)
        def work(part):
            signal.signal(signal.SIGTERM, lambda *_: ((folder / "asked").touch(), os._exit(0)))
            (folder / "started").touch()
            time.sleep(30)
        parent = os.fork()
        if not parent:
            with lock_folder(folder):
                run_in_processes(work, [[0], [1]])
        while not (folder / "started").exists():
            time.sleep(0.01)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        with lock_folder(folder):
            print("free")
        for _ in range(200):
            if (folder / "asked").exists():
                print("asked")
                break
            time.sleep(0.05)
    """)
    assert done.stdout.split() == ["free", "asked"], done.stderr
