"""Counts and averages equal torchmetrics' on any rows, classes that are absent among them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.classification import (
    BinaryAccuracy,
    BinaryF1Score,
    BinaryPrecision,
    BinaryRecall,
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)

from mlplab.learner.metrics import confusion_matrix, macro_scores, positive_class_scores

NAMES = ("accuracy", "precision", "recall", "f1")
MULTICLASS = (MulticlassAccuracy, MulticlassPrecision, MulticlassRecall, MulticlassF1Score)
BINARY = (BinaryAccuracy, BinaryPrecision, BinaryRecall, BinaryF1Score)


def pairs(classes: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    one = st.integers(0, classes - 1)
    return st.lists(st.tuples(one, one), min_size=1, max_size=40)


def test_a_row_is_a_true_class_and_a_column_a_decided_one() -> None:
    matrix = confusion_matrix(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 2, 2]), 3)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


@settings(max_examples=100, deadline=None)
@given(pairs(5))
def test_macro_averages_are_those_of_torchmetrics(rows: list[tuple[int, int]]) -> None:
    decided, target = torch.tensor(rows).T
    ours = macro_scores(confusion_matrix(decided, target, 5))
    for name, kind in zip(NAMES, MULTICLASS, strict=True):
        metric = kind(5, average="micro" if name == "accuracy" else "macro")
        assert ours[name].item() == pytest.approx(metric(decided, target).item(), rel=1e-6)


@settings(max_examples=100, deadline=None)
@given(pairs(2))
def test_scores_of_class_1_are_those_of_torchmetrics(rows: list[tuple[int, int]]) -> None:
    decided, target = torch.tensor(rows).T
    ours = positive_class_scores(confusion_matrix(decided, target, 2))
    for name, kind in zip(NAMES, BINARY, strict=True):
        assert ours[name].item() == pytest.approx(kind()(decided, target).item(), rel=1e-6)
