"""The losses of K members at once: outputs (K, B, out_features) and encoded targets (K, B, ...) -> (K,)."""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Loss = Callable[[Tensor, Tensor], Tensor]


def stacked_loss(losses: Sequence[nn.Module]) -> Loss:
    """losses: one per member, of one class; only their numbers differ. A class not in BUILDERS is called per member."""
    build = BUILDERS.get(type(losses[0]))
    return build(losses) if build else _per_member(losses)


def _per_member(losses: Sequence[nn.Module]) -> Loss:
    return lambda output, target: torch.stack([loss(*pair) for loss, *pair in zip(losses, output, target, strict=True)])


def _cross_entropy(losses: Sequence[Any]) -> Loss:
    """Interpolates where label smoothing differs: the loss is linear between smoothing 0 and 1."""
    weight = losses[0].weight
    if not _all_equal([loss.weight for loss in losses]):  # balanced by the training rows of each fold
        return _per_member(losses)
    smoothing = [float(loss.label_smoothing) for loss in losses]
    amounts = torch.tensor(smoothing, dtype=torch.float64)[:, None] if len(set(smoothing)) > 1 else None

    def run(output: Tensor, target: Tensor) -> Tensor:
        rows = output.transpose(1, 2).contiguous()  # torch is slow where few classes are contiguous

        def smoothed(amount: float) -> Tensor:
            return functional.cross_entropy(rows, target, weight, reduction="none", label_smoothing=amount)

        if amounts is None:
            values = smoothed(smoothing[0])
        else:
            values = torch.lerp(smoothed(0.0), smoothed(1.0), amounts.to(output.dtype))
        return values.mean(dim=1) if weight is None else values.sum(dim=1) / weight[target].sum(dim=1)

    return run


def _binary_cross_entropy(losses: Sequence[Any]) -> Loss:
    weights = [loss.pos_weight for loss in losses]
    weight = weights[0] if _all_equal(weights) else torch.stack(weights)[:, None]
    return lambda output, target: _mean(
        functional.binary_cross_entropy_with_logits(output, target, pos_weight=weight, reduction="none")
    )


def _elementwise(losses: Sequence[Any]) -> Loss:
    loss = copy(losses[0])
    loss.reduction = "none"
    return lambda output, target: _mean(loss(output, target))


def _all_equal(weights: Sequence[Tensor | None]) -> bool:
    first = weights[0]
    return first is None or all(weight is not None and torch.equal(weight, first) for weight in weights)


def _mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(dim=1)


BUILDERS: dict[type, Callable[[Sequence[Any]], Loss]] = {
    nn.CrossEntropyLoss: _cross_entropy,
    nn.BCEWithLogitsLoss: _binary_cross_entropy,
    **dict.fromkeys((nn.MSELoss, nn.L1Loss, nn.HuberLoss), _elementwise),
}
