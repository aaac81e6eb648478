"""Confusion matrix and per-class table, against counts made by hand."""

import csv
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mlplab.report.classification import Confusion

#           a: 2 of 3 met; b: 1 of 2; c: never told
BY_HAND = Confusion(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 0]), ["a", "b", "c"])


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    assert BY_HAND.rows() == [["true class", "a", "b", "c"], ["a", 2, 1, 0], ["b", 1, 1, 0], ["c", 1, 0, 0]]


def test_precision_recall_f1_and_support_of_each_class() -> None:
    _, a, b, c = BY_HAND.per_class()
    assert a == ["a", pytest.approx(2 / 4), pytest.approx(2 / 3), pytest.approx(4 / 7), 3]
    assert b == ["b", pytest.approx(1 / 2), pytest.approx(1 / 2), pytest.approx(1 / 2), 2]
    assert c == ["c", 0.0, 0.0, 0.0, 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_every_row_is_counted_once(pairs: list[tuple[int, int]]) -> None:
    target, chosen = np.array(pairs).T
    matrix = Confusion(target, chosen, list("abcd")).matrix
    assert matrix.sum() == len(pairs)
    assert matrix.sum(axis=1).tolist() == np.bincount(target, minlength=4).tolist()
    assert np.trace(matrix) == (target == chosen).sum()


def test_few_classes_are_a_matrix_in_text_and_many_their_worst_errors() -> None:
    lines = BY_HAND.text().splitlines()
    assert lines[0].split() == ["true", "class,", "predicted", "as", "a", "b", "c"]
    assert lines[2].split() == ["a", "2", "1", "0"]
    names = [f"class{number}" for number in range(40)]
    target = np.array([*range(40), 7, 7, 3])
    chosen = np.array([*range(40), 9, 9, 4])
    said = Confusion(target, chosen, names).text()
    assert next(line.split() for line in said.splitlines()[2:]) == ["class7", "class9", "2"]


@pytest.mark.parametrize("names", [["a", "b", "c"], ["a rather long name of a class", "b", "c"]])
def test_the_picture_is_drawn(tmp_path: Path, names: list[str]) -> None:
    Confusion(BY_HAND.target, BY_HAND.chosen, names).draw("a title", tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        shades = np.asarray(image.convert("L"))
    assert (shades == shades.max()).mean() > 0.2
    assert (shades < 100).any()


def test_rows_can_be_read_back_as_csv() -> None:
    text = StringIO()
    csv.writer(text).writerows(BY_HAND.rows())
    assert next(csv.reader(StringIO(text.getvalue()))) == ["true class", "a", "b", "c"]
