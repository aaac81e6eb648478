"""Lesson: an MLP in NumPy has the same gradients and loss curve as the PyTorch model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import nn

from mlplab.config.configure import configure
from mlplab.data.datamodule import InMemoryDataModule
from mlplab.data.splits import Split
from mlplab.lesson.activations import build_activation
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, best_score
from mlplab.lesson.numpy_mlp import ACTIVATIONS, LOSSES, NumpyMLP
from mlplab.report.figure import mosaic_page
from mlplab.report.images import draw_network
from mlplab.report.style import COLOURS, INK, LINE_STYLES, SPLIT_NAMES, label_ends
from mlplab.report.text import count_noun
from mlplab.run.instantiate import instantiate_group

TITLE = "Back-propagation is a page of NumPy: the gradients and the curve are those of the library"
CAPTION = (
    "Top: one row, x = (1, 2) with target 1, through three ReLU units; through a unit that is off no gradient flows. "
    "Below: a net for digits, from the same starting weights with the same batches in float64; and, for every "
    "activation and loss, the largest difference of any gradient from PyTorch's."
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
        runs = [runner.run(f"digits_{seed}", *self._overrides(seed)) for seed in self.seeds]
        curves = [curves_by_hand(run, self.activation) for run in runs]
        pairs = {
            pair: [largest_difference(*pair, seed) for seed in self.seeds] for pair in product(ACTIVATIONS, LOSSES)
        }
        with mosaic_page(runner.picture, TITLE, "AB;CD", (5.6, 3.5), CAPTION) as axes:
            _draw_example(axes["A"], axes["B"])
            _draw_curves(axes["C"], runs[0], curves[0])
            _draw_differences(axes["D"], pairs)
        largest = [max(differences[position] for differences in pairs.values()) for position in range(len(self.seeds))]
        text = f"digits, {count_noun(self.epochs, 'epoch')}: largest difference of the curves"
        return [
            Claim("gradients: largest difference from autograd, every activation and loss", largest, "<=", 1e-6),
            *(
                Claim(f"{text}, {SPLIT_NAMES[split]} loss", _curve_differences(runs, curves, split), "<=", 1e-5)
                for split in curves[0]
            ),
            Claim(
                f"digits, {count_noun(self.epochs, 'epoch')}: test accuracy",
                best_score(runs, "accuracy/test"),
                ">=",
                0.8,
            ),
        ]

    def _overrides(self, seed: int) -> Sequence[str]:
        widths = ",".join(map(str, self.hidden_features))
        net = (f"model.hidden_features=[{widths}]", f"activation={self.activation}", "trainer.precision=64-true")
        return ("data=digits", *net, "optimizer=sgd", f"optimizer.lr={self.lr}", *self._epoch_override, f"seed={seed}")

    @property
    def _epoch_override(self) -> Sequence[str]:
        return (f"trainer.max_epochs={self.epochs}",)


def curves_by_hand(run: LessonRun, activation: str) -> Curves:
    """Trains a NumPy MLP from the run's initial weights on its batches; returns the loss of each epoch."""
    splits, learner = run.splits(), run.untrained_learner()
    linear = [one for one in learner.network.modules() if isinstance(one, nn.Linear)]
    weights = [one.weight.detach().numpy().T for one in linear]
    net = NumpyMLP(weights, [one.bias.detach().numpy() for one in linear], activation, "ce")
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


def _curve_differences(runs: Sequence[LessonRun], curves: Sequence[Curves], split: str) -> list[float]:
    """Returns the largest difference over the epochs, one value per run."""
    pairs = zip(runs, curves, strict=True)
    return [float(np.abs(np.subtract(run.column(f"loss/{split}"), computed[split])).max()) for run, computed in pairs]


