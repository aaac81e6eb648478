"""Run folders of every format that the project has written are read, resumed and compared as current ones.

tests/run/stored/format_N holds what the last version of format N wrote (format 1 could not resume, sweep.json came with
format 4): `finished` on moons, `averaged` on sine with rmse, warmup_cosine and averaged weights, `stopped` by SIGTERM
within its third epoch, and a sweep of three jobs, stopped within its second.
"""

import importlib
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import mlplab
from mlplab.command.compare import compare
from mlplab.command.evaluate import evaluate
from mlplab.command.job import train_job
from mlplab.command.predict import predict
from mlplab.command.report import report
from mlplab.config.groups import FORMAT
from mlplab.errors import UserError
from mlplab.run.config_file import NEW_NAMES, read_config, upgrade_config
from mlplab.run.folder import run_state
from mlplab.run.load import read_checkpoint
from tests.run.test_resume import history, timeless
from tests.sweep.in_process import sweep

Train = Callable[..., tuple[Path, dict[str, Any]]]
STORED = Path(__file__).with_name("stored")
FORMATS = range(1, FORMAT)
SLOW = pytest.mark.slow
FINISHED = [
    pytest.param(version, name, marks=() if (version, name) in ((1, "averaged"), (FORMAT - 1, "finished")) else SLOW)
    for version in FORMATS
    for name in ("finished", "averaged")
]
TINY = ("model.hidden_features=[4]", "batch_size=60", "trainer.accelerator=cpu", "trainer.blocks=false")
STOPPED = (
    *("data=moons", *TINY, "model.dropout=0.2", "trainer.max_epochs=5", "scheduler=plateau"),
    *("callback=[weight_averaging,early_stopping]", "report.every_n_steps=4"),
)
SWEEP = ("data=xor", *TINY, "trainer.max_epochs=3", "report.picture=false")
ANY = {"accelerator": None, "allow": [], "overwrite": False}


def stored(version: int, name: str, folder: Path) -> Path:
    """A copy, because the commands write beside what they read."""
    return Path(shutil.copytree(STORED / f"format_{version}" / name, folder))


@pytest.mark.parametrize(("version", "name"), FINISHED)
def test_evaluate_predict_and_report_read_a_finished_run(tmp_path: Path, version: int, name: str) -> None:
    run = stored(version, name, tmp_path / "run")
    scores = json.loads((run / "scores.json").read_text())
    data = {"root": None, "path": None}
    measured = evaluate({**ANY, "run": str(run), "split": None, "all_rows": False, "data": data, "output": None})
    precision = {"rel": 1e-6} if version == 1 else {"abs": 0}  # format 1 had precision, recall and F1 in float32
    assert measured == pytest.approx({key: scores[key] for key in measured}, **precision)
    np.save(tmp_path / "rows.npy", np.zeros((3, 2 if name == "finished" else 1)))
    options = {"run": str(run), "allow": [], "input": str(tmp_path / "rows.npy"), "output": str(tmp_path / "rows.csv")}
    predict({**options, "gaps": "refuse", "invert": None, "overwrite": False, "separator": None})
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 1 + 3
    page = report({**ANY, "run": str(run), "data": data, "split": None, "slice": "none", "output": None})
    assert str(scores["best_epoch"]) in page.read_text(encoding="utf-8")


def test_compare_shows_runs_of_all_formats_as_one_configuration(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys that later formats renamed or added separate no two runs."""
    for version in FORMATS:
        stored(version, "averaged", tmp_path / f"format_{version}")
    today = ("data=sine", "loss=rmse", "scheduler=warmup_cosine", "callback=weight_averaging", TINY[0])
    train(*today, "trainer.max_epochs=2")
    options = {"sweep": None, "limit": 0, "sort": None, "show_test": False, "picture": False, "output": None}
    compare({**options, "runs": f"{tmp_path}/**", "only": {"data": None, "model": None}})
    text = capsys.readouterr().out
    assert "left out" not in text
    assert f"over {len(FORMATS) + 1} seeds" in text


@pytest.mark.parametrize("version", [2, 3, *(pytest.param(version, marks=SLOW) for version in FORMATS[3:])])
def test_a_stopped_run_resumes_to_the_history_of_a_current_run(train: Train, tmp_path: Path, version: int) -> None:
    path = () if version == 2 else ("report.trajectory=true",)
    whole, known = train(*STOPPED, *path)
    run = stored(version, "stopped", tmp_path / "run")
    assert timeless(mlplab.resume(run)) == timeless(known)
    assert history(run) == history(whole)
    assert yaml.safe_load((run / "config.yaml").read_text())["format"] == FORMAT
    for name in ("best", "last"):
        checkpoint = read_checkpoint(run / "checkpoints" / f"{name}.ckpt")
        assert checkpoint["hyper_parameters"]["format"] == FORMAT
    if path:
        ours, theirs = np.load(run / "trajectory.npz"), np.load(whole / "trajectory.npz")
        assert all(np.array_equal(ours[key], theirs[key]) for key in ("epochs", "weights"))


def test_a_checkpoint_of_format_1_cannot_be_resumed(tmp_path: Path) -> None:
    run = stored(1, "finished", tmp_path / "run")
    (run / "scores.json").unlink()
    (run / "checkpoints" / "best.ckpt").rename(run / "checkpoints" / "last.ckpt")
    with pytest.raises(UserError, match="holds weights only; a run cannot be resumed from them"):
        mlplab.resume(run)


@SLOW
@pytest.mark.parametrize(("version", "launcher"), [(4, "basic"), (5, "basic"), (5, "stacked")])
def test_a_stopped_sweep_resumes_to_its_end(train: Train, sweep_folder: Path, version: int, launcher: str) -> None:
    folder = stored(version, "sweep", sweep_folder.with_name("grid"))
    finished = {path: path.read_bytes() for path in (folder / "0_seed=0").iterdir()}
    _, _, flag, *overrides = shlex.split(json.loads((folder / "sweep.json").read_text())["command"])
    assert flag in ("-m", "--multirun")
    sweep(train_job, *overrides, f"hydra/launcher={launcher}")
    assert [run_state(folder / f"{seed}_seed={seed}") for seed in range(3)] == ["finished"] * 3
    assert finished == {path: path.read_bytes() for path in (folder / "0_seed=0").iterdir()}
    assert json.loads((folder / "sweep.json").read_text())["format"] == FORMAT
    for seed in (1, 2):
        whole, _ = train(*SWEEP, f"seed={seed}")
        assert history(folder / f"{seed}_seed={seed}") == history(whole)


def test_every_new_name_of_a_class_exists() -> None:
    for name in filter(lambda name: "." in name, NEW_NAMES.values()):
        module, _, own = name.rpartition(".")
        assert isinstance(getattr(importlib.import_module(module), own), type)


def test_names_of_the_user_and_of_other_keys_are_left_as_they_are(tmp_path: Path) -> None:
    config = read_config(stored(5, "finished", tmp_path / "run"))
    plain = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    old = plain["data"]["_target_"]
    upgraded = upgrade_config({**plain, "allow": [old], "monitor": old}, 5, "config.yaml")
    assert (upgraded["data"]["_target_"], config.data._target_) == ("mlplab.data.synthetic.Moons",) * 2
    assert (upgraded["allow"], upgraded["monitor"]) == ([old], old)
