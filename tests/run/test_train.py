"""Training writes a run folder according to docs/contracts.md."""

import csv
import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mlplab
from mlplab.analysis.verdict import RULES
from mlplab.command.evaluate import evaluate
from mlplab.config.groups import FORMAT
from mlplab.config.tree import to_plain
from mlplab.errors import UserError
from mlplab.report import curves
from mlplab.run.build import build
from mlplab.run.train import count_parameters, describe_run, hparams_row
from mlplab.run.train import train as train_function

Train = Callable[..., tuple[Path, dict[str, Any]]]
FAST = ("data=iris", "trainer.max_epochs=3", "model.hidden_features=[8]")
TIMES = ("seconds", "samples_per_second")


def history(folder: Path) -> list[dict[str, float]]:
    with open(folder / "history.csv") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def timeless(scores: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in scores.items() if name not in TIMES}


def csv_data(folder: Path, header: str, rows: list[str], task: str = "regression") -> tuple[str, ...]:
    """Writes a table whose last column is the target; returns the overrides that read it."""
    path = folder / "table.csv"
    path.write_text("\n".join([header, *rows]))
    return "data=csv", f"data.path={path}", f"data.target={header.rpartition(',')[2]}", f"data.task={task}"


def test_mlplab_train_is_the_function_of_run() -> None:
    assert mlplab.train is train_function


def test_history_scores_and_tensorboard_hold_the_same_numbers(train: Train) -> None:
    folder, scores = train(*FAST)
    rows = history(folder)
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert [row["step"] for row in rows] == [0, 3, 6, 9]
    best = min(rows[1:], key=lambda row: row["loss/val"])
    assert scores["best_epoch"] == best["epoch"]
    for name in ("loss/train", "loss/val", "accuracy/train", "f1/val"):
        assert scores[name] == best[name]
        tag, split = name.split("/")
        points = EventAccumulator(str(folder / "tensorboard" / split)).Reload().Scalars(tag)
        assert [point.step for point in points] == [0, 1, 2, 3]
        assert [point.value for point in points] == pytest.approx([row[name] for row in rows], rel=1e-6)
    (test_point,) = EventAccumulator(str(folder / "tensorboard" / "test")).Reload().Scalars("loss")
    assert (test_point.step, test_point.value) == (scores["best_epoch"], pytest.approx(scores["loss/test"]))
    assert json.loads((folder / "scores.json").read_text()) == scores


def test_scores_json_has_the_keys_of_the_contract(train: Train) -> None:
    _, scores = train(*FAST, "seed=3")
    assert scores["epochs"] == 3
    assert scores["seed"] == 3
    assert scores["parameters"] == 4 * 8 + 8 + 8 * 3 + 3
    assert (scores["train_rows"], scores["train_rows_measured"], scores["val_rows"]) == (90, 30, 30)
    assert scores["device"] in ("cpu", "cuda", "mps")
    assert scores["verdict"] in RULES
    assert scores["verdict_text"].endswith(".")
    assert scores["torch"] == torch.__version__
    assert scores["baseline/accuracy"] == pytest.approx(1 / 3)
    assert scores["baseline/loss"] == pytest.approx(math.log(3), abs=1e-3)


def test_the_stored_configuration_is_resolved_and_trains_again_to_the_same_scores(train: Train, tmp_path: Path) -> None:
    folder, scores = train(*FAST, "model.dropout=0.3")
    stored = yaml.safe_load((folder / "config.yaml").read_text())
    assert stored.pop("format") == FORMAT
    assert "${" not in (folder / "config.yaml").read_text()
    from omegaconf import OmegaConf

    again = mlplab.train(OmegaConf.create({**stored, "run_dir": str(tmp_path / "again")}))
    assert timeless(again) == timeless(scores)


def test_checkpoints_hold_plain_containers_and_tensors_and_the_best_epoch(train: Train) -> None:
    folder, scores = train("data=digits", "trainer.max_epochs=8", "optimizer.lr=0.01", "model.hidden_features=[64]")
    best = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert best["epoch"] + 1 == scores["best_epoch"]
    assert last["epoch"] + 1 == 8
    metadata = best["hyper_parameters"]
    assert metadata["class_names"] == [str(digit) for digit in range(10)]
    assert metadata["config"]["choice"]["data"] == "digits"
    assert "network.scale.shift" in best["state_dict"]


def test_the_same_seed_gives_the_same_history_and_scores_bit_for_bit(train: Train) -> None:
    noisy = ("data=iris", "trainer.max_epochs=4", "model.dropout=0.5", "data.label_noise=0.1")
    (one, first), (two, second), (_, other) = train(*noisy), train(*noisy), train(*noisy, "seed=1")
    assert timeless(first) == timeless(second)
    assert timeless(other) != timeless(first)
    for left, right in zip(history(one), history(two), strict=True):
        assert timeless(left) == timeless(right)


