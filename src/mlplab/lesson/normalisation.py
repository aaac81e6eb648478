"""Normalisation keeps the signals of a deep net at one size: it learns sooner, and forgives the learning rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from mlplab.analysis.layer_statistics import Layer, layer_statistics
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, curves, final_value, ratio
from mlplab.lesson.initialisation import spreads
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_range
from mlplab.report.text import count_noun

KINDS = {"none": "without", "batch": "batch norm", "layer": "layer norm"}
LEARNED = 1.0  # a training loss below it, where guessing has 2.3
TITLE = "Normalisation keeps the signals of a deep net at one size: it learns sooner, and at many learning rates"
CAPTION = (
    "Digits, {depth} hidden layers of {width} ReLUs from PyTorch's own starting weights; median and range over seeds. "
    "Left: before training, all training rows as one batch. Dotted: the loss of guessing, log 10."
)
Runs = dict[str, list[LessonRun]]


@dataclass(frozen=True)
class Normalisation(Lesson):
    """depth: hidden layers, of `width` units each. rates: of plain gradient descent."""

    seeds: Sequence[int]
    depth: int
    width: int
    epochs: int
    rates: Sequence[float]

    def show(self, bench: LessonRunner) -> list[Claim]:
        runs = {kind: self._runs(bench, kind, "optimizer=adam") for kind in KINDS}
        plain = {
            kind: [self._runs(bench, kind, "optimizer=sgd", f"optimizer.lr={rate}") for rate in self.rates]
            for kind in KINDS
        }
        sd = {kind: spreads([at_start(run) for run in several]) for kind, several in runs.items()}
        ends = {
            kind: np.array([final_value(several, "loss/train") for several in by_rate]).T
            for kind, by_rate in plain.items()
        }
        with mosaic_page(
            bench.picture, TITLE, "ABC", (5.0, 4.0), CAPTION.format(depth=self.depth, width=self.width)
        ) as axes:
            _draw_spread(axes["A"], sd)
            _draw_losses(axes["B"], runs)
            _draw_rates(axes["C"], ends, self.rates, self.epochs)
        return [*_of_signals(sd), *_of_learning(runs), *self._of_rates(ends)]

    def _runs(self, bench: LessonRunner, kind: str, *optimizer: str) -> list[LessonRun]:
        net = ("data=digits", f"model.hidden_features={[self.width] * self.depth}".replace(" ", ""))
        settings = (*net, f"model.normalisation={kind}", *optimizer, f"trainer.max_epochs={self.epochs}")
        return [bench.run(f"{kind}_{seed}", *settings, f"seed={seed}") for seed in self.seeds]

    def _of_rates(self, ends: dict[str, np.ndarray]) -> list[Claim]:
        epochs = count_noun(self.epochs, "epoch")
        text = f"learning rates, of {len(self.rates)}, that bring the training loss below 1 in {epochs}"
        count = {kind: (losses < LEARNED).sum(axis=1).astype(float).tolist() for kind, losses in ends.items()}
        return [
            Claim(f"{text}: without", count["none"], "==", 0),
            Claim(f"{text}: batch norm", count["batch"], ">=", 3),
            Claim(f"{text}: layer norm", count["layer"], ">=", 2),
        ]


def at_start(run: LessonRun) -> list[Layer]:
    """Before the first update, all training rows as one batch: what batch norm hands on while it trains."""
    part, learner = run.splits().train, run.fresh()
    for module in learner.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = None  # the running mean and variance become those of the one batch
    with torch.no_grad():
        learner.train().network(part.features)
    return layer_statistics(learner.eval(), part.features, part.target)


def _of_signals(sd: dict[str, np.ndarray]) -> list[Claim]:
    text = "spread of the last hidden layer's activations before training"
    last = {kind: several[:, -1].tolist() for kind, several in sd.items()}
    return [
        Claim(f"{text}: without", last["none"], "<=", 0.1),
        Claim(f"{text}: batch norm", last["batch"], ">=", 0.4),
        Claim(f"{text}: layer norm", last["layer"], ">=", 0.4),
    ]


def _of_learning(runs: Runs) -> list[Claim]:
    claims = []
    for kind in ("batch", "layer"):
        shares = ratio(final_value(runs[kind], "loss/train", 4), final_value(runs["none"], "loss/train", 4))
        claims.append(Claim(f"training loss after 4 epochs of Adam by that without: {KINDS[kind]}", shares, "<=", 0.7))
    return claims


def _draw_spread(axes: Any, sd: dict[str, np.ndarray]) -> None:
    number = [*range(1, 1 + len(sd["none"][0]))]
    axes.set(xlim=(1, number[-1]), xticks=number, yscale="log", ylim=(1e-2, 2), xlabel="hidden layer")
    axes.set(ylabel="spread (sd) of activations", title="Signals before training")
    draw_range(axes, number, {KINDS[kind]: several for kind, several in sd.items()}, np.median)


def _draw_losses(axes: Any, runs: Runs) -> None:
    losses = {KINDS[kind]: curves(several, "loss/train") for kind, several in runs.items()}
    epochs = [*range(len(losses["without"][0]))]
    axes.set(xlim=(0, epochs[-1]), yscale="log", ylim=(1e-2, 4), xlabel="epoch")
    axes.set(ylabel="training loss (cross entropy)", title="Learning, Adam")
    axes.axhline(np.log(10), color="0.5", linewidth=1, linestyle=":")
    draw_range(axes, epochs, losses, np.median)


def _draw_rates(axes: Any, ends: dict[str, np.ndarray], rates: Sequence[float], epochs: int) -> None:
    axes.set(xlim=(rates[0], rates[-1]), xscale="log", yscale="log", ylim=(1e-2, 4))
    axes.set(xlabel="learning rate of plain gradient descent", ylabel="training loss (cross entropy)")
    axes.set_title(f"Learned within {count_noun(epochs, 'epoch')}, by learning rate")
    axes.axhline(np.log(10), color="0.5", linewidth=1, linestyle=":")
    draw_range(axes, rates, {KINDS[kind]: losses for kind, losses in ends.items()}, np.median)
