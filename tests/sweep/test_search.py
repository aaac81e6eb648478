"""Searches: their samples, their journal, and whole sweeps that are stopped, shared and pruned."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mlplab
from mlplab.command.job import train_job
from mlplab.run.folder import Outcome
from mlplab.sweep.search_config import Choices, FloatRange, SearchConfig, SearchSpace, stored_search_config
from tests.conftest import REPO, run_script, stop_script, wait_until
from tests.sweep.in_process import planned, refusal, sweep

pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")

from mlplab.sweep.search import Journal, Study

SMALL = ("data=iris", "trainer.max_epochs=4", "model.hidden_features=[8]", "report.picture=false")
LR = "optimizer.lr=tag(log,interval(1e-5,1))"


def searched(folder: Path) -> list[dict[str, str]]:
    with open(folder / "sweep.csv") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["job"]))


def without_times(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def sweep_of(tmp_path: Path, name: str) -> Path:
    return tmp_path / "outputs" / "sweeps" / name


def states(folder: Path) -> list[str]:
    return [trial.state.name for trial in Study(folder, stored_search_config(folder)).trials]


@pytest.mark.slow
def test_tpe_with_pruning_keeps_its_budget_and_a_pruned_job_is_not_a_failure(
    sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tpe = ("hydra/sweeper=tpe", "hydra.sweeper.num_jobs=6", "hydra.sweeper.first=2")
    pruner = ("hydra.sweeper.pruner=median", "hydra.sweeper.grace=1")
    sweep(train_job, *tpe, *pruner, LR, "optimizer=sgd,adam", *SMALL, "sweep.name=s")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert "6 jobs, tpe and median over optimizer.lr, optimizer -> outputs/sweeps/s" in captured.out
    folder = sweep_folder
    rows = searched(folder)
    assert len(rows) == 6
    pruned = [row for row in rows if row["verdict"].startswith("pruned after epoch")]
    assert 1 <= len(pruned) < 6
    assert [state == "PRUNED" for state in states(folder)] == [row in pruned for row in rows]
    run = next(folder.glob(f"{pruned[0]['job']}_*"))
    assert {"history.csv", "checkpoints", "pruned.txt", "config.yaml"} <= {path.name for path in run.iterdir()}
    assert not (run / "failure.txt").exists()
    assert mlplab.resume(run)["epochs"] == 4
    assert (run / "scores.json").exists()
    assert not (run / "pruned.txt").exists()


@pytest.mark.slow
def test_the_seed_repeats_a_search_and_a_resumed_one_equals_an_uninterrupted_one(sweep_folder: Path) -> None:
    def search(name: str, num_jobs: int, *more: str) -> None:
        tpe = ("hydra/sweeper=tpe", f"hydra.sweeper.num_jobs={num_jobs}", "hydra.sweeper.first=3")
        sweep(train_job, *tpe, f"sweep.name={name}", LR, *SMALL, *more)

    search("a", 6)
    search("b", 4)
    search("b", 6, "hydra.sweeper.join=true")
    search("c", 6, "seed=1")
    a, b, c = (without_times(searched(sweep_folder.with_name(name))) for name in "abc")
    assert a == b
    assert [row["optimizer.lr"] for row in a] != [row["optimizer.lr"] for row in c]


@pytest.mark.slow
def test_a_killed_search_resumes_the_job_that_was_running(
    sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    long = (*SMALL, "trainer.max_epochs=400", "trainer.blocks=false")
    search = ("hydra/sweeper=random", "hydra.sweeper.num_jobs=3", LR, *long)
    killed, whole = sweep_folder.with_name("killed"), sweep_folder.with_name("whole")
    sweep(train_job, *search, "sweep.name=whole")
    stop_script(
        *("train", "-m", *search, "sweep.name=killed"),
        cwd=Path.cwd(),
        wait=lambda: wait_until(lambda: any(killed.glob("1_*/checkpoints/last.ckpt"))),
        number=signal.SIGKILL,
    )
    assert states(killed) == ["COMPLETE", "RUNNING"]
    capfd.readouterr()
    sweep(train_job, *search, "sweep.name=killed", "hydra.sweeper.join=true")
    assert "#0 " not in capfd.readouterr().out.split(" job ")[0]
    assert without_times(searched(killed)) == without_times(searched(whole))


@pytest.mark.slow
def test_a_stopped_search_prints_how_to_resume_and_resumes(
    sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    long = (*SMALL, "trainer.max_epochs=400", "trainer.blocks=false")
    search = ("hydra/sweeper=random", "hydra.sweeper.num_jobs=1", "sweep.name=s", LR, *long)
    status, errors = stop_script(
        *("train", "-m", *search),
        cwd=Path.cwd(),
        wait=lambda: wait_until(lambda: any(sweep_folder.glob("0_*/checkpoints/last.ckpt"))),
    )
    assert status == 143
    assert errors.endswith("mlplab: stopped; the same command with sweep.resume=true resumes the search\n")
    sweep(train_job, *search, "sweep.resume=true")
    assert capfd.readouterr().err == ""
    assert states(sweep_folder) == ["COMPLETE"]


@pytest.mark.slow
def test_two_processes_share_a_search_and_its_budget(tmp_path: Path) -> None:
    search = ("-m", "hydra/sweeper=random", "hydra.sweeper.num_jobs=6", "sweep.name=two", LR, *SMALL)
    command = [sys.executable, str(REPO / "scripts" / "train.py"), *search]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": os.environ}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as first:
        wait_until((sweep_of(tmp_path, "two") / "search" / "settings.json").exists)
        with subprocess.Popen([*command, "hydra.sweeper.join=true"], cwd=tmp_path, **pipes) as second:
            printed = [process.communicate(timeout=300) for process in (first, second)]
    assert [stderr for _, stderr in printed] == ["", ""]
    own = [{line.split()[0] for line in stdout.splitlines() if line.startswith("#")} for stdout, _ in printed]
    assert own[0] | own[1] == {f"#{number}" for number in range(6)}
    assert not own[0] & own[1]
    assert all(own)
    assert len(searched(sweep_of(tmp_path, "two"))) == 6


@pytest.mark.slow
def test_joblib_takes_as_many_suggestions_as_it_has_processes(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs pip install 'mlplab[joblib]'")
    search = ("hydra/sweeper=tpe", "hydra.sweeper.num_jobs=4", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    answer = run_script("train", "-m", *search, "sweep.name=j", LR, *SMALL, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert states(sweep_of(tmp_path, "j")) == ["COMPLETE"] * 4


@pytest.mark.slow
def test_the_stacked_launcher_trains_eight_suggestions_at_once(
    sweep_folder: Path, train: Callable[..., tuple[Path, dict[str, Any]]], capfd: pytest.CaptureFixture[str]
) -> None:
    tpe = ("hydra/sweeper=tpe", "hydra.sweeper.num_jobs=10", "hydra.sweeper.first=4", "hydra/launcher=stacked")
    sweep(train_job, *tpe, "sweep.name=s", LR, *SMALL)
    captured = capfd.readouterr()
    assert captured.err == ""
    stacks = [line for line in captured.out.splitlines() if line.startswith("stacked")]
    assert stacks == ["stacked: 8 of 8 jobs", "stacked: 2 of 2 jobs"]
    assert states(sweep_folder) == ["COMPLETE"] * 10
    rows = searched(sweep_folder)
    assert len({row["optimizer.lr"] for row in rows}) == 10
    _, single = train(*SMALL, f"optimizer.lr={rows[9]['optimizer.lr']}")
    assert float(rows[9]["loss/val"]) == pytest.approx(single["loss/val"], rel=1e-4)


@pytest.mark.slow
def test_a_killed_stack_of_suggestions_resumes(sweep_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The suggestions of one stack are the same, and so are the next ones."""
    tpe = ("hydra/sweeper=tpe", "hydra.sweeper.num_jobs=12", "hydra.sweeper.first=4", "hydra/launcher=stacked")
    search = (*tpe, LR, *SMALL, "trainer.max_epochs=100")
    killed, whole = sweep_folder.with_name("killed"), sweep_folder.with_name("whole")
    sweep(train_job, *search, "sweep.name=whole")
    stop_script(
        *("train", "-m", *search, "sweep.name=killed"),
        cwd=Path.cwd(),
        wait=lambda: wait_until(lambda: len(list(killed.glob("*_*/config.yaml"))) >= 8),
        number=signal.SIGKILL,
    )
    capfd.readouterr()
    sweep(train_job, *search, "sweep.name=killed", "sweep.resume=true")
    assert capfd.readouterr().err == ""
    rows, expected = (without_times(searched(folder)) for folder in (killed, whole))
    assert [row["optimizer.lr"] for row in rows[:8]] == [row["optimizer.lr"] for row in expected[:8]]
    assert states(killed) == ["COMPLETE"] * 12


