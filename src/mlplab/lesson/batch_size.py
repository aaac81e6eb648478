"""Lesson: how the batch size affects the updates, the time and the validation loss of an epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, Runs, final_value
from mlplab.report.figure import mosaic_page
from mlplab.report.style import draw_lines, draw_table, plain_log_ticks

AXIS_LABELS = {"epoch": "epoch", "step": "updates", "seconds": "seconds, on this machine"}
HEADER = ("batch\nsize", "updates\nper epoch", "seconds\nper epoch", "loss after\none epoch")


@dataclass(frozen=True)
class BatchSize(Lesson):
    """num_rows: training rows of MNIST. epochs: number of epochs for each batch size, smallest batch size first."""

    seeds: Sequence[int]
    num_rows: int
    lr: float
    hidden_features: Sequence[int]
    epochs: Mapping[int, int]

    def show(self, runner: LessonRunner) -> list[Claim]:
        runs = {size: self._runs(runner, size) for size in self.epochs}
        self._draw(runner, {size: group[0] for size, group in runs.items()})
        claims = []
        for size, group in runs.items():
            text = f"updates in one epoch of {self.num_rows} rows, batch size {size}"
            claims.append(Claim(text, final_value(group, "step", 1), "==", -(-self.num_rows // size)))
        for small, large in pairwise(runs):
            text = f"validation loss after one epoch, batch size {large} / batch size {small}"
            claims.append(Claim(text, loss_ratios(runs[large], runs[small], 1), ">=", 1.2))
        return [*claims, *self._equal_update_claims(runs)]

    def _equal_update_claims(self, runs: Mapping[int, Runs]) -> list[Claim]:
        """Compares losses after equal numbers of updates: a smaller batch after one epoch, a larger after several."""
        claims = []
        for small, large in pairwise(runs):
            num_epochs = large // small
            if num_epochs <= self.epochs[large] and large % small == 0:
                ratios = loss_ratios(runs[large], runs[small], num_epochs)
                text = f"validation loss after equally many updates, batch size {large} / batch size {small}"
                claims += [Claim(text, ratios, "<=", 1.05), Claim(text, ratios, ">=", 0.95)]
        return claims

    def _runs(self, runner: LessonRunner, size: int) -> list[LessonRun]:
        data = ("data=mnist", f"data.num_train={self.num_rows}", f"batch_size={size}")
        model = (f"model.hidden_features={[*self.hidden_features]}", "optimizer=sgd", f"optimizer.lr={self.lr}")
        return runner.run_seeds(f"batch_{size}", self.seeds, *data, *model, f"trainer.max_epochs={self.epochs[size]}")

    def _draw(self, runner: LessonRunner, runs: Mapping[int, LessonRun]) -> None:
        title = "Small batches learn more per epoch, because they make more updates"
        caption = (
            f"{self.num_rows:,} rows of MNIST, a hidden layer of {self.hidden_features[0]} units, gradient descent "
            f"with lr {self.lr:g} for all. A dot is the end of an epoch; the seconds include its validation."
        )
        with mosaic_page(runner.picture, title, "AB;CD", caption=caption) as axes:
            for letter, column in zip("ABC", AXIS_LABELS, strict=True):
                draw_validation_loss(axes[letter], runs, column)
            draw_table(axes["D"], HEADER, [format_row(size, run) for size, run in runs.items()], fill=0.6)


def loss_ratios(large: Runs, small: Runs, epoch: int) -> Any:
    """Divides the validation losses of large batches after an epoch by those of small batches after one epoch."""
    return final_value(large, "loss/val", epoch) / final_value(small, "loss/val", 1)


def format_row(size: int, run: LessonRun) -> tuple[str, ...]:
    first, second, last = run.rows[0], run.rows[1], run.rows[-1]
    seconds = (last["seconds"] - first["seconds"]) / last["epoch"]
    return (f"{size:,}", f"{second['step']:,.0f}", f"{seconds:.1f}", f"{second['loss/val']:.2f}")


def draw_validation_loss(axes: Any, runs: Mapping[int, LessonRun], column: str) -> None:
    """Draws the validation loss. All x axes but the epoch are logarithmic and omit the start, at 0."""
    first = 0 if column == "epoch" else 1
    x = {size: run.column(column)[first:] for size, run in runs.items()}
    curves = {f"batch size {size}": (x[size], run.column("loss/val")[first:]) for size, run in runs.items()}
    axes.set(xlabel=AXIS_LABELS[column], ylabel="validation loss (cross entropy)", ylim=(0.1, 3), yscale="log")
    plain_log_ticks(axes.yaxis)
    if first:
        axes.set_xscale("log")
    draw_lines(axes, curves, marker="o", markersize=4)
    if first:
        plain_log_ticks(axes.xaxis)
