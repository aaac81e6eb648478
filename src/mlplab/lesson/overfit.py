"""Lesson: memorising random labels; overfitting by network width, number of rows and in regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlplab.lesson.base import (
    Claim,
    Lesson,
    LessonRun,
    LessonRunner,
    Runs,
    final_value,
    lowest_value,
    ratio,
    with_seeds,
)
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_loss, draw_splits, label_ends, mark_best
from mlplab.report.text import count_noun

CLASSES = 10
RANDOM_LABELS = 1 - 1 / CLASSES  # fraction of changed labels at which labels and images are independent
OVERFITTING = ("experiment=overfit",)
FREQUENCY = 0.3
CURVE = ("data=sine", f"data.frequency={FREQUENCY}", "data.noise=0.0", "data.label_noise=0.5", "data.num_rows=200")
NETWORKS = {
    "small": ("model.hidden_features=[1]", "activation=tanh", "optimizer.lr=0.05", "trainer.max_epochs=150"),
    "huge": ("model.hidden_features=[256,256]", "optimizer.lr=3e-3", "trainer.max_epochs=400"),
}
STYLES = {
    "small": ("1 hidden unit", "#CC3311", "-"),
    "huge": ("512 hidden units", "#4D4D4D", "-."),
    "truth": ("truth", "0.45", ":"),
}
SPLITS = ("train", "val")


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
        random_labels = self._runs(runner, "by_lot", self.width, self.num_rows, RANDOM_LABELS)
        overfitting = [runner.run(f"turn_{seed}", *OVERFITTING, *with_seeds(seed)) for seed in self.seeds]
        by_width = {width: self._runs(runner, "width", width, self.num_rows, self.wrong) for width in self.widths}
        by_size = {size: self._runs(runner, "rows", self.width, size, 0.0) for size in self.sizes}
        fits = {name: self._fits(runner, name) for name in NETWORKS}
        self._draw(runner, overfitting, random_labels, by_width, by_size, fits)
        return [
            *memorising_claims(overfitting, random_labels),
            *width_claims(by_width),
            *size_claims(by_size),
            *fit_claims(fits),
        ]

    def _runs(self, runner: LessonRunner, name: str, width: int, size: int, wrong: float) -> list[LessonRun]:
        data = ("data=digits", f"data.num_train={size}", f"data.label_noise={wrong}")
        net = (f"model.hidden_features=[{width}]", f"optimizer.lr={self.lr}", f"trainer.max_epochs={self.epochs}")
        return [runner.run(f"{name}_{width}_{size}_{seed}", *data, *net, *with_seeds(seed)) for seed in self.seeds]

    def _fits(self, runner: LessonRunner, name: str) -> list[LessonRun]:
        rows = (f"data.num_train={self.points}", f"batch_size={self.points}")
        return [
            runner.run(f"{name}_fit_{seed}", *CURVE, *rows, *NETWORKS[name], *with_seeds(seed)) for seed in self.seeds
        ]

    def _draw(
        self,
        runner: LessonRunner,
        overfitting: Runs,
        random_labels: Runs,
        by_width: Mapping[int, Runs],
        by_size: Mapping[int, Runs],
        fits: Mapping[str, Runs],
    ) -> None:
        title = "A net with room enough learns anything by heart; only rows that it never saw tell"
        caption = (
            f"A: 200 digits, one label in five wrong. B, D: {self.num_rows} digits, in D {self.wrong:.0%} of the "
            f"labels wrong. B, E: {self.width} hidden units. C: {self.points} points, with noise of half the spread of "
            f"y. D, E: means over {count_noun(len(self.seeds), 'seed')} after {count_noun(self.epochs, 'epoch')}, "
            "bands from lowest to highest."
        )
        with mosaic_page(runner.picture, title, "AABBCC;DDDEEE", (2.4, 3.5), caption) as axes:
            draw_overfitting(axes["A"], overfitting[0])
            draw_random_labels(axes["B"], random_labels[0])
            draw_fits(axes["C"], {name: runs[-1] for name, runs in fits.items()})
            draw_sizes(axes["D"], by_width, "hidden units", "D  Why not one huge net?")
            draw_sizes(axes["E"], by_size, "training rows", "E  More rows, all labels right")


def memorising_claims(overfitting: Runs, random_labels: Runs) -> list[Claim]:
    rise = ratio(final_value(overfitting, "loss/val"), lowest_value(overfitting, "loss/val"))
    loss_ratios = ratio(final_value(overfitting, "loss/train"), final_value(overfitting, "loss/val"))
    return [
        Claim("some labels wrong: validation loss at the end, by its lowest", rise, ">=", 1.2),
        Claim("some labels wrong: training loss at the end, by validation loss", loss_ratios, "<=", 0.1),
        Claim("labels drawn by lot: training accuracy", final_value(random_labels, "accuracy/train"), "==", 1),
        Claim(
            "labels drawn by lot: validation accuracy, chance is 0.1",
            final_value(random_labels, "accuracy/val"),
            "<=",
            0.2,
        ),
    ]


def width_claims(by_width: Mapping[int, Runs]) -> list[Claim]:
    """Compares with the width of the lowest mean validation loss over the seeds."""
    best = min(by_width, key=lambda width: sum(final_value(by_width[width], "loss/val")))
    wide, narrow, good = by_width[max(by_width)], by_width[min(by_width)], by_width[best]
    losses = {
        name: final_value(runs, "loss/val") for name, runs in (("wide", wide), ("narrow", narrow), ("good", good))
    }
    accuracy = np.subtract(final_value(wide, "accuracy/val"), final_value(good, "accuracy/val"))
    return [
        Claim("training loss of the widest net", final_value(wide, "loss/train"), "<=", 0.01),
        Claim("validation loss, widest net by best width", ratio(losses["wide"], losses["good"]), ">=", 1.1),
        Claim("validation loss, narrowest net by best width", ratio(losses["narrow"], losses["good"]), ">=", 1.4),
        Claim("but validation accuracy, widest net minus best width", accuracy.tolist(), ">=", -0.1),
    ]


def size_claims(by_size: Mapping[int, Runs]) -> list[Claim]:
    few, many = min(by_size), max(by_size)
    loss_ratios = ratio(final_value(by_size[few], "loss/val"), final_value(by_size[many], "loss/val"))
    accuracy = final_value(by_size[many], "accuracy/val")
    return [
        Claim(f"validation loss, {few} rows by {many}", loss_ratios, ">=", 2),
        Claim(f"validation accuracy with {many} rows", accuracy, ">=", 0.9),
    ]


def fit_claims(fits: Mapping[str, Runs]) -> list[Claim]:
    at_points, truth = (
        {name: final_value(runs, f"rmse/{split}") for name, runs in fits.items()} for split in ("train", "val")
    )
    return [
        Claim("error at the points, small net by huge", ratio(at_points["small"], at_points["huge"]), ">=", 1.5),
        Claim("error against the true curve, huge net by small", ratio(truth["huge"], truth["small"]), ">=", 1.4),
    ]


def draw_overfitting(axes: Any, run: LessonRun) -> None:
    axes.set(ylabel="loss (cross entropy)", ylim=(0, max(run.column("loss/val")) * 1.15), title="A  Learning by heart")
    draw_loss(axes, run.rows)
    best = min(run.rows[1:], key=lambda row: row["loss/val"])
    mark_best(axes, best["epoch"], best["loss/val"], f"best epoch: {best['epoch']}")
    gap = run.rows[-1]["loss/val"] - run.rows[-1]["loss/train"]
    axes.text(0.97, 0.28, f"the gap, {gap:.2f}:\nlearned by heart", transform=axes.transAxes, ha="right", fontsize=9)


def draw_random_labels(axes: Any, run: LessonRun) -> None:
    axes.set(ylabel="accuracy", ylim=(0, 1.02), title="B  Labels drawn by lot")
    axes.axhline(1 / CLASSES, color="0.6", linewidth=1, linestyle=":")
    axes.text(0.98, 0.02, "chance: 0.1 (dotted)", transform=axes.transAxes, ha="right", fontsize=9)
    draw_loss(axes, run.rows, "accuracy")


def draw_sizes(axes: Any, runs: Mapping[int, Runs], label: str, title: str) -> None:
    curves = {split: np.transpose([final_value(group, f"loss/{split}") for group in runs.values()]) for split in SPLITS}
    axes.set(xscale="log", xlabel=f"{label} (logarithmic)", ylabel="loss at the end (cross entropy)", title=title)
    axes.set_xticks([*runs], [*map(str, runs)])
    axes.minorticks_off()
    axes.set(xlim=(min(runs) * 0.85, max(runs)), ylim=(0, 1.05 * max(values.max() for values in curves.values())))
    draw_splits(axes, [*runs], {split: values.tolist() for split, values in curves.items()})


def draw_fits(axes: Any, runs: Mapping[str, LessonRun]) -> None:
    train_split = next(iter(runs.values())).splits().train
    x = torch.linspace(-1, 1, 400)[:, None]
    axes.set(xlabel="x", ylabel="y", title="C  Which trend line is better?", xlim=(-1, 1), xticks=(-1, -0.5, 0, 0.5, 1))
    axes.scatter(train_split.features[:, 0], train_split.target[:, 0], s=16, color="0.2", zorder=3)
    curves = {name: predict(run, x) for name, run in runs.items()}
    curves["truth"] = torch.sin(2 * torch.pi * FREQUENCY * x[:, 0]).tolist()
    for name, values in curves.items():
        _, colour, line = STYLES[name]
        axes.plot(x[:, 0], values, color=colour, linestyle=line, linewidth=2)
    label_ends(axes, {STYLES[name][0]: (1.0, values[-1], STYLES[name][1]) for name, values in curves.items()})


def predict(run: LessonRun, x: torch.Tensor) -> list[float]:
    with torch.no_grad():
        values: list[float] = run.learner("last")(x)[:, 0].tolist()
    return values
