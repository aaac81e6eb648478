"""Progress of a run: one live line on a terminal, else one line per epoch; the bars of Lightning redraw in both."""

import logging
import time
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from mlplab.learner.learner import Learner
from mlplab.learner.lightning_internals import batches_done

log = logging.getLogger(__name__)


class ProgressLine(Callback):
    """A thread draws the live line four times a second, so that it costs no time in a step."""

    def __init__(self) -> None:
        self.console = Console()
        self._live: Live | None = None

    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        assert isinstance(learner, Learner)
        self._trainer = trainer
        self._scores = learner.scores
        self._started = time.perf_counter()
        # epochs done before this process
        self._resumed_at = trainer.current_epoch if trainer.is_last_batch else self._epochs()
        self._rows = len(getattr(trainer.train_dataloader, "part", ()))
        if self.console.is_interactive:
            self._live = Live(get_renderable=self._line, console=self.console, refresh_per_second=4)
            self._live.start()

    def on_validation_end(self, trainer: Trainer, learner: LightningModule) -> None:
        assert isinstance(learner, Learner)
        if trainer.sanity_checking:
            return
        self._scores = learner.scores
        if self._live is None:
            log.info(self._text(trainer.current_epoch + 1, trainer.current_epoch + 1))

    def on_train_end(self, *_: Any, **__: Any) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    on_exception = on_train_end

    def _line(self) -> Text:
        trainer = self._trainer
        last = trainer.max_epochs or 1
        epochs = min(self._epochs(), last)
        text = self._text(min(trainer.current_epoch + 1, last), epochs)
        width = min(20, max(0, self.console.width - len(text) - 2))
        full = round(width * epochs / last)
        line = Text(text, no_wrap=True, overflow="ellipsis")
        return line.append("  " + "━" * full, style="green").append("━" * (width - full), style="bright_black")

    def _epochs(self) -> float:
        """Returns epochs done, including the fraction of the current one."""
        trainer = self._trainer
        batches = trainer.num_training_batches
        return trainer.current_epoch + min(1.0, batches_done(trainer) / batches) if batches else 0.0

    def _text(self, epoch: int, epochs: float) -> str:
        last = self._trainer.max_epochs or epoch
        done = epochs - self._resumed_at
        seconds = time.perf_counter() - self._started
        speed = done * self._rows / seconds if seconds > 0 else 0.0
        left = seconds / done * (last - epochs) if done > 0 else 0.0
        scores = "  ".join(f"{split} {self._scores.get(f'loss/{split}', 0):.4f}" for split in ("train", "val"))
        return f"epoch {epoch:>{len(str(last))}}/{last}  loss {scores}  {speed:,.0f} samples/s  {_clock(left)} left"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
