"""Lesson: weight initialisation, and how activations explode or vanish in a deep network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from mlplab.analysis.layer_statistics import Layer
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, curves, draw_medians, final_value
from mlplab.report.figure import mosaic_page
from mlplab.report.style import COLOUR_CYCLE
from mlplab.report.text import count_noun

INITIALISATIONS = {"naive": "naive", "he_normal": "He", "xavier_normal": "Xavier", "default": "PyTorch"}
ACTIVATIONS = {"relu": "ReLU", "tanh": "tanh"}
TITLE = "Initial weights of the wrong size make activations explode, saturate or vanish"
CAPTION = (
    "Digits, {depth} hidden layers of {width} units, Adam; median and range over seeds. Variance of the initial "
    "weights: 1 (naive), 2 / n (He), 1 / n (Xavier, where a layer has as many units as the one before) or 1 / 3n "
    "(PyTorch's default), n the number of inputs. A tanh unit is saturated where its derivative is below 0.01."
)
MAX_LOSS = 30.0  # upper limit of the loss axis
Pair = tuple[str, str]  # activation and initialisation


@dataclass(frozen=True)
class Initialisation(Lesson):
    """depth: number of hidden layers, each with `width` units."""

    seeds: Sequence[int]
    depth: int
    width: int
    epochs: int

    def show(self, runner: LessonRunner) -> list[Claim]:
        runs = {pair: self._runs(runner, *pair) for pair in product(ACTIVATIONS, INITIALISATIONS)}
        layers = {pair: [run.layers(run.untrained_learner()) for run in group] for pair, group in runs.items()}
        stds = {pair: activation_stds(group) for pair, group in layers.items()}
        losses = {pair: curves(group, "loss/train") for pair, group in runs.items()}
        saturated = np.array([[layer.saturated for layer in run[:-1]] for run in layers["tanh", "naive"]])
        caption = CAPTION.format(depth=self.depth, width=self.width)
        with mosaic_page(runner.picture, TITLE, "AB;CD", (5.4, 3.5), caption) as axes:
            _draw_stds(axes["A"], stds, "relu", 1e9)
            _draw_stds(axes["B"], stds, "tanh", 1e1)
            _draw_losses(axes["C"], losses, "relu")
            _draw_losses(axes["D"], losses, "tanh")
            style = {"ha": "center", "color": COLOUR_CYCLE[0], "fontsize": 9}
            axes["B"].text(5.5, 1.25, f"naive: {saturated.mean():.0%} of the activations are saturated", **style)
        return [*_activation_claims(stds, saturated[:, -1]), *self._training_claims(runs)]

    def _runs(self, runner: LessonRunner, activation: str, initialisation: str) -> list[LessonRun]:
        network = ("data=digits", f"model.hidden_features={[self.width] * self.depth}", f"activation={activation}")
        options = (f"model.initialisation={initialisation}", f"trainer.max_epochs={self.epochs}")
        return runner.run_seeds(f"{activation}_{initialisation}", self.seeds, *network, *options)

    def _training_claims(self, runs: Mapping[Pair, list[LessonRun]]) -> list[Claim]:
        losses = {pair: final_value(group, "loss/train") for pair, group in runs.items()}
        default, he = (final_value(runs["relu", name], "loss/train", 3) for name in ("default", "he_normal"))
        text = f"training loss after {count_noun(self.epochs, 'epoch')}"
        return [
            Claim(f"{text}: ReLU, naive", losses["relu", "naive"], ">=", 100),
            Claim(f"{text}: ReLU, He", losses["relu", "he_normal"], "<=", 0.2),
            Claim(f"{text}: tanh, naive", losses["tanh", "naive"], ">=", 2.3),
            Claim(f"{text}: tanh, Xavier", losses["tanh", "xavier_normal"], "<=", 0.1),
            Claim("training loss after 3 epochs: ReLU, PyTorch / He", default / he, ">=", 2),
        ]


def activation_stds(group: Sequence[Sequence[Layer]]) -> np.ndarray:
    """Returns the standard deviation of activations, (runs, hidden layers)."""
    return np.array([[layer.spread for layer in layers[:-1]] for layers in group])


def _activation_claims(stds: Mapping[Pair, np.ndarray], saturated: np.ndarray) -> list[Claim]:
    ratios = {pair: values[:, -1] / values[:, 0] for pair, values in stds.items()}
    text = "standard deviation of the activations before training, last hidden layer / first"
    saturated_text = "fraction of saturated tanh activations in the last hidden layer (derivative < 0.01)"
    return [
        Claim(f"{text}: ReLU, naive", ratios["relu", "naive"], ">=", 1e4),
        Claim(f"{text}: ReLU, Xavier", ratios["relu", "xavier_normal"], "<=", 0.15),
        Claim(f"{text}: ReLU, He", ratios["relu", "he_normal"], ">=", 0.2),
        Claim(f"{text}: ReLU, He", ratios["relu", "he_normal"], "<=", 3),
        Claim(f"{text}: tanh, Xavier", ratios["tanh", "xavier_normal"], ">=", 0.25),
        Claim(f"{saturated_text}: naive", saturated, ">=", 0.5),
    ]


def draw_stds(axes: Any, stds: Mapping[str, np.ndarray], top: float, title: str) -> None:
    """stds: (runs, hidden layers) by name. top: upper limit of the axis."""
    layers = range(1, 1 + len(next(iter(stds.values()))[0]))
    axes.set(title=title, xlabel="hidden layer", ylabel="standard deviation of activations")
    draw_medians(axes, layers, stds, xticks=layers, ylim=(1e-2, top))


def _draw_stds(axes: Any, stds: Mapping[Pair, np.ndarray], activation: str, top: float) -> None:
    by_label = {label: stds[activation, name] for name, label in INITIALISATIONS.items()}
    draw_stds(axes, by_label, top, f"{ACTIVATIONS[activation]}: activations before training")


def _draw_losses(axes: Any, losses: Mapping[Pair, np.ndarray], activation: str) -> None:
    by_label = {label: losses[activation, name] for name, label in INITIALISATIONS.items()}
    final = float(np.median(by_label["naive"][:, -1]))
    if final > MAX_LOSS:
        by_label = {f"naive: {final:.0e}" if label == "naive" else label: values for label, values in by_label.items()}
    epochs = range(len(losses[activation, "naive"][0]))
    axes.set(title=f"{ACTIVATIONS[activation]}: training", xlabel="epoch", ylabel="training loss (cross entropy)")
    draw_medians(axes, epochs, by_label, ylim=(5e-3, MAX_LOSS))
