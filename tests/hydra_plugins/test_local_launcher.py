"""Launchers with processes: slots with cores and GPUs, a process that dies, signals; Ray; Slurm's script."""

import csv
import os
import re
import signal
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from hydra.core.utils import JobReturn, JobStatus

from hydra_plugins.mlplab.local_launcher import JobPool, Slots, visible_gpus
from tests.conftest import run_script, stop_script, wait_until

SMALL = ("data=iris", "trainer.max_epochs=2", "model.hidden_features=[8]", "report.picture=false")


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight CPU cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize(
    ("at_once", "threads", "gpus", "expected"),
    [
        (None, None, [], Slots(8, 1)),
        (2, None, [], Slots(2, 4)),
        (3, None, [], Slots(3, 2)),
        (2, 1, [], Slots(2, 1)),
        (16, None, [], Slots(16, 1)),
        (None, None, [0], Slots(8, 1, (0,) * 8)),
        (None, None, [0, 1], Slots(2, 4, (0, 1))),
        (4, None, [2, 3], Slots(4, 2, (2, 3, 2, 3))),
    ],
)
def test_cores_and_gpus_are_divided(at_once: int | None, threads: int | None, gpus: list[int], expected: Slots) -> None:
    assert Slots.create(at_once, threads, gpus) == expected


@pytest.mark.usefixtures("cores")
def test_the_users_number_of_threads_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert Slots.create(2, None, []).threads == 3


def test_only_visible_gpus_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert visible_gpus() == [2, 5]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []


def test_jobs_return_in_order_and_a_killed_process_is_reported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    submitit = pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
    monkeypatch.setattr(submitit.Job, "_results_timeout_s", 0)  # submitit 1.5 waits 15 s for the file of a killed job

    def job(overrides: list[str], _: str, number: int, label: str, state: object) -> JobReturn:
        if overrides == ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        print(f"{label}: {overrides[0]}")
        print("other output")
        value = (overrides[0], number, os.environ["OMP_NUM_THREADS"], os.environ.get("CUDA_VISIBLE_DEVICES"))
        return JobReturn(status=JobStatus.COMPLETED, _return_value=value)

    pool = JobPool(job, Slots(2, 3, (4, 6)), str(tmp_path / "%j"), timeout_min=5)
    first, died, last = pool.run([["a"], ["die"], ["c"]], 7)
    assert first.return_value == ("a", 7, "3", "4")
    assert (died.overrides, died.return_value) == (["die"], None)
    assert last.return_value[:3] == ("c", 9, "3")
    assert last.return_value[3] in ("4", "6")
    captured = capfd.readouterr()
    lines = captured.out.splitlines()
    assert {line for line in lines if line.startswith("#")} == {"#7: a", "#9: c"}
    assert "other output" not in lines
    assert sum(line.startswith("about ") for line in lines) == 1
    assert captured.err.startswith("mlplab: #8: its process ended: ")


