"""Handwritten digits: what a net is given, what it learns, where it is wrong, and what its first weights look for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlplab.data.splits import Splits
from mlplab.learner.learner import Learner
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, best_score
from mlplab.report.classification import Confusion
from mlplab.report.figure import mosaic_page
from mlplab.report.images import draw_images, draw_numbers
from mlplab.report.run_page import worst_classified
from mlplab.report.style import draw_loss
from mlplab.report.text import count_noun

SURE = 0.99
CROP = slice(8, 19)  # rows and columns of an image, so few that numbers can be read


@dataclass(frozen=True)
class MNIST(Lesson):
    """hidden: units, one image of weights each."""

    seeds: Sequence[int]
    num_rows: int
    hidden: int
    epochs: int
    weight_decay: float

    def show(self, bench: LessonRunner) -> list[Claim]:
        runs = [self._run(bench, seed) for seed in self.seeds]
        parts = runs[0].splits()
        target = parts.test.target.numpy()
        told = [probabilities(run.learner(), parts) for run in runs]
        self._draw(bench, runs[0], parts, told[0])
        last, first = ([likeness(weights(one)) for one in kind] for kind in (learners(runs), fresh(runs)))
        return [
            Claim("numbers an image", [parts.in_features], "==", 28 * 28),
            Claim("test accuracy", best_score(runs, "accuracy/test"), ">=", 0.93),
            Claim("test images told with 99 % or more, share", [surely(one, target)[0] for one in told], ">=", 0.3),
            Claim("share right of these", [surely(one, target)[1] for one in told], ">=", 0.985),
            Claim(
                "probability of the wrong class, in the surest mistake",
                [float(one[one.argmax(axis=1) != target].max(initial=0)) for one in told],
                ">=",
                0.95,
            ),
            Claim("first weights: correlation of neighbouring pixels, before", first, "<=", 0.1),
            Claim("first weights: correlation of neighbouring pixels, after", last, ">=", 0.3),
        ]

    def _run(self, bench: LessonRunner, seed: int) -> LessonRun:
        data = ("data=mnist", f"data.num_train={self.num_rows}", "batch_size=64", f"trainer.max_epochs={self.epochs}")
        decay = ("optimizer=adamw", "optimizer.lr=2e-3", f"optimizer.weight_decay={self.weight_decay}")
        return bench.run(f"mnist_{seed}", *data, f"model.hidden_features=[{self.hidden}]", *decay, f"seed={seed}")

    def _draw(self, bench: LessonRunner, run: LessonRun, parts: Splits, told: np.ndarray) -> None:
        title = f"784 numbers in, ten probabilities out: {run.scores['accuracy/test']:.0%} of new digits are read right"
        caption = (
            f"{self.num_rows} training images, one hidden layer of {self.hidden} units, "
            f"{count_noun(self.epochs, 'epoch')}. D: {len(told)} test images. F: white pixels speak for a unit, black "
            "ones against it, grey ones do not count; a speckled unit is dead: it fires for no image, and has learned "
            "nothing."
        )
        with mosaic_page(bench.picture, title, "ABC;DEF", (4.3, 4.0), caption) as axes:
            draw_given(axes["A"], axes["B"], parts)
            axes["C"].set(title="C  Training", ylabel="loss (cross entropy)", ylim=(0, run.rows[0]["loss/val"]))
            draw_loss(axes["C"], run.rows)
            axes["D"].set_title("D  Which digit is taken for which")
            Confusion(parts.test.target.numpy(), told.argmax(axis=1), parts.class_names).draw_on(axes["D"])
            draw_mistakes(axes["E"], parts, told)
            axes["F"].set_title(f"F  What {min(self.hidden, 30)} of {self.hidden} units look for")
            draw_images(axes["F"], weights(run.learner())[:30], 6, signed=True)


def learners(runs: Sequence[LessonRun]) -> list[Learner]:
    return [run.learner() for run in runs]


def fresh(runs: Sequence[LessonRun]) -> list[Learner]:
    return [run.fresh() for run in runs]


def probabilities(learner: Learner, parts: Splits) -> np.ndarray:
    with torch.no_grad():
        told: np.ndarray = learner(parts.test.features).numpy()
    return told


def weights(learner: Learner) -> np.ndarray:
    """(hidden, 28, 28): of the first layer."""
    found: Any = next(one for one in learner.network.parameters() if one.ndim == 2)
    images: np.ndarray = found.detach().numpy().reshape(-1, 28, 28)
    return images


def likeness(images: np.ndarray) -> float:
    """Correlation of each pixel with the one to its right, over the inner half of all images: near 0 for noise."""
    inner = images[:, 7:21, 7:21]
    return float(np.corrcoef(inner[:, :, 1:].ravel(), inner[:, :, :-1].ravel())[0, 1])


def surely(told: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Share of rows that are told with SURE or more, and the share of these that are right: no number without any."""
    sure = told.max(axis=1) >= SURE
    right = (told.argmax(axis=1) == target)[sure]
    return float(sure.mean()), float(right.mean()) if len(right) else math.nan


def draw_given(grid: Any, numbers: Any, parts: Splits) -> None:
    images = parts.train.features[:30].numpy().reshape(-1, 28, 28)
    names = [parts.class_names[label] for label in parts.train.target[:30].tolist()]
    grid.set_title("A  Images and their classes")
    draw_images(grid, images, 6, names)
    draw_numbers(numbers, images[0][CROP, CROP] / 255)
    numbers.set_title(f"B  The middle of the first {names[0]}, in numbers")
    one_hot = " ".join("1" if name == names[0] else "0" for name in parts.class_names)
    numbers.set_xlabel(f"its target, one-hot: {one_hot}")


def draw_mistakes(axes: Any, parts: Splits, told: np.ndarray) -> None:
    target = parts.test.target.numpy()
    rows = worst_classified(told, target, 12)
    images = parts.test.features[rows].numpy().reshape(-1, 28, 28)
    names = [parts.class_names[one] for one in (*target[rows], *told[rows].argmax(axis=1))]
    sure = [f"{one:.1%}" for one in told[rows].max(axis=1)]
    words = [f"is {own}, told\n{other} ({p})" for own, other, p in zip(names[:12], names[12:], sure, strict=True)]
    axes.set_title("E  Its worst mistakes")
    draw_images(axes, images, 4, words)
