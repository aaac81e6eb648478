"""history.csv: one row an epoch, from epoch 0 (before any update) on; Lightning's CSVLogger has neither."""

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

from lightning import Callback, Trainer

from mlplab import files
from mlplab.errors import UserError

Row = dict[str, float]


class History(Callback):
    """Keeps `rows` and writes each at once where a path is given. `best_epoch` is judged as best.ckpt is."""

    def __init__(
        self, path: str | Path | None = None, monitor: str = "loss/val", mode: Literal["min", "max"] = "min"
    ) -> None:
        self.path = None if path is None else Path(path)
        self.monitor = monitor
        self.mode = mode
        self.rows: list[Row] = []
        self._file: TextIO | None = None
        self._started = time.perf_counter()

    @property
    def best_epoch(self) -> int:
        """The first of the best."""
        sign = 1 if self.mode == "min" else -1
        return int(min(self.rows[1:], key=lambda row: sign * row[self.monitor], default={"epoch": 0})["epoch"])

    @property
    def best(self) -> Row:
        return self.rows[self.best_epoch]

    @property
    def seconds(self) -> float:
        """Of training, those before a stop too."""
        return time.perf_counter() - self._started

    def known(self, epochs: int) -> list[Row]:
        """The rows of the file up to an epoch. Raises Mistake where some are missing."""
        rows = read_history(self.path)[: epochs + 1] if self.path is not None and self.path.exists() else []
        if len(rows) <= epochs:
            raise UserError(f"{self.path}: rows of the epochs up to {epochs} are needed, there are {len(rows)}")
        return rows

    def go_on(self, rows: list[Row]) -> None:
        """Take up the file with these rows; those of later epochs are cut off."""
        assert self.path is not None
        files.write(self.path, _text(rows))
        self.rows = rows
        self._started = time.perf_counter() - rows[-1]["seconds"]

    def sync(self) -> None:
        if self.path is not None:
            files.sync(self.path)

    def on_sanity_check_start(self, trainer: Trainer, learner: Any) -> None:
        if not self.rows:
            self._started = time.perf_counter()
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)

    def on_sanity_check_end(self, trainer: Trainer, learner: Any) -> None:
        if not self.rows:
            self._add(trainer, learner, epoch=0)
            for logger in trainer.loggers:
                logger.log_metrics(learner.scores, step=0)

    def on_validation_end(self, trainer: Trainer, learner: Any) -> None:
        if not trainer.sanity_checking:
            self._add(trainer, learner, epoch=trainer.current_epoch + 1)

    def teardown(self, trainer: Trainer, learner: Any, stage: str) -> None:
        self._close()

    def on_exception(self, trainer: Trainer, learner: Any, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _add(self, trainer: Trainer, learner: Any, epoch: int) -> None:
        row = {
            "epoch": epoch,
            "step": trainer.global_step,
            "seconds": round(self.seconds, 3),
            "lr": float(trainer.optimizers[0].param_groups[0]["lr"]),
        }
        names = dict.fromkeys(name.split("/")[0] for name in learner.scores)
        row |= {f"{name}/{split}": learner.scores[f"{name}/{split}"] for name in names for split in ("train", "val")}
        self.rows.append(row)
        if self.path is not None:
            if self._file is None:  # to open it each epoch would cost half a millisecond
                self._file = open(self.path, "a", newline="")  # noqa: SIM115, closed when the fit ends
            self._file.write(_text([row], header=len(self.rows) == 1))
            self._file.flush()


def read_history(path: str | Path) -> list[Row]:
    """The whole rows of a history.csv; the last may have been cut short."""
    with open(path, newline="") as file:
        lines = [line for line in file if line.endswith("\n")]
    return [_numbers(row) for row in csv.DictReader(lines)]


def _numbers(row: dict[str, str]) -> Row:
    return {name: int(value) if name in ("epoch", "step") else float(value) for name, value in row.items()}


def _text(rows: Sequence[Row], header: bool = True) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue()
