"""Lesson: batch and layer normalisation keep activations of a deep network in scale and widen usable learning rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from mlplab.analysis.layer_statistics import Layer
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, Runs, curves, draw_medians, final_value
from mlplab.lesson.initialisation import activation_stds, draw_stds
from mlplab.report.figure import mosaic_page
from mlplab.report.text import count_noun

LABELS = {"none": "none", "batch": "batch norm", "layer": "layer norm"}
LEARNED_LOSS = 1.0  # training loss; random guessing has 2.3
TITLE = "With normalisation a deep network keeps its activations in scale and learns sooner, at more learning rates"
CAPTION = (
    "Digits, {depth} hidden layers of {width} ReLUs with PyTorch's default initial weights; median and range over "
    "seeds. Left: all training rows as one batch. Dotted: the loss of guessing, log 10."
)


@dataclass(frozen=True)
class Normalisation(Lesson):
    """depth: number of hidden layers, each with `width` units. rates: learning rates of SGD."""

    seeds: Sequence[int]
    depth: int
    width: int
    epochs: int
    rates: Sequence[float]

    def show(self, runner: LessonRunner) -> list[Claim]:
        adam_runs = {kind: self._runs(runner, kind, "optimizer=adam") for kind in LABELS}
        stds = {kind: activation_stds([initial_layers(run) for run in runs]) for kind, runs in adam_runs.items()}
        final_losses = {kind: self._final_losses(runner, kind) for kind in LABELS}
        caption = CAPTION.format(depth=self.depth, width=self.width)
        with mosaic_page(runner.picture, TITLE, "ABC", (5.0, 4.0), caption) as axes:
            draw_stds(axes["A"], _by_label(stds), 2, "Activations before training")
            losses = {kind: curves(runs, "loss/train") for kind, runs in adam_runs.items()}
            _draw_losses(axes["B"], range(self.epochs + 1), losses, title="Training with Adam", xlabel="epoch")
            title = f"Gradient descent, after {count_noun(self.epochs, 'epoch')}"
            _draw_losses(axes["C"], self.rates, final_losses, title=title, xlabel="learning rate", xscale="log")
        return [*_activation_claims(stds), *_learning_claims(adam_runs), *self._rate_claims(final_losses)]

    def _runs(self, runner: LessonRunner, kind: str, *optimizer: str) -> list[LessonRun]:
        network = ("data=digits", f"model.hidden_features={[self.width] * self.depth}", f"model.normalisation={kind}")
        return runner.run_seeds(kind, self.seeds, *network, *optimizer, f"trainer.max_epochs={self.epochs}")

    def _final_losses(self, runner: LessonRunner, kind: str) -> np.ndarray:
        """Trains by gradient descent, (seeds, learning rates)."""
        runs = [self._runs(runner, kind, "optimizer=sgd", f"optimizer.lr={rate}") for rate in self.rates]
        return np.column_stack([final_value(group, "loss/train") for group in runs])

    def _rate_claims(self, final_losses: Mapping[str, np.ndarray]) -> list[Claim]:
        epochs = count_noun(self.epochs, "epoch")
        text = f"number of {len(self.rates)} learning rates at which the training loss falls below 1 in {epochs}"
        counts = {kind: (losses < LEARNED_LOSS).sum(axis=1) for kind, losses in final_losses.items()}
        return [
            Claim(f"{text}: no normalisation", counts["none"], "==", 0),
            Claim(f"{text}: batch norm", counts["batch"], ">=", 3),
            Claim(f"{text}: layer norm", counts["layer"], ">=", 2),
        ]


def initial_layers(run: LessonRun) -> list[Layer]:
    """Computes the layer statistics before the first update, with all training rows as one batch.

    Batch norm uses the statistics of this batch, as in training.
    """
    learner = run.untrained_learner()
    for module in learner.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.momentum = None  # the running mean and variance become those of this batch
    with torch.no_grad():
        learner.train().network(run.splits().train.features)
    return run.layers(learner.eval())


def _activation_claims(stds: Mapping[str, np.ndarray]) -> list[Claim]:
    text = "standard deviation of the last hidden layer's activations before training"
    return [
        Claim(f"{text}: no normalisation", stds["none"][:, -1], "<=", 0.1),
        Claim(f"{text}: batch norm", stds["batch"][:, -1], ">=", 0.4),
        Claim(f"{text}: layer norm", stds["layer"][:, -1], ">=", 0.4),
    ]


def _learning_claims(runs: Mapping[str, Runs]) -> list[Claim]:
    losses = {kind: final_value(group, "loss/train", 4) for kind, group in runs.items()}
    text = "training loss after 4 epochs of Adam"
    return [
        Claim(f"{text}, {LABELS[kind]} / no normalisation", losses[kind] / losses["none"], "<=", 0.7)
        for kind in ("batch", "layer")
    ]


def _by_label(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {label: values[kind] for kind, label in LABELS.items()}


def _draw_losses(axes: Any, x: Sequence[float], losses: Mapping[str, np.ndarray], **options: Any) -> None:
    axes.axhline(np.log(10), color="0.5", linewidth=1, linestyle=":")
    draw_medians(axes, x, _by_label(losses), ylim=(1e-2, 4), ylabel="training loss (cross entropy)", **options)
