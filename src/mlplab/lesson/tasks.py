"""Lesson: the same points as regression, binary and multiclass classification; output layer, loss and metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import r2_score, roc_auc_score

from mlplab.lesson.base import SPLIT_BY_SEED, Claim, Lesson, LessonRun, LessonRunner, Runs
from mlplab.report.classification import draw_threshold_curves, draw_thresholds, threshold_scores
from mlplab.report.decision_boundary import Plane, draw_heatmap, draw_points, draw_regions
from mlplab.report.figure import mosaic_page
from mlplab.report.regression import Parity

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
TITLE = "The same points, three tasks: the task decides the output layer, the loss and how the output is used"


@dataclass(frozen=True)
class Tasks(Lesson):
    """num_rows: number of points. noise: standard deviation of the noise of the value. thresholds: increasing."""

    num_rows: int
    noise: float
    thresholds: Sequence[float]
    epochs: int
    seeds: Sequence[int]

    def show(self, runner: LessonRunner) -> list[Claim]:
        for seed in self.seeds:
            table = points(self.num_rows, self.noise, seed)
            table.to_csv(runner.folder / f"points_{seed}.csv", index=False, float_format="%.6f")
        runs = {task: self._runs(runner, task) for task in TASKS}
        self._draw(runner, {task: group[0] for task, group in runs.items()})
        gains = [run.scores["accuracy/test"] - run.scores["baseline/accuracy"] for run in runs["level"]]
        return [
            *regression_claims(runs["value"]),
            *self._binary_claims(runs["is_high"]),
            Claim("three classes: accuracy - that of the most frequent class", gains, ">=", 0.15),
        ]

    def _binary_claims(self, runs: Runs) -> list[Claim]:
        results = [targets_and_probabilities(run) for run in runs]
        precision, recall, _ = np.stack([threshold_scores(*pair, self.thresholds) for pair in results], axis=1)
        areas = [roc_auc_score(*pair) for pair in results]
        differences = [
            abs(threshold_scores(*pair, [0.5])[0, 0] - run.scores["precision/test"])
            for run, pair in zip(runs, results, strict=True)
        ]
        text = "lowest threshold to highest"
        return [
            Claim("binary: area under the ROC curve", areas, ">=", 0.8),
            Claim(f"binary: change of precision, {text}", precision[:, -1] - precision[:, 0], ">=", 0.15),
            Claim(f"binary: change of recall, {text}", recall[:, -1] - recall[:, 0], "<=", -0.3),
            Claim("binary: largest rise of recall with the threshold", np.diff(recall).max(axis=1), "<=", 0),
            Claim("binary: precision at 0.5, difference of scikit-learn and the run", differences, "<=", 1e-6),
        ]

    def _runs(self, runner: LessonRunner, task: str) -> list[LessonRun]:
        path = runner.folder.resolve() / "points_${seed}.csv"
        others = ",".join(other for other in TASKS if other != task)
        data = ("data=csv", f"data.path={path}", f"data.target={task}", f"data.ignore=[{others}]", SPLIT_BY_SEED)
        model = ("model.hidden_features=[32,32]", "activation=tanh", "optimizer.lr=0.01", *TASKS[task])
        return runner.run_seeds(task, self.seeds, *data, *model, f"trainer.max_epochs={self.epochs}")

    def _draw(self, runner: LessonRunner, runs: Mapping[str, LessonRun]) -> None:
        caption = (
            f"{self.num_rows} points; value = 2 sin(1.5 x1) + x2 + noise with standard deviation {self.noise:g}. The "
            f"classes follow from the value: low below {CLASS_LIMITS[0]:g}, high above {CLASS_LIMITS[1]:g}. Points and "
            "scores: the test set, one seed. Black dots on the curves: thresholds."
        )
        layout = "AAAABBBBCCCC;DDDEEEFFFGGG"
        with mosaic_page(runner.picture, TITLE, layout, (1.2, 3.7), caption, height_ratios=(1.25, 1)) as axes:
            draw_value(axes["A"], runs["value"])
            draw_probability(axes["B"], runs["is_high"])
            draw_levels(axes["C"], runs["level"])
            parity = parity_of_test(runs["value"])
            parity.draw_residuals(axes["D"], 0)
            axes["D"].set_title(f"Regression: R² {r2_score(parity.target, parity.predictions):.2f}", fontsize=10)
            target, probability = targets_and_probabilities(runs["is_high"])
            draw_thresholds(axes["E"], threshold_scores(target, probability, self.thresholds), self.thresholds)
            draw_threshold_curves(axes["F"], axes["G"], target, probability, self.thresholds)


def points(num_rows: int, noise: float, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    x1, x2 = generator.uniform(LOW, HIGH, (2, num_rows))
    value = 2 * np.sin(1.5 * x1) + x2 + noise * generator.standard_normal(num_rows)
    high = np.where(value > CLASS_LIMITS[1], "yes", "no")
    level = np.array([f"{index} {name}" for index, name in enumerate(CLASSES)])[np.digitize(value, CLASS_LIMITS)]
    return pd.DataFrame({"x1": x1, "x2": x2, "value": value, "is_high": high, "level": level})


def parity_of_test(run: LessonRun) -> Parity:
    test = run.splits().test
    return Parity(test.target.numpy(), run.predict(test.features.numpy()), ["value"])


def targets_and_probabilities(run: LessonRun) -> tuple[np.ndarray, np.ndarray]:
    """Returns the targets of the test set and the predicted probabilities of class 1, (N,) each."""
    test = run.splits().test
    return test.target.numpy(), run.predict(test.features.numpy())[:, 1]


def regression_claims(runs: Runs) -> list[Claim]:
    results = [parity_of_test(run) for run in runs]
    bias = [abs(own.residuals.mean()) / own.residuals.std() for own in results]
    return [
        Claim("regression: R² on the test set", [r2_score(own.target, own.predictions) for own in results], ">=", 0.6),
        Claim("regression: absolute mean of the residuals / their standard deviation", bias, "<=", 0.3),
    ]


def draw_value(axes: Any, run: LessonRun) -> None:
    draw_heatmap(axes, PLANE, run.predict(PLANE.points()), [-2, -1, 0, 1, 2])
    axes.scatter(*run.splits().test.first(NUM_SHOWN).features.numpy().T, s=5, color="black", linewidths=0)
    axes.set_aspect("equal")
    axes.set_title("Regression: one linear output, MSE;\nthe output is the predicted value", fontsize=10)


def draw_probability(axes: Any, run: LessonRun) -> None:
    draw_heatmap(axes, PLANE, run.predict(PLANE.points())[:, 1], [0.1, 0.5, 0.9])
    _draw_test_points(axes, run, (0, 1))
    axes.set_title("Binary: one sigmoid output, BCE;\nhigh (orange) at or above a threshold", fontsize=10)


def draw_levels(axes: Any, run: LessonRun) -> None:
    """Draws class high in orange, as in the binary panel."""
    order = [0, 2, 1]
    probabilities = run.predict(PLANE.points())[:, order]
    draw_regions(axes, PLANE, probabilities, probabilities.argmax(axis=1), CLASSES)
    _draw_test_points(axes, run, order)
    title = "Three classes: softmax, CE; the most probable\nclass: low (blue), middle (red) or high (orange)"
    axes.set_title(title, fontsize=10)


def _draw_test_points(axes: Any, run: LessonRun, order: Sequence[int]) -> None:
    """order: index of each class in the colour cycle."""
    test = run.splits().test.first(NUM_SHOWN)
    draw_points(axes, test.features.numpy(), np.array(order)[test.target.numpy()], [""] * len(order), size=16)
    axes.set_aspect("equal")
