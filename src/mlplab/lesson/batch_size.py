"""Batch size: how many updates a pass makes, how long it takes, and what is learned in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, final_value, ratio
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_lines, draw_table

AXES = {"epoch": "epoch (passes over the training rows)", "step": "updates", "seconds": "seconds, on this machine"}
TICKS = (0.1, 0.2, 0.5, 1, 2)


@dataclass(frozen=True)
class BatchSize(Lesson):
    """num_rows: of MNIST. epochs: how many passes, by batch size, from the smallest on."""

    seeds: Sequence[int]
    num_rows: int
    lr: float
    hidden_features: Sequence[int]
    epochs: Mapping[int, int]

    def show(self, bench: LessonRunner) -> list[Claim]:
        runs = {size: [self._run(bench, size, seed) for seed in self.seeds] for size in self.epochs}
        self._draw(bench, {size: first for size, (first, *_) in runs.items()})
        claims = [
            Claim(
                f"updates in one pass over {self.num_rows} rows, batch {size}",
                updates(every),
                "==",
                -(-self.num_rows // size),
            )
            for size, every in runs.items()
        ]
        for small, large in pairwise(runs):
            better = ratio(final_value(runs[large], "loss/val", 1), final_value(runs[small], "loss/val", 1))
            text = f"validation loss after one pass: batch {large}, by that of batch {small}"
            claims.append(Claim(text, better, ">=", 1.2))
        return [*claims, *self._alike(runs)]

    def _alike(self, runs: Mapping[int, Sequence[LessonRun]]) -> list[Claim]:
        """Where a larger batch has made as many updates in several passes as a smaller one in its first."""
        claims = []
        for small, large in pairwise(runs):
            passes = large // small
            if passes <= self.epochs[large] and large % small == 0:
                alike = ratio(final_value(runs[large], "loss/val", passes), final_value(runs[small], "loss/val", 1))
                text = f"validation loss after as many updates: batch {large}, by that of batch {small}"
                claims += [Claim(text, alike, "<=", 1.05), Claim(text, alike, ">=", 0.95)]
        return claims

    def _run(self, bench: LessonRunner, size: int, seed: int) -> LessonRun:
        data = ("data=mnist", f"data.num_train={self.num_rows}", f"batch_size={size}", f"seed={seed}")
        model = (f"model.hidden_features={[*self.hidden_features]}", "optimizer=sgd", f"optimizer.lr={self.lr}")
        return bench.run(f"batch_{size}_{seed}", *data, *model, f"trainer.max_epochs={self.epochs[size]}")

    def _draw(self, bench: LessonRunner, runs: Mapping[int, LessonRun]) -> None:
        title = "Small batches learn more in a pass, because they make more updates"
        caption = (
            f"{self.num_rows:,} rows of MNIST, a hidden layer of {self.hidden_features[0]}, gradient descent at lr "
            f"{self.lr:g} for all. A dot is the end of a pass; its measuring is in the seconds too."
        )
        with mosaic_page(bench.picture, title, "AB;CD", caption=caption) as axes:
            for letter, column in zip("ABC", AXES, strict=True):
                draw_against(axes[letter], runs, column)
            draw_table(axes["D"], *table_of(runs), fill=0.6)


def updates(runs: Sequence[LessonRun]) -> list[int]:
    """In the first pass."""
    return [int(run.rows[1]["step"]) for run in runs]


def seconds(run: LessonRun) -> float:
    """Of a pass, on average."""
    return (run.rows[-1]["seconds"] - run.rows[0]["seconds"]) / (len(run.rows) - 1)


def table_of(runs: Mapping[int, LessonRun]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    header = ("batch size", "updates\na pass", "seconds\na pass", "validation loss\nafter one pass")
    rows: list[tuple[str, ...]] = [
        (f"{size:,}", f"{updates([run])[0]:,}", f"{seconds(run):.1f}", f"{run.rows[1]['loss/val']:.2f}")
        for size, run in runs.items()
    ]
    return header, rows


def draw_against(axes: Any, runs: Mapping[int, LessonRun], column: str) -> None:
    """Validation loss; where it is not by epoch, the axis is logarithmic and the start, at 0, is left out."""
    first = 0 if column == "epoch" else 1
    curves = {
        f"batch {size}": (run.column(column)[first:], run.column("loss/val")[first:]) for size, run in runs.items()
    }
    axes.set(xlabel=AXES[column], ylabel="validation loss (cross entropy)", ylim=(0.1, 3), yscale="log")
    axes.set_yticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.minorticks_off()
    if first:
        axes.set_xscale("log")
    draw_lines(axes, curves, marker="o", markersize=4)
