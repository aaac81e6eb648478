"""Checkpoints: which epochs and weights, how often, a disk that is full, the state to resume, pruned runs."""

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
from mlplab.config.tree import portable_config
from mlplab.errors import Pruned, RunError
from mlplab.run.build import build
from mlplab.run.config_file import write_config
from mlplab.run.resume import resume
from mlplab.run.train import train_in_folder
from mlplab.trainer.checkpoint import BestAndLastCheckpoint
from mlplab.trainer.history_file import read_history
from tests.conftest import run_script

Train = Callable[..., tuple[Path, dict[str, Any]]]
IRIS = (
    "data=iris",
    "model.hidden_features=[8]",
    "trainer.max_epochs=5",
    "optimizer.lr=0.05",
    "trainer.accelerator=cpu",
)


def checkpoint(run: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return loaded


def test_best_has_what_is_needed_to_predict_and_no_more(train: Train) -> None:
    run, scores = train(*IRIS)
    best = checkpoint(run, "best")
    assert set(best) == {"epoch", "global_step", "pytorch-lightning_version", "state_dict", "hyper_parameters"}
    assert best["epoch"] + 1 == scores["best_epoch"]
    assert best["global_step"] == 3 * scores["best_epoch"]
    assert {"optimizer_states", "lr_schedulers", "loops", "callbacks"} <= checkpoint(run, "last").keys()
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt", "previous.ckpt"]


def test_last_has_the_progress_of_the_run_and_why_it_ended(train: Train) -> None:
    run, _ = train(*IRIS)
    state = checkpoint(run, "last")["callbacks"]["Checkpoints"]
    assert (state["epochs"], state["step"], state["ended"]) == (5, 15, None)
    run, _ = train(*IRIS, "trainer.max_epochs=1000000", "trainer.max_time=00:00:00:01")
    assert checkpoint(run, "last")["callbacks"]["Checkpoints"]["ended"] == "max_time"
    run, scores = train(*IRIS, "trainer.max_epochs=500", "callback=early_stopping", "optimizer.lr=0.3")
    state = checkpoint(run, "last")["callbacks"]["Checkpoints"]
    assert (state["ended"], state["epochs"]) == ("early_stopping", scores["epochs"])


def test_writing_takes_at_most_a_fiftieth_of_the_time(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a simulated clock: a write takes 1 s, an epoch 10 s; so every sixth epoch is written, and the last."""
    now, written = [0.0], []
    monkeypatch.setattr("mlplab.trainer.checkpoint.time.perf_counter", lambda: now[0])
    write, end = BestAndLastCheckpoint._write_best, BestAndLastCheckpoint.on_train_epoch_end

    def slow(self: BestAndLastCheckpoint) -> None:
        now[0] += 1
        write(self)

    def after_ten_seconds(self: BestAndLastCheckpoint, trainer: Any, learner: Any) -> None:
        now[0] += 10
        before = self._written_at
        end(self, trainer, learner)
        if self._written_at != before:
            written.append(trainer.current_epoch)

    monkeypatch.setattr(BestAndLastCheckpoint, "_write_best", slow)
    monkeypatch.setattr(BestAndLastCheckpoint, "on_train_epoch_end", after_ten_seconds)
    train(*IRIS, "trainer.max_epochs=27")
    assert written == [0, 6, 12, 18, 24, 26]


def test_a_run_that_fails_has_the_best_weights_so_far(train: Train, tmp_path: Path) -> None:
    config = mlplab.configure(f"run_dir={tmp_path / 'run'}", *IRIS)
    lab = build(config)
    lab.checkpoints._seconds = 1e9  # only the first write is due

    def fail(trainer: Any, learner: Any) -> None:
        if trainer.current_epoch == 4:
            raise RuntimeError("a bug")

    lab.history.on_train_epoch_start = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a bug"):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()
    losses = [row["loss/val"] for row in lab.history.rows[1:]]
    assert checkpoint(tmp_path / "run", "best")["epoch"] == losses.index(min(losses))


def test_checkpoints_do_not_need_the_temporary_folder(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    run, _ = train(*IRIS)
    assert checkpoint(run, "last")["callbacks"]["Checkpoints"]["epochs"] == 5


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


def test_a_full_disk_ends_the_run_with_one_line_and_does_not_damage_the_last_checkpoint(small_disk: Path) -> None:
    lab = build(mlplab.configure(f"run_dir={small_disk / 'run'}", "data=digits", "trainer.max_epochs=3"))

    def fill(trainer: Any, learner: Any) -> None:
        with pytest.raises(OSError, match="No space left"):
            (small_disk / "other").write_bytes(b"x" * 2**20)

    lab.trainer.callbacks[-2].on_train_start = fill  # type: ignore[attr-defined]
    with pytest.raises(
        RunError, match=r"last.ckpt cannot be written: No space left on device; .* free disk space, then resume"
    ):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    assert not list((small_disk / "run" / "checkpoints").glob("*.tmp"))


@pytest.mark.slow
def test_the_command_reports_a_full_disk_in_one_line(small_disk: Path) -> None:
    """The first checkpoints fit, the next does not; the run can be resumed after the disk is larger."""
    answer = run_script(
        "train", "run_dir=run", "model.hidden_features=[160,64]", "trainer.max_epochs=400", cwd=small_disk
    )
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "No space left on device" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    reason = (small_disk / "run" / "failure.txt").read_text()
    (small_disk / "more").write_bytes(b"x" * max(1, shutil.disk_usage(small_disk).free))
    answer = run_script("resume", "run=run", cwd=small_disk)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "free disk space, then resume" in answer.stderr
    assert (small_disk / "run" / "failure.txt").read_text() in (reason, answer.stderr.removeprefix("mlplab: "))
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    answer = run_script("resume", "run=run", cwd=small_disk)
    assert answer.returncode == 0, answer.stderr


SHORT = ("data=iris", "trainer.max_epochs=3", "trainer.accelerator=cpu")


def resume_state(run: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["callbacks"]["Continuation"]
    return state


def test_the_resume_state_has_random_states_the_position_in_the_epoch_and_the_monitored_score(train: Train) -> None:
    run, scores = train(*SHORT, "callback=gradient_accumulation")
    state = resume_state(run)
    assert state["random"].dtype == torch.uint8
    assert state["random_cuda"] is None
    assert state["batches"] == {"given": 0}, "the end of an epoch is the beginning of the next"
    assert state["accumulated"] == 2
    assert state["monitored"] == pytest.approx(scores["loss/val"]), "the last epoch is meant to be the best"


def test_the_random_state_is_that_after_the_last_epoch(train: Train) -> None:
    with_dropout, _ = train(*SHORT, "model.dropout=0.5")
    without, _ = train(*SHORT)
    assert not torch.equal(resume_state(with_dropout)["random"], resume_state(without)["random"])


TIMES = {"seconds", "samples_per_second"}
ONE_CYCLE = ("data=iris", "trainer.max_epochs=6", "model.dropout=0.2", "scheduler=one_cycle", "scheduler.max_lr=0.05")


def rows_of(run: Path) -> list[dict[str, float]]:
    return [
        {name: value for name, value in row.items() if name != "seconds"} for row in read_history(run / "history.csv")
    ]


def test_pruning_gets_every_score_and_a_pruned_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    """The scheduler depends on the whole length."""
    received: list[tuple[int, float]] = []

    def judge(epoch: int, score: float) -> str:
        received.append((epoch, score))
        return "hopeless" if epoch == 2 else ""

    config = mlplab.configure(*ONE_CYCLE, f"run_dir={tmp_path / 'run'}", "report.picture=false")
    (tmp_path / "run").mkdir()
    write_config(portable_config(config))
    with pytest.raises(Pruned, match="hopeless"):
        train_in_folder(config, lambda: None, judge)
    assert received == [(row["epoch"], row["loss/val"]) for row in rows_of(tmp_path / "run")[1:]]
    assert len(received) == 2
    assert not (tmp_path / "run" / "scores.json").exists()
    assert {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()} >= {"best.ckpt", "last.ckpt"}
    before = rows_of(tmp_path / "run")
    with pytest.raises(Pruned, match="hopeless"):  # the process may be killed before it writes the reason
        resume(tmp_path / "run", judge=judge)
    assert rows_of(tmp_path / "run") == before
    scores = resume(tmp_path / "run")
    straight = mlplab.train(mlplab.configure(*ONE_CYCLE, f"run_dir={tmp_path / 'whole'}", "report.picture=false"))
    assert {name: scores[name] for name in scores if name not in TIMES} == {
        name: straight[name] for name in straight if name not in TIMES
    }
    assert rows_of(tmp_path / "run") == rows_of(tmp_path / "whole")


def test_pruning_after_the_last_epoch_has_no_effect(tmp_path: Path) -> None:
    config = mlplab.configure("data=iris", "trainer.max_epochs=2", f"run_dir={tmp_path}", "report.picture=false")
    write_config(portable_config(config))
    assert train_in_folder(config, lambda: None, lambda epoch, _: "too late" if epoch == 2 else "")["epochs"] == 2
