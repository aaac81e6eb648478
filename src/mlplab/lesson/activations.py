"""Lesson: activation functions, nonlinear decision boundaries, vanishing gradients and dead ReLUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlplab.analysis.layer_statistics import Layer, layer_statistics
from mlplab.config.configure import configure
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, best_score, final_value
from mlplab.report.decision_boundary import Plane, draw_boundary, predict_function
from mlplab.report.figure import mosaic_page
from mlplab.report.style import COLOUR_CYCLE, draw_range
from mlplab.run.instantiate import instantiate_group

ACTIVATION_NAMES = (
    *("linear", "sigmoid", "tanh", "softsign", "hardtanh", "relu", "leaky_relu"),
    *("elu", "selu", "softplus", "silu", "mish", "gelu", "maxout"),
)
DISPLAY_NAMES = {
    "silu": "swish (SiLU)",
    "leaky_relu": "leaky ReLU",
    "relu": "ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
}
XOR = ("data=xor", "data.noise=0.15", "data.num_rows=1000", "optimizer.lr=0.01", "trainer.max_epochs=20")
XOR_NETWORKS = {
    "linear, no hidden layer": ("model=linear",),
    "linear, 4 hidden layers": ("activation=linear", "model.hidden_features=[16,16,16,16]"),
    "ReLU, 1 hidden layer": ("activation=relu", "model.hidden_features=[16]"),
}
SPIRAL = ("data=spiral", "model.hidden_features=[32,32]", "optimizer.lr=0.01", "trainer.max_epochs=60")
SPIRAL_ACTIVATIONS = ("linear", "sigmoid", "tanh", "relu")
DEEP = ("data=digits", "data.num_train=1000", "trainer.max_epochs=10")
INITIALISATIONS = {"sigmoid": "xavier_normal", "relu": "he_normal"}  # the recommended one for each activation
DEAD_RELUS = ("data=digits", "data.num_train=500", "model.hidden_features=[64,64]", "trainer.max_epochs=10")
TITLE = "The activation function bends the boundary; the wrong one starves a deep net, and a large step kills ReLUs"
CAPTION = (
    "Top: activation functions f(x), solid, and their slopes, dashed. Middle: what is told of each point of the plane, "
    "fainter where it is less sure, with accuracy on test; the spiral by two hidden layers of 32 units. Below, on "
    "digits: gradients of a net of {depth} hidden layers before training (median and range over seeds); ReLUs after 10 "
    "epochs (mean; dots: seeds)."
)


@dataclass(frozen=True)
class Activations(Lesson):
    """depth: number of hidden layers of the deep networks. rates: of Adam, from suitable to far too large."""

    seeds: Sequence[int]
    depth: int
    rates: Sequence[float]

    def show(self, runner: LessonRunner) -> list[Claim]:
        xor = {name: self._runs(runner, "xor", *XOR, *overrides) for name, overrides in XOR_NETWORKS.items()}
        spiral = {name: self._runs(runner, "spiral", *SPIRAL, f"activation={name}") for name in SPIRAL_ACTIVATIONS}
        width = f"model.hidden_features=[{','.join(['32'] * self.depth)}]"
        deep = {
            name: self._runs(
                runner, "deep", *DEEP, width, f"activation={name}", f"model.initialisation={initialisation}"
            )
            for name, initialisation in INITIALISATIONS.items()
        }
        dying = {rate: self._runs(runner, "dying", *DEAD_RELUS, f"optimizer.lr={rate}") for rate in self.rates}
        gradients = {name: [_gradients(run) for run in runs] for name, runs in deep.items()}
        dead = {rate: [_dead_fraction(run) for run in runs] for rate, runs in dying.items()}
        with mosaic_page(
            runner.picture, TITLE, "ABCDEFG;HIJKLMN;OPQRSTU;VVVVXXX", (2.3, 2.1), CAPTION.format(depth=self.depth)
        ) as axes:
            for letter, name in zip("ABCDEFGHIJKLMN", ACTIVATION_NAMES, strict=True):
                _draw_function(axes[letter], name, labels=letter == "B")
            for letter, (name, runs) in zip("OPQ", xor.items(), strict=True):
                _draw_regions(axes[letter], runs[0], f"XOR: {name}")
            for letter, (name, runs) in zip("RSTU", spiral.items(), strict=True):
                _draw_regions(axes[letter], runs[0], f"spiral: {DISPLAY_NAMES.get(name, name)}")
            _draw_gradients(axes["V"], gradients)
            _draw_dead(axes["X"], dead)
        return [*_boundary_claims(xor, spiral), *_depth_claims(gradients, deep), *self._dead_relu_claims(dead, dying)]

    def _runs(self, runner: LessonRunner, name: str, *overrides: str) -> list[LessonRun]:
        return [runner.run(f"{name}_{seed}", *overrides, f"seed={seed}") for seed in self.seeds]

    def _dead_relu_claims(self, dead: dict[float, list[float]], dying: dict[float, list[LessonRun]]) -> list[Claim]:
        suitable, too_large = self.rates[0], self.rates[-1]
        text = "ReLUs of the last hidden layer that never fire, share, after 10 epochs of Adam"
        accuracy = final_value(dying[too_large], "accuracy/val")
        return [
            Claim(f"{text}, lr {suitable:g}", dead[suitable], "<=", 0.1),
            Claim(f"{text}, lr {too_large:g}", dead[too_large], ">=", 0.8),
            Claim(f"validation accuracy of the net whose ReLUs died, lr {too_large:g}", accuracy, "<=", 0.25),
        ]


def _gradients(run: LessonRun) -> list[float]:
    """Returns the L2 norm of each layer's gradient before the first update."""
    train = run.splits().train
    return [layer.gradient for layer in layer_statistics(run.untrained_learner(), train.features, train.target)]


