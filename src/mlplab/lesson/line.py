"""Lesson: gradient descent on the loss surface of y = m x + b over (m, b), for two observations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab.data.datamodule import InMemoryDataModule
from mlplab.errors import UserError
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, Runs
from mlplab.report.figure import mosaic_page
from mlplab.report.loss_surface import Limits, draw_contours, draw_paths, draw_surface, name_paths
from mlplab.report.style import draw_lines

X, Y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
START = np.array([-1.0, 5.0])
LIMITS: Limits = ((-3.0, 4.0), (-1.0, 7.0))
SURFACE_LIMITS: Limits = ((-1.5, 3.5), (0.0, 6.0))
CONVERGED = 1e-6
NUM_SHOWN = 100  # updates
TITLE = "Training descends the loss surface; the learning rate decides whether it is slow, converges or diverges"
CAPTION = (
    "y = m x + b, trained on two observations, (1, 3) and (2, 5), from m = -1, b = 5. Cross: the minimum, m = 2, "
    "b = 1, where the mean squared error (MSE) is 0. The gradient points uphill; an update is -lr times the gradient."
)


@dataclass(frozen=True)
class Line(Lesson):
    """rates: learning rates that converge. updates: number each needs until MSE < 1e-6. too_large: one that diverges.

    optimizers: learning rate of each optimizer. seeds: seed the order of batches of one observation.
    """

    rates: Sequence[float]
    updates: Sequence[int]
    too_large: float
    optimizers: Mapping[str, float]
    seeds: Sequence[int]

    def __post_init__(self) -> None:
        if len(self.rates) != len(self.updates):
            counts = f"{len(self.rates)} and {len(self.updates)}"
            raise UserError(f"lesson.rates and lesson.updates have {counts} numbers: as many of each are needed")

    def show(self, runner: LessonRunner) -> list[Claim]:
        converging = {
            rate: runner.run(f"lr_{rate}", *_overrides(rate, num_updates + 9))
            for rate, num_updates in zip(self.rates, self.updates, strict=True)
        }
        diverging = runner.run("diverges", *_overrides(self.too_large, 12))
        by_optimizer = {
            name: runner.run(name, *_overrides(rate, 500), f"optimizer={name}")
            for name, rate in self.optimizers.items()
        }
        single = runner.run_seeds("single", self.seeds, *_overrides(self.rates[0], 100), "batch_size=1")
        self._draw(runner, {**converging, self.too_large: diverging}, by_optimizer, single[0])
        return [
            *_gradient_claims(),
            *self._rate_claims(converging, diverging),
            *self._optimizer_claims(by_optimizer),
            *_batch_claims(converging[self.rates[0]], [*converging.values(), *single], single),
        ]

    def _rate_claims(self, converging: Mapping[float, LessonRun], diverging: LessonRun) -> list[Claim]:
        claims = []
        for rate, run in {**converging, self.too_large: diverging}.items():
            difference = abs(run.rows[1]["loss/train"] - mse(*step(START, rate)))
            claims.append(
                Claim(f"MSE after one update, lr {rate:g}: difference from the formula", difference, "<=", 1e-12)
            )
        for (rate, run), num_updates in zip(converging.items(), self.updates, strict=True):
            claims.append(Claim(f"updates until MSE < 1e-6, lr {rate:g}", _updates_to_converge(run), "==", num_updates))
        growth = diverging.rows[-1]["loss/train"] / diverging.rows[0]["loss/train"]
        return [*claims, Claim(f"MSE after 12 updates / initial MSE, lr {self.too_large:g}", growth, ">=", 100)]

    def _optimizer_claims(self, by_optimizer: Mapping[str, LessonRun]) -> list[Claim]:
        text = f"updates until MSE < 1e-6, gradient descent needs {self.updates[0]}"
        return [
            Claim(f"{text}: {name}", _updates_to_converge(run), "<=", self.updates[0] / 1.5)
            for name, run in by_optimizer.items()
        ]

    def _draw(
        self,
        runner: LessonRunner,
        by_rate: Mapping[float, LessonRun],
        by_optimizer: Mapping[str, LessonRun],
        single: LessonRun,
    ) -> None:
        rates = {f"lr {rate:g}": run for rate, run in by_rate.items()}
        first = self.rates[0]
        optimizers = {f"sgd, lr {first:g}": by_rate[first], **by_optimizer}
        converging = {name: run.trajectory()[: int(_updates_to_converge(run)) + 1] for name, run in optimizers.items()}
        steps = {name: gradient_descent_path(run)[: NUM_SHOWN + 1] for name, run in rates.items()}
        batches = {"2": steps[f"lr {first:g}"], "1": gradient_descent_path(single)[: NUM_SHOWN + 1]}
        with mosaic_page(runner.picture, TITLE, "ABC;DEF", (4.2, 3.4), CAPTION, solid="B") as axes:
            _draw_contour_panel(axes["A"], steps, f"Learning rates: the first {NUM_SHOWN} updates", marks=True)
            _draw_gradient_arrow(axes["A"])
            name_paths(axes["A"], dict(zip(steps, ((1.5, 2.1), (-1.3, 5.35), (0.7, 5.7)), strict=False)))
            _draw_surface_panel(axes["B"], steps)
            _draw_loss_curves(axes["C"], rates, "Loss by learning rate", xlim=(0, 2e4), xscale="symlog")
            _draw_contour_panel(axes["D"], converging, "Optimizers: until MSE < 1e-6")
            _draw_loss_curves(axes["E"], optimizers, "Loss by optimizer", xlim=(0, 500))
            _draw_contour_panel(axes["F"], batches, f"Batch sizes: the first {NUM_SHOWN} updates", marks=True)
            name_paths(axes["F"], {"batch size 2": (1.5, 2.1), "batch size 1": (0.3, 4.8)})


def _overrides(rate: float, epochs: int) -> Sequence[str]:
    return ("experiment=line", f"optimizer.lr={rate}", f"trainer.max_epochs={epochs}", "report.trajectory=true")


def _updates_to_converge(run: LessonRun) -> float:
    return next((row["step"] for row in run.rows if row["loss/train"] < CONVERGED), float("nan"))


def _gradient_claims() -> list[Claim]:
    m_gradient, b_gradient = gradient(*START)
    return [
        Claim("gradient at (-1, 5) with respect to m", m_gradient, "==", -3),
        Claim("gradient at (-1, 5) with respect to b", b_gradient, "==", -1),
    ]


def _batch_claims(full_batch: LessonRun, runs: Runs, single: Runs) -> list[Claim]:
    """runs: all that are compared with the formula. single: those with batch size 1."""
    paths = [gradient_descent_path(run) for run in single]
    differences = [abs(gradient_descent_path(run)[-1] - run.trajectory()[-1]).max() for run in runs]
    text = "fraction of the first 100 updates that increase the MSE"
    return [
        Claim(f"batch size 2: {text}", _uphill_fraction(gradient_descent_path(full_batch)), "==", 0),
        Claim(f"batch size 1: {text}", list(map(_uphill_fraction, paths)), ">=", 0.15),
        Claim("batch size 1: MSE after 200 updates", [mse(*path[200]) for path in paths], "<=", 0.02),
        Claim("final weights: difference from the formula", differences, "<=", 1e-9),
    ]


def _uphill_fraction(path: np.ndarray) -> float:
    return float((np.diff(mse(*path[:101].T)) > 0).mean())


def _visible_part(path: np.ndarray, limits: Limits = LIMITS) -> np.ndarray:
    """Returns the path inside the limits and the first point outside."""
    low, high = np.array(limits).T
    outside = ~((path >= low) & (path <= high)).all(axis=1)
    return path[: int(outside.argmax()) + 1] if outside.any() else path


def _draw_contour_panel(axes: Any, paths: Mapping[str, np.ndarray], title: str, marks: bool = False) -> None:
    draw_contours(axes, mse, LIMITS)
    draw_paths(axes, {name: _visible_part(path) for name, path in paths.items()}, marks)
    axes.plot(2, 1, "x", color="black", markersize=8, markeredgewidth=2)
    axes.set(xlim=LIMITS[0], ylim=LIMITS[1], xlabel="m, the slope", ylabel="b, the intercept", title=title)


def _draw_gradient_arrow(axes: Any) -> None:
    end = START + gradient(*START) / 2
    axes.annotate("", end, START, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.8})
    axes.annotate("gradient\n(-3, -1)", end, (-4, 22), textcoords="offset points", fontsize=9, va="center")


def _draw_surface_panel(axes: Any, paths: Mapping[str, np.ndarray]) -> None:
    draw_surface(axes, mse, SURFACE_LIMITS)
    inside = {name: _visible_part(path, SURFACE_LIMITS)[:-1] for name, path in paths.items()}
    draw_paths(axes, {name: np.column_stack([path, mse(*path.T)]) for name, path in inside.items()})
    axes.plot([2], [1], [0], "x", color="black", markersize=8, markeredgewidth=2)
    axes.set(xlabel="m", ylabel="b", zlabel="MSE", title="The same paths on the loss surface")
    axes.view_init(elev=35, azim=-60)


def _draw_loss_curves(axes: Any, runs: Mapping[str, LessonRun], title: str, **options: Any) -> None:
    """options: arguments of Axes.set."""
    axes.set(**options, yscale="log", ylim=(1e-7, 1e3), title=title, xlabel="update", ylabel="mean squared error")
    draw_lines(axes, {name: _loss_curve(run) for name, run in runs.items()})


def _loss_curve(run: LessonRun) -> tuple[list[float], list[float]]:
    """Returns the loss until convergence, without values above the axis."""
    last = _updates_to_converge(run)
    rows = [row for row in run.rows if row["loss/train"] < 1e3 and not row["step"] > last]
    return [row["step"] for row in rows], [row["loss/train"] for row in rows]


def mse(m: Any, b: Any) -> Any:
    return sum((m * x + b - y) ** 2 for x, y in zip(X, Y, strict=True)) / len(X)


def gradient(m: float, b: float, x: np.ndarray = X, y: np.ndarray = Y) -> np.ndarray:
    """Returns the gradient of the MSE with respect to (m, b), over the observations (x, y)."""
    error = m * x + b - y
    return np.array([2 * (error * x).mean(), 2 * error.mean()])


def step(point: np.ndarray, rate: float, x: np.ndarray = X, y: np.ndarray = Y) -> np.ndarray:
    return point - rate * gradient(point[0], point[1], x, y)


def gradient_descent_path(run: LessonRun) -> np.ndarray:
    """Computes (m, b) after every update of an SGD run from the formula, (updates + 1, 2).

    The trajectory of the run has one point per epoch only.
    """
    loader = InMemoryDataModule(run.splits(), run.config.batch_size, run.config.seed).train_dataloader()
    points = [START]
    for epoch in range(run.config.trainer.max_epochs):
        loader.set_epoch(epoch)
        for features, target in loader:
            points.append(step(points[-1], run.config.optimizer.lr, features.numpy()[:, 0], target.numpy()[:, 0]))
    return np.stack(points)
