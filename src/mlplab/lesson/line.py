"""y = m x + b from two observations: the loss is a bowl over (m, b), and training walks down into it."""

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

LIMITS: Limits = ((-3.0, 4.0), (-1.0, 7.0))
BOWL: Limits = ((-1.5, 3.5), (0.0, 6.0))
ARRIVED = 1e-6
SHOWN = 100  # updates
TITLE = "Training walks down the bowl of the loss; the learning rate decides whether it creeps, arrives or leaps out"
CAPTION = (
    "y = m x + b learned from two observations, (1, 3) and (2, 5), from m = -1, b = 5. The cross is the answer, m = 2, "
    "b = 1, where the mean squared error (MSE) is 0. The gradient points uphill; an update goes against it, lr times "
    "as far."
)


@dataclass(frozen=True)
class Line(Lesson):
    """rates: that arrive. updates: how many each needs until MSE < 1e-6. too_large: a rate that diverges.

    optimizers: the rate of each. seeds: of the order of batches of one observation.
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

    def show(self, bench: LessonRunner) -> list[Claim]:
        plain = {rate: bench.run(f"lr_{rate}", *_sgd(rate, needed + 9)) for rate, needed in self._needed.items()}
        away = bench.run("diverges", *_sgd(self.too_large, 12))
        others = {
            name: bench.run(name, "experiment=line", f"optimizer={name}", *_settings(rate, 500))
            for name, rate in self.optimizers.items()
        }
        single = [bench.run(f"single_{seed}", *_sgd(self.rates[0], 100, batch=1, seed=seed)) for seed in self.seeds]
        self._draw(bench, plain, away, others, single[0])
        return [
            *_on_paper(),
            *self._of_rates(plain, away),
            *self._of_optimizers(others),
            *self._of_batches(plain, single),
        ]

    @property
    def _needed(self) -> dict[float, int]:
        return dict(zip(self.rates, self.updates, strict=True))

    def _of_rates(self, plain: dict[float, LessonRun], away: LessonRun) -> list[Claim]:
        claims = []
        for rate, run in {**plain, self.too_large: away}.items():
            off = abs(run.rows[1]["loss/train"] - float(mse(*step(START, rate))))
            claims.append(Claim(f"MSE after one update, lr {rate:g}: trained against by hand", [off], "<=", 1e-12))
        for rate, run in plain.items():
            claims.append(Claim(f"updates until MSE < 1e-6, lr {rate:g}", [_arrived(run)], "==", self._needed[rate]))
        grown = away.rows[-1]["loss/train"] / away.rows[0]["loss/train"]
        return [*claims, Claim(f"MSE after 12 updates by MSE at the start, lr {self.too_large:g}", [grown], ">=", 100)]

    def _of_optimizers(self, others: dict[str, LessonRun]) -> list[Claim]:
        text = f"updates until MSE < 1e-6, where plain descent needs {self.updates[0]}"
        return [Claim(f"{text}: {name}", [_arrived(run)], "<=", self.updates[0] / 1.5) for name, run in others.items()]

    def _of_batches(self, plain: dict[float, LessonRun], single: list[LessonRun]) -> list[Claim]:
        walks = [walk(run) for run in single]
        runs = [*plain.values(), *single]
        off = [float(np.abs(walk(run)[-1] - run.path()[-1]).max()) for run in runs]
        both = _uphill(walk(plain[self.rates[0]]))
        return [
            Claim("batch size 2: share of the first 100 updates that raise the MSE", [both], "==", 0),
            Claim("batch size 1: share of the first 100 updates that raise it", list(map(_uphill, walks)), ">=", 0.15),
            Claim("batch size 1: MSE after 200 updates", [float(mse(*steps[200])) for steps in walks], "<=", 0.02),
            Claim("weights at the end: trained against by hand", off, "<=", 1e-9),
        ]

    def _draw(
        self,
        bench: LessonRunner,
        plain: dict[float, LessonRun],
        away: LessonRun,
        others: dict[str, LessonRun],
        single: LessonRun,
    ) -> None:
        rates = {f"lr {rate:g}": run for rate, run in {**plain, self.too_large: away}.items()}
        steps = {name: walk(run)[: SHOWN + 1] for name, run in rates.items()}
        kinds = {f"plain, lr {self.rates[0]:g}": plain[self.rates[0]], **others}
        batches = {"both": steps[f"lr {self.rates[0]:g}"], "one": walk(single)[: SHOWN + 1]}
        with mosaic_page(bench.picture, TITLE, "ABC;DEF", (4.4, 3.6), CAPTION, solid="B") as axes:
            _ground(axes["A"], steps, f"Learning rates: the first {SHOWN} updates", marks=True)
            _arrow(axes["A"])
            name_paths(axes["A"], dict(zip(steps, ((1.5, 2.1), (-1.3, 5.35), (0.7, 5.7)), strict=False)))
            _solid(axes["B"], steps)
            _curves(axes["C"], rates, (0, 2e4), "Loss by learning rate", "symlog")
            _ground(axes["D"], {name: _path(run) for name, run in kinds.items()}, "Optimizers: until MSE < 1e-6")
            _curves(axes["E"], kinds, (0, 500), "Loss by optimizer", "linear")
            _ground(axes["F"], batches, "Both observations an update, or one", marks=True)
            name_paths(axes["F"], {"batch size 2": (1.5, 2.1), "batch size 1": (0.3, 4.8)})


def _sgd(rate: float, epochs: int, batch: int = 2, seed: int = 0) -> Sequence[str]:
    return ("experiment=line", *_settings(rate, epochs), f"batch_size={batch}", f"seed={seed}")


def _settings(rate: float, epochs: int) -> Sequence[str]:
    return (f"optimizer.lr={rate}", f"trainer.max_epochs={epochs}", "report.trajectory=true")


def _arrived(run: LessonRun) -> float:
    return next((row["step"] for row in run.rows if row["loss/train"] < ARRIVED), float("nan"))


def _uphill(steps: np.ndarray) -> float:
    return float((np.diff(mse(*steps[:101].T)) > 0).mean())


def _path(run: LessonRun) -> np.ndarray:
    """Until it arrives."""
    return run.path()[: int(_arrived(run)) + 1]


def _on_paper() -> list[Claim]:
    by_m, by_b = gradient(START[0], START[1])
    return [
        Claim("gradient at (-1, 5): by m", [float(by_m)], "==", -3),
        Claim("gradient at (-1, 5): by b", [float(by_b)], "==", -1),
    ]


def _seen(path: np.ndarray, limits: Limits = LIMITS) -> np.ndarray:
    """As far as it stays within the picture, and the point that leaves it."""
    low, high = np.array(limits).T
    outside = ~((path >= low) & (path <= high)).all(axis=1)
    return path[: int(outside.argmax()) + 1] if outside.any() else path


def _ground(axes: Any, paths: Mapping[str, np.ndarray], title: str, marks: bool = False) -> None:
    draw_contours(axes, mse, LIMITS)
    draw_paths(axes, {name: _seen(path) for name, path in paths.items()}, marks)
    axes.plot(2, 1, "x", color="black", markersize=8, markeredgewidth=2)
    axes.set(xlim=LIMITS[0], ylim=LIMITS[1], xlabel="m, the slope", ylabel="b, the intercept", title=title)


def _arrow(axes: Any) -> None:
    towards = START + gradient(START[0], START[1]) / 2
    axes.annotate("", towards, START, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.8})
    axes.annotate("gradient\n(-3, -1)", towards, (-4, 22), textcoords="offset points", fontsize=9, va="center")


def _solid(axes: Any, paths: Mapping[str, np.ndarray]) -> None:
    draw_surface(axes, mse, BOWL)
    inside = {name: _seen(path, BOWL)[:-1] for name, path in paths.items()}
    draw_paths(axes, {name: np.column_stack([path, mse(*path.T)]) for name, path in inside.items()})
    axes.plot([2], [1], [0], "x", color="black", markersize=8, markeredgewidth=2)
    axes.set(xlabel="m", ylabel="b", zlabel="MSE", title="The same on the surface of the loss")
    axes.view_init(elev=35, azim=-60)


def _curves(axes: Any, runs: Mapping[str, LessonRun], limits: tuple[float, float], title: str, scale: str) -> None:
    axes.set(xscale=scale, yscale="log", xlim=limits, ylim=(1e-7, 1e3), title=title)
    axes.set(xlabel="update", ylabel="mean squared error")
    draw_lines(axes, {name: _curve(run) for name, run in runs.items()})


def _curve(run: LessonRun) -> tuple[list[float], list[float]]:
    """Until it arrives, or leaves the picture."""
    last = _arrived(run)
    rows = [row for row in run.rows if row["loss/train"] < 1e3 and not row["step"] > last]
    return [row["step"] for row in rows], [row["loss/train"] for row in rows]


X, Y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
START = np.array([-1.0, 5.0])


def mse(m: Any, b: Any) -> Any:
    return sum((m * x + b - y) ** 2 for x, y in zip(X, Y, strict=True)) / len(X)


def gradient(m: float, b: float, x: np.ndarray = X, y: np.ndarray = Y) -> np.ndarray:
    """Of the MSE by m and by b, over the observations (x, y)."""
    error = m * x + b - y
    return np.array([2 * (error * x).mean(), 2 * error.mean()])


def step(at: np.ndarray, rate: float, x: np.ndarray = X, y: np.ndarray = Y) -> np.ndarray:
    return at - rate * gradient(at[0], at[1], x, y)


def walk(run: LessonRun) -> np.ndarray:
    """(updates + 1, 2): (m, b) after every update of a plain run, worked out by hand; its path has each epoch only."""
    loader = InMemoryDataModule(run.splits(), run.config.batch_size, run.config.seed).train_dataloader()
    points = [START]
    for epoch in range(run.config.trainer.max_epochs):
        loader.set_epoch(epoch)
        for features, target in loader:
            points.append(step(points[-1], run.config.optimizer.lr, features.numpy()[:, 0], target.numpy()[:, 0]))
    return np.stack(points)
