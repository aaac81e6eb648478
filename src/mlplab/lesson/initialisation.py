"""The size of the starting weights: signals explode, fade or keep their size on the way through a deep net."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab.analysis.layer_statistics import Layer, layer_statistics
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, curves, final_value, ratio
from mlplab.report.figure import mosaic_page
from mlplab.report.style import COLOUR_CYCLE, draw_range
from mlplab.report.text import count_noun

RULES = {"naive": "naive", "he_normal": "He", "xavier_normal": "Xavier", "default": "PyTorch's"}
BENDS = {"relu": "ReLU", "tanh": "tanh"}
TITLE = "Starting weights of the wrong size blow signals up, flatten units, or let signals fade"
CAPTION = (
    "Digits, {depth} hidden layers of {width} units, Adam; median and range over seeds. Weights are drawn with "
    "variance 1 (naive), 2 / n (He), 1 / n (Xavier, where a layer has as many units as the one before) or 1 / 3n (what "
    "PyTorch does by itself), n the number of inputs. A unit of tanh is flat where its slope is below 0.01."
)
TOP = 30.0  # of the loss that is drawn
Measured = dict[tuple[str, str], list[list[Layer]]]
Runs = dict[tuple[str, str], list[LessonRun]]


@dataclass(frozen=True)
class Initialisation(Lesson):
    """depth: hidden layers, of `width` units each."""

    seeds: Sequence[int]
    depth: int
    width: int
    epochs: int

    def show(self, bench: LessonRunner) -> list[Claim]:
        net = ("data=digits", f"model.hidden_features={[self.width] * self.depth}".replace(" ", ""))
        runs: Runs = {
            (bend, rule): [
                bench.run(f"{bend}_{rule}_{seed}", *net, *self._settings(bend, rule), f"seed={seed}")
                for seed in self.seeds
            ]
            for bend in BENDS
            for rule in RULES
        }
        found = {pair: [at_start(run) for run in several] for pair, several in runs.items()}
        caption = CAPTION.format(depth=self.depth, width=self.width)
        with mosaic_page(bench.picture, TITLE, "AB;CD", (5.4, 3.5), caption) as axes:
            for above, below, (bend, name) in zip("AB", "CD", BENDS.items(), strict=True):
                top = 1e9 if bend == "relu" else 1e1
                _draw_spread(axes[above], {rule: found[bend, rule] for rule in RULES}, name, top)
                _draw_losses(axes[below], {rule: runs[bend, rule] for rule in RULES}, name)
            share = np.mean([layer.saturated for several in found["tanh", "naive"] for layer in several[:-1]])
            axes["B"].text(
                5.5, 1.25, f"naive: {share:.0%} of the units are flat", ha="center", color=COLOUR_CYCLE[0], fontsize=9
            )
        return [*_of_signals(found), *self._of_training(runs)]

    def _settings(self, bend: str, rule: str) -> Sequence[str]:
        return (f"activation={bend}", f"model.initialisation={rule}", f"trainer.max_epochs={self.epochs}")

    def _of_training(self, runs: Runs) -> list[Claim]:
        def loss(bend: str, rule: str, epoch: int = -1) -> list[float]:
            return final_value(runs[bend, rule], "loss/train", epoch)

        text = f"training loss after {count_noun(self.epochs, 'epoch')}"
        slower = ratio(loss("relu", "default", 3), loss("relu", "he_normal", 3))
        return [
            Claim(f"{text}: ReLU, naive", loss("relu", "naive"), ">=", 100),
            Claim(f"{text}: ReLU, He", loss("relu", "he_normal"), "<=", 0.2),
            Claim(f"{text}: tanh, naive", loss("tanh", "naive"), ">=", 2.3),
            Claim(f"{text}: tanh, Xavier", loss("tanh", "xavier_normal"), "<=", 0.1),
            Claim("training loss after 3 epochs: ReLU, PyTorch's own by He's", slower, ">=", 2),
        ]


def at_start(run: LessonRun) -> list[Layer]:
    """Before the first update, over all training rows."""
    part = run.splits().train
    return layer_statistics(run.fresh(), part.features, part.target)


def spreads(several: Sequence[Sequence[Layer]]) -> np.ndarray:
    """(runs, hidden layers): the sd of activations."""
    return np.array([[layer.spread for layer in found[:-1]] for found in several])


def _of_signals(found: Measured) -> list[Claim]:
    def kept(bend: str, rule: str) -> list[float]:
        return [float(sd[-1] / sd[0]) for sd in spreads(found[bend, rule])]

    text = "spread of the last hidden layer by that of the first, before training"
    saturated = [found_[-2].saturated for found_ in found["tanh", "naive"]]
    return [
        Claim(f"{text}: ReLU, naive", kept("relu", "naive"), ">=", 1e4),
        Claim(f"{text}: ReLU, Xavier", kept("relu", "xavier_normal"), "<=", 0.15),
        Claim(f"{text}: ReLU, He", kept("relu", "he_normal"), ">=", 0.2),
        Claim(f"{text}: ReLU, He", kept("relu", "he_normal"), "<=", 3),
        Claim(f"{text}: tanh, Xavier", kept("tanh", "xavier_normal"), ">=", 0.25),
        Claim("share of the last hidden layer's tanh units that are flat (slope < 0.01): naive", saturated, ">=", 0.5),
    ]


def _draw_spread(axes: Any, found: dict[str, list[list[Layer]]], name: str, top: float) -> None:
    sd = {RULES[rule]: spreads(several) for rule, several in found.items()}
    number = [*range(1, 1 + len(sd["He"][0]))]
    axes.set(xlim=(1, number[-1]), xticks=number, yscale="log", ylim=(1e-2, top), xlabel="hidden layer")
    axes.set(ylabel="spread (sd) of activations", title=f"{name}: signals before training")
    draw_range(axes, number, sd, np.median)


def _draw_losses(axes: Any, runs: dict[str, list[LessonRun]], name: str) -> None:
    losses = {RULES[rule]: curves(several, "loss/train") for rule, several in runs.items()}
    epochs = [*range(len(losses["He"][0]))]
    end = float(np.median(losses["naive"][:, -1]))
    if end > TOP:
        losses = {f"naive: {end:.0e}" if rule == "naive" else rule: values for rule, values in losses.items()}
    axes.set(xlim=(0, epochs[-1]), yscale="log", ylim=(5e-3, TOP), xlabel="epoch")
    axes.set(ylabel="training loss (cross entropy)", title=f"{name}: learning")
    draw_range(axes, epochs, losses, np.median)
