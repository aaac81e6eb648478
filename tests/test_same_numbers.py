"""The numbers of three configurations are the stored ones, and the comparison of two runs finds a difference."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks.same_numbers import OWN_TREE, STORE, STORED, difference, measured

STORED_VALUES = json.loads(STORE.read_text())


def run_folder(run: Path) -> Path:
    (run / "checkpoints").mkdir(parents=True)
    (run / "scores.json").write_text(json.dumps({"best_epoch": 1, "loss/val": 0.5, "seconds": 1.0}))
    (run / "history.csv").write_text("epoch,seconds,loss/val\n0,0.1,0.75\n1,0.2,0.5\n")
    state = {"network.weight": torch.tensor([[1.0, float("nan")], [0.0, 2.0]]), "network.empty": torch.empty(0)}
    torch.save({"state_dict": state}, run / "checkpoints" / "best.ckpt")
    torch.save(
        {"state_dict": state, "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}}]},
        run / "checkpoints" / "last.ckpt",
    )
    return run


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda run: (run / file).write_text((run / file).read_text().replace(old, new)) and None


def negate_zero(run: Path) -> None:
    path = run / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["network.weight"][1, 0] *= -1
    torch.save(checkpoint, path)


def count_a_step_more(run: Path) -> None:
    path = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["optimizer_states"][0]["state"][0]["step"] += 1
    torch.save(checkpoint, path)


def remove_best(run: Path) -> None:
    (run / "checkpoints" / "best.ckpt").unlink()


DIFFERENCES = {
    "scores.json: loss/val: 0.5 != 0.5000000000000001": edit("scores.json", "0.5", "0.5000000000000001"),
    "scores.json: accuracy/val only in the working tree": edit("scores.json", "{", '{"accuracy/val": 1.0, '),
    "history.csv: row 1, loss/val: '0.5' != '0.50'": edit("history.csv", "0.5\n", "0.50\n"),
    "history.csv: row 1, epoch only in the commit": edit("history.csv", "1,0.2,0.5\n", ""),
    "best.ckpt: state_dict.network.weight[1, 0]: 0.0 != -0.0": negate_zero,
    "best.ckpt: state_dict.network.weight only in the commit": remove_best,
    "last.ckpt: optimizer_states.0.state.0.step: 3.0 != 4.0": count_a_step_more,
}


@pytest.mark.parametrize("place", DIFFERENCES)
def test_a_difference_of_two_runs_is_found_and_named(place: str, tmp_path: Path) -> None:
    there = run_folder(tmp_path / "there")
    here = shutil.copytree(there, tmp_path / "here")
    edit("scores.json", '"seconds": 1.0', '"seconds": 2.0')(here)
    edit("history.csv", "0,0.1,", "0,0.3,")(here)
    assert difference(there, here) == ""
    DIFFERENCES[place](here)
    assert difference(there, here) == place


def test_an_ignored_key_is_not_compared(tmp_path: Path) -> None:
    there = run_folder(tmp_path / "there")
    here = shutil.copytree(there, tmp_path / "here")
    edit("scores.json", "0.5", "0.6")(here)
    edit("history.csv", "0.75", "0.76")(here)
    assert difference(there, here, ["loss/val"]) == ""


def test_a_checkout_sees_no_module_of_the_installed_one(tmp_path: Path) -> None:
    for folder in ("src/mlplab", "src/hydra_plugins/own", "scripts"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src" / "mlplab" / "__init__.py").touch()
    script = "import importlib.util, hydra_plugins, mlplab\n"
    script += "print(importlib.util.find_spec('mlplab.scripts'), *hydra_plugins.__path__)\n"
    (tmp_path / "scripts" / "train.py").write_text(script)
    shown = subprocess.run([sys.executable, str(OWN_TREE), str(tmp_path)], capture_output=True, text=True, check=True)
    spec, *plugins = shown.stdout.split()
    assert spec == "None"
    assert [folder for folder in plugins if "site-packages" not in folder] == [str(tmp_path / "src" / "hydra_plugins")]


def test_a_module_from_elsewhere_is_an_error(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own / "src" / "mlplab", own / "scripts", other / "mlplab"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    script = f"import sys\nsys.path.insert(0, {str(other)!r})\nimport mlplab\n"
    (own / "scripts" / "train.py").write_text(script)
    shown = subprocess.run(
        [sys.executable, str(OWN_TREE), str(own)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert shown.returncode == 1
    assert f"{other / 'mlplab' / '__init__.py'} was loaded" in shown.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", STORED)
def test_a_fixed_seed_reproduces_the_stored_numbers(name: str) -> None:
    """After an intended change, `python benchmarks/same_numbers.py --store` writes the stored numbers again."""
    found, stored = measured(name), STORED_VALUES[name]
    assert found["scores"] == pytest.approx(stored["scores"], rel=1e-6)
    assert found["history"] == pytest.approx(stored["history"], rel=1e-6)
