"""Before anything is written, the preflight validates the configuration, the folder and the launcher."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose
from omegaconf import OmegaConf

from mlplab.config.compose import isolated_hydra
from mlplab.errors import UserError
from mlplab.sweep.preflight import OPTIONAL_PACKAGES, Preflight, check_optional_packages
from tests.conftest import run_script
from tests.sweep.in_process import refusal

RunRefusal = Callable[..., str]


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


@pytest.fixture
def run_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunRefusal:
    """run_refusal("data=iris", ...) -> what the preflight of a single run prints; called as Hydra does."""
    monkeypatch.chdir(tmp_path)

    def refuse(*overrides: str) -> str:
        with isolated_hydra(), pytest.raises(SystemExit) as ended:
            Preflight().on_run_start(compose("train", list(overrides), return_hydra_config=True))
        assert ended.value.code == 1
        return capsys.readouterr().err

    return refuse


def test_an_output_folder_that_is_not_writable_is_reported(
    sealed: Path, run_refusal: RunRefusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sealed)
    reason = r"cannot be created \((Read-only file system|Permission denied)\)"
    answer = run_script("train", "data=iris", cwd=sealed)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert re.fullmatch(rf"mlplab: run_dir: outputs/iris/\S+ {reason}\n", answer.stderr)
    assert re.fullmatch(rf"mlplab: run_dir: a/b {reason}\n", run_refusal("data=iris", "run_dir=a/b"))
    assert re.fullmatch(rf"sweep\.name: outputs/sweeps/\S+ {reason}", refusal("data=iris", "seed=1,2"))
    assert list(sealed.iterdir()) == []


def test_an_existing_run_folder_is_refused_and_not_changed(tmp_path: Path, run_refusal: RunRefusal) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    message = "mlplab: run_dir: run exists already; name another, nothing is written over\n"
    assert run_refusal("run_dir=run") == message
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_sweep_resume_is_refused_for_a_run(tmp_path: Path, run_refusal: RunRefusal) -> None:
    message = "sweep.resume: only for a sweep (-m); resume a run by: python scripts/resume.py run=FOLDER"
    assert run_refusal("data=iris", "sweep.resume=true") == f"mlplab: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_sweep_ensemble_is_refused_for_a_run(tmp_path: Path, run_refusal: RunRefusal) -> None:
    message = "mlplab: sweep.ensemble: only for a sweep (-m)\n"
    assert run_refusal("data=iris", "sweep.ensemble=true") == message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("invalid", ["choice.learner=foo", "~monitor", "scheduler=null", "data=[iris,wine]"])
def test_an_invalid_override_leaves_an_existing_folder_unchanged(tmp_path: Path, invalid: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    answer = run_script("train", "run_dir=mine", invalid, cwd=tmp_path)
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
    printed = rf"hydra/{group}={choices[f'hydra/{group}']}: needs packages .* pip install 'mlplab\[{extra}\]'"
    with pytest.raises(UserError, match=printed):
        check_optional_packages(OmegaConf.create(hydra))


def test_without_ray_its_launcher_is_refused(tmp_path: Path) -> None:
    if importlib.util.find_spec("ray") is not None:
        pytest.skip("ray is installed")
    answer = run_script("train", "-m", "hydra/launcher=ray", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == (
        "mlplab: hydra/launcher=ray: needs packages that are not installed: pip install 'mlplab[ray]'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_without_slurm_its_launcher_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
    answer = run_script("train", "-m", "hydra/launcher=submitit_slurm", "seed=1,2", cwd=tmp_path, PATH="/nowhere")
    assert answer.stderr.startswith("mlplab: hydra/launcher=submitit_slurm: no sbatch on this machine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("launcher", "message"),
    [
        ({"most": 0}, "hydra.launcher.most=0: must be an integer"),
        ({"at_once": -1}, "hydra.launcher.at_once=-1: must be an integer"),
        ({"threads": 1.5}, "hydra.launcher.threads=1.5: must be an integer"),
        ({"n_jobs": 0}, "hydra.launcher.n_jobs=0: must be an integer above 0, or -1 for one process per core"),
        ({"n_jobs": "two"}, "hydra.launcher.n_jobs=two: must be an integer above 0"),
    ],
)
def test_an_invalid_number_of_the_launcher_is_refused(launcher: dict[str, Any], message: str) -> None:
    choices = {"hydra/sweeper": "grid", "hydra/launcher": "mine"}
    hydra = {"launcher": launcher, "sweeper": {}, "runtime": {"choices": choices}}
    with pytest.raises(UserError, match=f"^{message}"):
        check_optional_packages(OmegaConf.create(hydra))


@pytest.mark.parametrize("launcher", [{"most": None}, {"at_once": 3}, {"n_jobs": -1}, {}])
def test_valid_numbers_of_the_launcher_are_accepted(launcher: dict[str, Any]) -> None:
    choices = {"hydra/sweeper": "grid", "hydra/launcher": "mine"}
    check_optional_packages(OmegaConf.create({"launcher": launcher, "sweeper": {}, "runtime": {"choices": choices}}))


def test_a_sweeper_of_another_package_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """It would launch jobs that nobody has validated."""
    choices = {"hydra/sweeper": "other"}
    config = OmegaConf.create({"hydra": {"sweeper": {"_target_": "other.Sweeper"}, "runtime": {"choices": choices}}})
    with pytest.raises(SystemExit):
        Preflight().on_multirun_start(config)
    printed = "mlplab: hydra/sweeper=other: unknown choice; choose grid, halving, random, tpe\n"
    assert capsys.readouterr().err == printed
