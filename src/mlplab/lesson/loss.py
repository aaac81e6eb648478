"""Lesson: MSE, MAE and Huber loss with outliers; MSE and cross entropy for confident misclassifications."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlplab.learner.learner import Learner
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, curves, ratio, with_seeds
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_lines, draw_range
from mlplab.report.text import count_noun

NAMES = {"mse": "MSE", "huber": "Huber", "bce": "cross entropy", "mae": "MAE"}
ORDER = [*NAMES.values()]
REGRESSION_LOSSES = ("mse", "huber", "mae")
CLASSIFICATION_LOSSES = ("bce", "mse")
TRUE_COEFFICIENTS = (2.0, 1.0)
LOW, HIGH = -2.0, 2.0
TARGET_ACCURACY = 0.9  # of the validation rows


@dataclass(frozen=True)
class Loss(Lesson):
    """num_rows: points around y = 2 x + 1; the `outliers` points with the largest x have `shift` added to y. wrong: the
    initial weights of the classifier."""

    seeds: Sequence[int]
    num_rows: int
    outliers: int
    shift: float
    wrong: float
    epochs: int

    def show(self, runner: LessonRunner) -> list[Claim]:
        lines = {loss: [self._run_regression(runner, loss, seed) for seed in self.seeds] for loss in REGRESSION_LOSSES}
        classes = {
            loss: [self._run_classifier(runner, loss, seed) for seed in self.seeds] for loss in CLASSIFICATION_LOSSES
        }
        self._draw(runner, lines, classes)
        distances = {loss: [mean_distance(run) for run in runs] for loss, runs in lines.items()}
        updates_needed = {loss: [updates_to_learn(run) for run in runs] for loss, runs in classes.items()}
        distance_ratios = ratio(distances["mse"], distances["mae"])
        update_ratios = ratio(updates_needed["mse"], updates_needed["bce"])
        losses_and_gradients = {
            loss: loss_and_gradient(runs[0].learner(), np.array([0.001])) for loss, runs in classes.items()
        }
        return [
            Claim(
                "outliers: distance of the MSE line from the true one, by that of the MAE line",
                distance_ratios,
                ">=",
                4,
            ),
            Claim("outliers: mean distance of the MAE line from the true one, in y", distances["mae"], "<=", 0.5),
            Claim("outliers: mean distance of the Huber line from the true one, in y", distances["huber"], "<=", 0.8),
            Claim(
                "right class at 0.1 %: gradient of cross entropy at the output",
                [losses_and_gradients["bce"][1].item()],
                ">=",
                0.99,
            ),
            Claim(
                "right class at 0.1 %: gradient of MSE at the output",
                [losses_and_gradients["mse"][1].item()],
                "<=",
                0.01,
            ),
            Claim("right class at 0.1 %: cross entropy", [losses_and_gradients["bce"][0].item()], ">=", 6.9),
            Claim("right class at 0.1 %: MSE", [losses_and_gradients["mse"][0].item()], "<=", 1),
            Claim(
                "wrong and sure at first: updates of MSE until 90 % are right, by those of CE", update_ratios, ">=", 5
            ),
        ]

    def _run_regression(self, runner: LessonRunner, loss: str, seed: int) -> LessonRun:
        path = self._write_table(runner.folder / f"outliers_{seed}.csv", seed)
        data = ("data=csv", f"data.path={path}", "data.target=y", "data.task=regression")
        model = ("model=linear", "learner=regressor", "learner.target_scaling=none", f"loss={loss}")
        training = ("optimizer.lr=0.1", f"batch_size={self.num_rows}", f"trainer.max_epochs={self.epochs}")
        return runner.run(f"{loss}_outliers_{seed}", *data, *model, *training, *with_seeds(seed))

    def _write_table(self, path: Path, seed: int) -> Path:
        x, y = points(self.num_rows, self.outliers, self.shift, seed)
        np.savetxt(path, np.stack([x, y], axis=1), delimiter=",", header="x,y", comments="", fmt="%.6f")
        return path.resolve()

    def _run_classifier(self, runner: LessonRunner, loss: str, seed: int) -> LessonRun:
        data = ("data=blobs", "data.num_classes=2", "batch_size=500")
        model = ("learner=binary_classifier", f"loss={loss}", "model=linear", f"model.initial_weight={self.wrong}")
        training = ("optimizer=sgd", "optimizer.lr=1.0", f"trainer.max_epochs={self.epochs}", "model.initial_bias=0.0")
        return runner.run(f"{loss}_wrong_{seed}", *data, *model, *training, *with_seeds(seed))

    def _draw(
        self, runner: LessonRunner, lines: dict[str, list[LessonRun]], classes: dict[str, list[LessonRun]]
    ) -> None:
        title = "Squares follow outliers, and fall silent where a classifier is confidently wrong"
        caption = (
            f"Lower right: from the same start, gradient descent on all rows at once, lr 1; mean of "
            f"{count_noun(len(self.seeds), 'draw')} of the data, the band from the lowest to the highest."
        )
        with mosaic_page(runner.picture, title, "AB;CD", caption=caption) as axes:
            self._draw_lines(axes["A"], {loss: runs[0] for loss, runs in lines.items()})
            learners = {NAMES[loss]: runs[0].learner() for loss, runs in classes.items()}
            draw_losses_and_gradients(axes["B"], axes["C"], learners)
            draw_learning(axes["D"], classes)

    def _draw_lines(self, axes: Any, runs: dict[str, LessonRun]) -> None:
        x, y = points(self.num_rows, self.outliers, self.shift, self.seeds[0])
        axes.scatter(x, y, s=10, color="0.5", linewidths=0)
        if self.outliers:
            where = (x[-self.outliers], y[-self.outliers :].mean())
            style = {"ha": "right", "va": "center", "textcoords": "offset points", "fontsize": 9}
            axes.annotate("outliers", where, (-14, 0), **style)
        ends = np.array([LOW, HIGH])
        axes.set(xlabel="x", ylabel="y", title="Three lines through data with outliers", xlim=(LOW, HIGH))
        fitted = {NAMES[loss]: (list(ends), list(fitted_line(run, ends))) for loss, run in runs.items()}
        draw_lines(axes, fitted, order=ORDER)


def points(num_rows: int, outliers: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns sorted x and y = 2 x + 1 with noise; the last `outliers` points are shifted."""
    generator = np.random.default_rng(seed)
    x = np.sort(generator.uniform(LOW, HIGH, num_rows))
    y = TRUE_COEFFICIENTS[0] * x + TRUE_COEFFICIENTS[1] + 0.5 * generator.standard_normal(num_rows)
    y[num_rows - outliers :] += shift
    return x, y


