"""find_lr: suggests a learning rate by a range test (Smith, 2017, arXiv:1506.01186), with a picture."""

import math
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import lightning
import numpy as np
from lightning import Callback, Trainer
from omegaconf import DictConfig

from mlplab.command.evaluate import check_output_file
from mlplab.config.configure import configure
from mlplab.config.overrides import TIMESTAMP
from mlplab.data.datamodule import InMemoryDataModule
from mlplab.errors import RunError, UserError
from mlplab.report.curves import draw_rates
from mlplab.run.build import build_evaluator, build_learner, build_splits

MIN_STEPS = 20  # below, a curve shows nothing
BETA = 0.98  # of the running mean that decides when to stop
WINDOW = 8  # steps before and after that the smoothed loss is a mean of


def find_lr(settings: Mapping[str, Any]) -> float:
    """Prints and returns the suggested learning rate; writes a picture and nothing else.

    settings: the keys of conf/find_lr.yaml. Raises UserError for wrong settings, RunError where the loss suggests no
    learning rate.
    """
    _check(settings)
    overrides = [str(override) for override in settings["train"]]
    config = configure(*overrides)
    output = _output(settings, config.choice.data)
    rates, losses = measure(config, settings)
    smoothed = smooth(losses)
    found = suggest(rates, smoothed)
    output.parent.mkdir(parents=True, exist_ok=True)
    title = f"{config.choice.data}: {config.choice.model}, {config.choice.optimizer}, batches of {config.batch_size}"
    draw_rates(rates, smoothed, found, title, output)
    others = [override for override in overrides if not override.startswith("optimizer.lr=")]
    command = shlex.join(["python", "scripts/train.py", *others, f"optimizer.lr={found:.2g}"])
    span = f"of {rates[0]:.0e} to {rates[-1]:.2g}, in {len(rates)} steps"
    print(f"lr        {found:.2g}: there the loss falls fastest ({span})\npicture   {output}\ntrain     {command}")
    return found


def measure(config: DictConfig, settings: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Returns the learning rate and the loss of each step, as long as the loss is finite."""
    splits = build_splits(config)
    lightning.seed_everything(config.seed, verbose=False)
    learner = build_learner(config, splits)
    learner.make_scheduler = None
    test = RangeTest(settings["min_lr"], settings["max_lr"], settings["num_steps"], settings["stop_at"])
    trainer = build_evaluator(
        config, callbacks=[test], max_epochs=-1, max_steps=settings["num_steps"], limit_val_batches=0
    )
    trainer.fit(learner, datamodule=InMemoryDataModule(splits, config.batch_size, config.seed))
    count = next((step for step, loss in enumerate(test.losses) if not math.isfinite(loss)), len(test.losses))
    return test.rates[:count], test.losses[:count]


class RangeTest(Callback):
    """Raises the learning rate exponentially from step to step and records the loss.

    Stops where the running mean of the loss is `stop_at` times its lowest, or not a number.
    """

    def __init__(self, min_lr: float, max_lr: float, num_steps: int, stop_at: float) -> None:
        growth = max_lr / min_lr
        self.rates = [min_lr, *(min_lr * growth ** (step / num_steps) for step in range(2, num_steps + 1))]
        self.losses: list[float] = []
        self.stop_at = stop_at
        self._mean, self._lowest = 0.0, math.inf

    def on_train_batch_start(self, trainer: Trainer, learner: Any, batch: Any, batch_idx: int) -> None:
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = self.rates[trainer.global_step]

    def on_train_batch_end(self, trainer: Trainer, learner: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == len(self.losses):  # gradients are accumulated: no step
            return
        loss = float(outputs["loss"])
        self.losses.append(loss)
        self._mean = BETA * self._mean + (1 - BETA) * loss
        unbiased = self._mean / (1 - BETA ** (len(self.losses) + 1))  # one step more, as Lightning's lr finder
        trainer.should_stop = not unbiased <= self.stop_at * self._lowest
        self._lowest = min(self._lowest, unbiased)


def smooth(losses: Sequence[float]) -> list[float]:
    """Returns a mean over the steps before and after, which does not shift a fall to larger rates."""
    weights = np.hanning(2 * WINDOW + 3)[1:-1]
    padded = np.pad(np.array(losses), WINDOW, mode="edge")
    return [float(loss) for loss in np.convolve(padded, weights / weights.sum(), mode="valid")]


def suggest(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Returns the rate, below that of the lowest loss, where the loss falls fastest per decade of the rate.

    Lightning's suggestion takes the slope per unit of the rate, which noise makes steepest at the smallest rates.
    Raises RunError where the loss does not fall.
    """
    if len(rates) < MIN_STEPS:
        raise RunError(f"the loss diverged after {len(rates)} steps: try a smaller min_lr")
    slopes = np.gradient(np.array(losses), np.log10(rates))[: int(np.argmin(losses)) + 1]
    if slopes.min() >= 0:
        raise RunError(f"the loss does not fall from {rates[0]:.0e} to {rates[-1]:.2g}: change min_lr and max_lr")
    return rates[int(np.argmin(slopes))]


def _check(settings: Mapping[str, Any]) -> None:
    if not 0 < settings["min_lr"] < settings["max_lr"]:
        raise UserError(f"min_lr={settings['min_lr']:g} must be above 0 and below max_lr={settings['max_lr']:g}")
    if settings["num_steps"] < MIN_STEPS:
        raise UserError(f"num_steps={settings['num_steps']}: at least {MIN_STEPS} are needed")
    if not settings["stop_at"] > 1:
        raise UserError(f"stop_at={settings['stop_at']:g}: must be above 1")


def _output(settings: Mapping[str, Any], data: str) -> Path:
    if settings["output"] is None:
        return Path("outputs", "find_lr", f"{data}_{datetime.now().strftime(TIMESTAMP)}.png")
    output = Path(str(settings["output"])).expanduser()
    if output.suffix != ".png":
        raise UserError(f"output={output}: a PNG file is needed")
    check_output_file(output, settings["overwrite"])
    return output
