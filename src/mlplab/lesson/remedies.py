"""The run that learns by heart beside the same run with each remedy: same axes, one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np

from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, final_value, lowest_value, ratio, with_seeds
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_loss, draw_table
from mlplab.report.text import count_noun

BARE = "no_remedy"
MORE = "more_rows"
CUT = 0.9  # a remedy leaves at most this share of the bare run's validation loss
COLUMNS = {
    "validation loss at the end": "loss/val",
    "training loss at the end": "loss/train",
    "validation accuracy at the end": "accuracy/val",
}
Runs = Mapping[str, Sequence[LessonRun]]


@dataclass(frozen=True)
class Remedies(Lesson):
    """bare: what a run is told that learns by heart. remedies: by name, what is told in addition. in_vain: the names of
    those that are not claimed to help."""

    seeds: Sequence[int]
    bare: Sequence[str]
    remedies: Mapping[str, Sequence[str]]
    in_vain: Sequence[str]

    def show(self, bench: LessonRunner) -> list[Claim]:
        runs = {
            name: [bench.run(f"{name}_{seed}", *self.bare, *more, *with_seeds(seed)) for seed in self.seeds]
            for name, more in {BARE: (), **self.remedies}.items()
        }
        self._draw(bench, runs)
        return claims(runs, self.in_vain)

    def _draw(self, bench: LessonRunner, runs: Runs) -> None:
        title = "Remedies lower the loss on digits that were never seen; few of them make more answers right"
        caption = (
            f"Same net, same axes, one seed. Grey: validation without a remedy. Table: means over "
            f"{count_noun(len(self.seeds), 'seed')}, in brackets lowest and highest."
        )
        places = dict(zip(runs, ascii_uppercase, strict=False))
        rows = [*chunks([*places.values()], 3), ["Z"] * 3]
        panels = ";".join("".join(row).ljust(3, ".") for row in rows)
        ratios = [*[1.0] * (len(rows) - 1), 0.11 * (len(runs) + 1)]
        with mosaic_page(bench.picture, title, panels, (3.6, 2.3), caption, height_ratios=ratios) as axes:
            for name, letter in places.items():
                draw_remedy(axes[letter], name, runs[name][0], runs[BARE][0], letter == "A")
            draw_table(axes["Z"], ["", *COLUMNS], table(runs), names=1)


def claims(runs: Runs, in_vain: Sequence[str]) -> list[Claim]:
    bare = final_value(runs[BARE], "loss/val")
    left = {name: ratio(final_value(runs[name], "loss/val"), bare) for name in runs if name != BARE}
    told = [
        Claim(f"{words(name)}: validation loss at the end, by that of no remedy", values, "<=", CUT)
        for name, values in left.items()
        if name not in in_vain
    ]
    told += [Claim(f"{words(name)}: the same, in the worst draw", [max(left[name])], ">=", CUT) for name in in_vain]
    right = final_value(runs[BARE], "accuracy/val")
    gained = {name: np.subtract(final_value(runs[name], "accuracy/val"), right).tolist() for name in left}
    always = sum(min(values) > 0 for values in gained.values())
    told += [
        Claim(f"{words(MORE)}: validation accuracy, minus that of no remedy", gained[MORE], ">=", 0.02),
        Claim("share of the remedies that raise validation accuracy in every draw", [always / len(left)], "<=", 0.7),
    ]
    risen = ratio(bare, lowest_value(runs[BARE], "loss/val"))
    return [Claim(f"{words(BARE)}: validation loss at the end, by its lowest", risen, ">=", 1.3), *told]


def table(runs: Runs) -> list[list[str]]:
    return [[words(name), *(spread(final_value(runs[name], score)) for score in COLUMNS.values())] for name in runs]


def spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}  ({min(values):.2f} to {max(values):.2f})"


def words(name: str) -> str:
    return name.replace("_", " ")


def chunks(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def draw_remedy(axes: Any, name: str, run: LessonRun, bare: LessonRun, labels: bool) -> None:
    height = max(bare.column("loss/val"))
    axes.set(ylim=(0, 1.1 * height), title=words(name))
    if name != BARE:
        axes.plot(bare.column("epoch"), bare.column("loss/val"), color="0.7", linewidth=1.2, linestyle="--")
    draw_loss(axes, run.rows, labels=labels)
    axes.set(xlim=(0, len(bare.rows) - 1), ylabel="cross entropy")
    if run.rows[-1]["epoch"] < bare.rows[-1]["epoch"]:
        axes.axvline(run.rows[-1]["epoch"], color="0.6", linewidth=1, linestyle=":")
        axes.text(run.rows[-1]["epoch"] + 1, 0.05 * height, "stopped", fontsize=9)
