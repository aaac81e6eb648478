"""Raw rows, splits, the measured slice of the training rows, and the description of the columns."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.preprocessing import CategoricalColumn, NumericColumn
from mlplab.data.splits import GROUP, DataInfo, RawData, Split, Splits, Task


def part(count: int, in_features: int = 3) -> Split:
    return Split(torch.arange(count * in_features).reshape(count, in_features).float(), torch.arange(count))


def splits(num_train: int, num_val: int) -> Splits:
    return Splits(part(num_train), part(num_val), part(2), DataInfo(Task.CLASSIFICATION, ("a", "b", "c")))


def test_the_length_of_a_split_is_its_number_of_rows() -> None:
    assert len(part(7, in_features=2)) == 7


def test_the_first_rows_of_a_split_keep_features_and_target_together() -> None:
    first = part(5).first(2)
    assert first.features.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert first.target.tolist() == [0, 1]


@settings(deadline=None)
@given(num_train=st.integers(1, 40), num_val=st.integers(1, 40))
def test_the_measured_slice_is_the_first_training_rows_no_more_than_in_val(num_train: int, num_val: int) -> None:
    found = splits(num_train, num_val).measured
    assert len(found) == min(num_train, num_val)
    assert found.target.tolist() == list(range(min(num_train, num_val)))


def test_the_number_of_features_is_the_number_of_columns() -> None:
    assert splits(4, 2).in_features == 3


TABLE = DataInfo(
    Task.BINARY,
    ("size", "colour=blue", "colour=red", "age"),
    class_names=("no", "yes"),
    columns=(NumericColumn("size", 2.0), CategoricalColumn("colour", ("blue", "red")), NumericColumn("age", 30.0)),
)
IMAGES = DataInfo(Task.REGRESSION, tuple("abcd"), (), ("angle",), (2, 2), (), 255.0, (0.0, 0.5), torch.float64)


@pytest.mark.parametrize("info", [TABLE, IMAGES])
def test_the_state_of_the_info_is_plain_and_enough_to_restore_it(info: DataInfo) -> None:
    assert DataInfo.from_state(json.loads(json.dumps(info.to_state())), info.dtype) == info


def test_an_older_state_has_no_brightness_of_images() -> None:
    state = {key: value for key, value in TABLE.to_state().items() if key not in ("image_white", "image_border")}
    assert DataInfo.from_state(state) == TABLE


def test_the_features_of_a_column_form_a_group() -> None:
    assert TABLE.feature_groups == {"size": [0], "colour": [1, 2], "age": [3]}
    assert IMAGES.feature_groups == {"a": [0], "b": [1], "c": [2], "d": [3]}


@pytest.mark.parametrize("labels", [[0, 1, 1], ["cat", "dog", "dog"]])
def test_a_target_of_one_dimension_is_classification(labels: list[object]) -> None:
    assert RawData(np.zeros((3, 2)), np.array(labels)).task is Task.CLASSIFICATION


@pytest.mark.parametrize("num_targets", [1, 3])
def test_a_target_of_two_dimensions_is_regression_even_with_one_column(num_targets: int) -> None:
    assert RawData(np.zeros((3, 2)), np.zeros((3, num_targets))).task is Task.REGRESSION


def test_rows_are_named_by_line_number_or_file() -> None:
    target = np.array([0, 1, 1])
    assert RawData(np.zeros((3, 2)), target).origin().index.tolist() == [1, 2, 3]
    assert RawData(pd.DataFrame({"x": [5, 6, 7]}, index=[2, 3, 5]), target).origin().index.tolist() == [2, 3, 5]
    official = np.array(["train", "test", "train"])
    names = RawData(np.zeros((3, 2)), target, official=official).origin().index.tolist()
    assert names == ["train:1", "test:1", "train:2"]
    assert RawData(np.zeros((3, 2)), target, names=np.array(["a.png", "b.png", "c.png"])).origin().index[2] == "c.png"


def test_the_origin_of_rows_contains_their_groups_and_dates() -> None:
    day = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=2)}, index=[2, 3])
    table = pd.DataFrame({"x": [0, 1]}, index=[2, 3])
    origin = RawData(table, np.array([0, 1]), groups=np.array(["a", "b"]), dates=day).origin()
    assert origin[GROUP].to_dict() == {2: "a", 3: "b"}
    assert origin["day"].dt.day.to_dict() == {2: 1, 3: 2}