def test_another_search_of_the_same_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    search = ("hydra/sweeper=random", "hydra.sweeper.num_jobs=1", "sweep.name=s", *SMALL)
    planned(*search, LR, claim=True)
    assert refusal(*search, LR).startswith("sweep.name: outputs/sweeps/s exists already")
    other = refusal(*search, "optimizer.lr=interval(1e-4,1)", "hydra.sweeper.join=true")
    assert other.startswith("hydra.sweeper.join: outputs/sweeps/s is another search: searched was")
    assert len(other.splitlines()) == 1


def test_a_failed_job_is_reported_and_the_search_continues(sweep_folder: Path) -> None:
    search = ("hydra/sweeper=random", "hydra.sweeper.num_jobs=2", "optimizer=sgd", "optimizer.lr=1e9,1e8")
    with pytest.raises(SystemExit) as ended:
        sweep(train_job, *search, "sweep.name=s", *SMALL, "data=diabetes")
    assert ended.value.code == 1
    rows = searched(sweep_folder)
    assert len(rows) == 2
    assert all(row["failure"].startswith("the loss became") for row in rows)
    assert states(sweep_folder) == ["PRUNED"] * 2


SPACE = SearchSpace(
    (), {"lr": FloatRange(1e-4, 1, log=True), "width": FloatRange(8, 64, whole=True), "loss": Choices(("a", "b"))}
)


