"""Accuracy, precision, recall, F1 from one confusion matrix; torchmetrics' four objects count the rows four times."""

import torch
from torch import Tensor

Scores = dict[str, Tensor]


def confusion_matrix(decided: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """(num_classes, num_classes) counts, on the CPU in double precision: a row is a true class, a column a decided."""
    cells = torch.bincount(target * num_classes + decided, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes).cpu().double()


def macro_scores(matrix: Tensor) -> Scores:
    """Averages over the classes that are in the target or were decided, as torchmetrics and scikit-learn take them."""
    right, decided, there = matrix.diagonal(), matrix.sum(dim=0), matrix.sum(dim=1)
    counted = decided + there > 0
    parts = {"precision": right / decided, "recall": right / there, "f1": 2 * right / (decided + there)}
    averages = {name: part[counted].nan_to_num(0.0).mean() for name, part in parts.items()}
    return {"accuracy": right.sum() / matrix.sum(), **averages}


def positive_class_scores(matrix: Tensor) -> Scores:
    """Of two classes; 0 where nothing was decided or is there."""
    right, decided, there = matrix[1, 1], matrix[:, 1].sum(), matrix[1].sum()
    parts = {"precision": right / decided, "recall": right / there, "f1": 2 * right / (decided + there)}
    return {"accuracy": matrix.trace() / matrix.sum(), **{name: part.nan_to_num(0.0) for name, part in parts.items()}}
