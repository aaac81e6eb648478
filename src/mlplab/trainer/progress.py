"""One live line on a terminal, one plain line an epoch elsewhere; Lightning's bars redraw in either."""

import logging
import time
from typing import Any

from lightning import Callback, Trainer
from rich.console import Console
from rich.live import Live
from rich.text import Text

log = logging.getLogger(__name__)


class ProgressLine(Callback):
    """The live line is drawn by a thread that reads the trainer four times a second: it costs no step anything."""

    def __init__(self) -> None:
        self.console = Console()
        self._trainer: Trainer | None = None
        self._scores: dict[str, float] = {}
        self._live: Live | None = None
        self._started = 0.0
        self._rows = 0
        self._before = 0.0  # epochs of a run that goes on

    def on_train_start(self, trainer: Trainer, learner: Any) -> None:
        self._trainer = trainer
        self._scores = learner.scores
        self._started = time.perf_counter()
        self._before = trainer.current_epoch if trainer.is_last_batch else self._epochs()
        part = getattr(trainer.train_dataloader, "part", None)
        self._rows = len(part) if part is not None else 0
        if self.console.is_interactive:
            self._live = Live(get_renderable=self._line, console=self.console, refresh_per_second=4)
            self._live.start()

    def on_validation_end(self, trainer: Trainer, learner: Any) -> None:
        if trainer.sanity_checking:
            return
        self._scores = learner.scores
        if self._live is None:
            log.info(self._text(trainer.current_epoch + 1, trainer.current_epoch + 1))

    def on_train_end(self, trainer: Trainer, learner: Any) -> None:
        self._stop()

    def on_exception(self, trainer: Trainer, learner: Any, exception: BaseException) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self) -> Text:
        assert self._trainer is not None
        trainer = self._trainer
        last = trainer.max_epochs or 1
        epochs = min(self._epochs(), last)
        said = self._text(min(trainer.current_epoch + 1, last), epochs)
        width = min(20, max(0, self.console.width - len(said) - 2))  # what the words leave over
        full = round(width * epochs / last)
        line = Text(said, no_wrap=True, overflow="ellipsis")
        return line.append("  " + "━" * full, style="green").append("━" * (width - full), style="bright_black")

    def _epochs(self) -> float:
        """Done, with the part of the one under way."""
        assert self._trainer is not None
        trainer = self._trainer
        steps, batches = trainer.fit_loop.epoch_loop.batch_progress.current.completed, trainer.num_training_batches
        return trainer.current_epoch + min(1.0, steps / batches) if batches else 0.0

    def _text(self, epoch: int, epochs: float) -> str:
        assert self._trainer is not None
        last = self._trainer.max_epochs or epoch
        done = epochs - self._before
        seconds = time.perf_counter() - self._started
        speed = done * self._rows / seconds if seconds > 0 else 0.0
        left = seconds / done * (last - epochs) if done > 0 else 0.0
        scores = "  ".join(f"{split} {self._scores.get(f'loss/{split}', 0):.4f}" for split in ("train", "val"))
        return f"epoch {epoch:>{len(str(last))}}/{last}  loss {scores}  {speed:,.0f} samples/s  {_clock(left)} left"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
