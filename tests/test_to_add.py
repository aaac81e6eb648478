"""CONTRIBUTING.md: its tree is the packages' own first lines, and parts added as it says are trained."""

import ast
import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

CONTRIBUTING = (REPO / "CONTRIBUTING.md").read_text()
PACKAGES = REPO / "src" / "mlplab"
# what CONTRIBUTING.md asks for: the files of each part, and the lines that are added to others
FILES = {
    "src/mlplab/data/rings.py": """
import numpy as np

from mlplab.data.dataset import Dataset
from mlplab.data.splits import RawData


class Rings(Dataset):
    def read(self):
        x = np.random.default_rng(0).normal(size=(200, 2))
        return RawData(x, (np.hypot(*x.T) > 1.2).astype(int), ("x", "y"))
""",
    "conf/data/rings.yaml": "defaults: [base, _self_]\n_target_: mlplab.data.rings.Rings\n",
    "src/mlplab/model/wide.py": """
from torch import nn

from mlplab.model.network import Network


class Sine(nn.Module):
    def forward(self, x):
        return x.sin()


class Wide(Network):
    def __init__(self, in_features, out_features, width):
        body = nn.Sequential(nn.Linear(in_features, width), Sine(), nn.Linear(width, out_features))
        super().__init__(in_features, body, "linear", True)
""",
    "conf/model/wide.yaml": "_target_: mlplab.model.wide.Wide\nwidth: 16\n",
    "conf/loss/multi_margin.yaml": "_target_: torch.nn.MultiMarginLoss\nmargin: 1.0\n",
    "conf/optimizer/asgd.yaml": "_target_: torch.optim.ASGD\n_partial_: true\nlr: 0.1\n",
}
EDITS = {
    "src/mlplab/config/schema.py": [
        ('"classifier": ("ce",', '"classifier": ("ce", "multi_margin",'),
        ('"classifier": CLASS_METRICS', '"classifier": {**CLASS_METRICS, "balanced_accuracy": "max"}'),
    ],
    "src/mlplab/learner/metrics.py": [
        (
            'return {"accuracy": _accuracy(matrix), **averages}',
            'return {"accuracy": _accuracy(matrix), "balanced_accuracy": averages["recall"], **averages}',
        ),
    ],
}
ADDED = {
    "dataset": ("data=rings", "loss=ce"),
    "model": ("data=iris", "model=wide", "model.width=8"),
    "loss": ("data=iris", "loss=multi_margin"),
    "optimizer": ("data=iris", "optimizer=asgd"),
    "metric": ("data=iris", "monitor=balanced_accuracy/val"),
}
SHORT = ("trainer.max_epochs=3", "report.picture=false")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with one part of each kind added."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("src", "conf", "scripts"):
        shutil.copytree(REPO / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        assert not (copy / name).exists()
        (copy / name).write_text(text)
    for name, edits in EDITS.items():
        text = (copy / name).read_text()
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (copy / name).write_text(text)
    return copy


def train(project: Path, *arguments: str) -> str:
    """Run scripts/train.py of the copy, with its own modules only."""
    command = [sys.executable, str(REPO / "benchmarks" / "own_tree.py"), str(project), *arguments, *SHORT]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def test_the_tree_is_the_first_line_of_each_package_in_the_order_of_imports() -> None:
    tree = dict(re.findall(r"^  (\w+(?:/|\.py)) +(.+)$", CONTRIBUTING, re.MULTILINE))
    files = {f"{name}.py": PACKAGES / f"{name}.py" for name in ("errors", "files", "signals")}
    packages = {f"{path.parent.name}/": path for path in PACKAGES.glob("*/__init__.py")}
    assert tree == {name: first_line(path) for name, path in (files | packages).items()}


def test_the_tree_has_the_order_of_imports() -> None:
    from tests.test_architecture import RANK

    named = re.findall(r"^  (\w+)(?:/|\.py) ", CONTRIBUTING, re.MULTILINE)
    assert named == [name for name in RANK if name in named]


def test_the_path_from_the_command_line_to_the_loss_exists_and_is_short() -> None:
    (walk,) = re.findall(r"^From the command line.*?\n\n", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    steps = re.findall(r"`((?:scripts/)?\w+/?\w*\.py)`", walk)
    assert 5 <= len(steps) <= 15
    assert all((REPO / step).exists() or (PACKAGES / step).exists() for step in steps)


@pytest.mark.slow
@pytest.mark.parametrize("part", ADDED)
def test_a_part_added_as_contributing_says_is_trained(part: str, project: Path) -> None:
    train(project, *ADDED[part], f"run_dir={part}")
    with (project / part / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["loss/train"]) < float(rows[0]["loss/train"])
    if part == "metric":
        scores = json.loads((project / part / "scores.json").read_text())
        assert scores["balanced_accuracy/test"] == scores["recall/test"]
        best = max(rows[1:], key=lambda row: float(row["balanced_accuracy/val"]))
        assert scores["best_epoch"] == int(best["epoch"])


@pytest.mark.slow
@pytest.mark.parametrize("part", ["model", "optimizer"])
def test_a_stacked_sweep_trains_such_a_part_singly_and_says_so_in_one_line(part: str, project: Path) -> None:
    printed = train(project, "-m", "hydra/launcher=stacked", "seed=0,1", f"sweep.name={part}", *ADDED[part])
    assert len([line for line in printed.splitlines() if "singly: #0, #1 (" in line]) == 1, printed
    assert len(list(project.glob(f"outputs/sweeps/{part}/*/scores.json"))) == 2