def _dead_fraction(run: LessonRun) -> float:
    """Returns the fraction of dead units in the last hidden layer after the last update."""
    train = run.splits().train
    statistics: list[Layer] = layer_statistics(run.learner("last"), train.features, train.target)
    return statistics[-2].dead


def _boundary_claims(xor: dict[str, list[LessonRun]], spiral: dict[str, list[LessonRun]]) -> list[Claim]:
    claims = []
    for name, runs in xor.items():
        nonlinear = not name.startswith("linear")
        limit = (">=", 1.0) if nonlinear else ("<=", 0.75)
        claims.append(Claim(f"XOR, test accuracy: {name}", best_score(runs, "accuracy/test"), *limit))  # type: ignore[arg-type]
    for name, runs in spiral.items():
        limit = ("<=", 0.6) if name == "linear" else (">=", 0.9)
        claims.append(Claim(f"three spiral arms, test accuracy: {name}", best_score(runs, "accuracy/test"), *limit))  # type: ignore[arg-type]
    return claims


def _depth_claims(gradients: dict[str, list[list[float]]], deep: dict[str, list[LessonRun]]) -> list[Claim]:
    text = "gradient of the first layer by that of the last, before training"
    ratios = {name: [norms[0] / norms[-1] for norms in run_norms] for name, run_norms in gradients.items()}
    accuracies = {name: best_score(runs, "accuracy/test") for name, runs in deep.items()}
    return [
        Claim(f"{text}: sigmoid", ratios["sigmoid"], "<=", 1e-4),
        Claim(f"{text}: ReLU", ratios["relu"], ">=", 0.1),
        Claim("test accuracy of the deep sigmoid net after 10 epochs", accuracies["sigmoid"], "<=", 0.25),
        Claim("test accuracy of the deep ReLU net after 10 epochs", accuracies["relu"], ">=", 0.6),
    ]


def _draw_function(axes: Any, name: str, labels: bool) -> None:
    x = np.linspace(-4, 4, 401)
    y, slope = function_and_slope(build_activation(name), x)
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.plot(x, slope, "--", color=COLOUR_CYCLE[1], linewidth=1.8)
    axes.plot(x, y, color=COLOUR_CYCLE[0], linewidth=1.8)
    axes.set(xlim=(-4, 4), ylim=(-2, 3), title=DISPLAY_NAMES.get(name, name), xticks=(-4, 0, 4), yticks=(-2, 0, 2))
    if labels:
        axes.text(1.2, 1.15, "f(x)", color=COLOUR_CYCLE[0], fontsize=9)
        axes.text(1.2, -0.6, "slope f'(x)", color="#B37400", fontsize=9, ha="left")


def _draw_regions(axes: Any, run: LessonRun, title: str) -> None:
    splits, learner = run.splits(), run.learner()
    points = splits.test.features.numpy(), splits.test.target.numpy()
    plane = Plane.about(points[0], ("", ""))
    draw_boundary(axes, predict_function(learner, classes=True), plane, points, splits.class_names, size=9)
    axes.set(xticks=[], yticks=[])
    name, _, rest = title.partition(", ")
    axes.set_title("\n".join(filter(None, (name, rest, f"accuracy {run.scores['accuracy/test']:.2f}"))), fontsize=9)


def _draw_gradients(axes: Any, gradients: dict[str, list[list[float]]]) -> None:
    norms = {DISPLAY_NAMES.get(name, name): np.array(run_norms) for name, run_norms in gradients.items()}
    layer_numbers = [*range(1, 1 + len(next(iter(norms.values()))[0]))]
    axes.set(
        yscale="log", xlim=(1, len(layer_numbers) + 0.9), xticks=layer_numbers, xlabel="layer, from input to output"
    )
    axes.set(ylabel="norm of the gradient", title="The gradient that reaches each layer of a deep net")
    draw_range(axes, layer_numbers, norms, np.median)


def _draw_dead(axes: Any, dead: dict[float, list[float]]) -> None:
    for position, fractions in enumerate(dead.values()):
        axes.bar(position, np.mean(fractions), width=0.6, color=COLOUR_CYCLE[0])
        axes.plot([position] * len(fractions), fractions, "o", color="black", markersize=3.5)
        axes.annotate(
            f"{np.mean(fractions):.0%}", (position, max(fractions)), (0, 6), textcoords="offset points", ha="center"
        )
    axes.set(xticks=range(len(dead)), xticklabels=[f"{rate:g}" for rate in dead], xlabel="learning rate of Adam")
    axes.set(ylim=(0, 1.15), yticks=(0, 0.5, 1), ylabel="share of units", title="ReLUs that never fire: dead")


@cache  # composing a configuration takes 0.1 s
def build_activation(name: str) -> nn.Module:
    """Builds the activation of a config choice; maxout, which is learnable, is max(x, -x / 2)."""
    if name == "maxout":
        return _Maxout()
    module: nn.Module = instantiate_group(configure(f"activation={name}"), "activation")()
    return module


def function_and_slope(module: nn.Module, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inputs = torch.from_numpy(x).requires_grad_()
    y = module(inputs)
    (slope,) = torch.autograd.grad(y.sum(), inputs)
    return y.detach().numpy(), slope.numpy()


class _Maxout(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, -x / 2)
