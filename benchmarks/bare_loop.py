"""A bare PyTorch loop written for speed, with which throughput.py compares: one fit of the rows of a file per line of
standard input. Imports neither mlplab nor Lightning.

Rows and targets are already scaled; an epoch is one permutation, a batch is taken by index; Adam is fused. After each
epoch, and before the first, val and the measured slice of train are evaluated, each as one batch: loss and accuracy, or
loss, RMSE, MAE and R2.
"""

import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Part = tuple[Tensor, Tensor]
Scores = dict[str, float]


def sequential(widths: list[int]) -> nn.Sequential:
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def measure(network: nn.Module, part: Part) -> Scores:
    with torch.no_grad():
        output, target = network(part[0]), part[1]
        if not target.is_floating_point():
            loss, accuracy = nn.functional.cross_entropy(output, target), (output.argmax(1) == target).float().mean()
            return {"loss": loss.item(), "accuracy": accuracy.item()}
        error = output - target
        mse, mae = error.square().mean(), error.abs().mean()
        r2 = 1 - mse / (target - target.mean(dim=0)).square().mean()
        return {"loss": mse.item(), "rmse": mse.sqrt().item(), "mae": mae.item(), "r2": r2.item()}


def order(count: int, epoch: int, seed: int = 0) -> Tensor:
    """Returns the order of the rows in mlplab, which depends on seed and epoch."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def fit(network: nn.Module, train: Part, measured: list[Part], batch_size: int, epochs: int) -> list[list[Scores]]:
    """Returns the scores of val and of the measured slice for each epoch, from epoch 0 on."""
    features, target = train
    loss_of = nn.functional.mse_loss if target.is_floating_point() else nn.functional.cross_entropy
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    history = [[measure(network, part) for part in measured]]
    for epoch in range(epochs):
        for rows in order(len(features), epoch).split(batch_size):
            optimizer.zero_grad()
            loss_of(network(features.index_select(0, rows)), target.index_select(0, rows)).backward()
            optimizer.step()
        history.append([measure(network, part) for part in measured])
    return history


def main(path: str, cpu: bool) -> None:
    rows: Any = np.load(path)
    train, val = ((torch.from_numpy(rows[f"x{name}"]), torch.from_numpy(rows[f"y{name}"])) for name in ("", "_val"))
    measured = [val, (train[0][: len(val[0])], train[1][: len(val[0])])]
    epochs, clock = int(rows["epochs"]), time.process_time if cpu else time.perf_counter
    for _ in sys.stdin:
        torch.manual_seed(0)
        network = sequential([train[0].shape[1], *rows["widths"].tolist()])
        started = clock()
        history = fit(network, train, measured, int(rows["batch_size"]), epochs)
        print(f"result {epochs * len(train[0]) / (clock() - started)} {history[-1][0]['loss']}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], "--cpu" in sys.argv)
