"""Jobs are launched until each has finished or failed, in real worker processes that are really killed."""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hydra.core.utils import JobReturn, JobStatus
from joblib import Parallel, delayed

from mlplab.command.job import train_job
from mlplab.errors import RunError, UserError
from mlplab.files import lock_folder
from mlplab.run.folder import STOP_FILE, run_state
from mlplab.signals import Interrupted
from mlplab.sweep.launch import PROCESS, launch_jobs
from mlplab.sweep.manifest import Job
from tests.conftest import REPO, run_script, stop_script, wait_until
from tests.sweep.in_process import sweep

NAMES = ["0_a", "1_b", "2_c", "3_d", "4_e"]
SMALL = ("data=diabetes", "model.hidden_features=[8]", "report.picture=false", "optimizer=sgd")


def work(folder: Path, overrides: Sequence[str], deadly: str, times: int) -> JobReturn:
    """Writes the files of a job; the job named `deadly` kills its process the first `times` times."""
    name = overrides[0]
    run = folder / name
    run.mkdir(exist_ok=True)
    (run / "config.yaml").write_text("")
    with open(run / "begun", "a") as file:
        file.write("x")
    time.sleep(0.2)
    if name == deadly and len((run / "begun").read_text()) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    (run / "scores.json").write_text("")
    return JobReturn(status=JobStatus.COMPLETED)


def swept(folder: Path, deadly: str = "", times: int = 0) -> list[str]:
    def launch(jobs: Sequence[Sequence[str]], _: int) -> list[JobReturn]:
        return list(Parallel(n_jobs=2, backend="loky")(delayed(work)(folder, job, deadly, times) for job in jobs))

    launch_jobs(launch, folder, [Job(name, [name], {}) for name in NAMES])
    return [run_state(folder / name) for name in NAMES]


def test_a_worker_that_is_killed_once_loses_no_job(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert swept(tmp_path, "1_b", times=1) == ["finished"] * 5
    assert re.search(r"a process was killed; running jobs \((\d, )?1(, \d)?\) continue", capfd.readouterr().out)


def test_a_job_that_is_killed_again_fails_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert swept(tmp_path, "1_b", times=9) == ["finished", "failed", "finished", "finished", "finished"]
    assert (tmp_path / "1_b" / "failure.txt").read_text().startswith("its process was killed twice")
    assert capfd.readouterr().err == "mlplab: #1: its process was killed twice; is there enough memory?\n"
    assert swept(tmp_path) == ["finished", "failed", "finished", "finished", "finished"], "failed jobs stay"
    assert (tmp_path / "0_a" / "begun").read_text() in ("x", "xx"), "nor are finished ones"


def test_failed_jobs_are_launched_again_on_request(tmp_path: Path) -> None:
    (tmp_path / "0_a").mkdir()
    (tmp_path / "0_a" / "failure.txt").write_text("no room")
    seen: list[Sequence[str]] = []

    def launch(jobs: Sequence[Sequence[str]], _: int) -> list[JobReturn]:
        seen.extend(jobs)
        return [JobReturn(status=JobStatus.COMPLETED) for _ in jobs]

    launch_jobs(launch, tmp_path, [Job("0_a", ["seed=1"], {})], resume=True)
    assert seen == []
    launch_jobs(launch, tmp_path, [Job("0_a", ["seed=1"], {})], resume="failed")
    assert seen == [["seed=1", "hydra.sweep.subdir='0_a'"]]


def test_an_error_before_the_job_could_write_it_is_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def launch(jobs: Sequence[Sequence[str]], _: int) -> list[JobReturn]:
        return [JobReturn(status=JobStatus.FAILED, _return_value=MemoryError()) for _ in jobs]

    launch_jobs(launch, tmp_path, [Job("0_a", [], {})])
    assert (tmp_path / "0_a" / "failure.txt").read_text().startswith("out of memory")
    assert capfd.readouterr().err.startswith("mlplab: #0: out of memory")


def test_an_error_of_the_launcher_says_how_to_resume(tmp_path: Path) -> None:
    def launch(jobs: Sequence[Sequence[str]], _: int) -> list[JobReturn]:
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match=r"^No space left on device; 1 new; resume by: python scripts/train\.py "):
        launch_jobs(launch, tmp_path, [Job("0_a", [], {})])