def study_of(folder: Path, **changed: object) -> Study:
    known = {"sampler": "tpe", "pruner": "median", "first": 3, "grace": 2, "eta": 3}
    settings = {**known, "seed": 0, "epochs": 9, "monitor": "loss/val", **changed}
    (folder / "search").mkdir(parents=True, exist_ok=True)
    return Study(folder, SearchConfig(**settings))  # type: ignore[arg-type]


def finished(score: float) -> Outcome:
    return Outcome("finished", {"loss/val": score, "accuracy/val": score})


def drawn(folder: Path, count: int, **changed: object) -> list[dict[str, object]]:
    """The parameters of trials, each drawn by a new study, as in a process that was started again."""
    found = []
    for _ in range(count):
        study = study_of(folder, **changed)
        trial = study.ask(SPACE, "me")
        found.append(trial.params)
        study.tell(trial.number, finished(abs(trial.params["lr"] - 0.01)))
    return found


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_samples_do_not_depend_on_the_process(sampler: str, tmp_path: Path) -> None:
    first = drawn(tmp_path / "a", 8, sampler=sampler)
    assert first == drawn(tmp_path / "b", 8, sampler=sampler)
    assert first != drawn(tmp_path / "c", 8, sampler=sampler, seed=1)
    assert len({str(one) for one in first}) == 8
    assert all(1e-4 <= one["lr"] <= 1 and 8 <= one["width"] <= 64 for one in first)  # type: ignore[operator]


def test_tpe_samples_near_good_scores_and_random_does_not(tmp_path: Path) -> None:
    def late(sampler: str) -> float:
        values = [float(str(one["lr"])) for one in drawn(tmp_path / sampler, 40, sampler=sampler)[20:]]
        return sum(0.003 < value < 0.03 for value in values) / len(values)

    assert late("tpe") > late("random") + 0.2


