"""One job: its failure in one line, its exit status, nothing half-done left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPO, door

LONG = ("trainer.max_epochs=100000", "model.hidden_features=[8]", "run_dir=run")


def test_a_mistake_in_the_data_ends_in_one_line_and_leaves_no_folder(tmp_path: Path) -> None:
    answer = door("train", "data=csv", "data.path=no.csv", "data.target=y", "data.task=values", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.strip() == "mlplab: data.path=no.csv: no such file"
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_its_reason(tmp_path: Path) -> None:
    answer = door("train", "data=diabetes", "optimizer=sgd", "optimizer.lr=1e6", "run_dir=run", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("mlplab: the loss became")
    assert "epoch 1, step" in answer.stderr
    assert answer.stderr.removeprefix("mlplab: ") == (tmp_path / "run" / "failure.txt").read_text()
    assert not (tmp_path / "run" / "scores.json").exists()


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    answer = door(
        "train", "data=csv", "data.path=no.csv", "data.target=y", "data.task=values", "debug=true", cwd=tmp_path
    )
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_checkpoint_and_history(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    process = subprocess.Popen(
        [sys.executable, str(REPO / "scripts" / "train.py"), *LONG],
        cwd=tmp_path,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    history = tmp_path / "run" / "history.csv"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not history.exists() or len(history.read_text().splitlines()) < 4):
        time.sleep(0.2)
    process.send_signal(sent)
    _, said = process.communicate(timeout=60)
    assert process.returncode == status
    assert said.splitlines()[-1] == "mlplab: stopped; go on by: python scripts/resume.py run=run"
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()
    assert len(history.read_text().splitlines()) >= 4
