"""An ensemble is a run for every command, and predicts the mean of its members' predictions."""

import csv
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

import mlplab
from mlplab.command.predict import predict
from mlplab.data.splits import Split
from mlplab.errors import UserError
from mlplab.run import ensemble
from mlplab.run.build import build_splits
from mlplab.run.config_file import read_config
from mlplab.run.ensemble import build_ensemble, build_ensembles
from mlplab.run.predictor import reopen
from tests.command.test_evaluate import options
from tests.command.test_predict import options as asked_of_predict
from tests.conftest import run_script

SMALL = ("model.hidden_features=[8]", "trainer.max_epochs=4", "report.picture=false", "trainer.accelerator=cpu")
Made = tuple[Path, list[Path]]


def trained(folder: Path, *overrides: str) -> Path:
    mlplab.train(mlplab.configure(*SMALL, *overrides, f"run_dir='{folder}'"))
    return folder


@pytest.fixture(
    scope="module",
    params=["breast_cancer", *(pytest.param(name, marks=pytest.mark.slow) for name in ("iris", "diabetes"))],
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The ensemble's folder, and those of its members."""
    sweep = tmp_path_factory.mktemp("sweeps") / "one"
    members = [trained(sweep / f"{seed}_seed={seed}", f"data={request.param}", f"seed={seed}") for seed in range(3)]
    build_ensemble(sweep / "ensemble", members)
    return sweep / "ensemble", members


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    sweep = tmp_path_factory.mktemp("sweeps") / "iris"
    return [trained(sweep / f"{seed}_seed={seed}", "data=iris", f"seed={seed}") for seed in range(2)]


def scores_of(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "scores.json").read_text()))


opened = lru_cache(reopen)


def mean_of(members: list[Path], part: Split) -> np.ndarray:
    return np.mean([opened(run).predict(part.features.numpy()).astype(np.float64) for run in members], axis=0)


def test_it_predicts_the_mean_of_what_its_members_predict(made: Made) -> None:
    folder, members = made
    rows = build_splits(read_config(folder)).test
    predicted = reopen(folder).predict(rows.features.numpy())
    assert predicted == pytest.approx(mean_of(members, rows), rel=1e-6, abs=1e-6)
    alone = reopen(folder / "checkpoints" / "best.ckpt").predict(rows.features.numpy())
    assert (alone == predicted).all()


def test_its_scores_are_those_of_the_mean_of_predictions(made: Made) -> None:
    folder, members = made
    scores, splits = scores_of(folder), build_splits(read_config(folder))
    for split, part in (("train", splits.measured), ("val", splits.val), ("test", splits.test)):
        mean, target = mean_of(members, part), part.target.numpy()
        if splits.class_names:
            loss = -np.log(mean[np.arange(len(target)), target]).mean()
            expected = {"loss": loss, "accuracy": accuracy_score(target, mean.argmax(axis=1))}
        else:
            scale = reopen(folder).learner.factor.item()
            expected = {"loss": float(np.mean((mean - target) ** 2)) / scale**2, "r2": r2_score(target, mean)}
            expected["mae"] = mean_absolute_error(target, mean)
        assert {name: scores[f"{name}/{split}"] for name in expected} == pytest.approx(expected, rel=1e-4)
        assert scores[f"loss/{split}"] <= np.mean([scores_of(run)[f"loss/{split}"] for run in members])


def test_its_scores_have_the_names_of_a_runs_except_those_of_training(made: Made) -> None:
    folder, members = made
    scores, alone = scores_of(folder), scores_of(members[0])
    of_training = {"epochs", "best_epoch", "seconds", "samples_per_second", "seed", "verdict", "verdict_text"}
    assert scores.keys() == (alone.keys() - of_training) | {"ensemble", "members"}
    assert (scores["ensemble"], scores["members"]) == (3, ["0_seed=0", "1_seed=1", "2_seed=2"])
    same = {name for name in alone if name.startswith("baseline/")} | {"train_rows", "val_rows", "device", "torch"}
    assert {name: scores[name] for name in same} == {name: alone[name] for name in same}
    assert scores["parameters"] == 3 * alone["parameters"]
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "checkpoints/best.ckpt",
        "config.yaml",
        "scores.json",
    ]


