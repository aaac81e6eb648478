"""Lesson: activation functions, nonlinear decision boundaries, vanishing gradients and dead ReLUs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlplab.config.configure import configure
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, Runs, best_score, draw_medians, final_value
from mlplab.report.decision_boundary import Plane, draw_boundary, predict_function
from mlplab.report.figure import mosaic_page
from mlplab.report.style import COLOUR_CYCLE
from mlplab.run.instantiate import instantiate_group

DISPLAY_NAMES = {
    "linear": "linear",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "softsign": "softsign",
    "hardtanh": "hardtanh",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "softplus": "softplus",
    "silu": "swish (SiLU)",
    "mish": "mish",
    "gelu": "GELU",
    "maxout": "maxout",
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
TITLE = "Nonlinear activations give nonlinear boundaries; sigmoid makes gradients vanish, large steps kill ReLUs"
CAPTION = (
    "Top: activation functions f(x), solid, and their derivatives, dashed. Middle: predicted class of each point, "
    "paler where its probability is lower, and test accuracy; spiral: two hidden layers of 32 units. Bottom, on "
    "digits: gradients of a network of {depth} hidden layers before training (median and range over seeds); ReLUs "
    "after 10 epochs (mean; dots: seeds)."
)


@dataclass(frozen=True)
class Activations(Lesson):
    """depth: number of hidden layers of the deep networks. rates: of Adam, from suitable to far too large."""

    seeds: Sequence[int]
    depth: int
    rates: Sequence[float]

    def show(self, runner: LessonRunner) -> list[Claim]:
        xor = {name: runner.run_seeds("xor", self.seeds, *XOR, *more) for name, more in XOR_NETWORKS.items()}
        spiral = {
            name: runner.run_seeds("spiral", self.seeds, *SPIRAL, f"activation={name}") for name in SPIRAL_ACTIVATIONS
        }
        deep = {name: self._run_deep(runner, name) for name in INITIALISATIONS}
        dead_relu_runs = {
            rate: runner.run_seeds("dead_relus", self.seeds, *DEAD_RELUS, f"optimizer.lr={rate}") for rate in self.rates
        }
        gradients = {name: np.array([_initial_gradients(run) for run in runs]) for name, runs in deep.items()}
        dead = {rate: [_dead_fraction(run) for run in runs] for rate, runs in dead_relu_runs.items()}
        layout, caption = "ABCDEFG;HIJKLMN;OPQRSTU;VVVVXXX", CAPTION.format(depth=self.depth)
        with mosaic_page(runner.picture, TITLE, layout, (2.3, 2.1), caption) as axes:
            for letter, name in zip("ABCDEFGHIJKLMN", DISPLAY_NAMES, strict=True):
                _draw_function(axes[letter], name, labels=letter == "B")
            panels = {f"XOR: {name}": runs for name, runs in xor.items()}
            panels |= {f"spiral: {DISPLAY_NAMES[name]}": runs for name, runs in spiral.items()}
            for letter, (title, runs) in zip("OPQRSTU", panels.items(), strict=True):
                _draw_regions(axes[letter], runs[0], title)
            _draw_gradients(axes["V"], gradients)
            _draw_dead(axes["X"], dead)
        died = dead_relu_runs[self.rates[-1]]
        return [*_boundary_claims(xor, spiral), *_depth_claims(gradients, deep), *self._dead_relu_claims(dead, died)]

    def _run_deep(self, runner: LessonRunner, activation: str) -> list[LessonRun]:
        model = (f"model.hidden_features={[32] * self.depth}", f"model.initialisation={INITIALISATIONS[activation]}")
        return runner.run_seeds("deep", self.seeds, *DEEP, *model, f"activation={activation}")

    def _dead_relu_claims(self, dead: Mapping[float, list[float]], died: Runs) -> list[Claim]:
        suitable, too_large = self.rates[0], self.rates[-1]
        text = "fraction of dead ReLUs in the last hidden layer, after 10 epochs of Adam"
        accuracy = final_value(died, "accuracy/val")
        return [
            Claim(f"{text}, lr {suitable:g}", dead[suitable], "<=", 0.1),
            Claim(f"{text}, lr {too_large:g}", dead[too_large], ">=", 0.8),
            Claim(f"validation accuracy of the network with dead ReLUs, lr {too_large:g}", accuracy, "<=", 0.25),
        ]


def _initial_gradients(run: LessonRun) -> list[float]:
    """Returns the L2 norm of each layer's gradient before the first update."""
    return [layer.gradient for layer in run.layers(run.untrained_learner())]


def _dead_fraction(run: LessonRun) -> float:
    """Returns the fraction of dead units in the last hidden layer after the last update."""
    return run.layers(run.learner("last"))[-2].dead


