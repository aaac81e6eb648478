"""Facts for the verdict beyond the history: baseline scores, class fractions, layers, rise of validation loss."""

import math
from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor

from mlplab.analysis.layer_statistics import Layer, layer_statistics
from mlplab.data.splits import Splits
from mlplab.learner.learner import Learner

MAX_ROWS = 4096
Diagnosis = dict[str, Any]


def measured_layers(learner: Learner, splits: Splits) -> list[Layer]:
    """Returns the layer statistics on the first MAX_ROWS rows of the evaluated part of train."""
    rows = splits.measured.first(MAX_ROWS)
    return layer_statistics(learner, rows.features.to(learner.device), rows.target.to(learner.device))


def val_losses(learner: Learner, splits: Splits) -> Tensor:
    """Returns the loss of each of the first MAX_ROWS rows of val, (N,)."""
    rows = splits.val.first(MAX_ROWS)
    training = learner.training
    learner.eval()
    with torch.inference_mode():
        losses = row_losses(learner, learner.network(rows.features.to(learner.device)), rows.target.to(learner.device))
    learner.train(training)
    return losses


def row_losses(learner: Learner, output: Tensor, target: Tensor) -> Tensor:
    """Returns the loss of each row, (N,), of raw outputs and raw targets."""
    output, encoded = output.to(torch.promote_types(output.dtype, torch.float32)), learner.encode(target)
    loss: Any = copy(learner.measured_loss)
    if not hasattr(loss, "reduction"):
        rows = zip(torch.split(output, 1), torch.split(encoded, 1), strict=True)
        return torch.stack([loss(*row) for row in rows])
    loss.reduction = "none"
    losses: Tensor = loss(output, encoded)
    return losses.view(len(output), -1).mean(dim=1)


def validation_rise(best: Tensor, last: Tensor) -> dict[str, float]:
    """Returns the mean rise of the row losses (N,) from the best to the last weights, and its standard error."""
    differences = (last - best).double()
    error = differences.std() / math.sqrt(len(differences)) if len(differences) > 1 else math.inf
    return {"mean": float(differences.mean()), "error": float(error)}


def diagnose(learner: Learner, splits: Splits, start: list[Layer], best: dict[str, Any]) -> Diagnosis:
    """Returns the content of diagnosis.json for a learner after its last update.

    start: its layers before the first update. best: state of the best epoch, which is loaded and stays loaded.
    """
    end, last = measured_layers(learner, splits), val_losses(learner, splits)
    learner.load_state_dict(best)
    return {
        **row_facts(learner, splits),
        "layers": layer_facts(start, end),
        "rise": validation_rise(val_losses(learner, splits), last),
    }


def row_facts(learner: Learner, splits: Splits) -> Diagnosis:
    """Returns what depends on the data alone.

    baseline: scores of the best constant, computed from training targets, on the evaluated part of train, on val and on
    test. shares: fraction of each class in val.
    """
    parts = {"train": splits.measured, "val": splits.val, "test": splits.test}
    baseline: dict[str, float] = {}
    fractions: dict[str, float] = {}
    for split, part in parts.items():
        constant = learner.baseline(splits.train.target).expand(len(part), -1)
        baseline |= {f"{score}/{split}": value for score, value in learner.measure(constant, part.target).items()}
    if not splits.info.task.is_regression:
        counts = torch.bincount(splits.val.target, minlength=len(splits.class_names)).tolist()
        fractions = {name: count / len(splits.val) for name, count in zip(splits.class_names, counts, strict=True)}
    return {"rows": {name: len(part) for name, part in parts.items()}, "baseline": baseline, "shares": fractions}


def layer_facts(start: Sequence[Layer], end: Sequence[Layer]) -> list[dict[str, Any]]:
    """Returns dead units and gradient norms of each layer before the first and after the last update."""
    return [
        {
            "name": first.name,
            "rectified": first.rectified,
            "dead": {"start": first.dead, "end": final.dead},
            "gradient": {"start": first.gradient, "end": final.gradient},
        }
        for first, final in zip(start, end, strict=True)
    ]
