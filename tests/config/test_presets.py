"""The launchers of conf/ are those that are taken, without a word from Hydra about schemas."""

from pathlib import Path

import pytest

from tests.conftest import REPO, door

PRESETS = sorted(path.stem for path in (REPO / "conf" / "hydra" / "launcher").glob("*.yaml"))


@pytest.mark.parametrize("name", ["joblib", "submitit_local"])
def test_keys_of_ours_are_known_and_a_slip_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    pytest.importorskip(f"hydra_plugins.hydra_{name.partition('_')[0]}_launcher", reason="needs the extra of it")
    answer = door("train", "-m", f"hydra/launcher={name}", "hydra.launcher.wat=1", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("mlplab: hydra.launcher.wat: unknown key")
    assert len(answer.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_launcher_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    answer = door("train", "-m", "hydra/launcher=slurm", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("mlplab: hydra/launcher=slurm: unknown choice")
    assert all(name in answer.stderr for name in PRESETS)