def test_a_signal_between_jobs_says_how_to_resume(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def launch(jobs: Sequence[Sequence[str]], _: int) -> list[JobReturn]:
        raise Interrupted(143)

    with pytest.raises(SystemExit) as stop:
        launch_jobs(launch, tmp_path, [Job("0_a", ["seed=1"], {})])
    assert stop.value.code == 143
    assert not isinstance(stop.value, Interrupted), "the command would print again that it stopped"
    assert capfd.readouterr().err.startswith("mlplab: stopped; 1 new; resume by: python scripts/train.py ")


def test_one_process_at_a_time_sweeps_in_a_folder(tmp_path: Path) -> None:
    with lock_folder(tmp_path), pytest.raises(UserError, match="another process"):
        swept(tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_worker_whose_sweep_was_killed_finishes_its_job_and_ends(tmp_path: Path) -> None:
    code = """if True:
        import os, sys, time
        from mlplab.sweep.launch import exit_with_sweep
        if os.fork() == 0:
            with exit_with_sweep():
                open("begun", "w").close()
                time.sleep(2)
                open("done", "w").close()
            open("next", "w").close()
        time.sleep(60)
    """
    process = subprocess.Popen(
        ["bash", "-c", f'{PROCESS}=$$ exec {sys.executable} -c "$CODE"'], cwd=tmp_path, env={**os.environ, "CODE": code}
    )
    wait_until((tmp_path / "begun").exists)
    process.kill()
    process.wait()
    time.sleep(4)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["begun", "done"]


def test_fail_fast_stops_at_the_first_failure_and_resume_starts_the_rest(
    sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    grid = (*SMALL, "trainer.max_epochs=3", "optimizer.lr=1e-4,1e8,0.1,0.01", "sweep.name=s", "sweep.fail_fast=true")
    folder = sweep_folder
    with pytest.raises(SystemExit) as ended:
        sweep(train_job, *grid)
    assert ended.value.code == 1
    not_started = "mlplab: job 1 failed and sweep.fail_fast=true: not started: 2, 3; 1 finished, 1 failed, 2 new"
    assert f"{not_started}; resume by: " in capfd.readouterr().err
    assert sorted(path.name.partition("_")[0] for path in folder.iterdir() if path.is_dir()) == ["0", "1"]
    assert not (folder / STOP_FILE).exists()
    before = (folder / "0_optimizer.lr=0.0001" / "scores.json").stat().st_mtime_ns
    with pytest.raises(SystemExit) as ended:
        sweep(train_job, *grid, "sweep.resume=true")
    assert ended.value.code == 1, "one has failed"
    captured = capfd.readouterr()
    assert captured.err == ""
    assert "4 jobs -> outputs/sweeps/s: 1 finished, 1 failed, 2 new" in captured.out
    assert len(list(folder.glob("*/scores.json"))) == 3
    assert (folder / "0_optimizer.lr=0.0001" / "scores.json").stat().st_mtime_ns == before
    with pytest.raises(SystemExit):
        sweep(train_job, *grid, "sweep.resume=failed")
    assert capfd.readouterr().err.startswith("mlplab: #1 optimizer.lr=1")
    assert len(list(folder.glob("*/scores.json"))) == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small disk")
    return folder


@pytest.mark.slow
def test_a_full_disk_or_too_little_memory_ends_one_job_and_the_others_finish(small_disk: Path) -> None:
    widths = "model.hidden_features=[8],[1000,1000],[1000000,1000000],[4]"
    short = ("data=iris", "trainer.max_epochs=2", "report.picture=false", "sweep.name=s")
    answer = run_script("train", "-m", *short, widths, cwd=small_disk)
    subprocess.run(["umount", "-l", str(small_disk)], check=True)
    first, second = answer.stderr.splitlines()
    assert answer.returncode == 1
    assert re.match(r"mlplab: #1 .*last\.ckpt cannot be written: No space left on device", first)
    assert re.match(r"mlplab: #2 .*: out of memory", second)
    assert re.search(r"^#3 .*: loss/val", answer.stdout, re.MULTILINE)


@pytest.mark.slow
def test_a_stopped_sweep_prints_the_command_that_resumes_it(tmp_path: Path) -> None:
    """By SIGTERM; test_kills sends SIGINT too."""
    arguments = ["-m", *SMALL, "trainer.max_epochs=100000", "seed=1,2", "sweep.name=s"]
    last = tmp_path / "outputs" / "sweeps" / "s" / "0_seed=1" / "checkpoints" / "last.ckpt"
    status, errors = stop_script("train", *arguments, cwd=tmp_path, wait=lambda: wait_until(last.exists))
    assert status == 143
    progress, _, command = errors.splitlines()[-1].partition("; resume by: ")
    assert progress == "mlplab: stopped; 1 half-done, 1 new"
    assert shlex.split(command) == ["python", "scripts/train.py", *arguments, "sweep.resume=true"]


def test_a_grid_that_grows_keeps_its_jobs(sweep_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    overrides = (*SMALL[:3], "trainer.max_epochs=2", "sweep.name=s")
    folder = sweep_folder
    sweep(train_job, *overrides, "optimizer.lr=0.1,0.01")
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/*.*")}
    capfd.readouterr()
    sweep(train_job, *overrides, "optimizer=sgd,adam", "optimizer.lr=1e-2,0.1,0.3", "sweep.resume=true")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("6 jobs -> outputs/sweeps/s, 4 of them new: 2 finished, 4 new\n")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with open(folder / "sweep.csv", newline="") as file:
        found = {row["job"]: (row["optimizer"], float(row["optimizer.lr"])) for row in csv.DictReader(file)}
    assert (found["0"], found["1"], found["5"]) == (("adam", 0.1), ("adam", 0.01), ("adam", 0.3))
    assert sorted(path.name.partition("_")[0] for path in folder.glob("*_*")) == list("012345")


@pytest.mark.slow
def test_with_joblib_a_killed_worker_loses_no_job_and_a_killed_sweep_resumes(
    sweep_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    overrides = ("data=digits", "trainer.max_epochs=20", "report.picture=false", "optimizer.lr=0.01,0.001,0.0001")
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "sweep.name=s"]
    folder = sweep_folder

    def started() -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(REPO / "scripts" / "train.py"), "-m", *overrides, *joblib]
        with open(tmp_path / "printed", "w") as output:
            process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
        wait_until(lambda: any(folder.glob("*/history.csv")))
        return process

    process = started()
    os.kill(workers(process.pid)[0], signal.SIGKILL)
    assert process.wait(timeout=300) == 0
    assert "a process was killed; running jobs (" in (tmp_path / "printed").read_text()
    assert len(list(folder.glob("*/scores.json"))) == 3
    killed = {path.parent.name: stored_scores(path) for path in folder.glob("*/scores.json")}
    shutil.rmtree(folder)
    process = started()
    workers_before = workers(process.pid)
    process.kill()
    process.wait()
    capfd.readouterr()
    sweep(train_job, *overrides, "sweep.name=s", "sweep.resume=true")
    assert capfd.readouterr().err == ""
    assert {path.parent.name: stored_scores(path) for path in folder.glob("*/scores.json")} == killed
    wait_until(lambda: not any(Path("/proc", str(pid)).exists() for pid in workers_before), seconds=60)
    assert not any(Path("/proc", str(pid)).exists() for pid in workers_before), "workers without a sweep end"


def workers(parent: int) -> list[int]:
    """The processes of joblib's workers."""
    children = [path.read_text().split() for path in Path("/proc", str(parent), "task").glob("*/children")]
    numbers = [number for some in children for number in some]
    return [int(number) for number in numbers if b"popen_loky" in Path("/proc", number, "cmdline").read_bytes()]


def stored_scores(path: Path) -> dict[str, object]:
    """Without times. Not imported from tests/run: workers import this file, and would import torch too."""
    scores = json.loads(path.read_text())
    return {name: value for name, value in scores.items() if name not in ("seconds", "samples_per_second")}
