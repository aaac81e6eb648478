"""Nothing is made before the configuration is known to be good, and nothing is written over."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlplab.gate import claim, give_back
from mlplab.mistake import Mistake
from tests.conftest import door


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    claim(tmp_path / "a" / "b", "run_dir")
    with pytest.raises(Mistake, match="exists already"):
        claim(tmp_path / "a" / "b", "run_dir")


def test_what_was_made_for_a_run_is_given_back_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    claim(tmp_path / "mine" / "a" / "run", "run_dir")
    give_back()
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]
    claim(tmp_path / "mine" / "a" / "run", "run_dir")
    (tmp_path / "mine" / "a" / "other").mkdir()
    give_back()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "mine", "other"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Mistake, match="cannot be made"):
        claim(tmp_path / "file" / "run", "run_dir")


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
        "mlplab: job 2 of 3 (data=iris optimizer.lr=-1): optimizer.lr=-1: must be a number and above 0"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_does_not_write_into_another_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "outputs/sweeps/mine").mkdir(parents=True)
    answer = door("train", "-m", "sweep.name=mine", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert "sweep.name: outputs/sweeps/mine exists already" in answer.stderr


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