def test_an_interruption_stops_the_running_jobs_and_waits_for_them(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")

    def job(overrides: list[str], *_: object) -> None:
        def stop(*_: object) -> None:
            time.sleep(0.5)  # as a checkpoint takes time
            (tmp_path / "stopped").write_text(overrides[0])
            sys.exit(143)

        signal.signal(signal.SIGTERM, stop)
        (tmp_path / "begun").touch()
        time.sleep(120)

    def interrupt() -> None:
        wait_until((tmp_path / "begun").exists)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        JobPool(job, Slots(1, 1), str(tmp_path / "%j"), timeout_min=5).run([["a"], ["b"]], 0)
    assert (tmp_path / "stopped").read_text() == "a"


def rows_of(folder: Path) -> dict[str, dict[str, str]]:
    with open(folder / "sweep.csv") as file:
        return {row["job"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_a_limited_number_of_jobs_runs_at_once_each_with_its_threads_and_gpu(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
    (tmp_path / "seen.py").write_text(SEEN)
    how = ("hydra/launcher=submitit_local", "hydra.launcher.at_once=2", "hydra.launcher.gpus=[4,6]")
    own = ("allow=[seen]", "+callback.seen._target_=seen.Seen", "hydra.launcher.threads=1", "trainer.accelerator=cpu")
    answer = run_script(
        "train", "-m", *how, *own, *SMALL, "seed=1,2,3", "sweep.name=s", cwd=tmp_path, PYTHONPATH=path()
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert [line.split()[0] for line in answer.stdout.splitlines() if line.startswith("#")] != []
    assert len(re.findall(r"^about .+ for the other 2 jobs, 2 at once, ", answer.stdout, re.MULTILINE)) == 1
    seen = [line.split() for line in (tmp_path / "seen.txt").read_text().splitlines()]
    assert len(seen) == 6
    assert {threads for _, _, threads, _ in seen} == {"1"}
    assert {gpu for _, _, _, gpu in seen} == {"4", "6"}
    most, now = 0, dict[str, str]()
    for what, process, _, gpu in seen:
        if what == "begins":
            assert gpu not in now.values(), "two jobs on one GPU"
            now[process] = gpu
        else:
            del now[process]
        most = max(most, len(now))
    assert most == 2


SEEN = """
import os
import time
import torch
from lightning import Callback

def note(what):
    with open("seen.txt", "a") as file:
        file.write(f"{what} {os.getpid()} {torch.get_num_threads()} {os.environ['CUDA_VISIBLE_DEVICES']}\\n")

class Seen(Callback):
    def on_train_start(self, trainer, learner):
        note("begins")
        until = time.monotonic() + 120
        while open("seen.txt").read().count("begins") < 2 and time.monotonic() < until:
            time.sleep(0.05)  # on a busy machine the first job would have ended before the second begins
    def on_train_end(self, trainer, learner):
        note("ends")
"""


def path() -> str:
    return os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), "."]))


@pytest.mark.slow
def test_a_killed_process_loses_no_other_job(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
    (tmp_path / "dies.py").write_text(DIES)
    own = ("allow=[dies]", "+callback.dies._target_=dies.Dies", "hydra.launcher.at_once=2")
    command = ("-m", "hydra/launcher=submitit_local", *own, *SMALL, "seed=1,2,3", "sweep.name=s")
    answer = run_script("train", *command, cwd=tmp_path, PYTHONPATH=path())
    assert answer.returncode == 1
    assert "mlplab: #1: its process ended: " in answer.stderr
    rows = rows_of(tmp_path / "outputs" / "sweeps" / "s")
    assert [rows[number]["failure"] for number in "012"] == ["", "stopped without a message", ""]


DIES = """
import os, signal
from lightning import Callback

class Dies(Callback):
    def on_train_start(self, trainer, learner):
        if "seed=2" in str(trainer.default_root_dir):
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_sigterm_stops_the_jobs_and_each_writes_a_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
    arguments = ("-m", "hydra/launcher=submitit_local", "hydra.launcher.at_once=2", "seed=1,2", "sweep.name=s", *SMALL)
    folder = tmp_path / "outputs" / "sweeps" / "s"
    status, _ = stop_script(
        *("train", *arguments, "trainer.max_epochs=100000"),
        cwd=tmp_path,
        wait=lambda: wait_until(lambda: len(list(folder.glob("*/checkpoints/last.ckpt"))) == 2),
    )
    assert status == 143
    assert not list(folder.glob("*/failure.txt"))
    logs = [file.read_text() for file in folder.glob("*/train.log")]
    assert len(logs) == 2
    assert all("resume by: python scripts/train.py" in log and "sweep.resume=true" in log for log in logs)


@pytest.mark.slow
def test_ray_runs_the_jobs_and_a_failed_one_loses_no_other(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="needs pip install 'mlplab[ray]'")
    arguments = ("-m", "hydra/launcher=ray", "hydra.launcher.ray.init.num_cpus=2", *SMALL, "sweep.name=s", "seed=1")
    answer = run_script("train", *arguments, "optimizer=sgd", "optimizer.lr=0.1,1e30,0.01", cwd=tmp_path)
    assert answer.returncode == 1
    rows = rows_of(tmp_path / "outputs" / "sweeps" / "s")
    assert [bool(rows[number]["failure"]) for number in "012"] == [False, True, False]
    assert float(rows["0"]["loss/val"]) > 0


SBATCH = """#!/bin/bash
# keeps the script, and runs each task of the array here, one after the other
script="${@: -1}"
cp "$script" "$FAKE/script.sh"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$script")
(for task in $(seq 0 "$last"); do
    SLURM_ARRAY_JOB_ID=77 SLURM_ARRAY_TASK_ID=$task SLURM_JOB_ID=77_$task SLURM_JOB_NUM_NODES=1 SLURM_NTASKS=1 \\
    SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_CPUS_PER_TASK=2 SLURM_JOB_NODELIST=here bash "$script"
done) >"$FAKE/out.txt" 2>&1 &
echo "Submitted batch job 77"
"""
SRUN = """#!/bin/bash
while [ "${1:0:2}" = -- ]; do
    case "$1" in --unbuffered) shift ;; *) shift 2 ;; esac
done
exec "$@"
"""
SACCT = """#!/bin/bash
echo "JobID|State|NodeList"
for task in 0 1; do echo "77_$task|RUNNING|here"; done
"""


@pytest.mark.slow
def test_the_batch_script_of_slurm_requests_resources_and_its_tasks_train(tmp_path: Path) -> None:
    """An sbatch that runs the script in place of a cluster."""
    pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT}.items():
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(stat.S_IRWXU)
    how = ("hydra/launcher=submitit_slurm", "hydra.launcher.partition=short", "hydra.launcher.cpus_per_task=2")
    answer = run_script(
        *("train", "-m", *how, *SMALL, "seed=1,2", "sweep.name=s"),
        cwd=tmp_path,
        PATH=f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        FAKE=str(tmp_path),
    )
    assert answer.returncode == 0, answer.stderr + (tmp_path / "out.txt").read_text()
    script = (tmp_path / "script.sh").read_text()
    for line in (
        "#SBATCH --array=0-1%2",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --partition=short",
        "#SBATCH --mem=8GB",
        "#SBATCH --time=240",
        "#SBATCH --job-name=mlplab",
        "export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK",
    ):
        assert f"\n{line}\n" in script
    assert script.index("export OMP_NUM_THREADS") < script.index("\nsrun ")
    folder = tmp_path / "outputs" / "sweeps" / "s"
    assert all(row["failure"] == "" for row in rows_of(folder).values())
    assert "2 of " in next(folder.glob("0_*/train.log")).read_text()
