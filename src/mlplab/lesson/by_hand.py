"""Lesson: an MLP in NumPy has the same gradients and loss curve as the PyTorch model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from typing import Any

import numpy as np
import torch
from torch import nn

from mlplab.config.configure import configure
from mlplab.data.datamodule import InMemoryDataModule
from mlplab.data.splits import Split
from mlplab.lesson.activations import build_activation
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, Runs, best_score
from mlplab.lesson.numpy_mlp import ACTIVATIONS, LOSSES, Gradients, NumpyMLP
from mlplab.report.figure import mosaic_page
from mlplab.report.images import draw_network
from mlplab.report.style import COLOURS, INK, LINE_STYLES, SPLIT_NAMES, label_ends
from mlplab.report.text import count_noun
from mlplab.run.instantiate import instantiate_group

TITLE = "Back-propagation is a page of NumPy: its gradients and loss curves equal those of PyTorch"
CAPTION = (
    "Top: one row, x = (1, 2) with target 1, through three ReLU units; a ReLU with a negative input has gradient 0. "
    "Bottom: a network for digits, from the same initial weights with the same batches in float64; and, for every "
    "activation function and loss, the largest difference of any gradient from PyTorch's."
)
EXAMPLE = NumpyMLP(
    weights=[np.array([[-0.1, 0.2, -0.9], [0.3, 0.1, -0.4]]), np.array([[0.2], [0.3], [0.4]])],
    biases=[np.array([-1.1, 0.1, 0.3]), np.array([0.1])],
    activation="relu",
    loss="mse",
)
Curves = dict[str, list[float]]


@dataclass(frozen=True)
class ByHand(Lesson):
    """hidden_features, activation, lr, epochs: configure the network trained on digits with SGD."""

    seeds: Sequence[int]
    hidden_features: Sequence[int]
    activation: str
    lr: float
    epochs: int

    def show(self, runner: LessonRunner) -> list[Claim]:
        model = (f"model.hidden_features={[*self.hidden_features]}", f"activation={self.activation}")
        training = ("trainer.precision=64-true", "optimizer=sgd", f"optimizer.lr={self.lr}")
        length = f"trainer.max_epochs={self.epochs}"
        runs = runner.run_seeds("digits", self.seeds, "data=digits", *model, *training, length)
        curves = [curves_by_hand(run, self.activation) for run in runs]
        pairs = {
            pair: [largest_difference(*pair, seed) for seed in self.seeds] for pair in product(ACTIVATIONS, LOSSES)
        }
        with mosaic_page(runner.picture, TITLE, "AB;CD", (5.6, 3.5), CAPTION) as axes:
            _draw_example(axes["A"], axes["B"])
            _draw_curves(axes["C"], runs[0], curves[0])
            _draw_differences(axes["D"], pairs)
        largest = np.max([*pairs.values()], axis=0)
        text = f"digits, {count_noun(self.epochs, 'epoch')}"
        claims = [Claim("gradients: largest difference from autograd, all activations and losses", largest, "<=", 1e-6)]
        for split in curves[0]:
            name = f"{text}: largest difference of the {SPLIT_NAMES[split]} loss curves"
            claims.append(Claim(name, _curve_differences(runs, curves, split), "<=", 1e-5))
        return [*claims, Claim(f"{text}: test accuracy", best_score(runs, "accuracy/test"), ">=", 0.8)]


def curves_by_hand(run: LessonRun, activation: str) -> Curves:
    """Trains a NumPy MLP from the run's initial weights on its batches; returns the loss of each epoch."""
    splits, learner = run.splits(), run.untrained_learner()
    linear = [module for module in learner.network.modules() if isinstance(module, nn.Linear)]
    weights = [layer.weight.detach().numpy().T for layer in linear]
    net = NumpyMLP(weights, [layer.bias.detach().numpy() for layer in linear], activation, "ce")
    scale: Any = learner.network.scale
    measured_splits = {"train": splits.measured, "val": splits.val}
    curves: Curves = {split: [] for split in measured_splits}
    loader = InMemoryDataModule(splits, run.config.batch_size, run.config.seed).train_dataloader()
    for epoch in range(len(run.rows)):
        for split, split_data in measured_splits.items():
            curves[split].append(net.measure(*_arrays(split_data, scale)))
        loader.set_epoch(epoch)
        for features, target in loader:
            net.step(*_arrays(Split(features, target), scale), run.config.optimizer.lr)
    return curves


def _arrays(split_data: Split, scale: Any) -> tuple[np.ndarray, np.ndarray]:
    return scale(split_data.features).numpy(), split_data.target.numpy()


def _curve_differences(runs: Runs, curves: Sequence[Curves], split: str) -> list[float]:
    """Returns the largest difference over the epochs, one value per run."""
    differences = [np.subtract(run.column(f"loss/{split}"), own[split]) for run, own in zip(runs, curves, strict=True)]
    return [float(abs(difference).max()) for difference in differences]


