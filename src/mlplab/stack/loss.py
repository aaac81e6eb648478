"""The losses of K members at once: (K, B, out_features) and encoded targets (K, B, ...) -> (K,)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]
Each = nn.functional


def stacked_loss(losses: Sequence[nn.Module]) -> Loss:
    """Of the members' own losses, which are of one class and differ in numbers only."""
    make = LOSSES.get(type(losses[0]))
    return make(losses) if make else _by_member(losses)


def _by_member(losses: Sequence[nn.Module]) -> Loss:
    return lambda output, target: torch.stack(
        [loss(one, its) for loss, one, its in zip(losses, output, target, strict=True)]
    )


def _alike(weights: Sequence[Tensor | None]) -> bool:
    first = weights[0]
    return first is None or all(one is first or (one is not None and torch.equal(one, first)) for one in weights)


def _mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(dim=1)


def _cross_entropy(losses: Sequence[Any]) -> Loss:
    """Label smoothing is linear: between that of 0 and that of 1."""
    weight = losses[0].weight
    if not _alike([loss.weight for loss in losses]):  # balanced by the training rows of folds
        return _by_member(losses)
    smoothing = [float(loss.label_smoothing) for loss in losses]
    shares = torch.tensor(smoothing, dtype=torch.float64)[:, None] if len(set(smoothing)) > 1 else None

    def run(output: Tensor, target: Tensor) -> Tensor:
        rows = output.transpose(1, 2).contiguous()  # over few classes that lie side by side torch is slow

        def smoothed(amount: float) -> Tensor:
            return Each.cross_entropy(rows, target, weight, reduction="none", label_smoothing=amount)

        if shares is None:
            each = smoothed(smoothing[0])
        else:
            each = torch.lerp(smoothed(0.0), smoothed(1.0), shares.to(output.dtype))
        return each.mean(dim=1) if weight is None else each.sum(dim=1) / weight[target].sum(dim=1)

    return run


def _binary_cross_entropy(losses: Sequence[Any]) -> Loss:
    weights = [loss.pos_weight for loss in losses]
    weight = weights[0] if _alike(weights) else torch.stack(weights)[:, None]
    return lambda output, target: _mean(
        Each.binary_cross_entropy_with_logits(output, target, pos_weight=weight, reduction="none")
    )


def _huber(losses: Sequence[Any]) -> Loss:
    delta = losses[0].delta
    return lambda output, target: _mean(Each.huber_loss(output, target, reduction="none", delta=delta))


LOSSES: dict[type, Callable[[Sequence[Any]], Loss]] = {
    nn.CrossEntropyLoss: _cross_entropy,
    nn.BCEWithLogitsLoss: _binary_cross_entropy,
    nn.MSELoss: lambda _: lambda output, target: _mean(Each.mse_loss(output, target, reduction="none")),
    nn.L1Loss: lambda _: lambda output, target: _mean(Each.l1_loss(output, target, reduction="none")),
    nn.HuberLoss: _huber,
}
