"""A run, or its checkpoint alone, predicts from Python."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import mlplab
from mlplab.errors import UserError
from mlplab.run.build import build_splits
from mlplab.run.load import read_checkpoint

Train = Callable[..., tuple[Path, dict[str, Any]]]
SHORT = ("trainer.max_epochs=5", "model.hidden_features=[16]")


def test_a_run_and_its_checkpoint_alone_predict_the_same(train: Train, tmp_path: Path) -> None:
    run, scores = train("data=iris", *SHORT)
    alone = shutil.copy(run / "checkpoints/best.ckpt", tmp_path / "somewhere.ckpt")
    test = build_splits(mlplab.configure("data=iris")).test
    first, second = mlplab.reopen(run), mlplab.reopen(alone)
    probabilities = first.predict(test.features.numpy())
    assert probabilities.shape == (30, 3)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(30), abs=1e-6)
    assert np.array_equal(probabilities, second.predict(test.features.numpy()))
    assert first.class_names == ["setosa", "versicolor", "virginica"]
    named = first.predict_class(test.features.numpy())
    assert (named == np.array(first.class_names)[test.target]).mean() == pytest.approx(scores["accuracy/test"])


def test_two_classes_have_two_probabilities_and_the_threshold_decides(train: Train) -> None:
    run, _ = train("data=moons", "learner.threshold=0.2", *SHORT)
    model = mlplab.reopen(run)
    rows = np.random.default_rng(0).normal(size=(50, 2))
    probabilities = model.predict(rows)
    assert probabilities.shape == (50, 2)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(50))
    assert (model.predict_class(rows) == model.class_names[1]).tolist() == (probabilities[:, 1] >= 0.2).tolist()


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-mixed"])
def test_predicted_values_have_the_unit_of_the_target(train: Train, precision: str) -> None:
    run, _ = train("data=linnerud", f"trainer.precision={precision}", *SHORT)
    model = mlplab.reopen(run)
    values = model.predict(np.array([[5.0, 160.0, 60.0]]))
    assert values.shape == (1, 3)
    assert values.dtype == (np.float64 if precision == "64-true" else np.float32)
    assert model.target_names == ["Weight", "Waist", "Pulse"]
    assert 100 < values[0, 0] < 260  # pounds
    with pytest.raises(UserError, match="is a regression model; use predict"):
        model.predict_class(np.zeros((1, 3)))


def test_more_rows_than_a_block_keep_their_order(train: Train) -> None:
    run, _ = train("data=moons", *SHORT)
    model = mlplab.reopen(run)
    rows = np.random.default_rng(0).normal(size=(10_000, 2))
    whole = model.predict(rows)
    assert whole[9_000:9_010] == pytest.approx(model.predict(rows[9_000:9_010]), abs=1e-6)


def test_a_table_is_read_by_its_columns_and_raw_values(train: Train, tmp_path: Path) -> None:
    rows = [f"{x},{'red' if x % 3 else 'blue'},{x * 2}" for x in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["size,colour,price", *rows]) + "\n")
    run, _ = train(
        "data=csv",
        f"data.path={tmp_path / 't.csv'}",
        "data.target=price",
        "data.task=regression",
        "trainer.max_epochs=40",
    )
    model = mlplab.reopen(run)
    table = pd.DataFrame({"colour": ["red", "blue"], "size": [10, 40]})
    assert model.predict(table)[:, 0] == pytest.approx([20, 80], abs=15)
    assert model.feature_names == ["size", "colour=blue", "colour=red"]
    with pytest.raises(UserError, match="column size is missing"):
        model.predict(table[["colour"]])


def test_a_missing_value_of_a_table_is_imputed_when_asked(train: Train, tmp_path: Path) -> None:
    rows = [f"{x},{'red' if x % 3 else 'blue'},{x * 2}" for x in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["size,colour,price", *rows]) + "\n")
    run, _ = train("data=csv", f"data.path={tmp_path / 't.csv'}", "data.target=price", "data.task=regression", *SHORT)
    model = mlplab.reopen(run)
    table = pd.DataFrame({"colour": ["red"], "size": [np.nan]})
    with pytest.raises(UserError, match="column size, row 0: empty or NaN; gaps=fill imputes"):
        model.predict(table)
    with pytest.warns(UserWarning, match="1 missing values were imputed"):
        assert np.isfinite(model.predict(table, gaps="fill")).all()


def test_invalid_rows_are_one_line_and_doubtful_ones_a_warning(train: Train) -> None:
    run, _ = train("data=digits", *SHORT)
    model = mlplab.reopen(run)
    with pytest.raises(UserError, match="an array or a table is needed, not a list"):
        model.predict([[1.0] * 64])  # type: ignore[arg-type]
    with pytest.raises(UserError, match="a table without rows"):
        model.predict(pd.DataFrame(columns=model.feature_names))
    with pytest.raises(UserError, match=r"row 2: 1e\+39 where a finite number is needed"):
        model.predict(np.stack([np.ones(64), np.full(64, 1e39)]))
    with pytest.raises(UserError, match=r"row 2: no finite number is predicted"):
        model.predict(np.stack([np.ones(64), np.full(64, 3e38)]))
    with pytest.warns(UserWarning, match="all values are at most 1, where the training images go up to 16"):
        model.predict(np.full((1, 64), 0.5))


def test_images_are_recognised_by_their_size(train: Train) -> None:
    run, _ = train("data=digits", *SHORT)
    model = mlplab.reopen(run)
    assert model.image_size == (8, 8)
    assert np.array_equal(model.predict(np.full((2, 8, 8), 9)), model.predict(np.full((2, 64), 9)))


def test_dropout_and_batch_normalisation_are_as_in_evaluation(train: Train) -> None:
    run, _ = train("data=iris", "model.dropout=0.5", "model.normalisation=batch", *SHORT)
    model = mlplab.reopen(run)
    rows = np.random.default_rng(0).normal(size=(20, 4))
    whole = model.predict(rows)
    assert np.array_equal(whole, model.predict(rows))
    assert whole[:1] == pytest.approx(model.predict(rows[:1]), abs=1e-6)


def test_modules_of_the_user_are_allowed_by_the_caller(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=iris", *SHORT)
    stored = read_checkpoint(run / "checkpoints/best.ckpt")
    stored["hyper_parameters"]["config"]["allow"] = ["theirs"]
    torch.save(stored, tmp_path / "theirs.ckpt")
    if "allow" not in mlplab.configure():
        pytest.skip("no key allow in conf/train.yaml yet")
    with pytest.raises(UserError, match=r"needs modules that are not mlplab's: give allow=\[theirs\]"):
        mlplab.reopen(tmp_path / "theirs.ckpt")
    assert mlplab.reopen(tmp_path / "theirs.ckpt", allow=["theirs"]).class_names
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "allow": ["theirs"]}))
    with pytest.raises(UserError, match=r"config.yaml: needs modules"):
        mlplab.reopen(run)


def test_reopen_stays_a_function(train: Train) -> None:
    run, _ = train("data=iris", *SHORT)
    assert mlplab.reopen(run).config == mlplab.reopen(str(run)).config
