"""history.csv: one row an epoch, from epoch 0 (before any update) on; Lightning's CSVLogger has neither."""

import csv
import time
from pathlib import Path
from typing import Any, Literal

from lightning import Callback, Trainer

Row = dict[str, float]


class History(Callback):
    """Keeps `rows` and writes each at once where a path is given. `best_epoch` is judged as ModelCheckpoint judges."""

    def __init__(
        self, path: str | Path | None = None, monitor: str = "loss/val", mode: Literal["min", "max"] = "min"
    ) -> None:
        self.path = path
        self.monitor = monitor
        self.mode = mode
        self.rows: list[Row] = []
        self.best_epoch = 0
        self._best: Any = None
        self._started = time.perf_counter()

    @property
    def best(self) -> Row:
        return self.rows[self.best_epoch]

    def on_sanity_check_start(self, trainer: Trainer, learner: Any) -> None:
        self._started = time.perf_counter()
        if self.path is not None:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)

    def on_sanity_check_end(self, trainer: Trainer, learner: Any) -> None:
        self._add(trainer, learner, epoch=0)
        for logger in trainer.loggers:
            logger.log_metrics(learner.scores, step=0)

    def on_validation_end(self, trainer: Trainer, learner: Any) -> None:
        if trainer.sanity_checking:
            return
        self._add(trainer, learner, epoch=trainer.current_epoch + 1)
        score = trainer.callback_metrics[self.monitor]
        if self._best is None or (score < self._best if self.mode == "min" else score > self._best):
            self._best, self.best_epoch = score, trainer.current_epoch + 1

    def _add(self, trainer: Trainer, learner: Any, epoch: int) -> None:
        row = {
            "epoch": epoch,
            "step": trainer.global_step,
            "seconds": round(time.perf_counter() - self._started, 3),
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
        }
        names = dict.fromkeys(name.split("/")[0] for name in learner.scores)
        row |= {f"{name}/{split}": learner.scores[f"{name}/{split}"] for name in names for split in ("train", "val")}
        self.rows.append(row)
        if self.path is not None:
            with open(self.path, "a", newline="") as file:
                writer = csv.DictWriter(file, row.keys(), lineterminator="\n")
                if len(self.rows) == 1:
                    writer.writeheader()
                writer.writerow(row)
