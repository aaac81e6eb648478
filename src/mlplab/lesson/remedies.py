"""Lesson: an overfitting run compared with the same run with each remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np

from mlplab.lesson.base import SPLIT_BY_SEED, Claim, Lesson, LessonRun, LessonRunner, Runs, final_value, lowest_value
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_loss, draw_table
from mlplab.report.text import count_noun

NO_REMEDY = "no_remedy"
MORE_ROWS = "more_rows"
MAX_LOSS_RATIO = 0.9  # of the validation loss with a remedy to that without
COLUMNS = {
    "final validation loss": "loss/val",
    "final training loss": "loss/train",
    "final validation accuracy": "accuracy/val",
}
TITLE = "Remedies lower the validation loss of an overfitting network; few of them raise its accuracy"
NUM_COLUMNS = 3  # of panels


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
            name: runner.run_seeds(name, self.seeds, *self.bare, *more, SPLIT_BY_SEED)
            for name, more in {NO_REMEDY: (), **self.remedies}.items()
        }
        caption = (
            "Same network, same axes, one seed. Grey: validation loss without a remedy. Table: means over "
            f"{count_noun(len(self.seeds), 'seed')}, in brackets minimum and maximum."
        )
        letters = dict(zip(runs, ascii_uppercase, strict=False))
        rows = chunks("".join(letters.values()), NUM_COLUMNS)
        layout = ";".join([*(row.ljust(NUM_COLUMNS, ".") for row in rows), "Z" * NUM_COLUMNS])
        heights = [*[1.0] * len(rows), 0.11 * (len(runs) + 1)]
        with mosaic_page(runner.picture, TITLE, layout, (3.6, 2.3), caption, height_ratios=heights) as axes:
            for name, letter in letters.items():
                draw_remedy(axes[letter], name, runs[name][0], runs[NO_REMEDY][0], letter == "A")
            draw_table(axes["Z"], ["", *COLUMNS], table(runs), names=1)
        return claims(runs, self.in_vain)


def claims(runs: Mapping[str, Runs], in_vain: Sequence[str]) -> list[Claim]:
    losses = {name: final_value(group, "loss/val") for name, group in runs.items()}
    accuracies = {name: final_value(group, "accuracy/val") for name, group in runs.items()}
    remedies = [name for name in runs if name != NO_REMEDY]
    ratios = {name: losses[name] / losses[NO_REMEDY] for name in remedies}
    gains = {name: accuracies[name] - accuracies[NO_REMEDY] for name in remedies}
    text = "final validation loss / that without a remedy"
    rise = losses[NO_REMEDY] / lowest_value(runs[NO_REMEDY], "loss/val")
    return [
        Claim(f"{readable(NO_REMEDY)}: validation loss, final / lowest", rise, ">=", 1.3),
        *(
            Claim(f"{readable(name)}: {text}", ratios[name], "<=", MAX_LOSS_RATIO)
            for name in remedies
            if name not in in_vain
        ),
        *(Claim(f"{readable(name)}: {text}, worst seed", max(ratios[name]), ">=", MAX_LOSS_RATIO) for name in in_vain),
        Claim(f"{readable(MORE_ROWS)}: gain in validation accuracy", gains[MORE_ROWS], ">=", 0.02),
        Claim(
            "fraction of the remedies that raise validation accuracy for every seed",
            np.mean([gain.min() > 0 for gain in gains.values()]),
            "<=",
            0.7,
        ),
    ]


def table(runs: Mapping[str, Runs]) -> list[list[str]]:
    return [
        [readable(name), *(mean_and_range(final_value(group, score)) for score in COLUMNS.values())]
        for name, group in runs.items()
    ]


def mean_and_range(values: Sequence[float] | np.ndarray) -> str:
    return f"{np.mean(values):.2f}  ({np.min(values):.2f} to {np.max(values):.2f})"


def readable(name: str) -> str:
    return name.replace("_", " ")


def chunks(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def draw_remedy(axes: Any, name: str, run: LessonRun, bare: LessonRun, labels: bool) -> None:
    height = max(bare.column("loss/val"))
    axes.set(ylim=(0, 1.1 * height), title=readable(name))
    if name != NO_REMEDY:
        axes.plot(bare.column("epoch"), bare.column("loss/val"), color="0.7", linewidth=1.2, linestyle="--")
    draw_loss(axes, run.rows, labels=labels)
    axes.set(xlim=(0, len(bare.rows) - 1), ylabel="cross entropy")
    last = run.rows[-1]["epoch"]
    if last < bare.rows[-1]["epoch"]:
        axes.axvline(last, color="0.6", linewidth=1, linestyle=":")
        axes.text(last + 1, 0.05 * height, "stopped", fontsize=9)
