"""Lesson: weight initialisation, and how activations explode or vanish in a deep network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab.analysis.layer_statistics import Layer, layer_statistics
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, curves, final_value, ratio
from mlplab.report.figure import mosaic_page
from mlplab.report.style import COLOUR_CYCLE, draw_range
from mlplab.report.text import count_noun

INITIALISATIONS = {"naive": "naive", "he_normal": "He", "xavier_normal": "Xavier", "default": "PyTorch's"}
ACTIVATIONS = {"relu": "ReLU", "tanh": "tanh"}
TITLE = "Starting weights of the wrong size blow signals up, flatten units, or let signals fade"
CAPTION = (
    "Digits, {depth} hidden layers of {width} units, Adam; median and range over seeds. Weights are drawn with "
    "variance 1 (naive), 2 / n (He), 1 / n (Xavier, where a layer has as many units as the one before) or 1 / 3n (what "
    "PyTorch does by itself), n the number of inputs. A unit of tanh is flat where its slope is below 0.01."
)
MAX_LOSS = 30.0  # upper limit of the loss axis
Measured = dict[tuple[str, str], list[list[Layer]]]
Runs = dict[tuple[str, str], list[LessonRun]]


@dataclass(frozen=True)
class Initialisation(Lesson):
    """depth: number of hidden layers, each with `width` units."""

    seeds: Sequence[int]
    depth: int
    width: int
    epochs: int

    def show(self, runner: LessonRunner) -> list[Claim]:
        net = ("data=digits", f"model.hidden_features={[self.width] * self.depth}".replace(" ", ""))
        runs: Runs = {
            (activation, initialisation): [
                runner.run(
                    f"{activation}_{initialisation}_{seed}",
                    *net,
                    *self._overrides(activation, initialisation),
                    f"seed={seed}",
                )
                for seed in self.seeds
            ]
            for activation in ACTIVATIONS
            for initialisation in INITIALISATIONS
        }
        statistics = {pair: [initial_statistics(run) for run in group] for pair, group in runs.items()}
        caption = CAPTION.format(depth=self.depth, width=self.width)
        with mosaic_page(runner.picture, TITLE, "AB;CD", (5.4, 3.5), caption) as axes:
            for above, below, (activation, name) in zip("AB", "CD", ACTIVATIONS.items(), strict=True):
                top = 1e9 if activation == "relu" else 1e1
                _draw_spread(
                    axes[above],
                    {initialisation: statistics[activation, initialisation] for initialisation in INITIALISATIONS},
                    name,
                    top,
                )
                _draw_losses(
                    axes[below],
                    {initialisation: runs[activation, initialisation] for initialisation in INITIALISATIONS},
                    name,
                )
            fraction = np.mean([layer.saturated for group in statistics["tanh", "naive"] for layer in group[:-1]])
            axes["B"].text(
                5.5,
                1.25,
                f"naive: {fraction:.0%} of the units are flat",
                ha="center",
                color=COLOUR_CYCLE[0],
                fontsize=9,
            )
        return [*_signal_claims(statistics), *self._training_claims(runs)]

    def _overrides(self, activation: str, initialisation: str) -> Sequence[str]:
        return (
            f"activation={activation}",
            f"model.initialisation={initialisation}",
            f"trainer.max_epochs={self.epochs}",
        )

    def _training_claims(self, runs: Runs) -> list[Claim]:
        def loss(activation: str, initialisation: str, epoch: int = -1) -> list[float]:
            return final_value(runs[activation, initialisation], "loss/train", epoch)

        text = f"training loss after {count_noun(self.epochs, 'epoch')}"
        slower = ratio(loss("relu", "default", 3), loss("relu", "he_normal", 3))
        return [
            Claim(f"{text}: ReLU, naive", loss("relu", "naive"), ">=", 100),
            Claim(f"{text}: ReLU, He", loss("relu", "he_normal"), "<=", 0.2),
            Claim(f"{text}: tanh, naive", loss("tanh", "naive"), ">=", 2.3),
            Claim(f"{text}: tanh, Xavier", loss("tanh", "xavier_normal"), "<=", 0.1),
            Claim("training loss after 3 epochs: ReLU, PyTorch's own by He's", slower, ">=", 2),
        ]


def initial_statistics(run: LessonRun) -> list[Layer]:
    """Computes the layer statistics before the first update, over all training rows."""
    train = run.splits().train
    return layer_statistics(run.untrained_learner(), train.features, train.target)


def activation_stds(group: Sequence[Sequence[Layer]]) -> np.ndarray:
    """Returns the standard deviation of activations, (runs, hidden layers)."""
    return np.array([[layer.spread for layer in statistics[:-1]] for statistics in group])


def _signal_claims(statistics: Measured) -> list[Claim]:
    def std_ratios(activation: str, initialisation: str) -> list[float]:
        return [float(stds[-1] / stds[0]) for stds in activation_stds(statistics[activation, initialisation])]

    text = "spread of the last hidden layer by that of the first, before training"
    saturated = [layers[-2].saturated for layers in statistics["tanh", "naive"]]
    return [
        Claim(f"{text}: ReLU, naive", std_ratios("relu", "naive"), ">=", 1e4),
        Claim(f"{text}: ReLU, Xavier", std_ratios("relu", "xavier_normal"), "<=", 0.15),
        Claim(f"{text}: ReLU, He", std_ratios("relu", "he_normal"), ">=", 0.2),
        Claim(f"{text}: ReLU, He", std_ratios("relu", "he_normal"), "<=", 3),
        Claim(f"{text}: tanh, Xavier", std_ratios("tanh", "xavier_normal"), ">=", 0.25),
        Claim("share of the last hidden layer's tanh units that are flat (slope < 0.01): naive", saturated, ">=", 0.5),
    ]


def _draw_spread(axes: Any, statistics: dict[str, list[list[Layer]]], name: str, top: float) -> None:
    stds = {INITIALISATIONS[initialisation]: activation_stds(group) for initialisation, group in statistics.items()}
    layer_numbers = [*range(1, 1 + len(stds["He"][0]))]
    axes.set(xlim=(1, layer_numbers[-1]), xticks=layer_numbers, yscale="log", ylim=(1e-2, top), xlabel="hidden layer")
    axes.set(ylabel="spread (sd) of activations", title=f"{name}: signals before training")
    draw_range(axes, layer_numbers, stds, np.median)


def _draw_losses(axes: Any, runs: dict[str, list[LessonRun]], name: str) -> None:
    losses = {INITIALISATIONS[initialisation]: curves(group, "loss/train") for initialisation, group in runs.items()}
    epochs = [*range(len(losses["He"][0]))]
    end = float(np.median(losses["naive"][:, -1]))
    if end > MAX_LOSS:
        losses = {
            f"naive: {end:.0e}" if initialisation == "naive" else initialisation: values
            for initialisation, values in losses.items()
        }
    axes.set(xlim=(0, epochs[-1]), yscale="log", ylim=(5e-3, MAX_LOSS), xlabel="epoch")
    axes.set(ylabel="training loss (cross entropy)", title=f"{name}: learning")
    draw_range(axes, epochs, losses, np.median)
