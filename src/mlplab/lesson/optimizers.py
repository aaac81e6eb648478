"""All optimizers on one problem, each at its best learning rate, and along a ravine."""

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
TURNED = 30.0
EARLY = 5  # epochs
PROBLEM = ("data=spiral", "data.turns=0.75", "model.hidden_features=[32,32]", "batch_size=64")
Paths = Mapping[str, Sequence[np.ndarray]]


@dataclass(frozen=True)
class Ravine:
    """steepness: s. degrees: by which its bed is turned from the first axis."""

    steepness: float
    degrees: float = 0.0

    @property
    def turn(self) -> np.ndarray:
        """(2, 2): from places along and across the bed, (u, v), to (x, y)."""
        cos, sin = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return np.array([[cos, -sin], [sin, cos]])

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        (cos, _), (sin, _) = self.turn
        along, across = cos * x + sin * y, cos * y - sin * x
        height: np.ndarray = (along**2 + self.steepness * across**2) / 2
        return height

    def path(self, optimizer: Callable[..., Optimizer], lr: float, start: tuple[float, float]) -> np.ndarray:
        """(P, 2): places (x, y) from `start`, given along and across, until f is a thousandth of what it was."""
        curvature = torch.from_numpy(self.turn @ np.diag([1.0, self.steepness]) @ self.turn.T)
        place = torch.from_numpy(self.turn @ np.array(start)).requires_grad_()
        step = optimizer([place], lr=lr)
        places, height = [place.detach().clone()], place @ curvature @ place / 2
        enough = height.item() / 1000
        while height.item() > enough and len(places) <= MOST:
            step.zero_grad()
            height.backward()  # type: ignore[no-untyped-call]
            step.step()
            height = place @ curvature @ place / 2
            places.append(place.detach().clone())
        return torch.stack(places).numpy()


@dataclass(frozen=True)
class Optimizers(Lesson):
    """rates: a grid by optimizer. too_small: a learning rate of sgd. ravine: learning rates there, of those that are
    drawn. steepness: of the ravine."""

    rates: Mapping[str, Sequence[float]]
    too_small: float
    seeds: Sequence[int]
    epochs: int
    ravine: Mapping[str, float]
    steepness: float

    def show(self, bench: LessonRunner) -> list[Claim]:
        best = {name: self._best(bench, name) for name in self.rates}
        runs = {name: [self._run(bench, name, lr, seed) for seed in self.seeds] for name, lr in best.items()}
        slow = [self._run(bench, "sgd", self.too_small, seed) for seed in self.seeds]
        paths, turned = (self._paths(runs, Ravine(self.steepness, degrees)) for degrees in (0.0, TURNED))
        self._draw(bench, {name: curves(every, "loss/val") for name, every in runs.items()}, best, paths, turned)
        return [*_trained(runs, slow, self.too_small), *_walked(paths, turned)]

    def _run(self, bench: LessonRunner, name: str, lr: float, seed: int) -> LessonRun:
        training = (f"optimizer={name}", f"optimizer.lr={lr}", f"trainer.max_epochs={self.epochs}", f"seed={seed}")
        return bench.run(f"{name}_{lr}_{seed}", *PROBLEM, *training)

    def _best(self, bench: LessonRunner, name: str) -> float:
        ends = {lr: self._run(bench, name, lr, 0).column("loss/val")[-1] for lr in self.rates[name]}
        return min(ends, key=lambda lr: ends[lr])

    def _paths(self, runs: Mapping[str, Sequence[LessonRun]], ravine: Ravine) -> Paths:
        makers = {name: runs[name][0].learner().make_optimizer for name in self.ravine}
        return {name: [ravine.path(makers[name], lr, start) for start in STARTS] for name, lr in self.ravine.items()}

    def _draw(
        self,
        bench: LessonRunner,
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
        bed = "AAABB;AAABB;CDEFG;HIJKL"
        with mosaic_page(bench.picture, title, bed, size=(2.5, 2.3), caption=caption) as axes:
            drawn = {name: losses[name] for name in self.ravine}
            draw_curves(axes["A"], drawn, [curve for name, curve in losses.items() if name not in drawn])
            draw_spread(axes["B"], {f"{name}, lr {best[name]:g}": curve[:, -1] for name, curve in losses.items()})
            axes["B"].set(xlabel=f"validation loss after {self.epochs} epochs: each seed, mean", xlim=(0, None))
            rows = {"along the axes": ("CDEFG", paths, 0.0), f"turned by {TURNED:g}°": ("HIJKL", turned, TURNED)}
            for lies, (letters, which, degrees) in rows.items():
                for letter, name in zip(letters, which, strict=True):
                    draw_walk(axes[letter], Ravine(self.steepness, degrees), name, which[name][0])
                axes[letters[0]].set_ylabel(f"a ravine {lies}")


def draw_curves(axes: Any, drawn: Mapping[str, np.ndarray], others: Sequence[np.ndarray]) -> None:
    """(seeds, epochs + 1) each: mean and sd. others: their means stand behind, in grey and without a name."""
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


def draw_walk(axes: Any, ravine: Ravine, name: str, path: np.ndarray) -> None:
    limits = ((-5.0, 2.0), (-3.5, 3.5))
    draw_contours(axes, ravine, limits, levels=9)
    draw_paths(axes, {name: path}, markersize=2, linewidth=1)
    axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], aspect="equal")
    axes.set_title(f"{name}\n{len(path) - 1} updates", fontsize=10)


def _trained(runs: Mapping[str, Sequence[LessonRun]], slow: Sequence[LessonRun], too_small: float) -> list[Claim]:
    soon = min(EARLY, len(slow[0].rows) - 1)
    early = ratio(final_value(runs["sgd"], "loss/val", soon), final_value(runs["adam"], "loss/val", soon))
    ends = {name: float(np.mean(final_value(every, "loss/val"))) for name, every in runs.items()}
    right = [min(final_value(every, "accuracy/val")) for every in runs.values()]
    worse = ratio(final_value(slow, "loss/val"), final_value(runs["sgd"], "loss/val"))
    return [
        Claim(f"validation loss after {soon} epochs: sgd's, by adam's", early, ">=", 2),
        Claim("validation accuracy at the end, of all optimizers", right, ">=", 0.9),
        Claim(
            "mean loss at the end: the worst optimizer's, by the best one's",
            [max(ends.values()) / min(ends.values())],
            "<=",
            4,
        ),
        Claim(f"loss at the end: sgd with lr {too_small:g}, by sgd at its best lr", worse, ">=", 3),
    ]


def _walked(paths: Paths, turned: Paths) -> list[Claim]:
    along, across = (
        {name: [len(path) - 1 for path in every] for name, every in one.items()} for one in (paths, turned)
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


MOST = 600  # updates
