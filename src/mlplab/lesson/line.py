"""y = m x + b from two observations: the loss is a bowl over (m, b), and training walks down into it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlplab.lesson.bench import Bench, Run
from mlplab.lesson.lesson import Claim, Lesson
from mlplab.report.lines import draw_lines
from mlplab.report.page import page
from mlplab.report.surface import draw_contours, draw_paths

X, Y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
CAPTION = "Two observations, (1, 3) and (2, 5); start at m = -1, b = 5; plain gradient descent on both at once."
START = np.array([-1.0, 5.0])


@dataclass(frozen=True)
class Line(Lesson):
    """rates: learning rates that converge. updates: how many each needs until MSE < 1e-6. too_large: a rate that
    diverges."""

    rates: Sequence[float]
    updates: Sequence[int]
    too_large: float

    def show(self, bench: Bench) -> list[Claim]:
        needed = dict(zip(self.rates, self.updates, strict=True))
        runs = {rate: bench.run(f"lr_{rate}", *_settings(rate, epochs + 9)) for rate, epochs in needed.items()}
        diverged = bench.run("diverges", *_settings(self.too_large, 12))
        self._draw(bench, runs, diverged)
        gradient = _gradient(*START)
        claims = [
            Claim("gradient at (-1, 5): by m", [gradient[0]], "==", -3),
            Claim("gradient at (-1, 5): by b", [gradient[1]], "==", -1),
        ]
        for rate, run in runs.items():
            claims.append(Claim(f"updates until MSE < 1e-6, lr {rate}", [_steps(run)], "==", needed[rate]))
        grown = diverged.rows[-1]["loss/train"] / diverged.rows[0]["loss/train"]
        return [*claims, Claim(f"MSE after 12 updates by MSE at the start, lr {self.too_large}", [grown], ">=", 100)]

    def _draw(self, bench: Bench, runs: dict[float, Run], diverged: Run) -> None:
        every = {f"lr {rate:g}": run for rate, run in {**runs, self.too_large: diverged}.items()}
        paths = {name: run.path() for name, run in every.items()}
        limits = ((-2.5, 5.5), (-2.5, 8.5))
        title = "Too small a learning rate creeps, too large a one leaps out of the bowl"
        with page(bench.picture, title, "AAB;CCB", caption=CAPTION, width_ratios=(1, 1, 1.3)) as axes:
            draw_contours(axes["A"], _loss, limits)
            draw_paths(axes["A"], paths)
            axes["A"].set(xlim=limits[0], ylim=limits[1], xlabel="m, the weight", ylabel="b, the bias")
            draw_lines(axes["C"], {name: _curve(run) for name, run in every.items()})
            axes["C"].set(xlabel="epoch", ylabel="mean squared error", yscale="log", xscale="symlog")


def _loss(m: np.ndarray, b: np.ndarray) -> np.ndarray:
    return sum((m * x + b - y) ** 2 for x, y in zip(X, Y, strict=True)) / len(X)


def _curve(run: Run) -> tuple[list[float], list[float]]:
    return run.column("epoch"), run.column("loss/train")


def _settings(rate: float, epochs: int) -> Sequence[str]:
    return ("experiment=line", f"optimizer.lr={rate}", f"trainer.max_epochs={epochs}", "report.trajectory=true")


def _steps(run: Run) -> int:
    return next(int(row["step"]) for row in run.rows if row["loss/train"] < 1e-6)


def _gradient(m: float, b: float) -> tuple[float, float]:
    error = m * X + b - Y
    return float(2 * (error * X).mean()), float(2 * error.mean())
