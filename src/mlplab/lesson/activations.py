"""What an activation function is for: it bends the boundary; and how a deep net loses its gradient, and a ReLU dies."""

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

XOR = ("data=xor", "data.noise=0.15", "data.num_rows=1000", "optimizer.lr=0.01", "trainer.max_epochs=20")
NETS = {
    "linear, no hidden layer": ("model=linear",),
    "linear, 4 hidden layers": ("activation=linear", "model.hidden_features=[16,16,16,16]"),
    "ReLU, 1 hidden layer": ("activation=relu", "model.hidden_features=[16]"),
}
SPIRAL = ("data=spiral", "model.hidden_features=[32,32]", "optimizer.lr=0.01", "trainer.max_epochs=60")
BENT = ("linear", "sigmoid", "tanh", "relu")
DEEP = ("data=digits", "data.num_train=1000", "trainer.max_epochs=10")
RULES = {"sigmoid": "xavier_normal", "relu": "he_normal"}  # each with the initialisation that suits it
DYING = ("data=digits", "data.num_train=500", "model.hidden_features=[64,64]", "trainer.max_epochs=10")
TITLE = "The activation function bends the boundary; the wrong one starves a deep net, and a large step kills ReLUs"
CAPTION = (
    "Top: activation functions f(x), solid, and their slopes, dashed. Middle: what is told of each point of the plane, "
    "fainter where it is less sure, with accuracy on test; the spiral by two hidden layers of 32 units. Below, on "
    "digits: gradients of a net of {depth} hidden layers before training (median and range over seeds); ReLUs after 10 "
    "epochs (mean; dots: seeds)."
)


@dataclass(frozen=True)
class Activations(Lesson):
    """depth: hidden layers of the deep nets. rates: of Adam, from one that is right to one that is far too large."""

    seeds: Sequence[int]
    depth: int
    rates: Sequence[float]

    def show(self, bench: LessonRunner) -> list[Claim]:
        xor = {name: self._runs(bench, "xor", *XOR, *settings) for name, settings in NETS.items()}
        spiral = {name: self._runs(bench, "spiral", *SPIRAL, f"activation={name}") for name in BENT}
        width = f"model.hidden_features=[{','.join(['32'] * self.depth)}]"
        deep = {
            name: self._runs(bench, "deep", *DEEP, width, f"activation={name}", f"model.initialisation={rule}")
            for name, rule in RULES.items()
        }
        dying = {rate: self._runs(bench, "dying", *DYING, f"optimizer.lr={rate}") for rate in self.rates}
        gradients = {name: [_gradients(run) for run in runs] for name, runs in deep.items()}
        dead = {rate: [_dead(run) for run in runs] for rate, runs in dying.items()}
        with mosaic_page(
            bench.picture, TITLE, "ABCDEFG;HIJKLMN;OPQRSTU;VVVVXXX", (2.3, 2.1), CAPTION.format(depth=self.depth)
        ) as axes:
            for letter, name in zip("ABCDEFGHIJKLMN", NAMES, strict=True):
                _draw_function(axes[letter], name, labels=letter == "B")
            for letter, (name, runs) in zip("OPQ", xor.items(), strict=True):
                _draw_regions(axes[letter], runs[0], f"XOR: {name}")
            for letter, (name, runs) in zip("RSTU", spiral.items(), strict=True):
                _draw_regions(axes[letter], runs[0], f"spiral: {TOLD.get(name, name)}")
            _draw_gradients(axes["V"], gradients)
            _draw_dead(axes["X"], dead)
        return [*_of_boundaries(xor, spiral), *_of_depth(gradients, deep), *self._of_death(dead, dying)]

    def _runs(self, bench: LessonRunner, name: str, *settings: str) -> list[LessonRun]:
        return [bench.run(f"{name}_{seed}", *settings, f"seed={seed}") for seed in self.seeds]

    def _of_death(self, dead: dict[float, list[float]], dying: dict[float, list[LessonRun]]) -> list[Claim]:
        right, wrong = self.rates[0], self.rates[-1]
        text = "ReLUs of the last hidden layer that never fire, share, after 10 epochs of Adam"
        told = final_value(dying[wrong], "accuracy/val")
        return [
            Claim(f"{text}, lr {right:g}", dead[right], "<=", 0.1),
            Claim(f"{text}, lr {wrong:g}", dead[wrong], ">=", 0.8),
            Claim(f"validation accuracy of the net whose ReLUs died, lr {wrong:g}", told, "<=", 0.25),
        ]


