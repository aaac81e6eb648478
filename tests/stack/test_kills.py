"""A stacked sweep that is killed, or asked to stop, at any moment loses nothing of what it had done."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import REPO, door

WORDS = (
    *("-m", "hydra/launcher=stacked", "data=digits", "trainer.precision=64-true", "trainer.max_epochs=40"),
    *("model.hidden_features=[32]", "report.picture=false", "seed=0,1,2,3", "optimizer.lr=0.01,0.001"),
)
TWO = {"OMP_NUM_THREADS": "2"}  # threads, so processes
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """The best validation losses of a sweep that nothing disturbed, by the folder of each job."""
    folder = tmp_path_factory.mktemp("whole")
    assert door("train", *WORDS, "sweep.name=s", cwd=folder, **TWO).returncode == 0
    return losses(folder)


def losses(folder: Path) -> dict[str, float]:
    found = (folder / "outputs" / "sweeps" / "s").glob("*_*/scores.json")
    return {path.parent.name: json.loads(path.read_text())["loss/val"] for path in found}


def begun(folder: Path, words: Sequence[str] = WORDS, runs: int = 8) -> "subprocess.Popen[str]":
    """A sweep of which some epochs are over. runs: that train at first."""
    command = [sys.executable, str(REPO / "scripts" / "train.py"), *words, "sweep.name=s"]
    sweep = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | TWO,
    )
    until = time.monotonic() + 120
    while len(list((folder / "outputs").glob("**/config.yaml"))) < runs and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)
    return sweep


def parts(sweep: int) -> list[int]:
    """The processes among which the members are shared out."""
    children = [path.read_text().split() for path in Path("/proc", str(sweep), "task").glob("*/children")]
    return sorted(int(number) for some in children for number in some)


@pytest.mark.parametrize("how", ["kill", "Ctrl-C", "SIGTERM"])
def test_a_sweep_that_ends_in_its_midst_goes_on(how: str, whole: dict[str, float], tmp_path: Path) -> None:
    sweep = begun(tmp_path)
    assert len(parts(sweep.pid)) >= 2
    if how == "Ctrl-C":
        os.killpg(sweep.pid, signal.SIGINT)  # as a terminal sends it: to all
    else:
        sweep.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
    _, error = sweep.communicate(timeout=60)
    assert sweep.returncode == {"kill": -9, "Ctrl-C": 130, "SIGTERM": 143}[how]
    assert how == "kill" or "sweep.resume=true" in error
    again = door("train", *WORDS, "sweep.name=s", "sweep.resume=true", cwd=tmp_path, **TWO)
    assert again.returncode == 0, again.stderr
    assert losses(tmp_path) == pytest.approx(whole, rel=1e-9)


def test_a_process_that_is_killed_takes_its_members_along_and_no_others(
    whole: dict[str, float], tmp_path: Path
) -> None:
    sweep = begun(tmp_path)
    os.kill(parts(sweep.pid)[0], signal.SIGKILL)
    _, error = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    lost = [line for line in error.splitlines() if "its process was killed: is there memory enough for it?" in line]
    assert 0 < len(lost) < 8
    assert len(losses(tmp_path)) == 8 - len(lost)
    again = door("train", *WORDS, "sweep.name=s", "sweep.resume=failed", cwd=tmp_path, **TWO)
    assert again.returncode == 0, again.stderr
    assert losses(tmp_path) == pytest.approx(whole, rel=1e-9)


def test_members_whose_turn_has_not_come_are_not_begun(tmp_path: Path) -> None:
    """They have not failed either, and train when the sweep goes on."""
    words = [word.replace("max_epochs=40", "max_epochs=400") for word in (*WORDS, "hydra.launcher.most=2")]
    sweep = begun(tmp_path, words, runs=4)
    os.kill(parts(sweep.pid)[0], signal.SIGKILL)
    _, error = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    assert error.count("its process was killed: is there memory enough for it?") == 2
    assert error.count("not begun, its process was killed") == 2
    assert len(list(tmp_path.glob("outputs/sweeps/s/*/failure.txt"))) == 2
    again = door("train", *words, "sweep.name=s", "sweep.resume=true", cwd=tmp_path, **TWO)
    assert "stacked: 2 of 2 jobs" in again.stdout
    assert again.returncode == 1, "two have failed still"
    assert len(losses(tmp_path)) == 6
