"""Nothing is made before the configuration is known to be good, and nothing is written over."""

import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplab.errors import UserError
from mlplab.run.folder import claim_folder, release_folder
from tests.conftest import REPO, door


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    claim_folder(tmp_path / "a" / "b", "run_dir")
    with pytest.raises(UserError, match="exists already"):
        claim_folder(tmp_path / "a" / "b", "run_dir")


def test_what_was_made_for_a_run_is_given_back_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    claim_folder(tmp_path / "mine" / "a" / "run", "run_dir")
    release_folder()
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]
    claim_folder(tmp_path / "mine" / "a" / "run", "run_dir")
    (tmp_path / "mine" / "a" / "other").mkdir()
    release_folder()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "mine", "other"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        claim_folder(tmp_path / "file" / "run", "run_dir")


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be written: root needs a file system for it, permissions do not bind it."""
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o555)
    if os.geteuid() != 0:
        yield folder
        return
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("root may mount no read-only file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("data=iris",), r"run_dir: outputs/iris/\S+"),
        (("data=iris", "run_dir=a/b"), "run_dir: a/b"),
        (("-m", "data=iris", "seed=1,2"), r"sweep\.name: outputs/sweeps/\S+"),
    ],
    ids=["the usual place", "run_dir", "a sweep"],
)
def test_outputs_that_cannot_be_written_are_told_in_one_line(words: tuple[str, ...], said: str, sealed: Path) -> None:
    answer = door("train", *words, cwd=sealed)
    assert answer.returncode == 1
    reason = r"\((Read-only file system|Permission denied)\)"
    assert re.fullmatch(rf"mlplab: {said} cannot be made {reason}\n", answer.stderr)
    assert answer.stdout == ""
    assert list(sealed.iterdir()) == []


def test_an_existing_run_folder_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    answer = door("train", "run_dir=run", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.strip() == "mlplab: run_dir: run exists already; name another, nothing is written over"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_a_wrong_job_stops_the_sweep_before_its_first(tmp_path: Path) -> None:
    answer = door("train", "-m", "data=iris", "optimizer.lr=0.1,0.01,-1", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.strip() == (
        "mlplab: job 2 of 3 (data=iris optimizer.lr=-1): optimizer.lr=-1: must be a number above 0"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_does_not_write_into_another_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "outputs/sweeps/mine").mkdir(parents=True)
    answer = door("train", "-m", "sweep.name=mine", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert "sweep.name: outputs/sweeps/mine exists already" in answer.stderr


def test_only_a_sweep_goes_on_by_sweep_resume(tmp_path: Path) -> None:
    answer = door("train", "data=iris", "sweep.resume=true", cwd=tmp_path)
    said = "sweep.resume: this is no sweep (-m); a run goes on by: python scripts/resume.py run=FOLDER"
    assert (answer.returncode, answer.stderr) == (1, f"mlplab: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_only_a_sweep_has_seeds_to_unite(tmp_path: Path) -> None:
    answer = door("train", "data=iris", "sweep.ensemble=true", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (1, "mlplab: sweep.ensemble: this is no sweep; -m makes one\n")
    assert list(tmp_path.iterdir()) == []


def test_of_processes_that_claim_a_folder_at_once_one_gets_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    together, found = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_claim, args=(tmp_path, together, found)) for _ in range(4)]
    for process in processes:
        process.start()
    won = [found.get(timeout=120) for _ in range(4 * 50)]
    for process in processes:
        process.join()
    assert sorted(name for name in won if name) == sorted(str(number) for number in range(50))


def _claim(folder: Path, together: Any, found: Any) -> None:
    for number in range(50):
        together.wait()
        try:
            claim_folder(folder / "sweeps" / str(number), "sweep.name")
            found.put(str(number))
        except UserError:
            found.put("")


@pytest.mark.slow
def test_sweeps_that_start_together_have_folders_of_their_own(tmp_path: Path) -> None:
    """Two without a name, two that are given the same."""
    command = [sys.executable, str(REPO / "scripts" / "train.py")]
    words = ["-m", "data=iris", "trainer.max_epochs=2", "seed=1,2"]
    names: list[list[str]] = [[], [], ["sweep.name=same"], ["sweep.name=same"]]
    started = [subprocess.Popen([*command, *words, *name], cwd=tmp_path, stdout=subprocess.DEVNULL) for name in names]
    assert sorted(process.wait(timeout=300) for process in started) == [0, 0, 0, 1]
    sweeps = list((tmp_path / "outputs" / "sweeps").iterdir())
    assert len(sweeps) == 3
    for sweep in sweeps:
        assert sorted(path.name for path in sweep.glob("*_*")) == ["0_seed=1", "1_seed=2"]
        assert len(list(sweep.glob("*/scores.json"))) == 2


@pytest.mark.parametrize("slip", ["choice.learner=foo", "~monitor", "scheduler=null", "data=[iris,wine]"])
def test_whatever_is_wrong_a_folder_of_the_users_own_is_left_as_it_was(tmp_path: Path, slip: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    answer = door("train", "run_dir=mine", slip, cwd=tmp_path)
    assert answer.returncode == 1
    assert len(answer.stderr.strip().splitlines()) == 1
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


def test_a_sweep_takes_its_choices_by_pattern_and_refuses_run_dir(tmp_path: Path) -> None:
    answer = door("train", "-m", "run_dir=x", "optimizer=glob(ada*)", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.strip() == (
        "mlplab: run_dir: the folders of a sweep lie in outputs/sweeps/<sweep.name>; give sweep.name instead"
    )


def test_a_sweep_over_no_choice_is_refused(tmp_path: Path) -> None:
    answer = door("train", "-m", "data=glob(zzz*)", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.strip() == "mlplab: a sweep over nothing: no choice has such a name"
    assert list(tmp_path.iterdir()) == []
