"""best.ckpt and last.ckpt: which epochs, which weights, how often, and a disk that refuses."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import mlplab
from mlplab.errors import RunError
from mlplab.run.build import build
from mlplab.trainer.checkpoint import BestAndLastCheckpoint
from tests.conftest import door

Train = Callable[..., tuple[Path, dict[str, Any]]]
IRIS = (
    "data=iris",
    "model.hidden_features=[8]",
    "trainer.max_epochs=5",
    "optimizer.lr=0.05",
    "trainer.accelerator=cpu",
)


def held(run: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return loaded


def test_best_holds_what_is_needed_to_predict_and_no_more(train: Train) -> None:
    run, scores = train(*IRIS)
    best = held(run, "best")
    assert set(best) == {"epoch", "global_step", "pytorch-lightning_version", "state_dict", "hyper_parameters"}
    assert best["epoch"] + 1 == scores["best_epoch"]
    assert best["global_step"] == 3 * scores["best_epoch"]
    assert {"optimizer_states", "lr_schedulers", "loops", "callbacks"} <= held(run, "last").keys()
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt", "previous.ckpt"]


def test_last_knows_how_far_the_run_is_and_why_it_ended(train: Train) -> None:
    run, _ = train(*IRIS)
    state = held(run, "last")["callbacks"]["BestAndLastCheckpoint"]
    assert (state["epochs"], state["step"], state["ended"]) == (5, 15, None)
    run, _ = train(*IRIS, "trainer.max_epochs=1000000", "trainer.max_time=00:00:00:01")
    assert held(run, "last")["callbacks"]["BestAndLastCheckpoint"]["ended"] == "max_time"
    run, scores = train(*IRIS, "trainer.max_epochs=500", "callback=early_stopping", "optimizer.lr=0.3")
    state = held(run, "last")["callbacks"]["BestAndLastCheckpoint"]
    assert (state["ended"], state["epochs"]) == ("early_stopping", scores["epochs"])


def test_checkpoints_cost_at_most_a_fiftieth_of_the_time(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of our own: a write takes 1 s, an epoch 10 s; so every sixth epoch is written, and the last."""
    now, written = [0.0], []
    monkeypatch.setattr("mlplab.trainer.checkpoint.time.perf_counter", lambda: now[0])
    write, end = BestAndLastCheckpoint._write_best, BestAndLastCheckpoint.on_train_epoch_end

    def slow(self: BestAndLastCheckpoint) -> None:
        now[0] += 1
        write(self)

    def after_ten_seconds(self: BestAndLastCheckpoint, trainer: Any, learner: Any) -> None:
        now[0] += 10
        before = self._wrote_at
        end(self, trainer, learner)
        if self._wrote_at != before:
            written.append(trainer.current_epoch)

    monkeypatch.setattr(BestAndLastCheckpoint, "_write_best", slow)
    monkeypatch.setattr(BestAndLastCheckpoint, "on_train_epoch_end", after_ten_seconds)
    train(*IRIS, "trainer.max_epochs=27")
    assert written == [0, 6, 12, 18, 24, 26]


def test_a_run_that_fails_keeps_the_best_weights_that_it_had(train: Train, tmp_path: Path) -> None:
    config = mlplab.configure(f"run_dir={tmp_path / 'run'}", *IRIS)
    lab = build(config)
    lab.checkpoints._cost = 1e9  # no write but the first is due

    def fail(trainer: Any, learner: Any) -> None:
        if trainer.current_epoch == 4:
            raise RuntimeError("a bug")

    lab.history.on_train_epoch_start = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a bug"):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()
    losses = [row["loss/val"] for row in lab.history.rows[1:]]
    assert held(tmp_path / "run", "best")["epoch"] == losses.index(min(losses))


def test_checkpoints_need_no_temporary_folder_of_the_machine(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    run, _ = train(*IRIS)
    assert held(run, "last")["callbacks"]["BestAndLastCheckpoint"]["epochs"] == 5


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, where root may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_ends_the_run_in_one_line_and_keeps_the_checkpoint_before(small_disk: Path) -> None:
    lab = build(mlplab.configure(f"run_dir={small_disk / 'run'}", "data=digits", "trainer.max_epochs=3"))

    def fill(trainer: Any, learner: Any) -> None:
        with pytest.raises(OSError, match="No space left"):
            (small_disk / "other").write_bytes(b"x" * 2**20)

    lab.trainer.callbacks[-2].on_train_start = fill  # type: ignore[attr-defined]
    with pytest.raises(
        RunError, match=r"last.ckpt cannot be written: No space left on device; .* make room, then resume"
    ):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    assert not list((small_disk / "run" / "checkpoints").glob("*.tmp"))


@pytest.mark.slow
def test_a_full_disk_is_told_in_one_line_by_the_door(small_disk: Path) -> None:
    """The first checkpoints fit, the next beside them does not; the run goes on once there is room."""
    answer = door("train", "run_dir=run", "model.hidden_features=[160,64]", "trainer.max_epochs=400", cwd=small_disk)
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "No space left on device" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    reason = (small_disk / "run" / "failure.txt").read_text()
    (small_disk / "more").write_bytes(b"x" * max(1, shutil.disk_usage(small_disk).free))
    answer = door("resume", "run=run", cwd=small_disk)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "make room, then resume" in answer.stderr
    assert (small_disk / "run" / "failure.txt").read_text() in (reason, answer.stderr.removeprefix("mlplab: "))
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    answer = door("resume", "run=run", cwd=small_disk)
    assert answer.returncode == 0, answer.stderr
