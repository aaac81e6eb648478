"""Runs and sweeps in the process of the test, scripts in processes of their own, real data where it exists."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mlplab

# before torch is imported: where other work shares the cores, a second thread makes small nets many times slower
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., tuple[Path, dict[str, Any]]]:
    """train("data=iris", ...) -> (run folder, scores), in process, without a picture unless asked."""
    count = 0

    def run(*overrides: str) -> tuple[Path, dict[str, Any]]:
        nonlocal count
        count += 1
        folder = tmp_path / f"run{count}"
        config = mlplab.configure(f"run_dir={folder}", "report.picture=false", *overrides)
        return folder, mlplab.train(config)

    return run


def run_script(name: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python scripts/<name>.py ...` in a process of its own."""
    return subprocess.run(
        [sys.executable, str(REPO / "scripts" / f"{name}.py"), *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def wait_until(condition: Callable[[], object], seconds: float = 300) -> None:
    """Polls often: some files exist for a millisecond."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.0005)


def stop_script(
    name: str, *arguments: str, cwd: Path, wait: Callable[[], object], number: int = signal.SIGTERM
) -> tuple[int, str]:
    """Starts a script, sends it a signal when `wait` returns, and returns its exit status and its stderr."""
    command = [sys.executable, str(REPO / "scripts" / f"{name}.py"), *arguments]
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        wait()
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    return process.returncode, errors


@pytest.fixture
def sweep_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a sweep with sweep.name=s that runs in the process of the test. The working folder is a temporary
    one; the logging of Hydra's jobs is removed afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLPLAB_SWEEP", "")  # the sweep sets it
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root, handlers = logging.getLogger(), list(logging.getLogger().handlers)
    level = root.level
    yield tmp_path / "outputs" / "sweeps" / "s"
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)
        handler.close()
    for handler in [one for one in handlers if one not in root.handlers]:
        root.addHandler(handler)
    root.setLevel(level)


def passes_with_the_claims_of_the_page(lesson: str, folder: Path) -> None:
    """Asserts that the whole lesson passes, with the claims and limits of docs/lessons."""
    shown = run_script("lesson", f"lesson={lesson}", cwd=folder)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    now, book = folder / "outputs" / "lessons" / lesson, REPO / "docs" / "lessons" / f"{lesson}.json"
    claims, printed = (
        [(one["claim"], one["relation"], pytest.approx(one["limit"])) for one in json.loads(path.read_text())["claims"]]
        for path in (now / "lesson.json", book)
    )
    assert claims == printed
    assert (now / "picture.png").stat().st_size > 50_000


@pytest.fixture
def mlplab_data() -> Path:
    """The folder of real data sets; tests that need it skip where it is absent."""
    root = os.environ.get("MLPLAB_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("needs real data: set MLPLAB_DATA to a folder with MNIST/raw, SignMNIST, tabular")
    return Path(root)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Downloads go to a local port that is taken but does not listen: refused at once, on any machine."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{taken.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield
