"""Lesson: gradient descent on the loss surface of y = m x + b over (m, b), for two observations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab.data.datamodule import InMemoryDataModule
from mlplab.errors import UserError
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner
from mlplab.report.figure import mosaic_page
from mlplab.report.loss_surface import Limits, draw_contours, draw_paths, draw_surface, name_paths
from mlplab.report.style import draw_lines

X, Y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
START = np.array([-1.0, 5.0])
LIMITS: Limits = ((-3.0, 4.0), (-1.0, 7.0))
BOWL: Limits = ((-1.5, 3.5), (0.0, 6.0))
CONVERGED = 1e-6
NUM_SHOWN = 100  # updates
TITLE = "Training walks down the bowl of the loss; the learning rate decides whether it creeps, arrives or leaps out"
CAPTION = (
    "y = m x + b learned from two observations, (1, 3) and (2, 5), from m = -1, b = 5. The cross is the answer, m = 2, "
    "b = 1, where the mean squared error (MSE) is 0. The gradient points uphill; an update goes against it, lr times "
    "as far."
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
        plain = {
            rate: runner.run(f"lr_{rate}", *_sgd(rate, num_updates + 9))
            for rate, num_updates in self._updates_by_rate.items()
        }
        diverging = runner.run("diverges", *_sgd(self.too_large, 12))
        by_optimizer = {
            name: runner.run(name, "experiment=line", f"optimizer={name}", *_overrides(rate, 500))
            for name, rate in self.optimizers.items()
        }
        single = [runner.run(f"single_{seed}", *_sgd(self.rates[0], 100, batch=1, seed=seed)) for seed in self.seeds]
        self._draw(runner, plain, diverging, by_optimizer, single[0])
        return [
            *_gradient_claims(),
            *self._rate_claims(plain, diverging),
            *self._optimizer_claims(by_optimizer),
            *self._batch_claims(plain, single),
        ]

    @property
    def _updates_by_rate(self) -> dict[float, int]:
        return dict(zip(self.rates, self.updates, strict=True))

    def _rate_claims(self, plain: dict[float, LessonRun], diverging: LessonRun) -> list[Claim]:
        claims = []
        for rate, run in {**plain, self.too_large: diverging}.items():
            difference = abs(run.rows[1]["loss/train"] - float(mse(*step(START, rate))))
            claims.append(
                Claim(f"MSE after one update, lr {rate:g}: trained against by hand", [difference], "<=", 1e-12)
            )
        for rate, run in plain.items():
            claims.append(
                Claim(
                    f"updates until MSE < 1e-6, lr {rate:g}",
                    [_updates_to_converge(run)],
                    "==",
                    self._updates_by_rate[rate],
                )
            )
        growth = diverging.rows[-1]["loss/train"] / diverging.rows[0]["loss/train"]
        return [*claims, Claim(f"MSE after 12 updates by MSE at the start, lr {self.too_large:g}", [growth], ">=", 100)]

    def _optimizer_claims(self, by_optimizer: dict[str, LessonRun]) -> list[Claim]:
        text = f"updates until MSE < 1e-6, where plain descent needs {self.updates[0]}"
        return [
            Claim(f"{text}: {name}", [_updates_to_converge(run)], "<=", self.updates[0] / 1.5)
            for name, run in by_optimizer.items()
        ]

    def _batch_claims(self, plain: dict[float, LessonRun], single: list[LessonRun]) -> list[Claim]:
        single_paths = [gradient_descent_path(run) for run in single]
        runs = [*plain.values(), *single]
        differences = [float(np.abs(gradient_descent_path(run)[-1] - run.trajectory()[-1]).max()) for run in runs]
        full_batch = _uphill_fraction(gradient_descent_path(plain[self.rates[0]]))
        return [
            Claim("batch size 2: share of the first 100 updates that raise the MSE", [full_batch], "==", 0),
            Claim(
                "batch size 1: share of the first 100 updates that raise it",
                list(map(_uphill_fraction, single_paths)),
                ">=",
                0.15,
            ),
            Claim(
                "batch size 1: MSE after 200 updates", [float(mse(*steps[200])) for steps in single_paths], "<=", 0.02
            ),
            Claim("weights at the end: trained against by hand", differences, "<=", 1e-9),
        ]

    def _draw(
        self,
        runner: LessonRunner,
        plain: dict[float, LessonRun],
        diverging: LessonRun,
        by_optimizer: dict[str, LessonRun],
        single: LessonRun,
    ) -> None:
        rates = {f"lr {rate:g}": run for rate, run in {**plain, self.too_large: diverging}.items()}
        steps = {name: gradient_descent_path(run)[: NUM_SHOWN + 1] for name, run in rates.items()}
        optimizer_runs = {f"plain, lr {self.rates[0]:g}": plain[self.rates[0]], **by_optimizer}
        batches = {"both": steps[f"lr {self.rates[0]:g}"], "one": gradient_descent_path(single)[: NUM_SHOWN + 1]}
        with mosaic_page(runner.picture, TITLE, "ABC;DEF", (4.4, 3.6), CAPTION, solid="B") as axes:
            _draw_contour_panel(axes["A"], steps, f"Learning rates: the first {NUM_SHOWN} updates", marks=True)
            _draw_gradient_arrow(axes["A"])
            name_paths(axes["A"], dict(zip(steps, ((1.5, 2.1), (-1.3, 5.35), (0.7, 5.7)), strict=False)))
            _draw_surface_panel(axes["B"], steps)
            _draw_loss_curves(axes["C"], rates, (0, 2e4), "Loss by learning rate", "symlog")
            _draw_contour_panel(
                axes["D"],
                {name: _path_until_converged(run) for name, run in optimizer_runs.items()},
                "Optimizers: until MSE < 1e-6",
            )
            _draw_loss_curves(axes["E"], optimizer_runs, (0, 500), "Loss by optimizer", "linear")
            _draw_contour_panel(axes["F"], batches, "Both observations an update, or one", marks=True)
            name_paths(axes["F"], {"batch size 2": (1.5, 2.1), "batch size 1": (0.3, 4.8)})


def _sgd(rate: float, epochs: int, batch: int = 2, seed: int = 0) -> Sequence[str]:
    return ("experiment=line", *_overrides(rate, epochs), f"batch_size={batch}", f"seed={seed}")


def _overrides(rate: float, epochs: int) -> Sequence[str]:
    return (f"optimizer.lr={rate}", f"trainer.max_epochs={epochs}", "report.trajectory=true")


def _updates_to_converge(run: LessonRun) -> float:
    return next((row["step"] for row in run.rows if row["loss/train"] < CONVERGED), float("nan"))


def _uphill_fraction(steps: np.ndarray) -> float:
    return float((np.diff(mse(*steps[:101].T)) > 0).mean())


def _path_until_converged(run: LessonRun) -> np.ndarray:
    """Returns the trajectory until convergence."""
    return run.trajectory()[: int(_updates_to_converge(run)) + 1]


def _gradient_claims() -> list[Claim]:
    m_gradient, b_gradient = gradient(START[0], START[1])
    return [
        Claim("gradient at (-1, 5): by m", [float(m_gradient)], "==", -3),
        Claim("gradient at (-1, 5): by b", [float(b_gradient)], "==", -1),
    ]


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
    end = START + gradient(START[0], START[1]) / 2
    axes.annotate("", end, START, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.8})
    axes.annotate("gradient\n(-3, -1)", end, (-4, 22), textcoords="offset points", fontsize=9, va="center")


def _draw_surface_panel(axes: Any, paths: Mapping[str, np.ndarray]) -> None:
    draw_surface(axes, mse, BOWL)
    inside = {name: _visible_part(path, BOWL)[:-1] for name, path in paths.items()}
    draw_paths(axes, {name: np.column_stack([path, mse(*path.T)]) for name, path in inside.items()})
    axes.plot([2], [1], [0], "x", color="black", markersize=8, markeredgewidth=2)
    axes.set(xlabel="m", ylabel="b", zlabel="MSE", title="The same on the surface of the loss")
    axes.view_init(elev=35, azim=-60)


def _draw_loss_curves(
    axes: Any, runs: Mapping[str, LessonRun], limits: tuple[float, float], title: str, scale: str
) -> None:
    axes.set(xscale=scale, yscale="log", xlim=limits, ylim=(1e-7, 1e3), title=title)
    axes.set(xlabel="update", ylabel="mean squared error")
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
