"""Encoders fitted on the training rows make features of columns; labels become positions of class names."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.preprocessing import (
    CategoricalColumn,
    Column,
    NumericColumn,
    column_from_state,
    encode_columns,
    encode_labels,
    fit_columns,
    has_ambiguous_names,
)
from mlplab.errors import UserError

TRAINING = pd.DataFrame({"size": [1.0, 3.0, None, 10.0], "colour": ["red", "blue", None, "red"]})
STATE = [{"name": "size", "median": 3.0}, {"name": "colour", "categories": ["blue", "red"]}]
QUALITY = ("3", "4", "5")
ROWS = ("2", "3")


def names(columns: tuple[Column, ...]) -> list[str]:
    return [name for column in columns for name in column.feature_names]


def test_numbers_are_kept_missing_values_become_the_median_and_text_becomes_one_hot() -> None:
    columns = fit_columns(TRAINING)
    assert columns == (NumericColumn("size", 3.0), CategoricalColumn("colour", ("blue", "red")))
    assert names(columns) == ["size", "colour=blue", "colour=red"]
    features = encode_columns(columns, TRAINING)
    assert features.dtype == np.float64
    assert features.tolist() == [[1, 0, 1], [3, 1, 0], [3, 0, 0], [10, 0, 1]]


def test_other_rows_are_encoded_by_the_training_rows() -> None:
    other = pd.DataFrame({"size": [None, 500.0], "colour": ["green", "blue"]})
    assert encode_columns(fit_columns(TRAINING), other).tolist() == [[3, 0, 0], [500, 1, 0]]


def test_columns_are_found_by_name_in_any_order() -> None:
    other = pd.DataFrame({"unused": [9.0], "colour": ["red"], "size": [2.0]})
    assert encode_columns(fit_columns(TRAINING), other).tolist() == [[2, 0, 1]]


def test_booleans_become_one_and_zero() -> None:
    columns = fit_columns(pd.DataFrame({"sold": [True, False, True]}))
    assert encode_columns(columns, pd.DataFrame({"sold": [False, True]})).tolist() == [[0], [1]]


def test_unseen_categories_are_listed() -> None:
    column = CategoricalColumn("colour", ("blue", "red"))
    assert column.unseen(pd.Series(["red", "pink", None, "green"])) == ["green", "pink"]


def test_the_state_is_plain_as_in_older_checkpoints_and_enough_to_encode_again() -> None:
    columns = fit_columns(TRAINING)
    assert [column.to_state() for column in columns] == STATE
    again = tuple(map(column_from_state, json.loads(json.dumps(STATE))))
    assert again == columns
    assert encode_columns(again, TRAINING).tolist() == encode_columns(columns, TRAINING).tolist()


@pytest.mark.parametrize(
    "state", [1, {"median": 1.0}, {"name": "a"}, {"name": "a", "median": "1"}, {"name": "a", "categories": "ab"}]
)
def test_a_state_of_another_form_is_a_value_error(state: Any) -> None:
    with pytest.raises(ValueError, match="column"):
        column_from_state(state)


def test_encoding_columns_needs_no_torch() -> None:
    code = "import sys, mlplab.data.preprocessing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_column_without_a_number_in_training_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="column size: every training row is empty"):
        fit_columns(pd.DataFrame({"size": [np.nan, np.nan]}))


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30), st.integers(1, 5))
def test_any_number_of_missing_values_becomes_the_median(numbers: list[float], missing: int) -> None:
    table = pd.DataFrame({"size": [*numbers, *[np.nan] * missing]})
    ordered = sorted(numbers)
    median = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    features = encode_columns(fit_columns(table), table)[:, 0]
    assert features[: len(numbers)].tolist() == numbers
    np.testing.assert_allclose(features[len(numbers) :], median)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=20))
def test_each_category_of_training_has_exactly_one_feature(texts: list[str]) -> None:
    texts = [*texts, "no number"]  # a column of digits alone would be numeric
    table = pd.DataFrame({"text": pd.Series(texts, dtype=object)})
    columns = fit_columns(table)
    features = encode_columns(columns, table)
    assert features.shape == (len(texts), len(set(texts)))
    assert features.sum(axis=1).tolist() == [1] * len(texts)
    assert [names(columns)[place] for place in features.argmax(axis=1)] == [f"text={text}" for text in texts]


@pytest.mark.parametrize(
    ("target", "names", "expected"),
    [
        ([5, 3], QUALITY, [2, 0]),
        ([5.0, 3.0], QUALITY, [2, 0]),
        (["5", "3.0"], QUALITY, [2, 0]),
        (["1", "01"], ("01", "1"), [1, 0]),
        (["10", "1e1"], ("10", "1e1"), [0, 1]),
        (["no", "yes"], ("no", "yes"), [0, 1]),
        ([1, 0], ("no", "yes"), [1, 0]),
        ([1, 0], ("False", "True"), [1, 0]),
        ([True, False], ("False", "True"), [1, 0]),
        (["1", "x"], ("01", "x"), [0, 1]),
    ],
)
def test_a_label_is_found_by_its_class_name(target: Any, names: tuple[str, ...], expected: list[int]) -> None:
    assert encode_labels(np.array(target), names, ROWS).tolist() == expected


@pytest.mark.parametrize(
    ("target", "names", "message"),
    [
        ([4, 2], QUALITY, "row 3: class 2 in the target, which the run was not trained on; classes: 3, 4, 5"),
        ([0, 1], QUALITY, "row 2: class 0 in the target"),
        ([4, 9], QUALITY, "row 3: class 9 in the target"),
        ([1, 0], ("01", "1"), "row 3: class 0 in the target"),
        (["1", "1.0"], ("01", "1"), r"row 3: class 1\.0 in the target"),
        ([0, 7], ("no", "yes"), "row 3: class 7 in the target"),
        ([True, False], ("no", "yes"), "row 2: class True in the target"),
        ([0, -1], ("no", "yes"), "row 3: class -1 in the target"),
        ([4, np.nan], QUALITY, "row 3: an empty cell in the target"),
        (np.array([[4], [5]]), QUALITY, r"a target of shape \(2, 1\); \(2,\) is needed"),
        (np.array(4), QUALITY, r"a target of shape \(\)"),
    ],
)
def test_a_class_unknown_to_training_is_refused_with_its_row(target: Any, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        encode_labels(target, names, ROWS)


def test_names_that_are_the_same_number_are_ambiguous() -> None:
    assert has_ambiguous_names(("1", "01"))
    assert has_ambiguous_names(("1e1", "10"))
    assert not has_ambiguous_names(("1", "2", "x"))
    assert not has_ambiguous_names(())
