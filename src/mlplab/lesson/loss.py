"""Lesson: MSE, MAE and Huber loss with outliers; MSE and cross entropy for confident misclassifications."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlplab.learner.learner import Learner
from mlplab.lesson.base import SPLIT_BY_SEED, Claim, Lesson, LessonRun, LessonRunner, Runs, curves
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_lines, draw_range
from mlplab.report.text import count_noun

NAMES = {"mse": "MSE", "huber": "Huber", "bce": "cross entropy", "mae": "MAE"}
ORDER = [*NAMES.values()]
REGRESSION_LOSSES = ("mse", "huber", "mae")
CLASSIFICATION_LOSSES = ("bce", "mse")
SLOPE, INTERCEPT = 2.0, 1.0
LOW, HIGH = -2.0, 2.0
TARGET_ACCURACY = 0.9  # of the validation rows
TITLE = "MSE follows outliers, and its gradient vanishes where a classifier is confidently wrong"
CAPTION = (
    "Bottom right: from the same initial weights, gradient descent on all rows at once, lr 1; mean of {samples} of the "
    "data, band from minimum to maximum."
)


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
        for seed in self.seeds:
            table = np.column_stack(self._points(seed))
            path = runner.folder / f"outliers_{seed}.csv"
            np.savetxt(path, table, delimiter=",", header="x,y", comments="", fmt="%.6f")
        lines = {loss: self._regressions(runner, loss) for loss in REGRESSION_LOSSES}
        classifiers = {loss: self._classifiers(runner, loss) for loss in CLASSIFICATION_LOSSES}
        learners = {loss: runs[0].learner() for loss, runs in classifiers.items()}
        caption = CAPTION.format(samples=count_noun(len(self.seeds), "sample"))
        with mosaic_page(runner.picture, TITLE, "AB;CD", caption=caption) as axes:
            self._draw_lines(axes["A"], {loss: runs[0] for loss, runs in lines.items()})
            draw_losses_and_gradients(axes["B"], axes["C"], learners)
            draw_learning(axes["D"], classifiers)
        return [*outlier_claims(lines), *gradient_claims(learners), learning_claim(classifiers)]

    def _points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return points(self.num_rows, self.outliers, self.shift, seed)

    def _regressions(self, runner: LessonRunner, loss: str) -> list[LessonRun]:
        path = runner.folder.resolve() / "outliers_${seed}.csv"
        data = ("data=csv", f"data.path={path}", "data.target=y", "data.task=regression", SPLIT_BY_SEED)
        model = ("model=linear", "learner=regressor", "learner.target_scaling=none", f"loss={loss}")
        training = ("optimizer.lr=0.1", f"batch_size={self.num_rows}", f"trainer.max_epochs={self.epochs}")
        return runner.run_seeds(f"{loss}_outliers", self.seeds, *data, *model, *training)

    def _classifiers(self, runner: LessonRunner, loss: str) -> list[LessonRun]:
        data = ("data=blobs", "data.num_classes=2", "batch_size=500", SPLIT_BY_SEED)
        model = ("model=linear", f"model.initial_weight={self.wrong}", "model.initial_bias=0.0")
        learner = ("learner=binary_classifier", f"loss={loss}", "optimizer=sgd", "optimizer.lr=1.0")
        length = f"trainer.max_epochs={self.epochs}"
        return runner.run_seeds(f"{loss}_wrong", self.seeds, *data, *model, *learner, length)

    def _draw_lines(self, axes: Any, runs: Mapping[str, LessonRun]) -> None:
        x, y = self._points(self.seeds[0])
        axes.scatter(x, y, s=10, color="0.5", linewidths=0)
        if self.outliers:
            place = (x[-self.outliers], y[-self.outliers :].mean())
            axes.annotate("outliers", place, (-14, 0), ha="right", va="center", textcoords="offset points", fontsize=9)
        axes.set(xlabel="x", ylabel="y", title="Three lines fitted to data with outliers", xlim=(LOW, HIGH))
        ends = np.array([LOW, HIGH])
        fitted = {NAMES[loss]: (ends.tolist(), fitted_line(run, ends).tolist()) for loss, run in runs.items()}
        draw_lines(axes, fitted, order=ORDER)


def outlier_claims(runs: Mapping[str, Runs]) -> list[Claim]:
    distances = {loss: np.array([mean_distance(run) for run in group]) for loss, group in runs.items()}
    text = "outliers: mean distance in y from the true line"
    return [
        Claim(f"{text}, MSE / MAE", distances["mse"] / distances["mae"], ">=", 4),
        Claim(f"{text}: MAE", distances["mae"], "<=", 0.5),
        Claim(f"{text}: Huber", distances["huber"], "<=", 0.8),
    ]


def gradient_claims(learners: Mapping[str, Learner]) -> list[Claim]:
    (bce_loss, bce_gradient), (mse_loss, mse_gradient) = (
        loss_and_gradient(learners[loss], np.array([0.001])) for loss in ("bce", "mse")
    )
    text = "true class predicted with 0.1 %"
    return [
        Claim(f"{text}: gradient of cross entropy at the output", bce_gradient, ">=", 0.99),
        Claim(f"{text}: gradient of MSE at the output", mse_gradient, "<=", 0.01),
        Claim(f"{text}: cross entropy", bce_loss, ">=", 6.9),
        Claim(f"{text}: MSE", mse_loss, "<=", 1),
    ]


def learning_claim(classifiers: Mapping[str, Runs]) -> Claim:
    updates = {loss: np.array([updates_to_learn(run) for run in runs]) for loss, runs in classifiers.items()}
    text = "confidently wrong at first: updates until 90 % are correct, MSE / cross entropy"
    return Claim(text, updates["mse"] / updates["bce"], ">=", 5)


def points(num_rows: int, outliers: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns sorted x and y = 2 x + 1 with noise; the last `outliers` points are shifted."""
    generator = np.random.default_rng(seed)
    x = np.sort(generator.uniform(LOW, HIGH, num_rows))
    y = SLOPE * x + INTERCEPT + 0.5 * generator.standard_normal(num_rows)
    y[num_rows - outliers :] += shift
    return x, y


