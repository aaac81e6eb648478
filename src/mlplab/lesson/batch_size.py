"""Lesson: how the batch size affects the updates, the time and the validation loss of an epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, final_value, ratio
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_lines, draw_table

AXIS_LABELS = {
    "epoch": "epoch (passes over the training rows)",
    "step": "updates",
    "seconds": "seconds, on this machine",
}
TICKS = (0.1, 0.2, 0.5, 1, 2)


@dataclass(frozen=True)
class BatchSize(Lesson):
    """num_rows: training rows of MNIST. epochs: number of epochs for each batch size, smallest batch size first."""

    seeds: Sequence[int]
    num_rows: int
    lr: float
    hidden_features: Sequence[int]
    epochs: Mapping[int, int]

    def show(self, runner: LessonRunner) -> list[Claim]:
        runs = {size: [self._run(runner, size, seed) for seed in self.seeds] for size in self.epochs}
        self._draw(runner, {size: first for size, (first, *_) in runs.items()})
        claims = [
            Claim(
                f"updates in one pass over {self.num_rows} rows, batch {size}",
                updates_per_epoch(size_runs),
                "==",
                -(-self.num_rows // size),
            )
            for size, size_runs in runs.items()
        ]
        for small, large in pairwise(runs):
            loss_ratios = ratio(final_value(runs[large], "loss/val", 1), final_value(runs[small], "loss/val", 1))
            text = f"validation loss after one pass: batch {large}, by that of batch {small}"
            claims.append(Claim(text, loss_ratios, ">=", 1.2))
        return [*claims, *self._equal_update_claims(runs)]

    def _equal_update_claims(self, runs: Mapping[int, Sequence[LessonRun]]) -> list[Claim]:
        """Compares losses after equal numbers of updates: a smaller batch after one epoch, a larger after several."""
        claims = []
        for small, large in pairwise(runs):
            num_epochs = large // small
            if num_epochs <= self.epochs[large] and large % small == 0:
                loss_ratios = ratio(
                    final_value(runs[large], "loss/val", num_epochs), final_value(runs[small], "loss/val", 1)
                )
                text = f"validation loss after as many updates: batch {large}, by that of batch {small}"
                claims += [Claim(text, loss_ratios, "<=", 1.05), Claim(text, loss_ratios, ">=", 0.95)]
        return claims

    def _run(self, runner: LessonRunner, size: int, seed: int) -> LessonRun:
        data = ("data=mnist", f"data.num_train={self.num_rows}", f"batch_size={size}", f"seed={seed}")
        model = (f"model.hidden_features={[*self.hidden_features]}", "optimizer=sgd", f"optimizer.lr={self.lr}")
        return runner.run(f"batch_{size}_{seed}", *data, *model, f"trainer.max_epochs={self.epochs[size]}")

    def _draw(self, runner: LessonRunner, runs: Mapping[int, LessonRun]) -> None:
        title = "Small batches learn more in a pass, because they make more updates"
        caption = (
            f"{self.num_rows:,} rows of MNIST, a hidden layer of {self.hidden_features[0]}, gradient descent at lr "
            f"{self.lr:g} for all. A dot is the end of a pass; its measuring is in the seconds too."
        )
        with mosaic_page(runner.picture, title, "AB;CD", caption=caption) as axes:
            for letter, column in zip("ABC", AXIS_LABELS, strict=True):
                draw_validation_loss(axes[letter], runs, column)
            draw_table(axes["D"], *format_rows(runs), fill=0.6)


def updates_per_epoch(runs: Sequence[LessonRun]) -> list[int]:
    """Returns the number of updates in the first epoch of each run."""
    return [int(run.rows[1]["step"]) for run in runs]


def seconds_per_epoch(run: LessonRun) -> float:
    """Returns the mean duration of an epoch."""
    return (run.rows[-1]["seconds"] - run.rows[0]["seconds"]) / (len(run.rows) - 1)


def format_rows(runs: Mapping[int, LessonRun]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    header = ("batch size", "updates\na pass", "seconds\na pass", "validation loss\nafter one pass")
    rows: list[tuple[str, ...]] = [
        (
            f"{size:,}",
            f"{updates_per_epoch([run])[0]:,}",
            f"{seconds_per_epoch(run):.1f}",
            f"{run.rows[1]['loss/val']:.2f}",
        )
        for size, run in runs.items()
    ]
    return header, rows


def draw_validation_loss(axes: Any, runs: Mapping[int, LessonRun], column: str) -> None:
    """Draws the validation loss. All x axes but the epoch are logarithmic and omit the start, at 0."""
    first = 0 if column == "epoch" else 1
    curves = {
        f"batch {size}": (run.column(column)[first:], run.column("loss/val")[first:]) for size, run in runs.items()
    }
    axes.set(xlabel=AXIS_LABELS[column], ylabel="validation loss (cross entropy)", ylim=(0.1, 3), yscale="log")
    axes.set_yticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.minorticks_off()
    if first:
        axes.set_xscale("log")
    draw_lines(axes, curves, marker="o", markersize=4)
