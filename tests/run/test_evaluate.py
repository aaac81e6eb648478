"""Evaluation repeats the scores of training exactly, and measures other data by the columns of training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_iris

from mlplab.data.precision import dtype_for_precision
from mlplab.errors import UserError
from mlplab.run.build import build_evaluator, build_splits
from mlplab.run.config_file import read_config
from mlplab.run.evaluate import Evaluation, EvaluationData, evaluate_learner, file_data, split_data
from mlplab.run.load import load_learner, read_checkpoint

Train = Callable[..., tuple[Path, dict[str, Any]]]
SHORT = ("trainer.max_epochs=2", "model.hidden_features=[16]")


def open_run(run: Path) -> tuple[Any, Any, dict[str, Any]]:
    config, path = read_config(run), run / "checkpoints/best.ckpt"
    checkpoint = read_checkpoint(path)
    return config, load_learner(checkpoint, path, config), checkpoint["hyper_parameters"]


def measured(run: Path, split: str, all_rows: bool = False) -> Evaluation:
    config, learner, known = open_run(run)
    return evaluate_learner(build_evaluator(config), learner, split_data(build_splits(config), known, split, all_rows))


def read_file(config: Any, known: dict[str, Any], path: str) -> EvaluationData:
    """The file as the command reads it."""
    dtype = dtype_for_precision(config.trainer.precision)
    return file_data(path, known, dtype, class_column=str(config.data.get("target", "target")))


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(
            ["data=iris", "loss.weight=balanced", "loss.label_smoothing=0.1"],
            marks=pytest.mark.slow,
        ),
        ["data=breast_cancer", "loss.pos_weight=balanced", "trainer.precision=bf16-mixed"],
        pytest.param(["data=digits", "trainer.precision=64-true", "model.normalisation=batch"], marks=pytest.mark.slow),
        ["data=linnerud", "loss=rmse", "learner.target_scaling=minmax"],
        pytest.param(["data=diabetes", "trainer.precision=64-true", "loss=huber"], marks=pytest.mark.slow),
        ["data=moons", "callback=weight_averaging", "learner.threshold=0.3"],
        pytest.param(["data=wine", "loss=mse", "data.label_noise=0.2", "data.num_train=50"], marks=pytest.mark.slow),
    ],
)
def test_scores_equal_those_of_training_to_the_last_digit(train: Train, overrides: list[str]) -> None:
    run, scores = train(*overrides, *SHORT)
    for split in ("train", "val", "test"):
        again = measured(run, split).scores
        assert again == {name.removesuffix(f"/{split}"): scores[name] for name in scores if name.endswith(f"/{split}")}


@pytest.mark.slow
def test_evaluation_in_blocks_changes_nothing_on_mnist(train: Train, mlplab_data: Path) -> None:
    run, scores = train("data=mnist", "trainer.max_epochs=1", f"data.root={mlplab_data}")
    for split in ("train", "val", "test"):
        again = measured(run, split).scores
        assert again == {name.removesuffix(f"/{split}"): scores[name] for name in scores if name.endswith(f"/{split}")}


def test_the_title_says_whether_all_training_rows_are_measured(train: Train) -> None:
    run, _ = train("data=iris", *SHORT)
    config, _, known = open_run(run)
    assert (
        split_data(build_splits(config), known, "train", all_rows=False).title
        == "30 of 90 training rows, the measured slice"
    )
    assert split_data(build_splits(config), known, "train", all_rows=True).title == "all training rows, 90 rows"
    assert len(measured(run, "train", all_rows=True).target) == 90


def test_predicted_classes_follow_from_predictions_and_give_the_scores(train: Train) -> None:
    run, scores = train("data=moons", "learner.threshold=0.2", *SHORT)
    result = measured(run, "test")
    assert result.chosen is not None
    assert result.chosen.tolist() == (result.predictions >= 0.2).astype(int).tolist()
    assert (result.chosen == result.target).mean() == pytest.approx(scores["accuracy/test"])


def test_other_files_are_read_by_the_names_of_columns_and_classes(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=iris", *SHORT)
    config, learner, known = open_run(run)
    test = build_splits(config).test
    names = np.array(known["class_names"])
    table = pd.DataFrame(test.features.numpy(), columns=known["feature_names"])
    table.assign(target=names[test.target])[["target", *known["feature_names"][::-1]]].to_csv(
        tmp_path / "new.csv", index=False
    )
    np.savez(tmp_path / "named.npz", features=test.features.numpy(), target=names[test.target])
    np.savez(tmp_path / "numbered.npz", features=test.features.numpy(), target=test.target.numpy())
    expected = measured(run, "test")
    for name in ("new.csv", "named.npz", "numbered.npz"):
        rows = read_file(config, known, str(tmp_path / name))
        assert evaluate_learner(build_evaluator(config), learner, rows).scores == pytest.approx(
            expected.scores, rel=1e-6
        )
        assert rows.title == f"{tmp_path / name}, 30 rows"


def test_a_regression_table_is_measured_like_its_test_rows(train: Train, tmp_path: Path) -> None:
    rows = [f"{x},{'red' if x % 3 else 'blue'},{x * 2}" for x in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["size,colour,price", *rows]) + "\n")
    table = ("data=csv", f"data.path={tmp_path / 't.csv'}", "data.target=price", "data.task=regression")
    run, scores = train(*table, *SHORT)
    config, learner, known = open_run(run)
    tested = {int(x) for x in build_splits(config).test.target[:, 0].tolist()}
    few = [row for row in rows if int(row.split(",")[2]) in tested]
    (tmp_path / "few.csv").write_text("\n".join(["size,colour,price", *few]) + "\n")
    result = evaluate_learner(build_evaluator(config), learner, read_file(config, known, str(tmp_path / "few.csv")))
    assert result.scores["mae"] == pytest.approx(scores["mae/test"], rel=1e-6)
    assert result.chosen is None


@pytest.mark.parametrize(
    ("arrays", "printed"),
    [
        ({"features": np.ones((2, 4))}, "an array called target is needed, of 2 entries"),
        ({"features": np.ones((2, 4)), "target": np.array([[0], [1]])}, r"a target of shape \(2, 1\)"),
        ({"features": np.full((2, 4), 1e39), "target": np.array([0, 1])}, r"row 1: 1e\+39 where a finite number"),
        ({"features": np.ones((2, 4)), "target": np.array(["rose", "setosa"])}, "class rose in the target"),
        ({"features": np.ones((2, 4)), "target": np.array([0, 7])}, "class 7 in the target"),
        ({"features": np.ones((2, 5)), "target": np.array([0, 1])}, r"\(rows, 4\) is needed"),
    ],
)
def test_arrays_that_do_not_fit_the_model_are_refused(
    train: Train, tmp_path: Path, arrays: dict[str, np.ndarray], printed: str
) -> None:
    run, _ = train("data=iris", *SHORT)
    config, _, known = open_run(run)
    np.savez(tmp_path / "new.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=rf"new.npz: .*{printed}"):
        read_file(config, known, str(tmp_path / "new.npz"))


def test_a_csv_without_the_target_is_refused(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=iris", *SHORT)
    config, _, known = open_run(run)
    pd.DataFrame(load_iris().data, columns=known["feature_names"]).to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(UserError, match=r"new.csv: no column target, the target; columns: sepal length"):
        read_file(config, known, str(tmp_path / "new.csv"))


def test_classes_of_other_data_are_matched_by_name_not_by_index(train: Train, tmp_path: Path) -> None:
    """Another image folder lacks the first class."""
    from PIL import Image

    generator = np.random.default_rng(0)
    for place, names in (("all", "abc"), ("some", "bc")):
        for name in names:
            (tmp_path / place / name).mkdir(parents=True)
            for number in range(10):
                level = {"a": 20, "b": 120, "c": 220}[name] + generator.integers(-9, 9)
                Image.new("L", (4, 4), int(level)).save(tmp_path / place / name / f"{number}.png")
    run, _ = train("data=image_folder", f"data.root={tmp_path / 'all'}", "data.size=[4,4]", "trainer.max_epochs=60")
    config, learner, known = open_run(run)
    config.data.root = str(tmp_path / "some")
    rows = split_data(build_splits(config), known, "train", all_rows=True, other_data=True)
    assert rows.title == "all training rows, 12 rows; the data are not those of training"
    assert set(rows.part.target.tolist()) == {1, 2}
    assert evaluate_learner(build_evaluator(config), learner, rows).scores["accuracy"] == 1
    (tmp_path / "some" / "c").rename(tmp_path / "some" / "zebra")
    with pytest.raises(UserError, match="a class zebra, which the run was not trained on: a, b, c"):
        split_data(build_splits(config), known, "test", all_rows=False)


def table_of(folder: Path, name: str, classes: str) -> str:
    """A row for each letter of `classes`, which is its class."""
    rows = [f"{place % 7},{label}" for place, label in enumerate(classes)]
    (folder / name).write_text("\n".join(["size,kind", *rows]) + "\n")
    return str(folder / name)


def test_class_names_that_are_numbers_are_never_read_as_indices(train: Train, tmp_path: Path) -> None:
    path = table_of(tmp_path, "t.csv", "345" * 20)
    run, _ = train("data=csv", f"data.path={path}", "data.target=kind", "data.task=classification", *SHORT)
    config, _, known = open_run(run)
    assert read_file(config, known, table_of(tmp_path, "few.csv", "535")).part.target.tolist() == [2, 0, 2]
    with pytest.raises(UserError, match=r"bad.csv: row 4: class 2 in the target, which the run was not trained on"):
        read_file(config, known, table_of(tmp_path, "bad.csv", "342"))


def test_class_names_of_equal_value_are_read_as_strings(train: Train, tmp_path: Path) -> None:
    rows = [f"{x},{('01', '1', 'x')[x % 3]}" for x in range(60)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["size,kind", *rows]) + "\n")
    run, _ = train("data=csv", f"data.path={path}", "data.target=kind", "data.task=classification", *SHORT)
    config, _, known = open_run(run)
    path.write_text("size,kind\n1,1\n2,01\n")
    assert read_file(config, known, str(path)).part.target.tolist() == [1, 0]


def test_data_that_changed_since_training_are_refused_unless_other_data_are_allowed(
    train: Train, tmp_path: Path
) -> None:
    path = Path(table_of(tmp_path, "t.csv", "ab" * 30))
    run, _ = train("data=csv", f"data.path={path}", "data.target=kind", "data.task=classification", *SHORT)
    config, _, known = open_run(run)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], "6,a"]) + "\n")
    with pytest.raises(UserError, match="the data are not those of training"):
        split_data(build_splits(config), known, "test", all_rows=False)
    assert (
        "not those of training"
        in split_data(build_splits(config), known, "test", all_rows=False, other_data=True).title
    )


def test_scores_that_are_not_finite_are_refused(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=diabetes", *SHORT)
    config, learner, known = open_run(run)
    np.savez(tmp_path / "far.npz", features=np.full((2, 10), 3e38), target=np.ones(2))
    with pytest.raises(UserError, match=r"far.npz, 2 rows: loss is (nan|inf)"):
        evaluate_learner(build_evaluator(config), learner, read_file(config, known, str(tmp_path / "far.npz")))


@pytest.mark.skipif(torch.cuda.is_available(), reason="for a machine without a GPU")
@pytest.mark.parametrize(
    ("key", "value", "printed"),
    [
        ("precision", "16-mixed", "a CPU does not support it; evaluate on a device like that of the training"),
        ("accelerator", "gpu", "there is no such device here, only cpu"),
    ],
)
def test_a_missing_device_or_precision_is_refused(train: Train, key: str, value: str, printed: str) -> None:
    run, _ = train("data=iris", *SHORT)
    config, learner, known = open_run(run)
    config.trainer[key] = value
    with pytest.raises(UserError, match=f"trainer.{key}={value}: {printed}"):
        evaluate_learner(
            build_evaluator(config), learner, split_data(build_splits(config), known, "test", all_rows=False)
        )


def test_a_split_is_measured_as_one_batch(train: Train) -> None:
    run, _ = train("data=diabetes", "loss=rmse", *SHORT)
    config, learner, known = open_run(run)
    part = split_data(build_splits(config), known, "test", all_rows=False).part
    result = evaluate_learner(build_evaluator(config), learner, EvaluationData(part, "test", "some rows"))
    with torch.no_grad():
        loss = learner.measured_loss(learner.network(part.features), learner.encode(part.target))
    assert result.scores["loss"] == float(loss)
