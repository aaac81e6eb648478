"""Lesson: all optimizers on one problem at their best learning rates, and on an ill-conditioned quadratic."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, curves, final_value, ratio
from mlplab.report.figure import mosaic_page
from mlplab.report.loss_surface import draw_contours, draw_paths
from mlplab.report.regression import draw_spread
from mlplab.report.style import draw_lines
from mlplab.report.text import count_noun

STARTS = ((-4.0, 1.0), (-3.0, 1.5), (-5.0, 0.7))
TURNED_DEGREES = 30.0
EARLY_EPOCHS = 5
MAX_UPDATES = 600  # of a path along the ravine
PROBLEM = ("data=spiral", "data.turns=0.75", "model.hidden_features=[32,32]", "batch_size=64")
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
        best = {name: self._best(runner, name) for name in self.rates}
        runs = {name: [self._run(runner, name, lr, seed) for seed in self.seeds] for name, lr in best.items()}
        slow = [self._run(runner, "sgd", self.too_small, seed) for seed in self.seeds]
        paths, turned = (self._paths(runs, Ravine(self.steepness, degrees)) for degrees in (0.0, TURNED_DEGREES))
        self._draw(runner, {name: curves(group, "loss/val") for name, group in runs.items()}, best, paths, turned)
        return [*_training_claims(runs, slow, self.too_small), *_ravine_claims(paths, turned)]

    def _run(self, runner: LessonRunner, name: str, lr: float, seed: int) -> LessonRun:
        training = (f"optimizer={name}", f"optimizer.lr={lr}", f"trainer.max_epochs={self.epochs}", f"seed={seed}")
        return runner.run(f"{name}_{lr}_{seed}", *PROBLEM, *training)

    def _best(self, runner: LessonRunner, name: str) -> float:
        final_losses = {lr: self._run(runner, name, lr, 0).column("loss/val")[-1] for lr in self.rates[name]}
        return min(final_losses, key=lambda lr: final_losses[lr])

    def _paths(self, runs: Mapping[str, Sequence[LessonRun]], ravine: "Ravine") -> Paths:
        factories = {name: runs[name][0].learner().make_optimizer for name in self.ravine}
        return {name: [ravine.path(factories[name], lr, start) for start in STARTS] for name, lr in self.ravine.items()}

    def _draw(
        self,
        runner: LessonRunner,
        losses: Mapping[str, np.ndarray],
        best: Mapping[str, float],
        paths: Paths,
        turned: Paths,
    ) -> None:
        title = "At its own learning rate every optimizer gets there; those that adapt get there first"
        caption = (
            "Above: three spiral arms, a net of 32 and 32 units, batch 64; mean and sd of "
            f"{count_noun(len(self.seeds), 'seed')}, the learning rate chosen from three by the validation loss of "
            f"another seed. Below: the quadratic (u² + {self.steepness:g} v²) / 2 from one start, until it is a "
            "thousandth of what it was there."
        )
        layout = "AAABB;AAABB;CDEFG;HIJKL"
        with mosaic_page(runner.picture, title, layout, size=(2.5, 2.3), caption=caption) as axes:
            drawn = {name: losses[name] for name in self.ravine}
            draw_curves(axes["A"], drawn, [curve for name, curve in losses.items() if name not in drawn])
            draw_spread(axes["B"], {f"{name}, lr {best[name]:g}": curve[:, -1] for name, curve in losses.items()})
            axes["B"].set(xlabel=f"validation loss after {self.epochs} epochs: each seed, mean", xlim=(0, None))
            rows = {
                "along the axes": ("CDEFG", paths, 0.0),
                f"turned by {TURNED_DEGREES:g}°": ("HIJKL", turned, TURNED_DEGREES),
            }
            for orientation, (letters, which, degrees) in rows.items():
                for letter, name in zip(letters, which, strict=True):
                    draw_path(axes[letter], Ravine(self.steepness, degrees), name, which[name][0])
                axes[letters[0]].set_ylabel(f"a ravine {orientation}")


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
    epochs = list(range(next(iter(drawn.values())).shape[1]))
    axes.set(
        xlabel="epoch", ylabel="validation loss (cross entropy)", yscale="log", xlim=(0, epochs[-1]), xticks=epochs[::5]
    )
    for curve in others:
        axes.plot(epochs, curve.mean(axis=0), color="0.75", linewidth=1)
    means = {name: (epochs, list(curve.mean(axis=0))) for name, curve in drawn.items()}
    lower = {
        name: np.maximum(curve.mean(axis=0) - curve.std(axis=0), curve.min(axis=0)) for name, curve in drawn.items()
    }
    upper = {name: curve.mean(axis=0) + curve.std(axis=0) for name, curve in drawn.items()}
    draw_lines(axes, means, {name: (list(lower[name]), list(upper[name])) for name in drawn})


def draw_path(axes: Any, ravine: Ravine, name: str, path: np.ndarray) -> None:
    limits = ((-5.0, 2.0), (-3.5, 3.5))
    draw_contours(axes, ravine, limits, levels=9)
    draw_paths(axes, {name: path}, markersize=2, linewidth=1)
    axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], aspect="equal")
    axes.set_title(f"{name}\n{len(path) - 1} updates", fontsize=10)


def _training_claims(
    runs: Mapping[str, Sequence[LessonRun]], slow: Sequence[LessonRun], too_small: float
) -> list[Claim]:
    early_epoch = min(EARLY_EPOCHS, len(slow[0].rows) - 1)
    early = ratio(final_value(runs["sgd"], "loss/val", early_epoch), final_value(runs["adam"], "loss/val", early_epoch))
    final_means = {name: float(np.mean(final_value(group, "loss/val"))) for name, group in runs.items()}
    accuracies = [min(final_value(group, "accuracy/val")) for group in runs.values()]
    slow_ratios = ratio(final_value(slow, "loss/val"), final_value(runs["sgd"], "loss/val"))
    return [
        Claim(f"validation loss after {early_epoch} epochs: sgd's, by adam's", early, ">=", 2),
        Claim("validation accuracy at the end, of all optimizers", accuracies, ">=", 0.9),
        Claim(
            "mean loss at the end: the worst optimizer's, by the best one's",
            [max(final_means.values()) / min(final_means.values())],
            "<=",
            4,
        ),
        Claim(f"loss at the end: sgd with lr {too_small:g}, by sgd at its best lr", slow_ratios, ">=", 3),
    ]


def _ravine_claims(paths: Paths, turned: Paths) -> list[Claim]:
    along, across = (
        {name: [len(path) - 1 for path in group] for name, group in one.items()} for one in (paths, turned)
    )
    return [
        Claim("ravine: updates of sgd, by those of momentum", ratio(along["sgd"], along["momentum"]), ">=", 1.5),
        Claim(
            "ravine along the axes: updates of sgd, by those of adagrad",
            ratio(along["sgd"], along["adagrad"]),
            ">=",
            10,
        ),
        Claim(
            "ravine: updates of adagrad when it is turned, by those along the axes",
            ratio(across["adagrad"], along["adagrad"]),
            ">=",
            20,
        ),
        Claim(
            "ravine: updates of momentum when it is turned, by those along the axes",
            ratio(across["momentum"], along["momentum"]),
            "==",
            1,
        ),
    ]