def _draw_example(forward: Any, backward: Any) -> None:
    output = EXAMPLE.forward(np.array([[1.0, 2.0]]))
    gradients = EXAMPLE.backward(output, np.array([[1.0]]))
    row, hidden = (_table(values)[0] for values in EXAMPLE.inputs[:2])
    first, last = (_table(values)[0] for values in EXAMPLE.sums)
    notes = [f"b {_short(b)}, sum {z}" for b, z in zip(EXAMPLE.biases[0], first, strict=True)]
    side_notes = [["", ""], notes, [f"b {_short(EXAMPLE.biases[1][0])}"]]
    headings = ["x", "ReLU(sum)", "output"]
    draw_network(forward, [row, hidden, last], list(map(_table, EXAMPLE.weights)), side_notes, headings)
    forward.set_title("Forward pass: each arrow multiplies by its weight")
    slopes = [_table(bias_gradient[None])[0] for _, bias_gradient in gradients]
    side_notes = [["", ""], [""] * 3, [f"2 ({last[0]} - 1)"]]
    headings = ["x", "gradient: sum", "gradient: output"]
    draw_network(
        backward,
        [row, *slopes],
        [_table(weight_gradient) for weight_gradient, _ in gradients],
        side_notes,
        headings,
        backward=True,
    )
    backward.set_title("Backward pass: gradient of (output - 1)² for each weight")


def _table(values: np.ndarray) -> list[list[str]]:
    return [list(map(_short, row)) for row in values]


def _short(value: float) -> str:
    return f"{round(float(value), 6) + 0.0:g}"


def _draw_curves(axes: Any, run: LessonRun, computed: Curves) -> None:
    epochs = run.column("epoch")
    axes.set(xlim=(0, epochs[-1] + 0.5), ylim=(0, 1.08 * computed["val"][0]), xlabel="epoch")
    axes.set(ylabel="loss (cross entropy)", title="Digits: PyTorch (lines), NumPy (circles)")
    for split, values in computed.items():
        axes.plot(epochs, run.column(f"loss/{split}"), LINE_STYLES[split], color=COLOURS[split], linewidth=2)
        axes.plot(epochs, values, "o", color=INK[split], markerfacecolor="none", markersize=9, clip_on=False)
    ends = {SPLIT_NAMES[split]: (epochs[-1] + 0.1, values[-1], INK[split]) for split, values in computed.items()}
    label_ends(axes, ends)


def _draw_differences(axes: Any, pairs: dict[tuple[str, str], list[float]]) -> None:
    for position, loss in enumerate(LOSSES):
        largest = [max(pairs[activation, loss]) for activation in ACTIVATIONS]
        spread = position + np.linspace(-0.25, 0.25, len(largest))
        axes.plot(spread, np.maximum(largest, 1e-18), "o", color="black", markersize=4)
    axes.axhline(1e-6, color="0.5", linewidth=1, linestyle=":")
    axes.annotate("limit 1e-6", (-0.4, 1e-6), (0, 3), textcoords="offset points", fontsize=9, color="0.35")
    axes.set(yscale="log", ylim=(1e-18, 1e-4), xlim=(-0.5, len(LOSSES) - 0.5), xticks=range(len(LOSSES)))
    axes.set(xticklabels=list(LOSSES), xlabel="loss; one dot per activation function", ylabel="largest difference")
    axes.set_title("Gradients: NumPy against autograd")


def largest_difference(activation: str, loss: str, seed: int) -> float:
    """Returns the largest difference between NumPy and autograd gradients, for a random network and random rows."""
    net = NumpyMLP.random((5, 7, 6, 3), activation, loss, seed)
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((8, 5))
    target = _target(loss, generator)
    computed = chain(*net.backward(net.forward(features), target))
    expected = chain(*autograd_gradients(net, features, target, activation, loss))
    return max(float(abs(own - other).max()) for own, other in zip(computed, expected, strict=True))


def autograd_gradients(
    net: NumpyMLP, features: np.ndarray, target: np.ndarray, activation: str, loss: str
) -> Gradients:
    """Computes the gradients with PyTorch, using the activation and loss of the config choices."""
    function = build_activation(activation)
    weights, biases = ([torch.tensor(array, requires_grad=True) for array in own] for own in (net.weights, net.biases))
    output = torch.from_numpy(features)
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        output = (function(output) if layer else output) @ weight + bias
    found = torch.autograd.grad(_loss(loss)(output, torch.from_numpy(target)), [*weights, *biases])
    gradients = [gradient.numpy() for gradient in found]
    return [*zip(gradients[: len(weights)], gradients[len(weights) :], strict=True)]


@cache
def _loss(name: str) -> nn.Module:
    data = {"ce": "digits", "bce": "moons"}.get(name, "line")
    module: nn.Module = instantiate_group(configure(f"data={data}", f"loss={name}"), "loss")
    return module


def _target(loss: str, generator: np.random.Generator) -> np.ndarray:
    if loss == "ce":
        return generator.integers(0, 3, 8)
    values = generator.standard_normal((8, 3))
    return (values > 0).astype(float) if loss == "bce" else values
