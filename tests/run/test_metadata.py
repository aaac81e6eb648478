"""The metadata that a checkpoint stores beside its weights, and the versions of the libraries."""

from importlib.metadata import version
from typing import Any

import pytest
import torch

import mlplab
from mlplab.data.splits import DataInfo, Split, Splits, Task
from mlplab.run.build import build_splits
from mlplab.run.metadata import checkpoint_metadata, data_info, first_wrong_key, library_versions, output_sizes


def of_images(features: torch.Tensor) -> dict[str, object]:
    part = Split(features, torch.zeros(len(features), dtype=torch.int64))
    splits = Splits(part, part, part, DataInfo(Task.CLASSIFICATION, ("x",) * 9, ("a", "b"), image_size=(3, 3)))
    return checkpoint_metadata(mlplab.configure(), splits)


def test_the_border_of_the_training_images_is_measured_apart_from_their_centre() -> None:
    black = torch.zeros(2, 9, dtype=torch.uint8)
    black[:, 4] = 255
    assert of_images(black)["image_border"] == [0, 0]
    assert of_images(255 - black)["image_border"] == [1, 1]
    half = torch.full((1, 9), 8.0)
    half[0, 4] = 16
    assert of_images(half)["image_white"] == 16
    assert of_images(half)["image_border"] == [0.5, 0.5]


def test_a_table_has_no_brightness() -> None:
    config = mlplab.configure("data=iris")
    metadata = checkpoint_metadata(config, build_splits(config))
    assert metadata["image_size"] is metadata["image_border"] is metadata["image_white"] is None
    assert metadata["class_names"] == ["setosa", "versicolor", "virginica"]


@pytest.mark.parametrize(
    ("task", "outputs", "sizes"),
    [(Task.CLASSIFICATION, 3, {"num_classes": 3}), (Task.BINARY, 1, {}), (Task.REGRESSION, 2, {"num_targets": 2})],
)
def test_the_outputs_follow_from_the_task_and_the_names(task: Task, outputs: int, sizes: dict[str, int]) -> None:
    assert output_sizes(DataInfo(task, ("x",), ("a", "b", "c"), ("y", "z"))) == (outputs, sizes)


@pytest.mark.parametrize("data", ["iris", "linnerud", "digits"])
def test_the_metadata_of_a_dataset_are_valid(data: str) -> None:
    config = mlplab.configure(f"data={data}")
    assert first_wrong_key(checkpoint_metadata(config, build_splits(config))) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("task", "values"),
        ("in_features", "4"),
        ("in_features", 0),
        ("in_features", True),
        ("feature_names", ["a"]),
        ("feature_names", None),
        ("columns", [{"name": "a"}]),
        ("columns", [{"name": "a", "categories": "ab"}]),
        ("columns", [1]),
        ("class_names", "ab"),
        ("class_names", [0, 1]),
        ("target_names", None),
        ("image_size", [2, 3]),
        ("image_size", [True, 4]),
        ("image_white", "white"),
        ("image_border", 0.5),
    ],
)
def test_an_invalid_key_is_named(key: str, value: Any) -> None:
    config = mlplab.configure("data=iris")
    metadata = checkpoint_metadata(config, build_splits(config))
    assert first_wrong_key({**metadata, key: value}) in (key, "feature_names")


@pytest.mark.parametrize("key", ["in_features", "feature_names", "columns", "class_names", "target_names"])
def test_a_missing_key_is_named(key: str) -> None:
    config = mlplab.configure("data=iris")
    metadata = checkpoint_metadata(config, build_splits(config))
    del metadata[key]
    assert first_wrong_key(metadata) in (key, "feature_names")


@pytest.mark.parametrize(
    ("data", "task"), [("iris", Task.CLASSIFICATION), ("breast_cancer", Task.BINARY), ("diabetes", Task.REGRESSION)]
)
def test_the_info_of_a_checkpoint_is_that_of_its_splits(data: str, task: Task) -> None:
    config = mlplab.configure(f"data={data}", "trainer.precision=64-true")
    splits = build_splits(config)
    metadata = checkpoint_metadata(config, splits)
    assert splits.info.task is task
    assert data_info(metadata) == splits.info
    older = {key: value for key, value in metadata.items() if key not in ("task", "image_white", "image_border")}
    assert first_wrong_key(older) is None
    assert data_info(older) == splits.info


def test_the_versions_are_those_of_the_packages() -> None:
    found = library_versions()
    assert [*found] == ["mlplab", "torch", "lightning"]
    assert found["torch"] == torch.__version__
    assert {name: found[name] for name in ("mlplab", "lightning")} == {
        name: version(name) for name in ("mlplab", "lightning")
    }