def test_a_sweep_over_seeds_compares_models_not_splits() -> None:
    from mlplab.run.build import build_splits

    first, second, third = (
        build_splits(mlplab.configure("data=iris", *extra)) for extra in ([], ["seed=5"], ["data.split_seed=5"])
    )
    assert torch.equal(first.train.features, second.train.features)
    assert not torch.equal(first.train.features, third.train.features)


def test_poisoned_test_rows_change_nothing_but_the_test_scores(train: Train, tmp_path: Path) -> None:
    """The tables differ in the rows of the test split only."""
    from mlplab.run.build import build_splits

    rows = [[f"{x * 0.1:.1f}", f"{(x * 7) % 11}", f"{x * 2}"] for x in range(60)]
    header = "a,b,y"
    plain, poisoned = tmp_path / "plain.csv", tmp_path / "poisoned.csv"
    plain.write_text("\n".join([header, *(",".join(row) for row in rows)]))
    options = ("data=csv", "data.target=y", "data.task=regression", "trainer.max_epochs=2", "model.hidden_features=[8]")
    splits = build_splits(mlplab.configure(f"data.path={plain}", *options))
    tested = {round(float(value)) for value in splits.test.target[:, 0]}
    bad = [["9999", "-9999", "123456"] if int(row[2]) in tested else row for row in rows]
    poisoned.write_text("\n".join([header, *(",".join(row) for row in bad)]))
    (one, first), (two, second) = (train(f"data.path={path}", *options) for path in (plain, poisoned))
    assert [timeless(row) for row in history(one)] == [timeless(row) for row in history(two)]
    assert first["loss/test"] != second["loss/test"]
    weights = [torch.load(run / "checkpoints/best.ckpt", weights_only=True)["state_dict"] for run in (one, two)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_regression_scores_are_in_the_unit_of_the_target_and_equal_scikit_learns(train: Train) -> None:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    from mlplab.run.build import build_learner, build_splits

    overrides = ("data=diabetes", "trainer.max_epochs=3")
    folder, scores = train(*overrides)
    config = mlplab.configure(*overrides)
    splits = build_splits(config)
    learner = build_learner(config, splits)
    learner.load_state_dict(torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["state_dict"])
    with torch.no_grad():
        predictions = learner.eval()(splits.test.features).numpy()
    truth = splits.test.target.numpy()
    assert 25 <= truth.min() < truth.max() <= 346  # the unit of diabetes, not a scaled one
    assert scores["r2/test"] == pytest.approx(r2_score(truth, predictions), rel=1e-5)
    assert scores["mae/test"] == pytest.approx(mean_absolute_error(truth, predictions), rel=1e-5)
    assert scores["rmse/test"] == pytest.approx(root_mean_squared_error(truth, predictions), rel=1e-5)


def test_early_stopping_ends_early_and_scores_come_from_the_best_epoch(train: Train) -> None:
    early = ("callback=early_stopping", "callback.early_stopping.patience=2", "optimizer.lr=0.03")
    folder, scores = train("data=digits", "data.num_train=100", "trainer.max_epochs=60", *early)
    assert scores["epochs"] < 60
    assert scores["epochs"] == scores["best_epoch"] + 2
    assert scores["loss/val"] == min(row["loss/val"] for row in history(folder)[1:])


def test_with_weight_averaging_curves_and_checkpoint_use_the_averaged_weights(train: Train) -> None:
    """The average starts at the first update; with a decay near 1 it stays there while the weights move."""
    frozen = ("callback=weight_averaging", "callback.weight_averaging.decay=0.999999", "trainer.max_epochs=3")
    folder, _ = train("data=iris", "optimizer=sgd", *frozen)
    losses = [row["loss/val"] for row in history(folder)]
    assert losses[0] > 1.01 * losses[1]
    assert losses[1:] == pytest.approx([losses[1]] * 3, rel=1e-4)


def test_the_log_describes_the_run_and_its_result(train: Train, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="mlplab"):
        folder, scores = train(*FAST)
    logged = caplog.text
    assert "iris: 150 rows, 4 features, 3 classes; train 90, val 30, test 30 (random split)" in logged
    assert "mlp, relu: 4-8-3, 67 parameters" in logged
    assert "baseline: majority class" in logged
    assert f"at best epoch {scores['best_epoch']}" in logged
    assert f"tensorboard --logdir {folder.parent}" in logged
    assert logged.count("samples/s") == 3


def test_the_verdict_is_in_the_log_the_picture_and_tensorboard(
    train: Train, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = []
    monkeypatch.setattr(curves, "draw_curves", lambda *given: captions.append(given[4]))
    with caplog.at_level(logging.INFO, logger="mlplab"):
        folder, scores = train("data=digits", "trainer.max_epochs=2", "report.picture=true")
    assert scores["verdict"] == "still_improving"
    text = scores["verdict_text"]
    assert text.startswith("still improving: validation loss fell from ")
    assert f"verdict   {text}" in caplog.text
    assert captions == [text]
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    (point,) = events.Tensors("verdict/text_summary")
    assert (point.step, point.tensor_proto.string_val[0].decode()) == (2, text)


def test_curves_png_is_written_with_report_picture(train: Train) -> None:
    folder, _ = train(*FAST, "report.picture=true")
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_running_tags_are_logged_by_step(train: Train) -> None:
    folder, _ = train("data=iris", "trainer.max_epochs=4", "report.every_n_steps=3")
    root = EventAccumulator(str(folder / "tensorboard")).Reload()
    for tag in ("running/loss", "running/lr", "running/gradient_norm"):
        assert [point.step for point in root.Scalars(tag)] == [3, 6, 9, 12]


def test_a_run_folder_is_not_overwritten(train: Train) -> None:
    folder, _ = train(*FAST)
    with pytest.raises(UserError, match="holds a run already"):
        mlplab.train(mlplab.configure(*FAST, f"run_dir={folder}"))


def test_a_checkpoint_stores_how_the_columns_of_a_table_were_encoded(train: Train, tmp_path: Path) -> None:
    rows = [f"{x},{'red' if x % 2 else 'blue'},{x}" for x in range(30)]
    table = csv_data(tmp_path, "size,colour,price", rows)
    folder, _ = train(*table, "trainer.max_epochs=1")
    size, colour = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["hyper_parameters"]["columns"]
    assert size["name"] == "size"
    assert 5 < size["median"] < 25
    assert colour == {"name": "colour", "categories": ["blue", "red"]}


def test_a_note_names_text_columns_that_differ_in_most_rows(
    train: Train, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{x},person {x},{f'C{x}' if x % 5 == 0 else ''},{'red' if x % 2 else 'blue'},{x}" for x in range(50)]
    table = csv_data(tmp_path, "size,name,cabin,colour,price", rows)
    with caplog.at_level(logging.INFO, logger="mlplab"):
        train(*table, "trainer.max_epochs=1")
        (note,) = [line for line in caplog.text.splitlines() if line.startswith("note ")]
        assert "name (30 different in 30 rows), cabin (" in note
        assert note.endswith("leave out with data.ignore=[name,cabin]?")
        caplog.clear()
        train(*table, "trainer.max_epochs=1", "data.ignore=[name,cabin]")
    assert "note " not in caplog.text


@pytest.mark.parametrize("varying", [0, 1], ids=["all of a table", "one column"])
@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("more", [(), ("model.standardise=false",), ("model.normalisation=batch",)], ids=" ".join)
def test_features_that_are_the_same_in_every_row_train_to_finite_scores(
    varying: int, task: str, more: tuple[str, ...], train: Train, tmp_path: Path
) -> None:
    rows = [f"-273.15,{x % 7 if varying else 4},{x % 2 if task == 'classification' else x}" for x in range(40)]
    table = csv_data(tmp_path, "a,b,y", rows, task)
    folder, scores = train(*table, "trainer.max_epochs=3", *more)
    assert all(math.isfinite(value) for value in scores.values() if isinstance(value, float))
    assert all(math.isfinite(value) for row in history(folder) for value in row.values())
    state = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.isfinite(tensor).all() for tensor in state.values())


def leaks_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("leak ")]


def test_leaks_are_logged_once_before_training_and_refuse_nothing(
    train: Train, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{x % 10},{x % 3},{x // 3},{x % 10}" for x in range(60)]
    table = (*csv_data(tmp_path, "size,rooms,street,price", rows), "data.group=street", "trainer.max_epochs=1")
    with caplog.at_level(logging.INFO, logger="mlplab"):
        _, basic = train(*table)
        copies, *groups = leaks_of(caplog.text)
        assert caplog.text.index("leak ") < caplog.text.index("samples/s")
        assert "val rows have all features of a training row" in copies
        assert any("groups that training has too (group " in line for line in groups)
        caplog.clear()
        _, full = train(*table, "data.leak_check=full")
        assert "size alone predicts the target" in leaks_of(caplog.text)[-1]
        caplog.clear()
        _, off = train(*table, "data.leak_check=off")
        assert not leaks_of(caplog.text)
    assert timeless(basic) == timeless(full) == timeless(off)


def test_leaks_are_not_logged_again_on_resume_or_evaluation(
    train: Train, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, logger="mlplab"):
        run, _ = train(*FAST)
        (line,) = leaks_of(caplog.text)
        assert (
            "1 of 30 test rows have all features of a training row, with the same target (row 143 as row 102)" in line
        )
        caplog.clear()
        mlplab.resume(run, max_epochs=4)
        usual = {"split": None, "all_rows": False, "accelerator": None, "output": None, "overwrite": False, "allow": []}
        evaluate({"run": str(run), "data": {"root": None, "path": None}, **usual})
    assert not leaks_of(caplog.text + capsys.readouterr().out)


def test_time_can_be_limited_and_the_last_epoch_is_whole(train: Train) -> None:
    folder, scores = train("trainer.max_epochs=100000", "trainer.max_time=00:00:00:02", "model.hidden_features=[8]")
    assert 0 < scores["epochs"] < 100000
    assert {row["step"] - 34 * row["epoch"] for row in history(folder)} == {0}


def test_a_run_that_fails_before_training_removes_its_new_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for name in ("new", "mine"):
        with pytest.raises(UserError, match="only 90 training rows"):
            mlplab.train(mlplab.configure("data=iris", "data.num_train=1000", f"run_dir={tmp_path / name}"))
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_data_network_training_and_device_are_described(tmp_path: Path) -> None:
    chosen = ("data=iris", "model.hidden_features=[8,4]", "trainer.max_epochs=1", "trainer.accelerator=cpu")
    config = mlplab.configure(*chosen, f"run_dir={tmp_path / 'run'}")
    components = build(config)
    found = describe_run(components)
    assert found["data"] == "iris: 150 rows, 4 features, 3 classes; train 90, val 30, test 30 (random split)"
    assert found["network"] == "mlp, relu: 4-8-4-3, 91 parameters"
    assert found["training"] == "adam, lr 0.001, loss ce, batches of 32, 1 epoch"
    assert found["device"].startswith("cpu (as asked), ")
    assert count_parameters(components.learner) == (4 + 1) * 8 + (8 + 1) * 4 + (4 + 1) * 3
    assert "note" not in found
    folded = mlplab.configure(*chosen, "data.folds=4", "data.fold=1", f"run_dir={tmp_path / 'fold'}")
    assert describe_run(build(folded))["data"].endswith("train 90, val 30, test 30 (random split, fold 1 of 0 to 3)")


def test_a_column_of_names_is_noted(tmp_path: Path) -> None:
    rows = [f"n{number},{number % 7},{'ab'[number % 2]}" for number in range(60)]
    table = csv_data(tmp_path, "name,age,y", rows, "classification")
    config = mlplab.configure(*table, f"run_dir={tmp_path / 'run'}", "trainer.accelerator=cpu")
    found = describe_run(build(config))["note"]
    assert found == "text that differs in most rows: name (36 different in 36 rows); leave out with data.ignore=[name]?"


SCORES = {
    "loss/train": 0.1,
    "loss/val": 0.2,
    "accuracy/val": 0.9,
    "loss/test": 0.3,
    "parameters": 12,
    "verdict": "fits",
}


def stored_config(*overrides: str) -> dict[str, Any]:
    return to_plain(mlplab.configure(*overrides))


def test_hparams_of_a_job_mark_what_was_varied_and_have_no_test_score() -> None:
    overrides = ("model.dropout=0.3", "model.hidden_features=[8,4]", "optimizer=sgd", "optimizer.lr=0.5")
    run = Path("sweeps/s/3_model.dropout=0.3,model.hidden_features=-8,4-,optimizer.lr=0.5,optimizer=sgd")
    found = hparams_row(run, stored_config(*overrides), SCORES)
    assert found.varied == ["model.dropout", "model.hidden_features", "lr", "optimizer"]
    assert {name: found.choices[name] for name in found.varied} == {
        "model.dropout": 0.3,
        "model.hidden_features": "[8,4]",
        "lr": 0.5,
        "optimizer": "sgd",
    }
    assert found.scores == {"loss/val": 0.2, "accuracy/val": 0.9, "loss/train": 0.1}
    assert next(iter(found.scores)) == "loss/val"


def test_hparams_of_a_single_run_hold_its_choices_and_numbers() -> None:
    found = hparams_row(Path("outputs/iris/now"), stored_config("data=iris", "model=linear"), SCORES)
    assert found.varied == []
    assert found.choices == {
        **{"data": "iris", "model": "linear", "learner": "classifier", "loss": "ce", "optimizer": "adam"},
        **{"scheduler": "none", "lr": 0.001, "batch_size": 32, "seed": 0, "parameters": 12},
    }
    assert found.scores["loss/test"] == 0.3
