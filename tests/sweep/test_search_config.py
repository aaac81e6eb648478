"""A search is known to be good before its first job: docs/mistakes.md says what is printed."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from mlplab.sweep.search_config import _together
from tests.conftest import REPO, door

pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")

PAGE = (REPO / "docs" / "mistakes.md").read_text()
(PART,) = (part for part in PAGE.split("\n## ") if part.startswith("Search and successive halving"))
ROWS = re.findall(r"^\| `(.+?)` \| (.+) \|$", PART, re.MULTILINE)
MORE = [
    ("hydra/sweeper=mine seed=1,2", "hydra/sweeper=mine: unknown choice; choose grid, halving, random, tpe"),
    ("hydra/sweeper=tpe seed=1,2 hydra.sweeper.jobs=4", "hydra.sweeper.jobs: unknown key; see --help"),
    ("hydra/sweeper=tpe seed=1,2 epochs=3", "epochs: unknown key; did you mean trainer.max_epochs?"),
    ("hydra/sweeper=tpe seed=1,2 loss=bce", "loss=bce does not fit learner=classifier: choose ce, mse, mae"),
]


def test_as_many_are_chosen_together_as_the_launcher_runs_at_once() -> None:
    stacked = "hydra_plugins.mlplab.stacked_launcher.StackedLauncher"
    assert _together({"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}) == 1
    assert _together({"_target_": "Joblib", "n_jobs": 3}) == 3
    assert [_together({"_target_": stacked, "most": most}) for most in (None, 4, 64)] == [8, 4, 8]


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 12


@pytest.mark.parametrize(
    ("typed", "printed"),
    [*ROWS[:5], *(pytest.param(*row, marks=pytest.mark.slow) for row in (*ROWS[5:], *MORE))],
)
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_made(typed: str, printed: str, tmp_path: Path) -> None:
    if "slurm" in typed:
        pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
        if shutil.which("sbatch"):
            pytest.skip("said where there is no cluster")
    answer = door("train", "-m", *shlex.split(typed), cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == f"mlplab: {printed}\n"
    assert answer.stdout == ""
    assert list(tmp_path.iterdir()) == []
