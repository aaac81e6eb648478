"""A loss decides what a network hears: outliers by MSE, MAE, Huber; a confident mistake by MSE and cross entropy."""

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
VALUES = ("mse", "huber", "mae")
CLASSES = ("bce", "mse")
TRUE = (2.0, 1.0)
LOW, HIGH = -2.0, 2.0
LEARNED = 0.9  # of the validation rows


@dataclass(frozen=True)
class Loss(Lesson):
    """num_rows: about y = 2 x + 1, of which `outliers` with the largest x have their y moved by `shift`. wrong: the
    weights at which the classifier starts."""

    seeds: Sequence[int]
    num_rows: int
    outliers: int
    shift: float
    wrong: float
    epochs: int

    def show(self, bench: LessonRunner) -> list[Claim]:
        lines = {loss: [self._line(bench, loss, seed) for seed in self.seeds] for loss in VALUES}
        classes = {loss: [self._classes(bench, loss, seed) for seed in self.seeds] for loss in CLASSES}
        self._draw(bench, lines, classes)
        away = {loss: [distance(run) for run in runs] for loss, runs in lines.items()}
        first = {loss: [learned(run) for run in runs] for loss, runs in classes.items()}
        pulled = ratio(away["mse"], away["mae"])
        slower = ratio(first["mse"], first["bce"])
        heard = {loss: heard_by(runs[0].learner(), np.array([0.001])) for loss, runs in classes.items()}
        return [
            Claim("outliers: distance of the MSE line from the true one, by that of the MAE line", pulled, ">=", 4),
            Claim("outliers: mean distance of the MAE line from the true one, in y", away["mae"], "<=", 0.5),
            Claim("outliers: mean distance of the Huber line from the true one, in y", away["huber"], "<=", 0.8),
            Claim(
                "right class at 0.1 %: gradient of cross entropy at the output", [heard["bce"][1].item()], ">=", 0.99
            ),
            Claim("right class at 0.1 %: gradient of MSE at the output", [heard["mse"][1].item()], "<=", 0.01),
            Claim("right class at 0.1 %: cross entropy", [heard["bce"][0].item()], ">=", 6.9),
            Claim("right class at 0.1 %: MSE", [heard["mse"][0].item()], "<=", 1),
            Claim("wrong and sure at first: updates of MSE until 90 % are right, by those of CE", slower, ">=", 5),
        ]

    def _line(self, bench: LessonRunner, loss: str, seed: int) -> LessonRun:
        path = self._table(bench.folder / f"outliers_{seed}.csv", seed)
        data = ("data=csv", f"data.path={path}", "data.target=y", "data.task=regression")
        model = ("model=linear", "learner=regressor", "learner.target_scaling=none", f"loss={loss}")
        training = ("optimizer.lr=0.1", f"batch_size={self.num_rows}", f"trainer.max_epochs={self.epochs}")
        return bench.run(f"{loss}_outliers_{seed}", *data, *model, *training, *with_seeds(seed))

    def _table(self, path: Path, seed: int) -> Path:
        x, y = points(self.num_rows, self.outliers, self.shift, seed)
        np.savetxt(path, np.stack([x, y], axis=1), delimiter=",", header="x,y", comments="", fmt="%.6f")
        return path.resolve()

    def _classes(self, bench: LessonRunner, loss: str, seed: int) -> LessonRun:
        data = ("data=blobs", "data.num_classes=2", "batch_size=500")
        model = ("learner=binary_classifier", f"loss={loss}", "model=linear", f"model.initial_weight={self.wrong}")
        training = ("optimizer=sgd", "optimizer.lr=1.0", f"trainer.max_epochs={self.epochs}", "model.initial_bias=0.0")
        return bench.run(f"{loss}_wrong_{seed}", *data, *model, *training, *with_seeds(seed))

    def _draw(
        self, bench: LessonRunner, lines: dict[str, list[LessonRun]], classes: dict[str, list[LessonRun]]
    ) -> None:
        title = "Squares follow outliers, and fall silent where a classifier is confidently wrong"
        caption = (
            f"Lower right: from the same start, gradient descent on all rows at once, lr 1; mean of "
            f"{count_noun(len(self.seeds), 'draw')} of the data, the band from the lowest to the highest."
        )
        with mosaic_page(bench.picture, title, "AB;CD", caption=caption) as axes:
            self._draw_lines(axes["A"], {loss: runs[0] for loss, runs in lines.items()})
            learners = {NAMES[loss]: runs[0].learner() for loss, runs in classes.items()}
            draw_heard(axes["B"], axes["C"], learners)
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
        fitted = {NAMES[loss]: (list(ends), list(line_of(run, ends))) for loss, run in runs.items()}
        draw_lines(axes, fitted, order=ORDER)


def points(num_rows: int, outliers: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """x in order, and y = 2 x + 1 with noise; the `outliers` last ones are moved."""
    generator = np.random.default_rng(seed)
    x = np.sort(generator.uniform(LOW, HIGH, num_rows))
    y = TRUE[0] * x + TRUE[1] + 0.5 * generator.standard_normal(num_rows)
    y[num_rows - outliers :] += shift
    return x, y


def line_of(run: LessonRun, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        values: np.ndarray = run.learner("last")(torch.from_numpy(x).float()[:, None])[:, 0].numpy()
    return values


def distance(run: LessonRun) -> float:
    """Mean over x of how far the fitted line is from the true one."""
    x = np.linspace(LOW, HIGH, 101)
    return float(np.abs(line_of(run, x) - TRUE[0] * x - TRUE[1]).mean())


def learned(run: LessonRun) -> int:
    """Updates until most validation rows are right; one more than there were where they never are."""
    right = (epoch for epoch, accuracy in enumerate(run.column("accuracy/val")) if accuracy >= LEARNED)
    return next(right, len(run.rows))


def heard_by(learner: Learner, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By the probability of the right class: the loss, and the size of its gradient at the raw output."""
    output = torch.from_numpy(np.log(probability / (1 - probability))).float().requires_grad_()
    target = learner.encode(torch.ones(1, dtype=torch.long))
    losses = torch.stack([learner.loss(one[None, None], target) for one in output])
    (gradient,) = torch.autograd.grad(losses.sum(), output)
    return losses.detach().double().numpy(), gradient.abs().double().numpy()


def draw_heard(losses: Any, gradients: Any, learners: dict[str, Learner]) -> None:
    probability = np.linspace(0.001, 0.999, 400)
    heard = {name: heard_by(learner, probability) for name, learner in learners.items()}
    for number, (axes, what) in enumerate({losses: "loss", gradients: "gradient at the output"}.items()):
        axes.set(xlim=(0, 1), xlabel="probability given to the right class", ylabel=what)
        shown = {name: (list(probability), list(both[number])) for name, both in heard.items()}
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