def _draw_example(forward: Any, backward: Any) -> None:
    output = EXAMPLE.forward(np.array([[1.0, 2.0]]))
    gradients = EXAMPLE.backward(output, np.array([[1.0]]))
    row, hidden = (_table(values)[0] for values in EXAMPLE.inputs[:2])
    first, last = (_table(values)[0] for values in EXAMPLE.sums)
    notes = [f"b {_short(b)}, sum {z}" for b, z in zip(EXAMPLE.biases[0], first, strict=True)]
    side_notes = [["", ""], notes, [f"b {_short(EXAMPLE.biases[1][0])}"]]
    headings = ["x", "ReLU(sum)", "output"]
    draw_network(forward, [row, hidden, last], [_table(one) for one in EXAMPLE.weights], side_notes, headings)
    forward.set_title("Forward: each arrow multiplies by its weight")
    slopes = [_table(bias_gradient[None])[0] for _, bias_gradient in gradients]
    side_notes = [["", ""], [""] * 3, [f"2 ({last[0]} - 1)"]]
    headings = ["x", "by sum", "by output"]
    draw_network(backward, [row, *slopes], [_table(one) for one, _ in gradients], side_notes, headings, backward=True)
    backward.set_title("Backward: the gradient of (output - 1)² by each weight")


def _table(values: np.ndarray) -> list[list[str]]:
    return [list(map(_short, row)) for row in values]


def _short(value: float) -> str:
    return f"{round(float(value), 6) + 0.0:g}"


def _draw_curves(axes: Any, run: LessonRun, computed: Curves) -> None:
    epochs = run.column("epoch")
    axes.set(
        xlim=(0, epochs[-1] + 0.5), ylim=(0, 1.08 * computed["val"][0]), xlabel="epoch", ylabel="loss (cross entropy)"
    )
    for split, values in computed.items():
        axes.plot(epochs, run.column(f"loss/{split}"), LINE_STYLES[split], color=COLOURS[split], linewidth=2)
        axes.plot(epochs, values, "o", color=INK[split], markerfacecolor="none", markersize=9, clip_on=False)
    label_ends(
        axes, {SPLIT_NAMES[split]: (epochs[-1] + 0.1, values[-1], INK[split]) for split, values in computed.items()}
    )
    axes.set_title("Digits: the library's curve (lines), by hand (circles)")


def _draw_differences(axes: Any, pairs: dict[tuple[str, str], list[float]]) -> None:
    for position, loss in enumerate(LOSSES):
        largest = [max(pairs[activation, loss]) for activation in ACTIVATIONS]
        spread = position + np.linspace(-0.25, 0.25, len(largest))
        axes.plot(spread, np.maximum(largest, 1e-18), "o", color="black", markersize=4)
    axes.axhline(1e-6, color="0.5", linewidth=1, linestyle=":")
    axes.annotate("limit 1e-6", (-0.4, 1e-6), (0, 3), textcoords="offset points", fontsize=9, color="0.35")
    axes.set(yscale="log", ylim=(1e-18, 1e-4), xlim=(-0.5, len(LOSSES) - 0.5), xticks=range(len(LOSSES)))
    axes.set(xticklabels=list(LOSSES), xlabel="loss; a dot is an activation", ylabel="largest difference")
    axes.set_title("Gradients: by hand against autograd")


def largest_difference(activation: str, loss: str, seed: int) -> float:
    """Returns the largest difference between NumPy and autograd gradients, for a random network and random rows."""
    net = NumpyMLP.random((5, 7, 6, 3), activation, loss, seed)
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((8, 5))
    target = _target(loss, generator)
    computed = net.backward(net.forward(features), target)
    expected = autograd_gradients(net, features, target, activation, loss)
    return max(
        float(abs(a - b).max()) for pair in zip(computed, expected, strict=True) for a, b in zip(*pair, strict=True)
    )


def autograd_gradients(
    net: NumpyMLP, features: np.ndarray, target: np.ndarray, activation: str, loss: str
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Computes the gradients of the network with PyTorch, using the activation and loss of the config choices."""
    function = build_activation(activation)
    parameters = [
        torch.tensor(one, requires_grad=True) for pair in zip(net.weights, net.biases, strict=True) for one in pair
    ]
    values = torch.from_numpy(features)
    for layer, (weight, bias) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
        values = (function(values) if layer else values) @ weight + bias
    gradients = iter(torch.autograd.grad(_loss(loss)(values, torch.from_numpy(target)), parameters))
    return [
        (weight_gradient.numpy(), bias_gradient.numpy())
        for weight_gradient, bias_gradient in zip(gradients, gradients, strict=True)
    ]


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
