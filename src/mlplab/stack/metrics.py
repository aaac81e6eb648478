"""Loss and metrics of K members at once, equal to `Learner.measure` of each except for rounding."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.learner.classifier import Classifier
from mlplab.learner.learner import Learner
from mlplab.learner.metrics import confusion_matrix, macro_scores, positive_class_scores, regression_scores
from mlplab.learner.regressor import Regressor
from mlplab.stack.data import FoldRows
from mlplab.stack.losses import stacked_loss
from mlplab.stack.network import StackedNetwork

Scores = dict[str, list[float]]  # by name, one value per member
MAX_ACTIVATIONS = 2**19  # of the widest layer at once: they stay in the processor's caches


def stacked_outputs(network: StackedNetwork, rows: FoldRows) -> Tensor:
    """Returns the raw outputs (K, N, out_features)."""
    widest = max(max(leaf.shape[1:]) for leaf in network.weights.leaves.values())
    blocks = torch.split(rows.features, max(1, MAX_ACTIVATIONS // (network.count * widest)), dim=1)
    return torch.cat([network(rows.per_member(block), False) for block in blocks], dim=1)


def encode_targets(learners: Sequence[Learner], target: Tensor) -> Tensor:
    """Encodes raw targets (K, N, ...), or (1, N, ...) where all members share them, as the loss takes them: (K, N,
    ...)."""
    encoded = _by_learner(learners[: len(target)], "encode", target)
    return encoded.expand(len(learners), *encoded.shape[1:])


def compute_metrics(learners: Sequence[Learner], output: Tensor, target: Tensor) -> Scores:
    """output: (K, N, out_features). target: raw, (K, N) or (K, N, T), or (1, ...) where all members share it.

    In float64, and for a learner without a function here, each learner measures its own rows: exact rather than fast.
    """
    metrics = next((METRICS[kind] for kind in type(learners[0]).__mro__ if kind in METRICS), None)
    if metrics is None or output.dtype == torch.float64:
        targets = target.expand(len(learners), *target.shape[1:])
        each = [learner.measure(*rows) for learner, *rows in zip(learners, output, targets, strict=True)]
        return {name: [scores[name] for scores in each] for name in each[0]}
    loss = stacked_loss([learner.measured_loss for learner in learners])(output, encode_targets(learners, target))
    found = {"loss": loss, **metrics(learners[: len(target)], output, target[0] if len(target) == 1 else target)}
    return {name: values.tolist() for name, values in found.items()}


def _by_learner(learners: Sequence[Learner], name: str, values: Tensor) -> Tensor:
    """Returns `encode` or `decode` of (K, N, ...); only a Regressor differs between members, by its target scaling."""
    if isinstance(learners[0], Regressor) and len(learners) > 1:
        return torch.stack([getattr(learner, name)(part) for learner, part in zip(learners, values, strict=True)])
    found: Tensor = getattr(learners[0], name)(values.flatten(0, 1)).unflatten(0, values.shape[:2])
    return found


def _classification(learners: Sequence[Classifier], output: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Takes the class with the largest output, which has the largest probability too."""
    return macro_scores(confusion_matrix(output.argmax(dim=2), target, learners[0].num_classes))


def _binary(learners: Sequence[BinaryClassifier], output: Tensor, target: Tensor) -> dict[str, Tensor]:
    probabilities = _by_learner(learners, "decode", output)
    matrix = confusion_matrix((probabilities >= learners[0].threshold).long(), target, 2)
    return {**positive_class_scores(matrix), "auroc": _auroc(probabilities, target)}


def _regression(learners: Sequence[Regressor], output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return regression_scores(_by_learner(learners, "decode", output), target)


def _auroc(probabilities: Tensor, target: Tensor) -> Tensor:
    """Returns the fraction of pairs, one row of each class, in the right order; a tie counts half. 0 if a class is
    missing."""
    if target.ndim == 2:
        return torch.cat([_auroc(rows[None], its) for rows, its in zip(probabilities, target, strict=True)])
    positive, negative = probabilities[:, target == 1].contiguous(), probabilities[:, target == 0].sort(dim=1).values
    if not positive.numel() or not negative.numel():
        return torch.zeros(len(probabilities))
    pairs = positive.shape[1] * negative.shape[1]
    below = torch.searchsorted(negative, positive) + torch.searchsorted(negative, positive, right=True)
    return below.sum(dim=1).double() / (2 * pairs)


METRICS: dict[type, Callable[[Any, Tensor, Tensor], dict[str, Tensor]]] = {
    Classifier: _classification,
    BinaryClassifier: _binary,
    Regressor: _regression,
}
