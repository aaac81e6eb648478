"""Columns of a table become features by what the training rows say, by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.preprocessing import ColumnEncoder
from mlplab.errors import UserError

TRAINING = pd.DataFrame({"size": [1.0, 3.0, None, 10.0], "colour": ["red", "blue", None, "red"]})


def test_numbers_stay_gaps_become_the_median_and_text_one_hot() -> None:
    columns = ColumnEncoder.learn(TRAINING)
    assert columns.names == ("size", "colour=blue", "colour=red")
    features = columns.features(TRAINING)
    assert features.dtype == np.float64
    assert features.tolist() == [[1, 0, 1], [3, 1, 0], [3, 0, 0], [10, 0, 1]]


def test_other_rows_are_encoded_by_what_training_said() -> None:
    other = pd.DataFrame({"size": [None, 500.0], "colour": ["green", "blue"]})
    assert ColumnEncoder.learn(TRAINING).features(other).tolist() == [[3, 0, 0], [500, 1, 0]]


def test_columns_are_taken_by_name_whatever_their_order() -> None:
    other = pd.DataFrame({"unused": [9.0], "colour": ["red"], "size": [2.0]})
    assert ColumnEncoder.learn(TRAINING).features(other).tolist() == [[2, 0, 1]]


def test_yes_and_no_become_one_and_zero() -> None:
    columns = ColumnEncoder.learn(pd.DataFrame({"sold": [True, False, True]}))
    assert columns.features(pd.DataFrame({"sold": [False, True]})).tolist() == [[0], [1]]


def test_what_was_learned_is_plain_and_enough_to_encode_again() -> None:
    learned = ColumnEncoder.learn(TRAINING)
    again = ColumnEncoder(json.loads(json.dumps(learned.state)))
    assert again.names == learned.names
    assert again.features(TRAINING).tolist() == learned.features(TRAINING).tolist()


def test_a_column_without_a_number_in_training_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="column size: every training row is empty"):
        ColumnEncoder.learn(pd.DataFrame({"size": [np.nan, np.nan]}))


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30), st.integers(1, 5))
def test_any_number_of_gaps_takes_the_middle_of_the_numbers(numbers: list[float], gaps: int) -> None:
    table = pd.DataFrame({"size": [*numbers, *[np.nan] * gaps]})
    ordered = sorted(numbers)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    features = ColumnEncoder.learn(table).features(table)[:, 0]
    assert features[: len(numbers)].tolist() == numbers
    np.testing.assert_allclose(features[len(numbers) :], middle)


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=20))
def test_each_text_seen_in_training_has_exactly_one_one(words: list[str]) -> None:
    words = [*words, "no number"]  # words of digits alone would be numbers
    table = pd.DataFrame({"word": pd.Series(words, dtype=object)})
    columns = ColumnEncoder.learn(table)
    features = columns.features(table)
    assert features.shape == (len(words), len(set(words)))
    assert features.sum(axis=1).tolist() == [1] * len(words)
    assert [columns.names[place] for place in features.argmax(axis=1)] == [f"word={word}" for word in words]
