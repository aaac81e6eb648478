"""Counts and averages equal those of torchmetrics and scikit-learn; a stack has the scores of each of its runs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, mean_squared_error, precision_recall_fscore_support, r2_score
from torch import Tensor
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

from mlplab.learner.metrics import (
    class_scores,
    confusion_matrix,
    macro_scores,
    positive_class_scores,
    regression_scores,
)

NAMES = ("accuracy", "precision", "recall", "f1")
MULTICLASS = (MulticlassAccuracy, MulticlassPrecision, MulticlassRecall, MulticlassF1Score)
BINARY = (BinaryAccuracy, BinaryPrecision, BinaryRecall, BinaryF1Score)


def pairs(classes: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    label = st.integers(0, classes - 1)
    return st.lists(st.tuples(label, label), min_size=1, max_size=40)


def test_a_row_is_a_true_class_and_a_column_a_predicted_one() -> None:
    matrix = confusion_matrix(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 2, 2]), 3)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


@settings(max_examples=100, deadline=None)
@given(pairs(5))
def test_macro_averages_are_those_of_torchmetrics(rows: list[tuple[int, int]]) -> None:
    predicted, target = torch.tensor(rows).T
    ours = macro_scores(confusion_matrix(predicted, target, 5))
    for name, kind in zip(NAMES, MULTICLASS, strict=True):
        metric = kind(5, average="micro" if name == "accuracy" else "macro")
        assert ours[name].item() == pytest.approx(metric(predicted, target).item(), rel=1e-6)


@settings(max_examples=100, deadline=None)
@given(pairs(2))
def test_scores_of_class_1_are_those_of_torchmetrics(rows: list[tuple[int, int]]) -> None:
    predicted, target = torch.tensor(rows).T
    ours = positive_class_scores(confusion_matrix(predicted, target, 2))
    for name, kind in zip(NAMES, BINARY, strict=True):
        assert ours[name].item() == pytest.approx(kind()(predicted, target).item(), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(pairs(4))
def test_scores_by_class_are_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    predicted, target = torch.tensor(rows).T
    ours = class_scores(confusion_matrix(predicted, target, 4))
    theirs = precision_recall_fscore_support(target, predicted, labels=range(4), zero_division=0.0)
    for name, expected in zip(NAMES[1:], theirs, strict=False):
        assert ours[name].tolist() == pytest.approx(expected.tolist(), rel=1e-12)


@pytest.mark.parametrize("leading", [(3,), (2, 3)])
@pytest.mark.parametrize("classes", [2, 12])
@pytest.mark.parametrize("shared_target", [True, False])
def test_a_stack_has_the_scores_of_its_runs_to_the_last_bit(
    leading: tuple[int, ...], classes: int, shared_target: bool
) -> None:
    generator = torch.Generator().manual_seed(0)
    predicted = torch.randint(classes, (*leading, 30), generator=generator)
    target = torch.randint(classes, (30,) if shared_target else (*leading, 30), generator=generator)
    predicted[0], target[target == 1] = predicted[0].clamp(min=2) % classes, 0  # not all runs have the same classes
    matrices = confusion_matrix(predicted, target, classes)
    assert matrices.shape == (*leading, classes, classes)
    functions = [class_scores, macro_scores, *([positive_class_scores] if classes == 2 else [])]
    stacks = [function(matrices) for function in functions]
    targets = target.expand(predicted.shape).flatten(0, -2)
    for place, (row, labels) in enumerate(zip(predicted.flatten(0, -2), targets, strict=True)):
        matrix = confusion_matrix(row, labels, classes)
        for function, stack in zip(functions, stacks, strict=True):
            for name, value in function(matrix).items():
                assert torch.equal(stack[name].reshape(-1, *value.shape)[place], value), name


def assert_equal_to_scikit_learn(scores: dict[str, Tensor], predictions: Tensor, target: Tensor) -> None:
    found, wanted = predictions.double().numpy(), target.double().numpy()
    squared = mean_squared_error(wanted, found)
    expected = {"mse": squared, "rmse": squared**0.5, "mae": mean_absolute_error(wanted, found)}
    assert {name: score.item() for name, score in scores.items()} == pytest.approx(
        {**expected, "r2": r2_score(wanted, found)}, rel=1e-12
    )


@pytest.mark.parametrize("num_targets", [1, 3])
@pytest.mark.parametrize("shared_target", [True, False])
def test_regression_scores_of_a_stack_are_those_of_its_runs(num_targets: int, shared_target: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    predictions = torch.randn(2, 50, num_targets, generator=generator)
    target = torch.randn((50, num_targets) if shared_target else (2, 50, num_targets), generator=generator)
    stack = regression_scores(predictions, target)
    for place, (values, its_target) in enumerate(zip(predictions, target.expand(predictions.shape), strict=True)):
        assert_equal_to_scikit_learn({name: score[place] for name, score in stack.items()}, values, its_target)
        assert_equal_to_scikit_learn(regression_scores(values, its_target), values, its_target)


def test_r2_of_a_constant_target_is_1_where_it_is_predicted_exactly_and_0_elsewhere() -> None:
    target = torch.full((3, 1), 4.0)
    scores = regression_scores(torch.stack([target, target + 1]), target)
    assert scores["r2"].tolist() == [1.0, 0.0]
