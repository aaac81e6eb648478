"""Lesson: memorising random labels; overfitting by network width, number of rows and in regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlplab.lesson.base import SPLIT_BY_SEED, Claim, Lesson, LessonRun, LessonRunner, Runs, final_value, lowest_value
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_loss, draw_splits, label_ends, mark_best
from mlplab.report.text import count_noun

CLASSES = 10
RANDOM_LABELS = 1 - 1 / CLASSES  # fraction of changed labels at which labels and images are independent
OVERFITTING = ("experiment=overfit", SPLIT_BY_SEED)
FREQUENCY = 0.3
CURVE = ("data=sine", f"data.frequency={FREQUENCY}", "data.noise=0.0", "data.label_noise=0.5", "data.num_rows=200")
NETWORKS = {
    "small": ("model.hidden_features=[1]", "activation=tanh", "optimizer.lr=0.05", "trainer.max_epochs=150"),
    "huge": ("model.hidden_features=[256,256]", "optimizer.lr=3e-3", "trainer.max_epochs=400"),
}
STYLES = {
    "small": ("1 hidden unit", "#CC3311", "-"),
    "huge": ("512 hidden units", "#4D4D4D", "-."),
    "truth": ("true curve", "0.45", ":"),
}
TITLE = "A large enough network memorises anything; only rows outside the training set reveal it"


@dataclass(frozen=True)
class Overfit(Lesson):
    """num_rows, wrong: default number of training digits and fraction of wrong labels. sizes: of training sets with
    correct labels, for a network of `width` hidden units. points: number of points of the two regressions."""

    seeds: Sequence[int]
    epochs: int
    lr: float
    num_rows: int
    wrong: float
    widths: Sequence[int]
    sizes: Sequence[int]
    width: int
    points: int

    def show(self, runner: LessonRunner) -> list[Claim]:
        overfitting = runner.run_seeds("overfitting", self.seeds, *OVERFITTING)
        random_labels = self._runs(runner, "random_labels", self.width, self.num_rows, RANDOM_LABELS)
        by_width = {width: self._runs(runner, "width", width, self.num_rows, self.wrong) for width in self.widths}
        by_size = {size: self._runs(runner, "rows", self.width, size, 0.0) for size in self.sizes}
        fits = {name: self._fits(runner, name) for name in NETWORKS}
        caption = (
            f"A: 200 digits, one label in five wrong. B, D: {self.num_rows} digits, in D {self.wrong:.0%} of the "
            f"labels wrong. B, E: {self.width} hidden units. C: {self.points} points, with noise of half the standard "
            f"deviation of y. D, E: means over {count_noun(len(self.seeds), 'seed')} after "
            f"{count_noun(self.epochs, 'epoch')}, bands from minimum to maximum."
        )
        with mosaic_page(runner.picture, TITLE, "AABBCC;DDDEEE", (2.4, 3.5), caption) as axes:
            draw_overfitting(axes["A"], overfitting[0])
            draw_random_labels(axes["B"], random_labels[0])
            draw_fits(axes["C"], {name: runs[-1] for name, runs in fits.items()})
            draw_sizes(axes["D"], by_width, "hidden units", "D  Network size, some labels wrong")
            draw_sizes(axes["E"], by_size, "training rows", "E  Number of rows, all labels correct")
        return [
            *memorising_claims(overfitting, random_labels),
            *width_claims(by_width),
            *size_claims(by_size),
            *fit_claims(fits),
        ]

    def _runs(self, runner: LessonRunner, name: str, width: int, size: int, wrong: float) -> list[LessonRun]:
        data = ("data=digits", f"data.num_train={size}", f"data.label_noise={wrong}", SPLIT_BY_SEED)
        network = (f"model.hidden_features=[{width}]", f"optimizer.lr={self.lr}", f"trainer.max_epochs={self.epochs}")
        return runner.run_seeds(f"{name}_{width}_{size}", self.seeds, *data, *network)

    def _fits(self, runner: LessonRunner, name: str) -> list[LessonRun]:
        rows = (f"data.num_train={self.points}", f"batch_size={self.points}", SPLIT_BY_SEED)
        return runner.run_seeds(f"{name}_fit", self.seeds, *CURVE, *rows, *NETWORKS[name])


def memorising_claims(overfitting: Runs, random_labels: Runs) -> list[Claim]:
    train, val = (final_value(overfitting, f"loss/{split}") for split in ("train", "val"))
    train_accuracy, val_accuracy = (final_value(random_labels, f"accuracy/{split}") for split in ("train", "val"))
    return [
        Claim(
            "some labels wrong: validation loss, final / lowest", val / lowest_value(overfitting, "loss/val"), ">=", 1.2
        ),
        Claim("some labels wrong: final loss, training / validation", train / val, "<=", 0.1),
        Claim("random labels: training accuracy", train_accuracy, "==", 1),
        Claim("random labels: validation accuracy, chance is 0.1", val_accuracy, "<=", 0.2),
    ]


def width_claims(by_width: Mapping[int, Runs]) -> list[Claim]:
    """Compares with the width of the lowest mean validation loss over the seeds."""
    losses = {width: final_value(runs, "loss/val") for width, runs in by_width.items()}
    best, widest, narrowest = min(losses, key=lambda width: losses[width].sum()), max(losses), min(losses)
    accuracy = final_value(by_width[widest], "accuracy/val") - final_value(by_width[best], "accuracy/val")
    return [
        Claim("training loss of the widest network", final_value(by_width[widest], "loss/train"), "<=", 0.01),
        Claim("validation loss, widest network / best width", losses[widest] / losses[best], ">=", 1.1),
        Claim("validation loss, narrowest network / best width", losses[narrowest] / losses[best], ">=", 1.4),
        Claim("validation accuracy, widest network - best width", accuracy, ">=", -0.1),
    ]


def size_claims(by_size: Mapping[int, Runs]) -> list[Claim]:
    few, many = min(by_size), max(by_size)
    loss_ratios = final_value(by_size[few], "loss/val") / final_value(by_size[many], "loss/val")
    return [
        Claim(f"validation loss, {few} rows / {many} rows", loss_ratios, ">=", 2),
        Claim(f"validation accuracy with {many} rows", final_value(by_size[many], "accuracy/val"), ">=", 0.9),
    ]


def fit_claims(fits: Mapping[str, Runs]) -> list[Claim]:
    at_points, at_curve = (
        {name: final_value(runs, f"rmse/{split}") for name, runs in fits.items()} for split in ("train", "val")
    )
    return [
        Claim("error at the points, small network / huge", at_points["small"] / at_points["huge"], ">=", 1.5),
        Claim("error against the true curve, huge network / small", at_curve["huge"] / at_curve["small"], ">=", 1.4),
    ]


def draw_overfitting(axes: Any, run: LessonRun) -> None:
    axes.set(ylabel="loss (cross entropy)", ylim=(0, max(run.column("loss/val")) * 1.15), title="A  Overfitting")
    draw_loss(axes, run.rows)
    best = min(run.rows[1:], key=lambda row: row["loss/val"])
    mark_best(axes, best["epoch"], best["loss/val"], f"best epoch: {best['epoch']}")
    gap = run.rows[-1]["loss/val"] - run.rows[-1]["loss/train"]
    axes.text(0.97, 0.28, f"gap: {gap:.2f}", transform=axes.transAxes, ha="right", fontsize=9)


def draw_random_labels(axes: Any, run: LessonRun) -> None:
    axes.set(ylabel="accuracy", ylim=(0, 1.02), title="B  Random labels")
    axes.axhline(1 / CLASSES, color="0.6", linewidth=1, linestyle=":")
    axes.text(0.98, 0.02, "chance: 0.1 (dotted)", transform=axes.transAxes, ha="right", fontsize=9)
    draw_loss(axes, run.rows, "accuracy")


def draw_sizes(axes: Any, runs: Mapping[int, Runs], label: str, title: str) -> None:
    losses = {
        split: np.transpose([final_value(group, f"loss/{split}") for group in runs.values()])
        for split in ("train", "val")
    }
    axes.set(xscale="log", xlabel=f"{label} (log scale)", ylabel="final loss (cross entropy)", title=title)
    axes.set_xticks([*runs], [*map(str, runs)])
    axes.minorticks_off()
    axes.set(xlim=(min(runs) * 0.85, max(runs)), ylim=(0, 1.05 * np.max([*losses.values()])))
    draw_splits(axes, [*runs], {split: values.tolist() for split, values in losses.items()})


def draw_fits(axes: Any, runs: Mapping[str, LessonRun]) -> None:
    points = next(iter(runs.values())).splits().train
    x = np.linspace(-1, 1, 400)
    axes.set(xlabel="x", ylabel="y", title="C  Regression", xlim=(-1, 1), xticks=(-1, -0.5, 0, 0.5, 1))
    axes.scatter(points.features[:, 0], points.target[:, 0], s=16, color="0.2", zorder=3)
    y = {name: run.predict(x[:, None], "last")[:, 0] for name, run in runs.items()}
    y["truth"] = np.sin(2 * np.pi * FREQUENCY * x)
    for name, values in y.items():
        _, colour, line = STYLES[name]
        axes.plot(x, values, color=colour, linestyle=line, linewidth=2)
    label_ends(axes, {STYLES[name][0]: (1.0, values[-1], STYLES[name][1]) for name, values in y.items()})