def test_the_median_pruner_prunes_after_the_grace_period_in_any_process(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    for score in (0.1, 0.2, 0.3):
        trial = study.ask(SPACE, "me")
        judge = study_of(tmp_path).judge(trial.number)
        assert [judge(epoch, score) for epoch in (1, 2, 3)] == [""] * 3
        study.tell(trial.number, finished(score))
    bad, good = (study.ask(SPACE, "me").number for _ in range(2))
    judges = {number: study_of(tmp_path).judge(number) for number in (bad, good)}
    assert judges[bad](1, 0.9) == ""
    assert judges[bad](2, 0.9) == "after epoch 2: the median of the others at this epoch is better"
    assert judges[good](1, 0.15) == judges[good](2, 0.15) == ""
    assert study.trials[bad].intermediate_values == {1: 0.9, 2: 0.9}


def test_a_metric_that_is_maximised_prunes_low_scores(tmp_path: Path) -> None:
    study = study_of(tmp_path, monitor="accuracy/val")
    for score in (0.7, 0.8, 0.9):
        trial = study.ask(SPACE, "me")
        study.judge(trial.number)(2, score)
        study.tell(trial.number, finished(score))
    judge = study.judge(study.ask(SPACE, "me").number)
    assert judge(2, 0.95) == ""
    assert study.judge(study.ask(SPACE, "me").number)(2, 0.1) != ""


def test_hyperband_prunes_no_trial_before_the_grace_period(tmp_path: Path) -> None:
    study = study_of(tmp_path, pruner="hyperband", grace=3, epochs=27)
    message = []
    for score in range(12):
        judge = study.judge(study.ask(SPACE, "me").number)
        message.append([judge(epoch, float(score)) for epoch in range(1, 10)])
    assert not any(text for one in message for text in one[:2])
    assert any(text for one in message for text in one)


def test_a_failed_trial_is_stored_as_pruned(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    number = study.ask(SPACE, "me").number
    study.tell(number, Outcome("failed", {}, "the loss became nan"))
    assert study.trials[number].state.name == "PRUNED"
    assert study.trials[number].user_attrs["failed"] == "the loss became nan"


DECIDED, SCORE = {"op_code": 4, "study_id": 0}, {"op_code": 7, "trial_id": 0, "step": 1, "intermediate_value": 0.5}


def test_all_processes_read_what_one_writes(tmp_path: Path) -> None:
    one, other = (Journal(tmp_path / "journal.log") for _ in range(2))
    one.append_logs([DECIDED])
    other.append_logs([SCORE, DECIDED])
    assert list(one.read_logs(0)) == list(other.read_logs(0)) == [DECIDED, SCORE, DECIDED]


@pytest.mark.parametrize("cut", [1, 20])
def test_an_incomplete_line_is_dropped(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    journal = Journal(path)
    journal.append_logs([DECIDED, SCORE])
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(Journal(path).read_logs(0)) == [DECIDED]
    journal.append_logs([DECIDED])
    assert list(Journal(path).read_logs(0)) == [DECIDED, DECIDED]


def test_scores_are_not_synced_and_decisions_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    journal = Journal(tmp_path / "journal.log")
    journal.append_logs([SCORE])
    assert not synced
    journal.append_logs([SCORE, DECIDED])
    assert len(synced) == 1


def test_a_process_that_is_killed_while_writing_blocks_no_other(tmp_path: Path) -> None:
    code = """if True:
        import os, sys, time
        from pathlib import Path
        from mlplab.sweep.search import Journal
        def held(_):
            Path("here").touch()
            time.sleep(60)
        os.fsync = held
        Journal(Path("journal.log")).append_logs([{"op_code": 4}])
    """
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as process:
        wait_until((tmp_path / "here").exists)
        process.kill()
    before = time.monotonic()
    journal: Any = Journal(tmp_path / "journal.log")
    journal.append_logs([DECIDED])
    assert time.monotonic() - before < 5
    assert list(journal.read_logs(0)) == [{"op_code": 4}, DECIDED]
