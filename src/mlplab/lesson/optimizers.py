"""Lesson: all optimizers on one problem at their best learning rates, and on an ill-conditioned quadratic."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, Runs, curves, final_value
from mlplab.report.figure import mosaic_page
from mlplab.report.loss_surface import draw_contours, draw_paths
from mlplab.report.regression import draw_spread
from mlplab.report.style import draw_lines
from mlplab.report.text import count_noun

STARTS = ((-4.0, 1.0), (-3.0, 1.5), (-5.0, 0.7))
ROTATION = 30.0  # degrees
EARLY_EPOCHS = 5
MAX_UPDATES = 600  # of a path in the ravine
PROBLEM = ("data=spiral", "data.turns=0.75", "model.hidden_features=[32,32]", "batch_size=64")
TITLE = "At its best learning rate every optimizer converges; adaptive ones converge sooner"
Paths = Mapping[str, Sequence[np.ndarray]]


@dataclass(frozen=True)
class Optimizers(Lesson):
    """rates: learning rates to try for each optimizer. too_small: one of sgd. ravine: learning rates on the ravine,
    of the optimizers that are drawn. steepness: curvature across the ravine."""

    rates: Mapping[str, Sequence[float]]
    too_small: float
    seeds: Sequence[int]
    epochs: int
    ravine: Mapping[str, float]
    steepness: float

    def show(self, runner: LessonRunner) -> list[Claim]:
        best = {name: self._best_rate(runner, name) for name in self.rates}
        runs = {name: self._runs(runner, name, lr, self.seeds) for name, lr in best.items()}
        slow = self._runs(runner, "sgd", self.too_small, self.seeds)
        aligned, rotated = (self._paths(runs, Ravine(self.steepness, degrees)) for degrees in (0.0, ROTATION))
        losses = {f"{name}, lr {best[name]:g}": final_value(group, "loss/val") for name, group in runs.items()}
        caption = (
            "Top: three spiral arms, two hidden layers of 32 units, batch size 64; mean and standard deviation over "
            f"{count_noun(len(self.seeds), 'seed')}; of three learning rates the one with the lowest validation loss "
            f"at another seed. Bottom: the quadratic (u² + {self.steepness:g} v²) / 2 from one start, until it has "
            "fallen to a thousandth."
        )
        layout = "AAABB;AAABB;CDEFG;HIJKL"
        with mosaic_page(runner.picture, TITLE, layout, size=(2.5, 2.3), caption=caption) as axes:
            drawn = {name: curves(runs[name], "loss/val") for name in self.ravine}
            draw_curves(axes["A"], drawn, [curves(runs[name], "loss/val") for name in runs if name not in drawn])
            draw_spread(axes["B"], losses)
            axes["B"].set(xlabel=f"validation loss after {self.epochs} epochs: each seed, mean", xlim=(0, None))
            for letters, paths, degrees in (("CDEFG", aligned, 0.0), ("HIJKL", rotated, ROTATION)):
                for letter, name in zip(letters, paths, strict=True):
                    draw_path(axes[letter], Ravine(self.steepness, degrees), name, paths[name][0])
            axes["C"].set_ylabel("ravine along the axes")
            axes["H"].set_ylabel(f"ravine rotated by {ROTATION:g}°")
        return [*_training_claims(runs, slow, self.too_small), *_ravine_claims(aligned, rotated)]

    def _runs(self, runner: LessonRunner, name: str, lr: float, seeds: Sequence[int]) -> list[LessonRun]:
        training = (f"optimizer={name}", f"optimizer.lr={lr}", f"trainer.max_epochs={self.epochs}")
        return runner.run_seeds(f"{name}_{lr}", seeds, *PROBLEM, *training)

    def _best_rate(self, runner: LessonRunner, name: str) -> float:
        """Returns the learning rate with the lowest final validation loss at seed 0."""
        return min(self.rates[name], key=lambda lr: final_value(self._runs(runner, name, lr, [0]), "loss/val")[0])

    def _paths(self, runs: Mapping[str, Runs], ravine: "Ravine") -> Paths:
        optimizers = {name: runs[name][0].learner().make_optimizer for name in self.ravine}
        return {
            name: [ravine.path(optimizers[name], lr, start) for start in STARTS] for name, lr in self.ravine.items()
        }


@dataclass(frozen=True)
class Ravine:
    """The quadratic (u² + steepness v²) / 2. degrees: rotation of the u axis from the x axis."""

    steepness: float
    degrees: float = 0.0

    @property
    def rotation(self) -> np.ndarray:
        """The rotation matrix from (u, v) to (x, y), (2, 2)."""
        cos, sin = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return np.array([[cos, -sin], [sin, cos]])

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        (cos, _), (sin, _) = self.rotation
        along, across = cos * x + sin * y, cos * y - sin * x
        height: np.ndarray = (along**2 + self.steepness * across**2) / 2
        return height

    def path(self, optimizer: Callable[..., Optimizer], lr: float, start: tuple[float, float]) -> np.ndarray:
        """Minimises from `start`, in (u, v), until the height is 1/1000 of the initial one; returns (x, y), (P, 2)."""
        curvature = torch.from_numpy(self.rotation @ np.diag([1.0, self.steepness]) @ self.rotation.T)
        point = torch.from_numpy(self.rotation @ np.array(start)).requires_grad_()
        stepper = optimizer([point], lr=lr)
        points, height = [point.detach().clone()], point @ curvature @ point / 2
        target_height = height.item() / 1000
        while height.item() > target_height and len(points) <= MAX_UPDATES:
            stepper.zero_grad()
            height.backward()  # type: ignore[no-untyped-call]
            stepper.step()
            height = point @ curvature @ point / 2
            points.append(point.detach().clone())
        return torch.stack(points).numpy()


def draw_curves(axes: Any, drawn: Mapping[str, np.ndarray], others: Sequence[np.ndarray]) -> None:
    """Draws mean and standard deviation of curves, (seeds, epochs + 1) each; means of `others` in grey, unlabelled."""
    epochs = range(next(iter(drawn.values())).shape[1])
    axes.set(xlabel="epoch", xlim=(0, epochs[-1]), xticks=epochs[::5])
    axes.set(ylabel="validation loss (cross entropy)", yscale="log")
    for curve in others:
        axes.plot(epochs, curve.mean(axis=0), color="0.75", linewidth=1)
    bands = {}
    for name, curve in drawn.items():
        mean, std = curve.mean(axis=0), curve.std(axis=0)
        bands[name] = (np.maximum(mean - std, curve.min(axis=0)), mean + std)
    draw_lines(axes, {name: (epochs, curve.mean(axis=0)) for name, curve in drawn.items()}, bands)


def draw_path(axes: Any, ravine: Ravine, name: str, path: np.ndarray) -> None:
    limits = ((-5.0, 2.0), (-3.5, 3.5))
    draw_contours(axes, ravine, limits, levels=9)
    draw_paths(axes, {name: path}, markersize=2, linewidth=1)
    axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], aspect="equal")
    axes.set_title(f"{name}\n{len(path) - 1} updates", fontsize=10)


def _training_claims(runs: Mapping[str, Runs], slow: Runs, too_small: float) -> list[Claim]:
    epoch = min(EARLY_EPOCHS, len(slow[0].rows) - 1)
    early_ratios = final_value(runs["sgd"], "loss/val", epoch) / final_value(runs["adam"], "loss/val", epoch)
    means = [final_value(group, "loss/val").mean() for group in runs.values()]
    accuracies = [final_value(group, "accuracy/val").min() for group in runs.values()]
    slow_ratios = final_value(slow, "loss/val") / final_value(runs["sgd"], "loss/val")
    return [
        Claim(f"validation loss after {epoch} epochs, sgd / adam", early_ratios, ">=", 2),
        Claim("final validation accuracy, all optimizers", accuracies, ">=", 0.9),
        Claim("mean final loss, worst optimizer / best", max(means) / min(means), "<=", 4),
        Claim(f"final loss, sgd with lr {too_small:g} / sgd with its best lr", slow_ratios, ">=", 3),
    ]


def _ravine_claims(aligned: Paths, rotated: Paths) -> list[Claim]:
    updates = {name: np.array([len(path) - 1 for path in paths]) for name, paths in aligned.items()}
    rotated_updates = {name: np.array([len(path) - 1 for path in paths]) for name, paths in rotated.items()}
    ratios = {name: rotated_updates[name] / updates[name] for name in ("adagrad", "momentum")}
    return [
        Claim("ravine along the axes: updates, sgd / momentum", updates["sgd"] / updates["momentum"], ">=", 1.5),
        Claim("ravine along the axes: updates, sgd / adagrad", updates["sgd"] / updates["adagrad"], ">=", 10),
        Claim("updates of adagrad, rotated ravine / along the axes", ratios["adagrad"], ">=", 20),
        Claim("updates of momentum, rotated ravine / along the axes", ratios["momentum"], "==", 1),
    ]
