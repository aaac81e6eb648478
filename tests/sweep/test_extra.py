"""What is not installed is told in one line, with the command that installs it, before anything is made."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from mlplab.errors import UserError
from mlplab.sweep.preflight import OPTIONAL_PACKAGES, check_optional_packages
from tests.conftest import door


@pytest.mark.parametrize("target", OPTIONAL_PACKAGES)
def test_an_extra_that_is_absent_is_named(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr("mlplab.sweep.preflight.find_spec", nothing)
    group = "sweeper" if target.endswith("Search") else "launcher"
    other = "launcher" if group == "sweeper" else "sweeper"
    choices = {"hydra/sweeper": "tpe", "hydra/launcher": "mine"}
    hydra = {group: {"_target_": f"{target}X"}, other: {"_target_": "hydra._internal"}, "runtime": {"choices": choices}}
    extra = OPTIONAL_PACKAGES[target][1]
    said = rf"hydra/{group}={choices[f'hydra/{group}']}: needs packages .* pip install 'mlplab\[{extra}\]'"
    with pytest.raises(UserError, match=said):
        check_optional_packages(OmegaConf.create({"hydra": hydra}))


def test_without_ray_its_launcher_is_refused_in_one_line(tmp_path: Path) -> None:
    if importlib.util.find_spec("ray") is not None:
        pytest.skip("ray is installed")
    answer = door("train", "-m", "hydra/launcher=ray", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == (
        "mlplab: hydra/launcher=ray: needs packages that are not installed: pip install 'mlplab[ray]'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_without_a_cluster_slurm_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
    answer = door("train", "-m", "hydra/launcher=submitit_slurm", "seed=1,2", cwd=tmp_path, PATH="/nowhere")
    assert answer.stderr.startswith("mlplab: hydra/launcher=submitit_slurm: there is no sbatch on this machine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"most": 0}, "hydra.launcher.most=0: must be an integer"),
        ({"at_once": -1}, "hydra.launcher.at_once=-1: must be an integer"),
        ({"threads": 1.5}, "hydra.launcher.threads=1.5: must be an integer"),
        ({"n_jobs": 0}, "hydra.launcher.n_jobs=0: must be a whole number above 0, or -1 for a process a core"),
        ({"n_jobs": "two"}, "hydra.launcher.n_jobs=two: must be a whole number above 0"),
    ],
)
def test_a_number_that_is_none_is_told_before_anything_is_launched(words: dict[str, Any], said: str) -> None:
    choices = {"hydra/sweeper": "grid", "hydra/launcher": "mine"}
    hydra = {"launcher": words, "sweeper": {}, "runtime": {"choices": choices}}
    with pytest.raises(UserError, match=f"^{said}"):
        check_optional_packages(OmegaConf.create({"hydra": hydra}))


@pytest.mark.parametrize("words", [{"most": None}, {"at_once": 3}, {"n_jobs": -1}, {}])
def test_numbers_that_are_right_pass(words: dict[str, Any]) -> None:
    choices = {"hydra/sweeper": "grid", "hydra/launcher": "mine"}
    check_optional_packages(
        OmegaConf.create({"hydra": {"launcher": words, "sweeper": {}, "runtime": {"choices": choices}}})
    )
