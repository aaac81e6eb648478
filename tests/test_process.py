"""A process is known to live by its lock, which goes with it."""

import signal
import subprocess
import sys
from pathlib import Path

from mlplab.files import exclusive, is_locked, register_process

HOLD = """
import sys, time
from pathlib import Path
from mlplab.files import register_process
with register_process(Path(sys.argv[1])) as name:
    print(name, flush=True)
    time.sleep(60)
"""


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert is_locked(tmp_path / name)
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / name).exists()
    assert not is_locked(tmp_path / name)


def test_one_that_ends_leaves_no_file(tmp_path: Path) -> None:
    with register_process(tmp_path) as name:
        assert is_locked(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    assert not is_locked(tmp_path / name)


def test_who_is_alone_is_waited_for(tmp_path: Path) -> None:
    with exclusive(tmp_path / "lock"):
        assert is_locked(tmp_path / "lock")
    assert not is_locked(tmp_path / "lock")
