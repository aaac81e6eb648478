"""Lesson: batch and layer normalisation keep activations of a deep network in scale and widen usable learning rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from mlplab.analysis.layer_statistics import Layer, layer_statistics
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, curves, final_value, ratio
from mlplab.lesson.initialisation import activation_stds
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_range
from mlplab.report.text import count_noun

LABELS = {"none": "without", "batch": "batch norm", "layer": "layer norm"}
LEARNED_LOSS = 1.0  # training loss; random guessing has 2.3
TITLE = "Normalisation keeps the signals of a deep net at one size: it learns sooner, and at many learning rates"
CAPTION = (
    "Digits, {depth} hidden layers of {width} ReLUs from PyTorch's own starting weights; median and range over seeds. "
    "Left: before training, all training rows as one batch. Dotted: the loss of guessing, log 10."
)
Runs = dict[str, list[LessonRun]]


@dataclass(frozen=True)
class Normalisation(Lesson):
    """depth: number of hidden layers, each with `width` units. rates: learning rates of SGD."""

    seeds: Sequence[int]
    depth: int
    width: int
    epochs: int
    rates: Sequence[float]

    def show(self, runner: LessonRunner) -> list[Claim]:
        runs = {kind: self._runs(runner, kind, "optimizer=adam") for kind in LABELS}
        plain = {
            kind: [self._runs(runner, kind, "optimizer=sgd", f"optimizer.lr={rate}") for rate in self.rates]
            for kind in LABELS
        }
        stds = {kind: activation_stds([initial_statistics(run) for run in group]) for kind, group in runs.items()}
        final_losses = {
            kind: np.array([final_value(group, "loss/train") for group in by_rate]).T for kind, by_rate in plain.items()
        }
        with mosaic_page(
            runner.picture, TITLE, "ABC", (5.0, 4.0), CAPTION.format(depth=self.depth, width=self.width)
        ) as axes:
            _draw_spread(axes["A"], stds)
            _draw_losses(axes["B"], runs)
            _draw_rates(axes["C"], final_losses, self.rates, self.epochs)
        return [*_signal_claims(stds), *_learning_claims(runs), *self._rate_claims(final_losses)]

    def _runs(self, runner: LessonRunner, kind: str, *optimizer: str) -> list[LessonRun]:
        net = ("data=digits", f"model.hidden_features={[self.width] * self.depth}".replace(" ", ""))
        settings = (*net, f"model.normalisation={kind}", *optimizer, f"trainer.max_epochs={self.epochs}")
        return [runner.run(f"{kind}_{seed}", *settings, f"seed={seed}") for seed in self.seeds]

    def _rate_claims(self, final_losses: dict[str, np.ndarray]) -> list[Claim]:
        epochs = count_noun(self.epochs, "epoch")
        text = f"learning rates, of {len(self.rates)}, that bring the training loss below 1 in {epochs}"
        counts = {
            kind: (losses < LEARNED_LOSS).sum(axis=1).astype(float).tolist() for kind, losses in final_losses.items()
        }
        return [
            Claim(f"{text}: without", counts["none"], "==", 0),
            Claim(f"{text}: batch norm", counts["batch"], ">=", 3),
            Claim(f"{text}: layer norm", counts["layer"], ">=", 2),
        ]


def initial_statistics(run: LessonRun) -> list[Layer]:
    """Computes the layer statistics before the first update, with all training rows as one batch.

    Batch norm uses the statistics of this batch, as in training.
    """
    train, learner = run.splits().train, run.untrained_learner()
    for module in learner.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = None  # the running mean and variance become those of this batch
    with torch.no_grad():
        learner.train().network(train.features)
    return layer_statistics(learner.eval(), train.features, train.target)


def _signal_claims(stds: dict[str, np.ndarray]) -> list[Claim]:
    text = "spread of the last hidden layer's activations before training"
    last = {kind: group[:, -1].tolist() for kind, group in stds.items()}
    return [
        Claim(f"{text}: without", last["none"], "<=", 0.1),
        Claim(f"{text}: batch norm", last["batch"], ">=", 0.4),
        Claim(f"{text}: layer norm", last["layer"], ">=", 0.4),
    ]


def _learning_claims(runs: Runs) -> list[Claim]:
    claims = []
    for kind in ("batch", "layer"):
        loss_ratios = ratio(final_value(runs[kind], "loss/train", 4), final_value(runs["none"], "loss/train", 4))
        claims.append(
            Claim(f"training loss after 4 epochs of Adam by that without: {LABELS[kind]}", loss_ratios, "<=", 0.7)
        )
    return claims


def _draw_spread(axes: Any, stds: dict[str, np.ndarray]) -> None:
    layer_numbers = [*range(1, 1 + len(stds["none"][0]))]
    axes.set(xlim=(1, layer_numbers[-1]), xticks=layer_numbers, yscale="log", ylim=(1e-2, 2), xlabel="hidden layer")
    axes.set(ylabel="spread (sd) of activations", title="Signals before training")
    draw_range(axes, layer_numbers, {LABELS[kind]: group for kind, group in stds.items()}, np.median)


def _draw_losses(axes: Any, runs: Runs) -> None:
    losses = {LABELS[kind]: curves(group, "loss/train") for kind, group in runs.items()}
    epochs = [*range(len(losses["without"][0]))]
    axes.set(xlim=(0, epochs[-1]), yscale="log", ylim=(1e-2, 4), xlabel="epoch")
    axes.set(ylabel="training loss (cross entropy)", title="Learning, Adam")
    axes.axhline(np.log(10), color="0.5", linewidth=1, linestyle=":")
    draw_range(axes, epochs, losses, np.median)


def _draw_rates(axes: Any, final_losses: dict[str, np.ndarray], rates: Sequence[float], epochs: int) -> None:
    axes.set(xlim=(rates[0], rates[-1]), xscale="log", yscale="log", ylim=(1e-2, 4))
    axes.set(xlabel="learning rate of plain gradient descent", ylabel="training loss (cross entropy)")
    axes.set_title(f"Learned within {count_noun(epochs, 'epoch')}, by learning rate")
    axes.axhline(np.log(10), color="0.5", linewidth=1, linestyle=":")
    draw_range(axes, rates, {LABELS[kind]: losses for kind, losses in final_losses.items()}, np.median)
