"""The yardstick: a bare PyTorch loop written for speed, over the same rows, net, order of batches and evaluations.

Rows and targets are scaled once, beforehand; an epoch is one permutation, a batch is taken by index; Adam is fused.
After each epoch, and before the first, val and the measured slice of train are measured: loss and accuracy, or loss,
MSE, RMSE, MAE and R2.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from mlplab.data.splits import Part, Splits

Scores = dict[str, float]


def sequential(widths: Sequence[int]) -> nn.Sequential:
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def scaled(splits: Splits) -> list[Part]:
    """Train, val and the measured slice, standardised by the training rows."""
    columns = splits.train.features.float()
    pixels = splits.train.features.dtype == torch.uint8
    mean, sd = (columns.mean(), columns.std()) if pixels else (columns.mean(dim=0), columns.std(dim=0))
    sd = torch.where(sd > 0, sd, torch.ones_like(sd))
    values = splits.train.target if splits.train.target.is_floating_point() else None
    shift, factor = (values.mean(dim=0), values.std(dim=0)) if values is not None else (0, 1)
    parts = []
    for part in (splits.train, splits.val, splits.measured):
        target = part.target if values is None else (part.target - shift) / factor
        parts.append(Part((part.features.float() - mean) / sd, target))
    return parts


def measure(network: nn.Module, part: Part) -> Scores:
    with torch.no_grad():
        output, target = network(part.features), part.target
        if not target.is_floating_point():
            loss, accuracy = nn.functional.cross_entropy(output, target), (output.argmax(1) == target).float().mean()
            return {"loss": loss.item(), "accuracy": accuracy.item()}
        error = output - target
        mse, mae = error.square().mean(), error.abs().mean()
        r2 = 1 - mse / (target - target.mean(dim=0)).square().mean()
        return {"loss": mse.item(), "rmse": mse.sqrt().item(), "mae": mae.item(), "r2": r2.item()}


def order(count: int, seed: int, epoch: int) -> Tensor:
    """The lab's: keyed by seed and epoch."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def fit(network: nn.Module, parts: list[Part], batch_size: int, epochs: int, seed: int = 0) -> list[list[Scores]]:
    """For each epoch, 0 first, the scores of val and of the slice."""
    train, *measured = parts
    features, target = train.features, train.target
    loss_of = nn.functional.mse_loss if target.is_floating_point() else nn.functional.cross_entropy
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    history = [[measure(network, part) for part in measured]]
    for epoch in range(epochs):
        for rows in order(len(train), seed, epoch).split(batch_size):
            optimizer.zero_grad()
            loss_of(network(features[rows]), target[rows]).backward()
            optimizer.step()
        history.append([measure(network, part) for part in measured])
    return history