def fitted_line(run: LessonRun, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        values: np.ndarray = run.learner("last")(torch.from_numpy(x).float()[:, None])[:, 0].numpy()
    return values


def mean_distance(run: LessonRun) -> float:
    """Returns the mean absolute distance in y between the fitted and the true line."""
    x = np.linspace(LOW, HIGH, 101)
    return float(np.abs(fitted_line(run, x) - TRUE_COEFFICIENTS[0] * x - TRUE_COEFFICIENTS[1]).mean())


def updates_to_learn(run: LessonRun) -> int:
    """Returns the number of updates until TARGET_ACCURACY; one more than the run has if it is never reached."""
    right = (epoch for epoch, accuracy in enumerate(run.column("accuracy/val")) if accuracy >= TARGET_ACCURACY)
    return next(right, len(run.rows))


def loss_and_gradient(learner: Learner, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the loss and the absolute gradient at the raw output, for each probability of the true class."""
    output = torch.from_numpy(np.log(probability / (1 - probability))).float().requires_grad_()
    target = learner.encode(torch.ones(1, dtype=torch.long))
    losses = torch.stack([learner.loss(value[None, None], target) for value in output])
    (gradient,) = torch.autograd.grad(losses.sum(), output)
    return losses.detach().double().numpy(), gradient.abs().double().numpy()


def draw_losses_and_gradients(losses: Any, gradients: Any, learners: dict[str, Learner]) -> None:
    probability = np.linspace(0.001, 0.999, 400)
    losses_and_gradients = {name: loss_and_gradient(learner, probability) for name, learner in learners.items()}
    for number, (axes, what) in enumerate({losses: "loss", gradients: "gradient at the output"}.items()):
        axes.set(xlim=(0, 1), xlabel="probability given to the right class", ylabel=what)
        shown = {name: (list(probability), list(both[number])) for name, both in losses_and_gradients.items()}
        draw_lines(axes, shown, order=ORDER)
    losses.set_title("What a mistake costs")
    losses.annotate("no upper bound", (0.02, losses.get_ylim()[1]), (4, -4), textcoords="offset points", fontsize=9)
    gradients.set_title("What of it reaches the network")


def draw_learning(axes: Any, classes: dict[str, list[LessonRun]]) -> None:
    right = {NAMES[loss]: 100 * curves(runs, "accuracy/val") for loss, runs in classes.items()}
    epochs = list(range(len(next(iter(right.values()))[0])))
    axes.set(xlim=(0, epochs[-1]), ylim=(0, 102), xlabel="epoch (one update each)", ylabel="validation accuracy (%)")
    axes.set_title("A classifier that is wrong and sure at first")
    draw_range(axes, epochs, right, order=ORDER)
