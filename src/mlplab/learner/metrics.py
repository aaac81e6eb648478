"""Classification metrics from one confusion matrix, and regression metrics, for single runs (N,) and stacks (K, N).

The leading axes may be of any number: every function takes (..., N) and returns one score for each. torchmetrics has no
leading axes, and counts the rows once for each of its metrics.
"""

import torch
from torch import Tensor

Scores = dict[str, Tensor]


def confusion_matrix(predicted: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Counts rows by class: (..., N) class indices, target (N,) or (..., N) -> (..., C, C) float64 on the CPU.

    A row is a true class, a column a predicted one.
    """
    cells = target * num_classes + predicted
    leading = cells.shape[:-1]
    first_cell = torch.arange(leading.numel(), device=cells.device).view(*leading, 1) * num_classes**2
    counts = torch.bincount((first_cell + cells).flatten(), minlength=leading.numel() * num_classes**2)
    return counts.view(*leading, num_classes, num_classes).cpu().double()


def class_scores(matrix: Tensor) -> Scores:
    """Computes precision, recall, F1 of each class: (..., C, C) -> (..., C); 0 where none is predicted or present."""
    correct, predicted, present = _class_counts(matrix)
    scores = {
        "precision": correct / predicted,
        "recall": correct / present,
        "f1": 2 * correct / (predicted + present),
    }
    return {name: values.nan_to_num(0.0) for name, values in scores.items()}


def macro_scores(matrix: Tensor) -> Scores:
    """Computes accuracy, and averages class scores over the classes present or predicted: (..., C, C) -> (...,).

    scikit-learn and torchmetrics count the same classes.
    """
    _, predicted, present = _class_counts(matrix)
    counted = predicted + present > 0
    averages = {name: _mean_where(values, counted) for name, values in class_scores(matrix).items()}
    return {"accuracy": _accuracy(matrix), **averages}


def positive_class_scores(matrix: Tensor) -> Scores:
    """Computes accuracy, and the scores of class 1: (..., 2, 2) -> (...,)."""
    return {"accuracy": _accuracy(matrix), **{name: values[..., 1] for name, values in class_scores(matrix).items()}}


def regression_scores(predictions: Tensor, target: Tensor) -> Scores:
    """Computes mse, rmse, mae and r2 over all targets: (..., N, num_targets), target alike or (N, ...) -> (...,)."""
    predictions, target = _in_float64(predictions), _in_float64(target)
    error = predictions - target
    squares = error.square()
    mse = squares.mean(dim=(-2, -1))
    return {"mse": mse, "rmse": mse.sqrt(), "mae": error.abs().mean(dim=(-2, -1)), "r2": _r2(squares, target)}


def _class_counts(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Counts the rows of each class that are predicted correctly, predicted at all, and present, each (..., C)."""
    return matrix.diagonal(dim1=-2, dim2=-1), matrix.sum(dim=-2), matrix.sum(dim=-1)


def _accuracy(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(dim=-1) / matrix.sum(dim=(-2, -1))


def _mean_where(values: Tensor, counted: Tensor) -> Tensor:
    """Averages over the last axis where counted: (..., C) -> (...,).

    A sum with zeros in place of the other classes would round in another order: a run of a stack then differs from
    the same run alone in the last bit.
    """
    if counted.all():
        return values.mean(dim=-1)
    number = counted.sum(dim=-1)
    means = values.new_zeros(number.shape)
    for count in set(number.flatten().tolist()):
        rows = number == count
        means[rows] = values[rows][counted[rows]].view(-1, count).mean(dim=-1)
    return means


def _r2(squares: Tensor, target: Tensor) -> Tensor:
    """Averages over the targets 1 - residual / total sum of squares; a constant target has 1 if predicted
    exactly, or 0.

    torchmetrics takes a residual below 1e-4 for 0, whatever the unit, and refuses a single row.
    """
    residual = squares.sum(dim=-2)
    total = (target - target.mean(dim=-2, keepdim=True)).square().sum(dim=-2)
    return torch.where(total > 0, 1 - residual / total, (residual == 0).to(total.dtype)).mean(dim=-1)


def _in_float64(values: Tensor) -> Tensor:
    """Converts to float64: in float32 the sums of squares of R2 cancel when values are large. MPS has no float64."""
    return values if values.device.type == "mps" else values.double()
