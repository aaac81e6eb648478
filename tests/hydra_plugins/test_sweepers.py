"""The sweepers train real jobs in this process: what is printed in which order, files, exit status, launchers."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.experimental.callback import Callback
from hydra.plugins.sweeper import Sweeper

from mlplab.command.job import train_job
from mlplab.run.folder import run_state
from mlplab.sweep.eta import EstimatingTask
from mlplab.sweep.halving import ROUNDS_FILE
from mlplab.sweep.manifest import read_manifest
from mlplab.trainer.history_file import read_history
from tests.sweep.in_process import sweep

SMALL = ("data=iris", "trainer.max_epochs=4", "model.hidden_features=[4]", "report.picture=false", "sweep.name=s")


def states(folder: Path) -> dict[str, str]:
    return {path.name: run_state(path) for path in sorted(folder.iterdir()) if path.is_dir() and "_" in path.name}


def test_hydra_finds_the_sweepers() -> None:
    names = {found.__name__ for found in Plugins.instance().discover(Sweeper) if "mlplab" in found.__module__}
    assert names == {"GridSweeper", "SearchSweeper", "HalvingSweeper"}


def test_a_grid_prints_the_plan_each_job_an_estimate_and_the_table(
    sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sweep(train_job, *SMALL, "optimizer.lr=0.1,0.01")
    plan, first, estimate, second, *table = capfd.readouterr().out.splitlines()
    assert plan == "2 jobs -> outputs/sweeps/s"
    assert first.startswith("#0 optimizer.lr=0.1: loss/val ")
    assert estimate.startswith("about ")
    assert estimate.endswith(" for the other job, if they are like the first")
    assert second.startswith("#1 optimizer.lr=0.01: loss/val ")
    assert "table     outputs/sweeps/s/sweep.csv" in table
    assert states(sweep_folder) == {"0_optimizer.lr=0.1": "finished", "1_optimizer.lr=0.01": "finished"}
    assert [job.name for job in read_manifest(sweep_folder)] == ["0_optimizer.lr=0.1", "1_optimizer.lr=0.01"]


def test_a_failed_job_gives_exit_status_1_after_the_others_and_the_table(
    sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    diverging = ("data=diabetes", "optimizer=sgd", "optimizer.lr=1e9,0.01")
    with pytest.raises(SystemExit) as ended:
        sweep(train_job, *SMALL, *diverging)
    assert ended.value.code == 1
    assert states(sweep_folder) == {"0_optimizer.lr=1000000000.0": "failed", "1_optimizer.lr=0.01": "finished"}
    assert "table     outputs/sweeps/s/sweep.csv" in capfd.readouterr().out
    finished = (sweep_folder / "1_optimizer.lr=0.01" / "scores.json").stat().st_mtime_ns
    with pytest.raises(SystemExit):
        sweep(train_job, *SMALL, *diverging, "sweep.resume=failed")
    captured = capfd.readouterr()
    assert captured.out.startswith("2 jobs -> outputs/sweeps/s: 1 finished, 1 failed\n")
    assert captured.err.startswith("mlplab: #0 optimizer.lr=1000000000.0: the loss became ")
    assert (sweep_folder / "1_optimizer.lr=0.01" / "scores.json").stat().st_mtime_ns == finished


def test_a_halving_trains_the_better_half_further(sweep_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sweep(train_job, *SMALL, "sweep.halving=true", "hydra.sweeper.eta=2", "optimizer.lr=1e-5,0.01")
    printed = capfd.readouterr().out
    assert printed.startswith("2 jobs, 2 to epoch 2, then 1 to epoch 4 -> outputs/sweeps/s\n#0 ")
    assert "if they are like the first" not in printed
    assert states(sweep_folder) == {"0_optimizer.lr=1e-05": "pruned", "1_optimizer.lr=0.01": "finished"}
    epochs = [len(read_history(sweep_folder / name / "history.csv")) - 1 for name in states(sweep_folder)]
    assert epochs == [2, 4]
    assert (sweep_folder / ROUNDS_FILE).exists()


def test_a_search_trains_its_number_of_jobs_and_no_more_when_it_is_resumed(
    sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")
    arguments = (*SMALL, "hydra/sweeper=random", "hydra.sweeper.num_jobs=2", "optimizer.lr=interval(0.01,0.1)")
    sweep(train_job, *arguments)
    assert capfd.readouterr().out.startswith("2 jobs, random over optimizer.lr -> outputs/sweeps/s\n#0 ")
    before = states(sweep_folder)
    assert list(before.values()) == ["finished", "finished"]
    sweep(train_job, *arguments, "sweep.resume=true")
    assert states(sweep_folder) == before
    assert "#" not in capfd.readouterr().out


def test_integers_become_floats_where_the_default_is_one_in_single_runs_and_in_jobs(
    sweep_folder: Path, train: Callable[..., tuple[Path, dict[str, Any]]]
) -> None:
    overrides = (*SMALL[:4], "trainer.max_epochs=1", "optimizer.betas=[0,0.9]", "optimizer.lr=1")
    single, _ = train(*overrides)
    sweep(train_job, *overrides, "seed=0", "sweep.name=s")
    (job,) = sweep_folder.glob("0_*")
    for run in (single, job):
        assert "lr: 1.0\n  betas:\n  - 0.0\n  - 0.9\n" in (run / "config.yaml").read_text()


def test_callbacks_of_the_user_are_called_for_each_job(sweep_folder: Path) -> None:
    class Jobs(Callback):
        def __init__(self) -> None:
            self.ended: list[tuple[int, bool]] = []

        def on_job_end(self, config: Any, job_return: Any, **_: Any) -> None:
            self.ended.append((config.hydra.job.num, job_return.return_value > 0))

    callbacks, jobs = Callbacks(), Jobs()
    callbacks.callbacks.append(jobs)
    sweep(train_job, *SMALL, "seed=1,2", callbacks=callbacks)
    assert jobs.ended == [(0, True), (1, True)]
    assert list(states(sweep_folder).values()) == ["finished", "finished"]


def test_the_task_of_a_sweep_can_be_pickled_for_a_worker_process() -> None:
    task = pickle.loads(cloudpickle.dumps(EstimatingTask(train_job, 3, 2)))
    assert (task.task_function, task.num_jobs, task.parallel) == (train_job, 3, 2)
