"""Find_lr: which learning rate to begin with, by Lightning's range test, with a picture."""

import math
import shlex
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from datetime import datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning
import numpy as np
from lightning.pytorch.tuner.tuning import Tuner
from omegaconf import DictConfig

from mlplab.config.configure import configure
from mlplab.config.overrides import TIMESTAMP
from mlplab.data.datamodule import InMemoryDataModule
from mlplab.errors import RunError, UserError
from mlplab.report.curves import draw_rates
from mlplab.run.build import build_evaluator, build_learner, build_splits

LEAST = 20  # steps, below which a curve tells nothing
BETA = 0.98  # of Lightning's running mean
HALF = 8  # steps before and after that a mean is taken of


def find_lr(settings: Mapping[str, Any]) -> float:
    """settings: the keys of conf/find_lr.yaml. Prints and returns the rate; writes a picture and nothing else."""
    _right(settings)
    words = [str(word) for word in settings["train"]]
    config = configure(*words)
    output = _output(settings, config)
    rates, losses = measure(config, settings)
    found = suggest(rates, losses)
    output.parent.mkdir(parents=True, exist_ok=True)
    title = f"{config.choice.data}: {config.choice.model}, {config.choice.optimizer}, batches of {config.batch_size}"
    draw_rates(rates, losses, found, title, output)
    kept = [word for word in words if not word.startswith("optimizer.lr=")]
    command = shlex.join(["python", "scripts/train.py", *kept, f"optimizer.lr={found:.2g}"])
    span = f"of {rates[0]:.0e} to {rates[-1]:.2g}, in {len(rates)} steps"
    print(f"lr        {found:.2g}: there the loss falls fastest ({span})\npicture   {output}\ntrain     {command}")
    return found


def measure(config: DictConfig, settings: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Rates and smoothed losses by step, as far as they are finite. What the test keeps meanwhile is in a folder that
    goes with it."""
    splits = build_splits(config)
    lightning.seed_everything(config.seed, verbose=False)
    learner = build_learner(config, splits)
    config = config.copy()
    config.trainer.max_epochs = settings["num_steps"]
    with TemporaryDirectory() as folder, redirect_stderr(StringIO()):  # a progress bar that cannot be turned off
        tuner = Tuner(build_evaluator(config, default_root_dir=folder))
        finder = tuner.lr_find(
            learner,
            datamodule=InMemoryDataModule(splits, config.batch_size, config.seed),
            min_lr=settings["min_lr"],
            max_lr=settings["max_lr"],
            num_training=settings["num_steps"],
            early_stop_threshold=settings["stop_at"],
            update_attr=False,
        )
    assert finder is not None
    losses = raw(finder.results["loss"])
    count = next((place for place, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
    return [float(rate) for rate in finder.results["lr"][:count]], smooth(losses[:count])


def raw(told: Sequence[float]) -> list[float]:
    """The loss of each step. Lightning tells a running mean, which lags behind, and which it divides by the weight of
    one step more than there were: so its first is half of the loss."""
    sums = [loss * (1 - BETA ** (step + 2)) for step, loss in enumerate(told)]
    return [(now - BETA * before) / (1 - BETA) for before, now in zip([0.0, *sums], sums, strict=False)]


def smooth(losses: Sequence[float]) -> list[float]:
    """A mean over the steps before and after, which does not shift a fall to larger rates."""
    weights = np.hanning(2 * HALF + 3)[1:-1]
    padded = np.pad(np.array(losses), HALF, mode="edge")
    return [float(one) for one in np.convolve(padded, weights / weights.sum(), mode="valid")]


def suggest(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Where the loss falls fastest for a decade of the rate, up to its lowest. Lightning's own takes the slope by the
    rate itself, which is steepest at the smallest rates, by noise. Raises Failure where it falls nowhere."""
    if len(rates) < LEAST:
        raise RunError(f"the loss left the range after {len(rates)} steps: try a smaller min_lr")
    slopes = np.gradient(np.array(losses), np.log10(rates))[: int(np.argmin(losses)) + 1]
    if slopes.min() >= 0:
        raise RunError(f"the loss falls nowhere from {rates[0]:.0e} to {rates[-1]:.2g}: change min_lr and max_lr")
    return rates[int(np.argmin(slopes))]


def _right(settings: Mapping[str, Any]) -> None:
    if not 0 < settings["min_lr"] < settings["max_lr"]:
        raise UserError(f"min_lr={settings['min_lr']:g} must be above 0 and below max_lr={settings['max_lr']:g}")
    if settings["num_steps"] < LEAST:
        raise UserError(f"num_steps={settings['num_steps']}: at least {LEAST} are needed")
    if not settings["stop_at"] > 1:
        raise UserError(f"stop_at={settings['stop_at']:g}: must be above 1")


def _output(settings: Mapping[str, Any], config: DictConfig) -> Path:
    if settings["output"] is None:
        return Path("outputs", "find_lr", f"{config.choice.data}_{datetime.now().strftime(TIMESTAMP)}.png")
    output = Path(str(settings["output"])).expanduser()
    if output.suffix != ".png":
        raise UserError(f"output={output}: a PNG file is needed")
    if output.exists() and not settings["overwrite"]:
        raise UserError(f"output={output}: exists already; overwrite=true replaces it")
    return output
