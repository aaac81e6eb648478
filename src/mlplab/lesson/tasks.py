"""Lesson: the same points as regression, binary and multiclass classification; output layer, loss and metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import r2_score, roc_auc_score

from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, with_seeds
from mlplab.report.classification import draw_curves, draw_thresholds, threshold_scores
from mlplab.report.decision_boundary import Plane, draw_heatmap, draw_points, draw_regions
from mlplab.report.figure import mosaic_page
from mlplab.report.style import COLOUR_CYCLE

LOW, HIGH = -2.0, 2.0
CLASS_LIMITS = (-1.0, 1.0)  # between low, middle and high values; high is the positive class
CLASSES = ("low", "middle", "high")
NUM_SHOWN = 150  # points of the test set
PLANE = Plane(((LOW, HIGH), (LOW, HIGH)), ("x1", "x2"))
TASKS = {
    "value": ("data.task=regression", "learner=regressor", "loss=mse"),
    "is_high": ("data.task=classification", "learner=binary_classifier", "loss=bce"),
    "level": ("data.task=classification", "learner=classifier", "loss=ce"),
}


@dataclass(frozen=True)
class Tasks(Lesson):
    """num_rows: number of points. noise: standard deviation of the noise of the value. thresholds: increasing."""

    num_rows: int
    noise: float
    thresholds: Sequence[float]
    epochs: int
    seeds: Sequence[int]

    def show(self, runner: LessonRunner) -> list[Claim]:
        runs = {task: [self._run(runner, task, seed) for seed in self.seeds] for task in TASKS}
        self._draw(runner, {task: task_runs[0] for task, task_runs in runs.items()})
        values, classes, levels = runs.values()
        scores = np.array([threshold_scores(*targets_and_predictions(run), self.thresholds) for run in classes])
        precision_differences = [abs(sklearn_precision(run) - run.scores["precision/test"]) for run in classes]
        run_residuals = [residuals(run) for run in values]
        return [
            Claim(
                "regression: R2 on the test set",
                [float(r2_score(*targets_and_predictions(run))) for run in values],
                ">=",
                0.6,
            ),
            Claim(
                "regression: mean residual by their sd, without its sign",
                [float(abs(values.mean()) / values.std()) for values in run_residuals],
                "<=",
                0.3,
            ),
            Claim(
                "two classes: area under the ROC curve",
                [float(roc_auc_score(*targets_and_predictions(run))) for run in classes],
                ">=",
                0.8,
            ),
            Claim(
                "two classes: precision, from the lowest threshold to the highest",
                (scores[:, 0, -1] - scores[:, 0, 0]).tolist(),
                ">=",
                0.15,
            ),
            Claim(
                "two classes: recall, from the lowest threshold to the highest",
                (scores[:, 1, -1] - scores[:, 1, 0]).tolist(),
                "<=",
                -0.3,
            ),
            Claim(
                "two classes: largest rise of recall with the threshold",
                np.diff(scores[:, 1]).max(axis=1).tolist(),
                "<=",
                0,
            ),
            Claim("two classes: precision at 0.5, scikit-learn's from the run's", precision_differences, "<=", 1e-6),
            Claim(
                "three classes: accuracy above that of the largest class",
                [gain_over_largest_class(run) for run in levels],
                ">=",
                0.15,
            ),
        ]

    def _run(self, runner: LessonRunner, task: str, seed: int) -> LessonRun:
        path = _write_table(runner.folder / f"points_{seed}.csv", points(self.num_rows, self.noise, seed))
        others = ",".join(other for other in TASKS if other != task)
        data = ("data=csv", f"data.path={path}", f"data.target={task}", f"data.ignore=[{others}]")
        model = ("model.hidden_features=[32,32]", "activation=tanh", "optimizer.lr=0.01", *TASKS[task])
        length = f"trainer.max_epochs={self.epochs}"
        return runner.run(f"{task}_{seed}", *data, *model, length, *with_seeds(seed))

    def _draw(self, runner: LessonRunner, runs: Mapping[str, LessonRun]) -> None:
        title = "The same points, three questions: what is asked decides the output layer, the loss and the decision"
        caption = (
            f"{self.num_rows} points; value = 2 sin(1.5 x1) + x2 + noise of sd {self.noise:g}. Classes are cut from "
            f"the value: low below {CLASS_LIMITS[0]:g}, high above {CLASS_LIMITS[1]:g}. Points and scores: the "
            "test set, one seed. Black dots on the curves: thresholds."
        )
        layout = "AAAABBBBCCCC;DDDEEEFFFGGG"
        with mosaic_page(
            runner.picture, title, layout, size=(1.2, 3.7), caption=caption, height_ratios=(1.25, 1)
        ) as axes:
            draw_value(axes["A"], runs["value"])
            draw_probability(axes["B"], runs["is_high"])
            draw_levels(axes["C"], runs["level"])
            draw_residuals(axes["D"], runs["value"])
            target, probability = targets_and_predictions(runs["is_high"])
            draw_thresholds(axes["E"], threshold_scores(target, probability, self.thresholds), self.thresholds)
            draw_curves(axes["F"], axes["G"], target, probability, self.thresholds)


def points(num_rows: int, noise: float, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    x1, x2 = generator.uniform(LOW, HIGH, (2, num_rows))
    value = 2 * np.sin(1.5 * x1) + x2 + noise * generator.standard_normal(num_rows)
    high = np.where(value > CLASS_LIMITS[1], "yes", "no")
    level = np.array([f"{index} {name}" for index, name in enumerate(CLASSES)])[np.digitize(value, CLASS_LIMITS)]
    return pd.DataFrame({"x1": x1, "x2": x2, "value": value, "is_high": high, "level": level})


def _write_table(path: Path, table: pd.DataFrame) -> Path:
    table.to_csv(path, index=False, float_format="%.6f")
    return path.resolve()


def predicted(run: LessonRun, features: np.ndarray) -> np.ndarray:
    """Predicts values or probabilities of class 1, (N,), or class probabilities, (N, num_classes)."""
    with torch.no_grad():
        predictions: np.ndarray = run.learner()(torch.from_numpy(features).float()).numpy()
    return predictions.squeeze(1) if predictions.shape[1:] == (1,) else predictions


def targets_and_predictions(run: LessonRun) -> tuple[np.ndarray, np.ndarray]:
    """Returns targets (N,) and predictions of the test set."""
    test = run.splits().test
    target: np.ndarray = test.target.numpy()
    return target.reshape(len(target)), predicted(run, test.features.numpy())


def residuals(run: LessonRun) -> np.ndarray:
    target, value = targets_and_predictions(run)
    return target - value


def sklearn_precision(run: LessonRun) -> float:
    return float(threshold_scores(*targets_and_predictions(run), [0.5])[0, 0])


def gain_over_largest_class(run: LessonRun) -> float:
    return float(run.scores["accuracy/test"] - run.scores["baseline/accuracy"])


def _draw_test_points(axes: Any, run: LessonRun, task: str, order: Sequence[int]) -> None:
    """order: index of each class in the colour cycle."""
    test = run.splits().test.first(NUM_SHOWN)
    draw_points(axes, test.features.numpy(), np.array(order)[test.target.numpy()], [""] * len(order), size=16)
    axes.set_aspect("equal")
    axes.set_title(task, fontsize=10)


def draw_value(axes: Any, run: LessonRun) -> None:
    draw_heatmap(axes, PLANE, predicted(run, PLANE.points()), [-2, -1, 0, 1, 2])
    axes.scatter(*run.splits().test.first(NUM_SHOWN).features.numpy().T, s=5, color="black", linewidths=0)
    axes.set_aspect("equal")
    axes.set_title("Regression: one linear output, MSE;\nthe value itself is told", fontsize=10)


def draw_probability(axes: Any, run: LessonRun) -> None:
    draw_heatmap(axes, PLANE, predicted(run, PLANE.points()), [0.1, 0.5, 0.9])
    task = "Two classes: one sigmoid output, BCE;\nhigh (orange) where it is at least a threshold"
    _draw_test_points(axes, run, task, (0, 1))


def draw_levels(axes: Any, run: LessonRun) -> None:
    """Draws class high in orange, as in the binary panel."""
    order = [0, 2, 1]
    probabilities = predicted(run, PLANE.points())[:, order]
    draw_regions(axes, PLANE, probabilities, probabilities.argmax(axis=1), CLASSES)
    task = "Three softmax outputs, CE; the most probable is told:\nlow (blue), middle (red) or high (orange)"
    _draw_test_points(axes, run, task, order)


def draw_residuals(axes: Any, run: LessonRun) -> None:
    target, value = targets_and_predictions(run)
    axes.axhline(0, color="0.6", linewidth=1)
    axes.scatter(value, target - value, s=8, color=COLOUR_CYCLE[0], linewidths=0, alpha=0.7)
    axes.set(xlabel="predicted value", ylabel="residual: target - prediction")
    axes.set_title(f"Regression: R\u00b2 {r2_score(target, value):.2f}", fontsize=10)