def _gradients(run: LessonRun) -> list[float]:
    """L2 norms by layer, before the first update."""
    part = run.splits().train
    return [layer.gradient for layer in layer_statistics(run.fresh(), part.features, part.target)]


def _dead(run: LessonRun) -> float:
    """Of the last hidden layer, after the last update."""
    part = run.splits().train
    found: list[Layer] = layer_statistics(run.learner("last"), part.features, part.target)
    return found[-2].dead


def _of_boundaries(xor: dict[str, list[LessonRun]], spiral: dict[str, list[LessonRun]]) -> list[Claim]:
    claims = []
    for name, runs in xor.items():
        bent = not name.startswith("linear")
        limit = (">=", 1.0) if bent else ("<=", 0.75)
        claims.append(Claim(f"XOR, test accuracy: {name}", best_score(runs, "accuracy/test"), *limit))  # type: ignore[arg-type]
    for name, runs in spiral.items():
        limit = ("<=", 0.6) if name == "linear" else (">=", 0.9)
        claims.append(Claim(f"three spiral arms, test accuracy: {name}", best_score(runs, "accuracy/test"), *limit))  # type: ignore[arg-type]
    return claims


def _of_depth(gradients: dict[str, list[list[float]]], deep: dict[str, list[LessonRun]]) -> list[Claim]:
    text = "gradient of the first layer by that of the last, before training"
    lost = {name: [norms[0] / norms[-1] for norms in several] for name, several in gradients.items()}
    right = {name: best_score(runs, "accuracy/test") for name, runs in deep.items()}
    return [
        Claim(f"{text}: sigmoid", lost["sigmoid"], "<=", 1e-4),
        Claim(f"{text}: ReLU", lost["relu"], ">=", 0.1),
        Claim("test accuracy of the deep sigmoid net after 10 epochs", right["sigmoid"], "<=", 0.25),
        Claim("test accuracy of the deep ReLU net after 10 epochs", right["relu"], ">=", 0.6),
    ]


def _draw_function(axes: Any, name: str, labels: bool) -> None:
    x = np.linspace(-4, 4, 401)
    y, slope = function_and_slope(activation(name), x)
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.plot(x, slope, "--", color=COLOUR_CYCLE[1], linewidth=1.8)
    axes.plot(x, y, color=COLOUR_CYCLE[0], linewidth=1.8)
    axes.set(xlim=(-4, 4), ylim=(-2, 3), title=TOLD.get(name, name), xticks=(-4, 0, 4), yticks=(-2, 0, 2))
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
    many = {TOLD.get(name, name): np.array(several) for name, several in gradients.items()}
    number = [*range(1, 1 + len(next(iter(many.values()))[0]))]
    axes.set(yscale="log", xlim=(1, len(number) + 0.9), xticks=number, xlabel="layer, from input to output")
    axes.set(ylabel="norm of the gradient", title="The gradient that reaches each layer of a deep net")
    draw_range(axes, number, many, np.median)


def _draw_dead(axes: Any, dead: dict[float, list[float]]) -> None:
    for place, shares in enumerate(dead.values()):
        axes.bar(place, np.mean(shares), width=0.6, color=COLOUR_CYCLE[0])
        axes.plot([place] * len(shares), shares, "o", color="black", markersize=3.5)
        axes.annotate(f"{np.mean(shares):.0%}", (place, max(shares)), (0, 6), textcoords="offset points", ha="center")
    axes.set(xticks=range(len(dead)), xticklabels=[f"{rate:g}" for rate in dead], xlabel="learning rate of Adam")
    axes.set(ylim=(0, 1.15), yticks=(0, 0.5, 1), ylabel="share of units", title="ReLUs that never fire: dead")


NAMES = (
    *("linear", "sigmoid", "tanh", "softsign", "hardtanh", "relu", "leaky_relu"),
    *("elu", "selu", "softplus", "silu", "mish", "gelu", "maxout"),
)
TOLD = {
    "silu": "swish (SiLU)",
    "leaky_relu": "leaky ReLU",
    "relu": "ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
}


@cache  # a configuration takes a tenth of a second to compose
def activation(name: str) -> nn.Module:
    """As a choice of the group makes it; maxout, which learns its pieces, as max(x, -x / 2)."""
    if name == "maxout":
        return _Pieces()
    made: nn.Module = instantiate_group(configure(f"activation={name}"), "activation")()
    return made


def function_and_slope(module: nn.Module, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = torch.from_numpy(x).requires_grad_()
    y = module(at)
    (slope,) = torch.autograd.grad(y.sum(), at)
    return y.detach().numpy(), slope.numpy()


class _Pieces(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, -x / 2)
