"""Rows before any split: the target's shape says the task."""

import numpy as np
import pandas as pd
import pytest

from mlplab.data.splits import GROUP, RawData


@pytest.mark.parametrize("labels", [[0, 1, 1], ["cat", "dog", "dog"]])
def test_a_target_of_one_dimension_is_classes(labels: list[object]) -> None:
    assert RawData(np.zeros((3, 2)), np.array(labels)).is_classes


@pytest.mark.parametrize("num_targets", [1, 3])
def test_a_target_of_two_dimensions_is_values_even_with_one_column(num_targets: int) -> None:
    assert not RawData(np.zeros((3, 2)), np.zeros((3, num_targets))).is_classes


def test_rows_are_called_by_the_line_or_number_that_they_have_where_they_come_from() -> None:
    target = np.array([0, 1, 1])
    assert RawData(np.zeros((3, 2)), target).origin().index.tolist() == [1, 2, 3]
    assert RawData(pd.DataFrame({"x": [5, 6, 7]}, index=[2, 3, 5]), target).origin().index.tolist() == [2, 3, 5]
    official = np.array(["train", "test", "train"])
    called = RawData(np.zeros((3, 2)), target, official=official).origin().index.tolist()
    assert called == ["train:1", "test:1", "train:2"]
    assert RawData(np.zeros((3, 2)), target, names=np.array(["a.png", "b.png", "c.png"])).origin().index[2] == "c.png"


def test_the_origin_of_rows_has_their_group_and_dates() -> None:
    day = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=2)}, index=[2, 3])
    table = pd.DataFrame({"x": [0, 1]}, index=[2, 3])
    origin = RawData(table, np.array([0, 1]), groups=np.array(["a", "b"]), dates=day).origin()
    assert origin[GROUP].to_dict() == {2: "a", 3: "b"}
    assert origin["day"].dt.day.to_dict() == {2: 1, 3: 2}