def test_evaluate_gives_its_scores_to_the_last_digit(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlplab.command.evaluate import evaluate

    scores = scores_of(made[0])
    for split in ("train", "val", "test"):
        measured = evaluate(options(made[0], split=split, output=str(tmp_path / split)))
        assert measured == {name: scores[name] for name in scores if name.endswith(f"/{split}")}
    printed = capsys.readouterr().out
    assert "the same" in printed
    assert "None" not in printed
    assert "3 x mlp on" in printed


def test_predict_writes_its_predictions(made: Made, tmp_path: Path) -> None:
    folder, members = made
    part = build_splits(read_config(folder)).test.first(5)
    np.save(tmp_path / "rows.npy", part.features.numpy())
    written = predict(asked_of_predict(folder, tmp_path / "rows.npy", tmp_path / "out.csv"))
    mean = mean_of(members, part)
    with open(written, newline="") as file:
        rows = [[float(cell) for cell in row[-mean.shape[1] :]] for row in list(csv.reader(file))[1:]]
    assert np.array(rows) == pytest.approx(mean, rel=1e-6, abs=1e-6)


def test_built_again_it_is_the_same_and_its_files_are_complete(iris: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "ensemble"
    assert build_ensemble(folder, iris) == scores_of(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "mine.txt").write_text("mine")
    build_ensemble(folder, iris)
    assert before == {path: path.read_bytes() for path in before}
    assert (folder / "mine.txt").exists()


def test_it_is_no_run_with_scores_until_its_weights_are_written(
    iris: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    folder = tmp_path / "ensemble"
    build_ensemble(folder, iris)
    monkeypatch.setattr(ensemble.files, "write", full)
    assert build_ensembles({folder: iris}) == {folder: "No space left on device"}
    assert not (folder / "scores.json").exists()


def with_key(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    stored = torch.load(path, weights_only=True)
    edit(stored)
    torch.save(stored, path)


@pytest.mark.parametrize(
    ("edit", "printed"),
    [
        (
            lambda stored: stored["hyper_parameters"]["config"]["optimizer"].update(lr=0.5),
            r"optimizer\.lr=0\.5, but 0\.001",
        ),
        (lambda stored: stored["hyper_parameters"].update(data_digest="ab"), "was trained on other rows than"),
        (lambda stored: stored["state_dict"].update(shift=torch.tensor([7.0])), "has another shift than"),
        (
            lambda stored: stored["state_dict"].update({"network.body.0.bias": torch.full((8,), torch.nan)}),
            "no numbers",
        ),
    ],
)
def test_runs_that_have_no_common_mean_are_refused_and_nothing_is_written(
    tmp_path: Path, edit: Callable[[dict[str, Any]], Any], printed: str
) -> None:
    members = [trained(tmp_path / f"{seed}", "data=diabetes", f"seed={seed}") for seed in range(2)]
    with_key(members[1] / "checkpoints" / "best.ckpt", edit)
    with pytest.raises(UserError, match=printed) as error:
        build_ensemble(tmp_path / "ensemble", members)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "ensemble").exists()


def test_an_ensemble_that_cannot_be_built_stops_no_other_and_data_are_read_once(
    iris: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    monkeypatch.setattr(ensemble, "build_splits", lambda config: read.append(config) or build_splits(config))
    groups = {tmp_path / "a": iris, tmp_path / "b": [iris[0], tmp_path], tmp_path / "c": iris}
    (reason,) = build_ensembles(groups).items()
    assert reason == (
        tmp_path / "b",
        f"run {tmp_path} has no checkpoint best.ckpt: it ended before its first epoch did",
    )
    assert len(read) == 1
    assert [path.parent.name for path in sorted(tmp_path.glob("*/scores.json"))] == ["a", "c"]


def test_changed_data_are_refused(iris: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = build_splits(mlplab.configure("data=iris", "data.split_seed=1"))
    monkeypatch.setattr(ensemble, "build_splits", lambda _: other)
    with pytest.raises(UserError, match="the data have changed since its members were trained"):
        build_ensemble(tmp_path / "ensemble", iris)


def test_an_ensemble_is_not_trained(iris: list[Path], tmp_path: Path) -> None:
    build_ensemble(tmp_path / "ensemble", iris)
    config = read_config(tmp_path / "ensemble")
    config.run_dir = str(tmp_path / "again")
    with pytest.raises(UserError, match="ensemble=2: is for the command line of a sweep"):
        mlplab.train(config)
    assert not (tmp_path / "again").exists()


@pytest.mark.slow
def test_a_stacked_sweep_builds_an_ensemble_per_configuration_and_grows(tmp_path: Path) -> None:
    overrides = ("-m", "data=iris", *SMALL, "optimizer.lr=0.1,0.01", "sweep.name=e", "hydra/launcher=stacked")
    first = run_script("train", *overrides, "ensemble=3", cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    assert "stacked: 6 of 6 jobs" in first.stdout
    sweep = tmp_path / "outputs" / "sweeps" / "e"
    names = ["ensemble_optimizer.lr=0.01", "ensemble_optimizer.lr=0.1"]
    assert sorted(path.parent.name for path in sweep.glob("ensemble*/scores.json")) == names
    for name in names:
        members = [sweep / member for member in scores_of(sweep / name)["members"]]
        assert [read_config(run).seed for run in members] == [0, 1, 2]
        assert {read_config(run).optimizer.lr for run in members} == {read_config(sweep / name).optimizer.lr}
        rows = build_splits(read_config(sweep / name)).val
        predicted = reopen(sweep / name).predict(rows.features.numpy())
        assert predicted == pytest.approx(mean_of(members, rows), rel=1e-6, abs=1e-6)
    table = first.stdout[first.stdout.index("ensembles: the mean of the members' predictions") :]
    again = run_script("compare", "sweep=e", "picture=false", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert table[: table.index("\ntable  ")] in again.stdout
    assert "best ensemble: lr 0.1, with loss/val" in table
    assert table.count("accuracy/test") == 1
    with open(sweep / "sweep.csv") as file:
        rows_of_table = list(csv.DictReader(file))
    assert [row["job"] for row in rows_of_table[6:]] == names[::-1]
    assert [row["verdict"] for row in rows_of_table[6:]] == ["ensemble of 3"] * 2

    grown = run_script("train", *overrides, "ensemble=4", "sweep.resume=true", cwd=tmp_path)
    assert (grown.returncode, grown.stderr) == (0, "")
    assert "8 jobs -> outputs/sweeps/e, 2 of them new" in grown.stdout
    assert {scores_of(sweep / name)["ensemble"] for name in names} == {4}
    (sweep / "6_optimizer.lr=0.1,seed=3" / "scores.json").unlink()
    (sweep / "6_optimizer.lr=0.1,seed=3" / "failure.txt").write_text("lost")
    failed = run_script("train", *overrides, "ensemble=4", "sweep.resume=true", cwd=tmp_path)
    assert failed.returncode == 1
    printed = "mlplab: ensemble_optimizer.lr=0.1 was not built: 1 of its 4 members did not finish (job 6)\n"
    assert failed.stderr == printed
