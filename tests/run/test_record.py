"""The row of a run in the table of compare."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

import mlplab
from mlplab.config.groups import FORMAT
from mlplab.run.record import read_record

DELETED = object()


def run(folder: Path, *overrides: str, **scores: float) -> Path:
    folder.mkdir(parents=True)
    config: Any = OmegaConf.to_container(mlplab.configure(*overrides))
    (folder / "config.yaml").write_text(yaml.safe_dump({"format": FORMAT, **config}))
    if scores:
        named = {name.replace("_", "/"): value for name, value in scores.items()}
        (folder / "scores.json").write_text(json.dumps({"epochs": 50, **named}))
    return folder


def edited(stored: dict[str, Any], keys: Sequence[str], value: Any) -> str:
    """Edits one key of a YAML or JSON file."""
    if not keys:
        return "" if value is DELETED else json.dumps(value)
    copy = json.loads(json.dumps(stored))
    inner = copy
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    if value is DELETED:
        del inner[keys[-1]]
    return json.dumps(copy)


def test_shown_values_are_plain(tmp_path: Path) -> None:
    shown = read_record(run(tmp_path / "run", "data=diabetes", "optimizer.lr=1", r2_val=float("nan"), loss_val=1))
    assert shown is not None
    assert (shown.data, shown.headline, shown.lr, shown.epochs) == ("diabetes", "r2", 1.0, "50")
    assert shown.scores == {"loss/val": 1.0}, "what is no number is no score"


def test_overrides_are_shown_as_they_are_typed(tmp_path: Path) -> None:
    overrides = (
        "optimizer=sgd",
        "optimizer.lr=1e8",
        "model.hidden_features=[8,4]",
        "callback=[early_stopping]",
        "seed=3",
    )
    shown = read_record(run(tmp_path / "run", "data=iris", *overrides))
    assert shown is not None
    found = [shown.overrides[key] for key in ("optimizer", "optimizer.lr", "model.hidden_features", "callback", "seed")]
    assert found == ["sgd", "1e+08", "[8,4]", "early_stopping", "3"]
    assert shown.overrides["optimizer.weight_decay"] == "0"
    assert not {"run_dir", "report.picture", "choice.data", "sweep.name", "debug"} & {*shown.overrides}
    assert (shown.failure, shown.report) == ("", {})


def test_a_failed_run_has_its_reason_in_one_line(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", "data=iris")
    (folder / "failure.txt").write_text("the loss became\n nan\n")
    shown = read_record(folder)
    assert shown is not None
    assert (shown.state, shown.failure) == ("failed", "the loss became nan")


LEFT_OUT = {
    "config.yaml": [
        ("optimizer", None, "config.yaml: optimizer.lr=null: must be a number"),
        ("optimizer.lr", "1e-3", "config.yaml: optimizer.lr=1e-3: must be a number"),
        ("choice.loss", DELETED, "config.yaml: choice.loss=null: must be a string"),
        ("choice.learner", "sorter", "config.yaml: choice.learner=sorter: must be one of classifier, binary_cl"),
        ("trainer.max_epochs", "abc", "config.yaml: trainer.max_epochs=abc: must be an integer"),
        ("data", [], "config.yaml: data=[]: must be a mapping"),
        ("data", {}, "config.yaml: data={}: must be a mapping"),
    ],
    "scores.json": [
        ("epochs", DELETED, "scores.json: epochs=null: must be an integer"),
        ("loss/val", "abc", "scores.json: loss/val=abc: must be a number"),
    ],
}


@pytest.mark.parametrize(
    ("name", "key", "value", "printed"), [(n, *row) for n, rows in LEFT_OUT.items() for row in rows]
)
def test_a_run_whose_files_lack_what_the_table_needs_is_left_out_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, key: str, value: Any, printed: str
) -> None:
    folder = run(tmp_path / "run", "data=iris", loss_val=0.1)
    path = folder / name
    path.write_text(edited(yaml.safe_load(path.read_text()), key.split("."), value))
    assert read_record(folder) is None
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"note: {folder} was left out; {printed}")


def test_an_ensemble_has_members_in_place_of_epochs(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", "data=iris", loss_val=1)
    assert getattr(read_record(folder), "members", None) == 0
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text().replace("ensemble: null", "ensemble: 5"))
    (folder / "scores.json").write_text(json.dumps({"ensemble": 5, "members": ["a"], "loss/val": 1}))
    shown = read_record(folder)
    assert shown is not None
    assert (shown.members, shown.epochs, shown.state) == (5, "ensemble of 5", "finished")


def test_data_in_folds_are_other_data_and_a_fold_other_rows_of_them(tmp_path: Path) -> None:
    single, folded = (
        read_record(run(tmp_path / "a", "data=iris")),
        read_record(run(tmp_path / "b", "data=iris", "data.folds=5")),
    )
    assert single is not None
    assert folded is not None
    assert (single.data, folded.data) == ("iris", "iris in 5 folds")
    assert {"fold", "folds"} & {*single.rows} == set()
    assert {*single.rows} ^ {*folded.rows} == {"fold", "val_fraction"}, "which has no part in folds"
