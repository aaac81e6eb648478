"""Nothing is written before the configuration is valid, and nothing is overwritten."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from mlplab.errors import UserError
from mlplab.sweep.preflight import OPTIONAL_PACKAGES, Preflight, check_optional_packages
from tests.conftest import door


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be written: root needs a file system for it, permissions do not apply to it."""
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
    ids=["default", "run_dir", "sweep"],
)
def test_an_output_folder_that_is_not_writable_is_reported(words: tuple[str, ...], said: str, sealed: Path) -> None:
    answer = door("train", *words, cwd=sealed)
    assert answer.returncode == 1
    reason = r"\((Read-only file system|Permission denied)\)"
    assert re.fullmatch(rf"mlplab: {said} cannot be created {reason}\n", answer.stderr)
    assert answer.stdout == ""
    assert list(sealed.iterdir()) == []


def test_an_existing_run_folder_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    answer = door("train", "run_dir=run", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.strip() == "mlplab: run_dir: run exists already; name another, nothing is written over"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_sweep_resume_is_refused_for_a_run(tmp_path: Path) -> None:
    answer = door("train", "data=iris", "sweep.resume=true", cwd=tmp_path)
    said = "sweep.resume: only for a sweep (-m); resume a run by: python scripts/resume.py run=FOLDER"
    assert (answer.returncode, answer.stderr) == (1, f"mlplab: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_sweep_ensemble_is_refused_for_a_run(tmp_path: Path) -> None:
    answer = door("train", "data=iris", "sweep.ensemble=true", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (1, "mlplab: sweep.ensemble: only for a sweep (-m)\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("invalid", ["choice.learner=foo", "~monitor", "scheduler=null", "data=[iris,wine]"])
def test_an_invalid_override_leaves_an_existing_folder_unchanged(tmp_path: Path, invalid: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    answer = door("train", "run_dir=mine", invalid, cwd=tmp_path)
    assert answer.returncode == 1
    assert len(answer.stderr.strip().splitlines()) == 1
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("target", OPTIONAL_PACKAGES)
def test_a_missing_package_is_reported_with_its_extra(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr("mlplab.sweep.preflight.find_spec", nothing)
    group = "sweeper" if ".sweepers." in target else "launcher"
    other = "launcher" if group == "sweeper" else "sweeper"
    choices = {"hydra/sweeper": "tpe", "hydra/launcher": "mine"}
    hydra = {group: {"_target_": f"{target}X"}, other: {"_target_": "hydra._internal"}, "runtime": {"choices": choices}}
    extra = OPTIONAL_PACKAGES[target][1]
    said = rf"hydra/{group}={choices[f'hydra/{group}']}: needs packages .* pip install 'mlplab\[{extra}\]'"
    with pytest.raises(UserError, match=said):
        check_optional_packages(OmegaConf.create(hydra))


def test_without_ray_its_launcher_is_refused(tmp_path: Path) -> None:
    if importlib.util.find_spec("ray") is not None:
        pytest.skip("ray is installed")
    answer = door("train", "-m", "hydra/launcher=ray", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == (
        "mlplab: hydra/launcher=ray: needs packages that are not installed: pip install 'mlplab[ray]'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_without_slurm_its_launcher_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
    answer = door("train", "-m", "hydra/launcher=submitit_slurm", "seed=1,2", cwd=tmp_path, PATH="/nowhere")
    assert answer.stderr.startswith("mlplab: hydra/launcher=submitit_slurm: no sbatch on this machine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"most": 0}, "hydra.launcher.most=0: must be an integer"),
        ({"at_once": -1}, "hydra.launcher.at_once=-1: must be an integer"),
        ({"threads": 1.5}, "hydra.launcher.threads=1.5: must be an integer"),
        ({"n_jobs": 0}, "hydra.launcher.n_jobs=0: must be an integer above 0, or -1 for one process per core"),
        ({"n_jobs": "two"}, "hydra.launcher.n_jobs=two: must be an integer above 0"),
    ],
)
def test_an_invalid_number_of_the_launcher_is_refused(words: dict[str, Any], said: str) -> None:
    choices = {"hydra/sweeper": "grid", "hydra/launcher": "mine"}
    hydra = {"launcher": words, "sweeper": {}, "runtime": {"choices": choices}}
    with pytest.raises(UserError, match=f"^{said}"):
        check_optional_packages(OmegaConf.create(hydra))


@pytest.mark.parametrize("words", [{"most": None}, {"at_once": 3}, {"n_jobs": -1}, {}])
def test_valid_numbers_of_the_launcher_are_accepted(words: dict[str, Any]) -> None:
    choices = {"hydra/sweeper": "grid", "hydra/launcher": "mine"}
    check_optional_packages(OmegaConf.create({"launcher": words, "sweeper": {}, "runtime": {"choices": choices}}))


def test_a_sweeper_of_another_package_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """It would launch jobs that nobody has validated."""
    choices = {"hydra/sweeper": "other"}
    config = OmegaConf.create({"hydra": {"sweeper": {"_target_": "other.Sweeper"}, "runtime": {"choices": choices}}})
    with pytest.raises(SystemExit):
        Preflight().on_multirun_start(config)
    said = "mlplab: hydra/sweeper=other: unknown choice; choose grid, halving, random, tpe\n"
    assert capsys.readouterr().err == said
