"""Members shared out among processes: each place once; what is killed, fails or is asked to stop is known."""

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
from mlplab.stack.processes import LARGE, TOGETHER, split_members

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


@given(members=some.integers(1, 200), parameters=some.integers(1, 2 * LARGE))
def test_each_member_is_in_one_share_and_the_shares_are_alike(members: int, parameters: int) -> None:
    parts = split_members(members, parameters)
    assert Counter(place for part in parts for place in part) == Counter(range(members))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) <= torch.get_num_threads()
    assert len(parts) == 1 or min(sizes) >= (1 if parameters >= LARGE else TOGETHER)


@linux
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("refused", [False, True])
def test_where_autograd_refuses_a_process_the_work_is_done_here(refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does after a backward pass, where there is a GPU."""
    if refused:
        monkeypatch.setattr(processes, "_has_gradients", lambda: False)
    torch.ones(1, requires_grad=True).sum().backward()  # type: ignore[no-untyped-call]
    here: list[int] = []

    def work(part: Sequence[int]) -> dict[int, int]:
        here.extend(part)
        return {place: place**2 for place in part}

    assert processes.run_in_processes(work, [[0, 2], [1]]) == ({0: 0, 1: 1, 2: 4}, [])
    assert here == ([0, 2, 1] if refused else [])


def answer(body: str) -> "subprocess.CompletedProcess[str]":
    """Of a process of its own, which has not trained yet."""
    head = """
        import os, signal, time, torch
        from mlplab.files import lock_folder
        from mlplab.errors import RunError
        from mlplab.stack.processes import run_in_processes
        def gradient(place):
            weight = torch.full((1,), float(place), requires_grad=True)
            (weight**2).sum().backward()
            return float(weight.grad)
    """
    program = textwrap.dedent(head) + textwrap.dedent(body)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


@linux
def test_each_part_has_a_process_with_one_thread_and_gradients_of_its_own() -> None:
    done = answer("""
        def work(part):
            return {place: (gradient(place), os.getpid(), torch.get_num_threads()) for place in part}
        found, killed = run_in_processes(work, [[0, 2], [1, 3]])
        pids = {found[0][1], found[1][1], os.getpid()}
        print([found[place][0] for place in range(4)], killed, len(pids), {one[2] for one in found.values()})
        print(found[0][1] == found[2][1], found[1][1] == found[3][1])
    """)
    assert done.stdout.split("\n")[:2] == ["[0.0, 2.0, 4.0, 6.0] [] 3 {1}", "True True"], done.stderr


@linux
def test_the_places_of_a_process_that_is_killed_are_told_and_a_failure_has_its_reason() -> None:
    done = answer("""
        def work(part):
            if 1 in part:
                os.kill(os.getpid(), signal.SIGKILL)
            return {place: gradient(place) for place in part}
        print(run_in_processes(work, [[0, 2], [1, 3]]))
        def fails(part):
            if 1 in part:
                raise OSError(28, "No space left on device")
            time.sleep(60)
        began = time.time()
        try:
            run_in_processes(fails, [[1], [0]])
        except RunError as error:
            print(error, time.time() - began < 30)
    """)
    first, second = done.stdout.strip().split("\n")
    assert first == "({0: 0.0, 2: 4.0}, [1, 3])"
    assert "No space left on device" in second
    assert second.endswith("True")


@linux
def test_a_folder_of_the_parent_is_free_as_soon_as_the_parent_has_died() -> None:
    """A process that was forked does not hold it, and is asked to stop."""
    done = answer("""
        import sys
        from pathlib import Path
        from tempfile import TemporaryDirectory
        room = TemporaryDirectory()
        folder = Path(room.name)
        def work(part):
            signal.signal(signal.SIGTERM, lambda *_: ((folder / "asked").touch(), os._exit(0)))
            (folder / "begun").touch()
            time.sleep(30)
        parent = os.fork()
        if not parent:
            with lock_folder(folder):
                run_in_processes(work, [[0], [1]])
        while not (folder / "begun").exists():
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