def _boundary_claims(xor: Mapping[str, Runs], spiral: Mapping[str, Runs]) -> list[Claim]:
    claims = []
    for task, group, most, least in (("XOR", xor, 0.75, 1.0), ("three spiral arms", spiral, 0.6, 0.9)):
        for name, runs in group.items():
            text, accuracy = f"{task}, test accuracy: {name}", best_score(runs, "accuracy/test")
            linear = name.startswith("linear")
            claims.append(Claim(text, accuracy, "<=", most) if linear else Claim(text, accuracy, ">=", least))
    return claims


def _depth_claims(gradients: Mapping[str, np.ndarray], deep: Mapping[str, Runs]) -> list[Claim]:
    text = "gradient norm of the first layer / that of the last, before training"
    ratios = {name: norms[:, 0] / norms[:, -1] for name, norms in gradients.items()}
    accuracies = {name: best_score(runs, "accuracy/test") for name, runs in deep.items()}
    return [
        Claim(f"{text}: sigmoid", ratios["sigmoid"], "<=", 1e-4),
        Claim(f"{text}: ReLU", ratios["relu"], ">=", 0.1),
        Claim("test accuracy of the deep sigmoid network after 10 epochs", accuracies["sigmoid"], "<=", 0.25),
        Claim("test accuracy of the deep ReLU network after 10 epochs", accuracies["relu"], ">=", 0.6),
    ]


def _draw_function(axes: Any, name: str, labels: bool) -> None:
    x = np.linspace(-4, 4, 401)
    y, derivative = function_and_derivative(build_activation(name), x)
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.plot(x, derivative, "--", color=COLOUR_CYCLE[1], linewidth=1.8)
    axes.plot(x, y, color=COLOUR_CYCLE[0], linewidth=1.8)
    axes.set(xlim=(-4, 4), ylim=(-2, 3), title=DISPLAY_NAMES[name], xticks=(-4, 0, 4), yticks=(-2, 0, 2))
    if labels:
        axes.text(1.2, 1.15, "f(x)", color=COLOUR_CYCLE[0], fontsize=9)
        axes.text(0.3, -0.7, "derivative f'(x)", color="#B37400", fontsize=9, ha="left")


def _draw_regions(axes: Any, run: LessonRun, title: str) -> None:
    splits = run.splits()
    points = splits.test.features.numpy(), splits.test.target.numpy()
    plane = Plane.about(points[0], ("", ""))
    draw_boundary(axes, predict_function(run.learner(), classes=True), plane, points, splits.class_names, size=9)
    lines = [*title.split(", "), f"accuracy {run.scores['accuracy/test']:.2f}"]
    axes.set(xticks=[], yticks=[])
    axes.set_title("\n".join(lines), fontsize=9)


def _draw_gradients(axes: Any, gradients: Mapping[str, np.ndarray]) -> None:
    norms = {DISPLAY_NAMES[name]: values for name, values in gradients.items()}
    layers = range(1, 1 + len(gradients["relu"][0]))
    axes.set(title="Gradient norm of each layer of a deep network", ylabel="norm of the gradient")
    limits = (1, layers[-1] + 0.9)  # space for the names
    draw_medians(axes, layers, norms, xlim=limits, xticks=layers, xlabel="layer, from input to output")


def _draw_dead(axes: Any, dead: Mapping[float, list[float]]) -> None:
    for position, fractions in enumerate(dead.values()):
        mean, top = np.mean(fractions), max(fractions)
        axes.bar(position, mean, width=0.6, color=COLOUR_CYCLE[0])
        axes.plot([position] * len(fractions), fractions, "o", color="black", markersize=3.5)
        axes.annotate(f"{mean:.0%}", (position, top), (0, 6), textcoords="offset points", ha="center")
    axes.set(xticks=range(len(dead)), xticklabels=[f"{rate:g}" for rate in dead], xlabel="learning rate of Adam")
    axes.set(ylim=(0, 1.15), yticks=(0, 0.5, 1), ylabel="fraction of units", title="Dead ReLUs: 0 for every row")


@cache  # composing a configuration takes 0.1 s
def build_activation(name: str) -> nn.Module:
    """Builds the activation of a config choice; maxout, which is learnable, is max(x, -x / 2)."""
    if name == "maxout":
        return _Maxout()
    module: nn.Module = instantiate_group(configure(f"activation={name}"), "activation")()
    return module


def function_and_derivative(module: nn.Module, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inputs = torch.from_numpy(x).requires_grad_()
    y = module(inputs)
    (derivative,) = torch.autograd.grad(y.sum(), inputs)
    return y.detach().numpy(), derivative.numpy()


class _Maxout(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, -x / 2)
