"""A run that a search ends early keeps what it needs to go on, as if it had never been ended."""

from pathlib import Path

import pytest

import mlplab
from mlplab.errors import Pruned
from mlplab.run.config_file import write_config
from mlplab.run.resume import resume
from mlplab.run.train import train_in_folder
from mlplab.trainer.history import read_history

TIMES = {"seconds", "samples_per_second"}
PLANNED = ("data=iris", "trainer.max_epochs=6", "model.dropout=0.2", "scheduler=one_cycle", "scheduler.max_lr=0.05")


def rows_of(run: Path) -> list[dict[str, float]]:
    return [
        {name: value for name, value in row.items() if name != "seconds"} for row in read_history(run / "history.csv")
    ]


def test_it_hears_every_score_and_a_run_that_it_ends_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """The schedule was planned for the whole length."""
    told: list[tuple[int, float]] = []

    def judge(epoch: int, score: float) -> str:
        told.append((epoch, score))
        return "hopeless" if epoch == 2 else ""

    config = mlplab.configure(*PLANNED, f"run_dir={tmp_path / 'run'}", "report.picture=false")
    (tmp_path / "run").mkdir()
    write_config(config)
    with pytest.raises(Pruned, match="hopeless"):
        train_in_folder(config, lambda: None, judge)
    assert told == [(row["epoch"], row["loss/val"]) for row in rows_of(tmp_path / "run")[1:]]
    assert len(told) == 2
    assert not (tmp_path / "run" / "scores.json").exists()
    assert {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()} >= {"best.ckpt", "last.ckpt"}
    before = rows_of(tmp_path / "run")
    with pytest.raises(Pruned, match="hopeless"):  # of a process that was killed before it could keep the reason
        resume(tmp_path / "run", judge=judge)
    assert rows_of(tmp_path / "run") == before
    scores = resume(tmp_path / "run")
    straight = mlplab.train(mlplab.configure(*PLANNED, f"run_dir={tmp_path / 'whole'}", "report.picture=false"))
    assert {name: scores[name] for name in scores if name not in TIMES} == {
        name: straight[name] for name in straight if name not in TIMES
    }
    assert rows_of(tmp_path / "run") == rows_of(tmp_path / "whole")


def test_after_the_last_epoch_nothing_is_left_to_end(tmp_path: Path) -> None:
    config = mlplab.configure("data=iris", "trainer.max_epochs=2", f"run_dir={tmp_path}", "report.picture=false")
    write_config(config)
    assert train_in_folder(config, lambda: None, lambda epoch, _: "too late" if epoch == 2 else "")["epochs"] == 2