def fitted_line(run: LessonRun, x: np.ndarray) -> np.ndarray:
    return run.predict(x[:, None], "last")[:, 0]


def mean_distance(run: LessonRun) -> float:
    """Returns the mean absolute distance in y between the fitted and the true line."""
    x = np.linspace(LOW, HIGH, 101)
    return float(np.abs(fitted_line(run, x) - SLOPE * x - INTERCEPT).mean())


def updates_to_learn(run: LessonRun) -> int:
    """Returns the number of updates until TARGET_ACCURACY; one more than the run has if it is never reached."""
    reached = (epoch for epoch, accuracy in enumerate(run.column("accuracy/val")) if accuracy >= TARGET_ACCURACY)
    return next(reached, len(run.rows))


def loss_and_gradient(learner: Learner, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the loss and the absolute gradient at the raw output, for each probability of the true class."""
    output = torch.from_numpy(np.log(probability / (1 - probability))).float().requires_grad_()
    target = learner.encode(torch.ones(1, dtype=torch.long))
    losses = torch.stack([learner.loss(value[None, None], target) for value in output])
    (gradient,) = torch.autograd.grad(losses.sum(), output)
    return losses.detach().double().numpy(), gradient.abs().double().numpy()


def draw_losses_and_gradients(losses: Any, gradients: Any, learners: Mapping[str, Learner]) -> None:
    probability = np.linspace(0.001, 0.999, 400)
    values = {NAMES[loss]: loss_and_gradient(learner, probability) for loss, learner in learners.items()}
    for number, (axes, label) in enumerate({losses: "loss", gradients: "gradient at the output"}.items()):
        axes.set(xlim=(0, 1), xlabel="predicted probability of the true class", ylabel=label)
        draw_lines(
            axes, {name: (probability.tolist(), both[number].tolist()) for name, both in values.items()}, order=ORDER
        )
    losses.set_title("Loss of one prediction")
    losses.annotate("no upper bound", (0.02, losses.get_ylim()[1]), (4, -4), textcoords="offset points", fontsize=9)
    gradients.set_title("Gradient of this loss")


def draw_learning(axes: Any, classifiers: Mapping[str, Runs]) -> None:
    accuracies = {NAMES[loss]: 100 * curves(runs, "accuracy/val") for loss, runs in classifiers.items()}
    epochs = range(len(accuracies[NAMES["bce"]][0]))
    axes.set(xlim=(0, epochs[-1]), ylim=(0, 102), xlabel="epoch (one update each)", ylabel="validation accuracy (%)")
    axes.set_title("Confidently wrong at first")
    draw_range(axes, epochs, accuracies, order=ORDER)
