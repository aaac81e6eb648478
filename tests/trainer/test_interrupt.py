"""Signals: after the first the current step is finished, after the second it is not."""

import os
import signal
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lightning import Callback, Trainer

import mlplab
from mlplab.config.tree import portable_config
from mlplab.errors import Stopped
from mlplab.run.build import Components, build
from mlplab.run.config_file import write_config
from mlplab.run.resume import resume
from mlplab.run.train import evaluate_best
from mlplab.trainer.interrupt import StopAfterStep

PLAIN = ("data=iris", "batch_size=10", "trainer.max_epochs=4", "trainer.blocks=false", "trainer.accelerator=cpu")


class Keys(Callback):
    """Signals to this very process at the start of a batch, counted over all epochs."""

    def __init__(self, *signals: int, batch: int = 12) -> None:
        self.signals = signals
        self.left = batch
        self.seen: list[int] = []

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.left -= 1
        self.seen.append(trainer.global_step)
        if self.left == 0:
            for number in self.signals:
                os.kill(os.getpid(), number)


def stopped(folder: Path, by: Keys, *overrides: str) -> tuple[Components, int]:
    lab = build(mlplab.configure(f"run_dir={folder / 'run'}", *PLAIN, *overrides))
    lab.trainer.callbacks.insert(0, by)  # type: ignore[attr-defined]
    with pytest.raises(Stopped) as stop:
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
    lab.overlay.close()
    return lab, stop.value.status


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_current_step_is_finished_and_saved(tmp_path: Path, number: int, status: int) -> None:
    lab, left_with = stopped(tmp_path, Keys(number))
    assert left_with == status
    assert lab.trainer.global_step == 12
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()
    assert [row["epoch"] for row in lab.history.rows] == [0, 1]


def test_accumulated_gradients_are_applied_before_the_stop(tmp_path: Path) -> None:
    """Two batches an update: the first of a pair waits for the second."""
    by = Keys(signal.SIGINT, batch=10)
    lab, _ = stopped(tmp_path, by, "callback=gradient_accumulation")
    assert len(by.seen) == 11
    assert lab.trainer.global_step == 5 + 1


def test_at_the_last_batch_the_epoch_is_measured_first(tmp_path: Path) -> None:
    lab, _ = stopped(tmp_path, Keys(signal.SIGINT, batch=9))
    assert [row["epoch"] for row in lab.history.rows] == [0, 1]
    assert lab.trainer.global_step == 9


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    lab, status = stopped(tmp_path, Keys(signal.SIGINT, signal.SIGTERM))
    assert status == 143
    assert lab.trainer.global_step == 11


def test_the_previous_signal_handlers_are_restored(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    stopped(tmp_path, Keys(signal.SIGTERM))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_without_a_signal_no_hook_runs_at_each_step(tmp_path: Path) -> None:
    lab = build(mlplab.configure(f"run_dir={tmp_path}", *PLAIN))
    assert not any(isinstance(callback, StopAfterStep) for callback in lab.trainer.callbacks)  # type: ignore[attr-defined]


def test_a_fit_in_another_thread_installs_no_signal_handlers(tmp_path: Path) -> None:
    lab = build(mlplab.configure(f"run_dir={tmp_path / 'run'}", *PLAIN, "trainer.max_epochs=1"))
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lab.trainer.fit, args=(lab.learner,), kwargs={"datamodule": lab.batches})
    thread.start()
    thread.join()
    lab.overlay.close()
    assert signal.getsignal(signal.SIGINT) is before
    assert len(lab.history.rows) == 2


class AtTheVeryEnd(Callback):
    """When the checkpoint of the last epoch is written already."""

    def on_train_end(self, trainer: Trainer, learner: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_after_the_last_checkpoint_stops_the_run_and_it_resumes_to_its_scores(tmp_path: Path) -> None:
    config = mlplab.configure(f"run_dir={tmp_path / 'run'}", *PLAIN, "report.picture=false")
    (tmp_path / "run").mkdir()
    write_config(portable_config(config))
    lab = build(config)
    lab.trainer.callbacks.append(AtTheVeryEnd())  # type: ignore[attr-defined]
    with closing(lab.overlay):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
        with pytest.raises(Stopped) as stop:
            evaluate_best(lab)
    assert stop.value.status == 143
    assert not (tmp_path / "run" / "scores.json").exists()
    assert resume(tmp_path / "run")["epochs"] == 4
