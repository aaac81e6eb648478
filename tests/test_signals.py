"""Ctrl-C and SIGTERM: one line, exit status 130 or 143, no incomplete file under its final name."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

import mlplab
from mlplab import signals
from mlplab.errors import Stopped
from mlplab.signals import Interrupted, defer_signals, exit_status, install_handlers
from tests.conftest import REPO, wait_until

NUMBERS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
SLOW = """
import os, pathlib, time
from mlplab.model.mlp import MLP

class Slow(MLP):
    def forward(self, features):
        if sign := os.environ.get("SIGN"):
            pathlib.Path(sign).touch()
            time.sleep(60)
        return super().forward(features)
"""


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The handlers of a command, in this process."""
    monkeypatch.setattr(signals, "_received", [])
    before = {number: signal.getsignal(number) for number, _ in NUMBERS}
    install_handlers()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("received")
@pytest.mark.parametrize(("number", "code"), NUMBERS)
def test_the_first_signal_ends_and_the_second_does_not_disturb_the_end(number: int, code: int) -> None:
    assert exit_status() is None
    with pytest.raises(Interrupted) as stop:
        signal.raise_signal(number)
    signal.raise_signal(signal.SIGINT)
    assert (stop.value.code, exit_status(), exit_status(ImportError("half of it"))) == (code, code, code)


def test_a_run_that_stopped_by_itself_has_the_status_of_its_signal() -> None:
    assert exit_status(Stopped(signal.SIGTERM)) == 143
    assert exit_status(ValueError()) is None


@pytest.mark.usefixtures("received")
@pytest.mark.parametrize(("number", "code"), NUMBERS)
def test_a_signal_takes_effect_once_the_imports_are_done(number: int, code: int) -> None:
    before = signal.getsignal(number)
    done: list[bool] = []

    def imports() -> None:
        with defer_signals():
            os.kill(os.getpid(), number)
            done.append(True)

    with pytest.raises(Interrupted) as stop:
        imports()
    assert done
    assert stop.value.code == code
    assert signal.getsignal(number) is before


def test_without_a_signal_nothing_happens_in_any_thread() -> None:
    def work() -> None:
        with defer_signals():
            pass

    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run whose network, where SIGN is set, creates that file and then takes a minute."""
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    slow = ("data=iris", "trainer.max_epochs=1", "report.picture=false", "model._target_=slow.Slow", "allow=[slow]")
    mlplab.train(mlplab.configure(*slow, f"run_dir={tmp_path / 'run'}"))
    monkeypatch.delitem(sys.modules, "slow")
    np.save(tmp_path / "rows.npy", load_iris().data)
    return tmp_path


COMMANDS = {
    "evaluate": ["run=run", "allow=[slow]", "output=results", "overwrite=true"],
    "predict": ["run=run", "allow=[slow]", "input=rows.npy", "output=results", "overwrite=true"],
}


def started(name: str, folder: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(REPO / "scripts" / f"{name}.py"), *COMMANDS[name]],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("evaluate", *NUMBERS[0]),
        ("predict", *NUMBERS[1]),
    ],
)
def test_a_command_that_is_stopped_while_its_network_computes_leaves_nothing(
    work: Path, tmp_path_factory: pytest.TempPathFactory, name: str, number: int, code: int
) -> None:
    sign, before = tmp_path_factory.mktemp("sign") / "begun", files(work)
    process = started(name, work, SIGN=str(sign))
    wait_until(sign.exists, seconds=60)
    time.sleep(0.1)  # the network sleeps
    process.send_signal(number)
    printed, errors = process.communicate(timeout=30)
    assert (process.returncode, printed, errors) == (code, "", "mlplab: stopped\n")
    assert files(work) == before


@pytest.mark.parametrize("rounds", [pytest.param(1, marks=pytest.mark.slow), pytest.param(10, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_stopped_at_any_moment_leaves_the_old_results_or_the_new(
    work: Path, name: str, rounds: int
) -> None:
    """The signal does not arrive in the first fifth, in which Python and Hydra start."""
    chance = random.Random(0)
    start = time.monotonic()
    started(name, work).communicate()
    length = time.monotonic() - start
    whole = files(work)
    for number, code in NUMBERS * rounds:
        process = started(name, work)
        time.sleep(chance.uniform(0.2, 1) * length)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) in [(code, "mlplab: stopped\n"), (code, ""), (0, "")]
        assert files(work).keys() == whole.keys()
