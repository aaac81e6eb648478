"""Lesson: classification of handwritten digits; inputs, training, errors and first-layer weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab.data.splits import Splits
from mlplab.learner.learner import Learner
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, best_score
from mlplab.report.classification import Confusion
from mlplab.report.figure import mosaic_page
from mlplab.report.images import draw_images, draw_numbers
from mlplab.report.run_page import worst_classified
from mlplab.report.style import draw_loss
from mlplab.report.text import count_noun

CONFIDENT = 0.99
CROP = slice(8, 19)  # central rows and columns, few enough to print their values
NUM_WORST = 12


@dataclass(frozen=True)
class MNIST(Lesson):
    """hidden: number of hidden units; the weights of each are drawn as an image."""

    seeds: Sequence[int]
    num_rows: int
    hidden: int
    epochs: int
    weight_decay: float

    def show(self, runner: LessonRunner) -> list[Claim]:
        data = ("data=mnist", f"data.num_train={self.num_rows}", "batch_size=64", f"trainer.max_epochs={self.epochs}")
        optimizer = ("optimizer=adamw", "optimizer.lr=2e-3", f"optimizer.weight_decay={self.weight_decay}")
        runs = runner.run_seeds("mnist", self.seeds, *data, f"model.hidden_features=[{self.hidden}]", *optimizer)
        splits = runs[0].splits()
        target = splits.test.target.numpy()
        probabilities = [run.predict(splits.test.features.numpy()) for run in runs]
        self._draw(runner, runs[0], splits, probabilities[0])
        confident, accuracy = zip(*(confident_scores(own, target) for own in probabilities), strict=True)
        wrong = [own[own.argmax(axis=1) != target].max(initial=0) for own in probabilities]
        before = [neighbour_correlation(weights(run.untrained_learner())) for run in runs]
        after = [neighbour_correlation(weights(run.learner())) for run in runs]
        return [
            Claim("numbers per image", splits.in_features, "==", 28 * 28),
            Claim("test accuracy", best_score(runs, "accuracy/test"), ">=", 0.93),
            Claim("fraction of test images predicted with 99 % or more", confident, ">=", 0.3),
            Claim("accuracy of these predictions", accuracy, ">=", 0.985),
            Claim("probability of the predicted class in the most confident error", wrong, ">=", 0.95),
            Claim("first weights: correlation of neighbouring pixels, before training", before, "<=", 0.1),
            Claim("first weights: correlation of neighbouring pixels, after training", after, ">=", 0.3),
        ]

    def _draw(self, runner: LessonRunner, run: LessonRun, splits: Splits, probabilities: np.ndarray) -> None:
        accuracy = run.scores["accuracy/test"]
        title = f"784 numbers in, ten probabilities out: {accuracy:.0%} of new digits are classified correctly"
        caption = (
            f"{self.num_rows} training images, one hidden layer of {self.hidden} units, "
            f"{count_noun(self.epochs, 'epoch')}. D: {len(probabilities)} test images. F: white pixels raise a unit's "
            "input, black ones lower it, grey ones have no effect; units with noisy weights are dead: always 0."
        )
        with mosaic_page(runner.picture, title, "ABC;DEF", (4.3, 4.0), caption) as axes:
            draw_inputs(axes["A"], axes["B"], splits)
            axes["C"].set(title="C  Training", ylabel="loss (cross entropy)", ylim=(0, run.rows[0]["loss/val"]))
            draw_loss(axes["C"], run.rows)
            axes["D"].set_title("D  Confusion matrix")
            Confusion(splits.test.target.numpy(), probabilities.argmax(axis=1), splits.class_names).draw_on(axes["D"])
            draw_worst_errors(axes["E"], splits, probabilities)
            axes["F"].set_title(f"F  First-layer weights of {min(self.hidden, 30)} of {self.hidden} units")
            draw_images(axes["F"], weights(run.learner())[:30], 6, signed=True)


def weights(learner: Learner) -> np.ndarray:
    """Returns the weights of the first layer as images, (hidden, 28, 28)."""
    weight: Any = next(parameter for parameter in learner.network.parameters() if parameter.ndim == 2)
    images: np.ndarray = weight.detach().numpy().reshape(-1, 28, 28)
    return images


def neighbour_correlation(images: np.ndarray) -> float:
    """Correlates each pixel with its right neighbour in the inner half of all images; near 0 for noise."""
    inner = images[:, 7:21, 7:21]
    return float(np.corrcoef(inner[:, :, 1:].ravel(), inner[:, :, :-1].ravel())[0, 1])


def confident_scores(probabilities: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Returns the fraction of rows predicted with at least CONFIDENT and their accuracy, NaN without any."""
    confident = probabilities.max(axis=1) >= CONFIDENT
    correct = (probabilities.argmax(axis=1) == target)[confident]
    return float(confident.mean()), float(correct.mean()) if len(correct) else math.nan


def draw_inputs(grid: Any, numbers: Any, splits: Splits) -> None:
    images = splits.train.features[:30].numpy().reshape(-1, 28, 28)
    names = [splits.class_names[label] for label in splits.train.target[:30]]
    grid.set_title("A  Images and their classes")
    draw_images(grid, images, 6, names)
    draw_numbers(numbers, images[0][CROP, CROP] / 255)
    numbers.set_title(f"B  The centre of the first {names[0]}, in numbers")
    one_hot = " ".join("1" if name == names[0] else "0" for name in splits.class_names)
    numbers.set_xlabel(f"its target, one-hot: {one_hot}")


def draw_worst_errors(axes: Any, splits: Splits, probabilities: np.ndarray) -> None:
    target = splits.test.target.numpy()
    captions = []
    for row in (rows := worst_classified(probabilities, target, NUM_WORST)):
        true, predicted = (splits.class_names[label] for label in (target[row], probabilities[row].argmax()))
        captions.append(f"true {true}\npredicted {predicted}\n{probabilities[row].max():.1%}")
    axes.set_title("E  The worst errors")
    draw_images(axes, splits.test.features[rows].numpy().reshape(-1, 28, 28), 4, captions)
