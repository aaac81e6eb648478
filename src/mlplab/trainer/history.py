"""Writes history.csv: one row per epoch, epoch 0 (before any update) too; Lightning's CSVLogger has neither."""

import time
from pathlib import Path
from typing import Any, Literal, TextIO

from lightning import Callback, Trainer

from mlplab import files
from mlplab.errors import UserError
from mlplab.trainer.history_file import Row, best_row, format_history, read_history


class History(Callback):
    """Collects `rows` and writes each at once where a path is given. `best_epoch` is that of best.ckpt."""

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
    def best(self) -> Row:
        """The row of the best epoch; row 0 before the first epoch has ended."""
        return best_row(self.rows, self.monitor, self.mode) or self.rows[0]

    @property
    def best_epoch(self) -> int:
        return int(self.best["epoch"])

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those before an interruption included."""
        return time.perf_counter() - self._started

    def rows_until(self, epoch: int) -> list[Row]:
        """Returns the rows of the file up to an epoch. Raises UserError where some are missing."""
        rows = read_history(self.path)[: epoch + 1] if self.path is not None and self.path.exists() else []
        if len(rows) <= epoch:
            raise UserError(f"{self.path}: rows of the epochs up to {epoch} are needed, there are {len(rows)}")
        return rows

    def resume(self, rows: list[Row]) -> None:
        """Resumes the file after these rows; those of later epochs are removed."""
        assert self.path is not None
        files.write(self.path, format_history(rows))
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

    def teardown(self, *_: Any, **__: Any) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    on_exception = teardown

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
            if self._file is None:  # opening it in each epoch would cost half a millisecond
                self._file = open(self.path, "a", newline="")  # noqa: SIM115, closed when the fit ends
            self._file.write(format_history([row], header=len(self.rows) == 1))
            self._file.flush()
