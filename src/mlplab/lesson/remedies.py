"""Lesson: an overfitting run compared with the same run with each remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np

from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, final_value, lowest_value, ratio, with_seeds
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_loss, draw_table
from mlplab.report.text import count_noun

NO_REMEDY = "no_remedy"
MORE_ROWS = "more_rows"
MAX_LOSS_RATIO = 0.9  # of the validation loss with a remedy to that without
COLUMNS = {
    "validation loss at the end": "loss/val",
    "training loss at the end": "loss/train",
    "validation accuracy at the end": "accuracy/val",
}
Runs = Mapping[str, Sequence[LessonRun]]


@dataclass(frozen=True)
class Remedies(Lesson):
    """bare: overrides of the overfitting run. remedies: additional overrides, by name. in_vain: names of remedies
    that are not claimed to help."""

    seeds: Sequence[int]
    bare: Sequence[str]
    remedies: Mapping[str, Sequence[str]]
    in_vain: Sequence[str]

    def show(self, runner: LessonRunner) -> list[Claim]:
        runs = {
            name: [runner.run(f"{name}_{seed}", *self.bare, *more, *with_seeds(seed)) for seed in self.seeds]
            for name, more in {NO_REMEDY: (), **self.remedies}.items()
        }
        self._draw(runner, runs)
        return claims(runs, self.in_vain)

    def _draw(self, runner: LessonRunner, runs: Runs) -> None:
        title = "Remedies lower the loss on digits that were never seen; few of them make more answers right"
        caption = (
            f"Same net, same axes, one seed. Grey: validation without a remedy. Table: means over "
            f"{count_noun(len(self.seeds), 'seed')}, in brackets lowest and highest."
        )
        letters = dict(zip(runs, ascii_uppercase, strict=False))
        rows = [*chunks([*letters.values()], 3), ["Z"] * 3]
        panels = ";".join("".join(row).ljust(3, ".") for row in rows)
        ratios = [*[1.0] * (len(rows) - 1), 0.11 * (len(runs) + 1)]
        with mosaic_page(runner.picture, title, panels, (3.6, 2.3), caption, height_ratios=ratios) as axes:
            for name, letter in letters.items():
                draw_remedy(axes[letter], name, runs[name][0], runs[NO_REMEDY][0], letter == "A")
            draw_table(axes["Z"], ["", *COLUMNS], table(runs), names=1)


def claims(runs: Runs, in_vain: Sequence[str]) -> list[Claim]:
    bare = final_value(runs[NO_REMEDY], "loss/val")
    loss_ratios = {name: ratio(final_value(runs[name], "loss/val"), bare) for name in runs if name != NO_REMEDY}
    result = [
        Claim(f"{readable(name)}: validation loss at the end, by that of no remedy", values, "<=", MAX_LOSS_RATIO)
        for name, values in loss_ratios.items()
        if name not in in_vain
    ]
    result += [
        Claim(f"{readable(name)}: the same, in the worst draw", [max(loss_ratios[name])], ">=", MAX_LOSS_RATIO)
        for name in in_vain
    ]
    bare_accuracy = final_value(runs[NO_REMEDY], "accuracy/val")
    accuracy_gains = {
        name: np.subtract(final_value(runs[name], "accuracy/val"), bare_accuracy).tolist() for name in loss_ratios
    }
    num_helpful = sum(min(values) > 0 for values in accuracy_gains.values())
    result += [
        Claim(
            f"{readable(MORE_ROWS)}: validation accuracy, minus that of no remedy",
            accuracy_gains[MORE_ROWS],
            ">=",
            0.02,
        ),
        Claim(
            "share of the remedies that raise validation accuracy in every draw",
            [num_helpful / len(loss_ratios)],
            "<=",
            0.7,
        ),
    ]
    rise = ratio(bare, lowest_value(runs[NO_REMEDY], "loss/val"))
    return [Claim(f"{readable(NO_REMEDY)}: validation loss at the end, by its lowest", rise, ">=", 1.3), *result]


def table(runs: Runs) -> list[list[str]]:
    return [
        [readable(name), *(mean_and_range(final_value(runs[name], score)) for score in COLUMNS.values())]
        for name in runs
    ]


def mean_and_range(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}  ({min(values):.2f} to {max(values):.2f})"


def readable(name: str) -> str:
    return name.replace("_", " ")


def chunks(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def draw_remedy(axes: Any, name: str, run: LessonRun, bare: LessonRun, labels: bool) -> None:
    height = max(bare.column("loss/val"))
    axes.set(ylim=(0, 1.1 * height), title=readable(name))
    if name != NO_REMEDY:
        axes.plot(bare.column("epoch"), bare.column("loss/val"), color="0.7", linewidth=1.2, linestyle="--")
    draw_loss(axes, run.rows, labels=labels)
    axes.set(xlim=(0, len(bare.rows) - 1), ylabel="cross entropy")
    if run.rows[-1]["epoch"] < bare.rows[-1]["epoch"]:
        axes.axvline(run.rows[-1]["epoch"], color="0.6", linewidth=1, linestyle=":")
        axes.text(run.rows[-1]["epoch"] + 1, 0.05 * height, "stopped", fontsize=9)
