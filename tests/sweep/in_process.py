"""`python scripts/train.py -m ...` in the process of the test: planned only, refused, or carried out."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from mlplab.config.compose import isolated_hydra, prefer_own_configs
from mlplab.config.messages import describe_error
from mlplab.config.overrides import expand_overrides
from mlplab.sweep.plan import SweepPlan


@contextmanager
def composed(*arguments: str) -> Iterator[tuple[DictConfig, ConfigLoader]]:
    """The configuration of a sweep as Hydra hands it to a sweeper."""
    prefer_own_configs()
    with isolated_hydra():
        overrides = [override for override in expand_overrides(["-m", *arguments]) if override != "-m"]
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration("train", [*overrides, "hydra.mode=MULTIRUN"], run_mode=RunMode.MULTIRUN)
        yield config, loader


def planned(*arguments: str, claim: bool = False) -> SweepPlan:
    with composed(*arguments) as (config, loader):
        plan = _sweeper(print, config, loader).plan(list(config.hydra.overrides.task))
        if claim:
            plan.claim()
        return plan


def refusal(*arguments: str) -> str:
    """The message of a sweep that is refused."""
    with pytest.raises(Exception) as refused:  # noqa: PT011, the caller compares the message
        planned(*arguments, claim=True)
    return describe_error(refused.value)


def sweep(task: Callable[[DictConfig], Any], *arguments: str, callbacks: Callbacks | None = None) -> None:
    """Raises SystemExit if a job fails, as the command does."""
    command = ["scripts/train.py", "-m", *arguments]  # sweep.json and messages quote it
    with patch.object(sys, "argv", command), composed(*arguments) as (config, loader):
        _sweeper(task, config, loader, callbacks).sweep(list(config.hydra.overrides.task))


def _sweeper(
    task: Callable[[DictConfig], Any], config: DictConfig, loader: ConfigLoader, callbacks: Callbacks | None = None
) -> Any:
    context = HydraContext(config_loader=loader, callbacks=callbacks or Callbacks(config))
    return Plugins.instance().instantiate_sweeper(config=config, hydra_context=context, task_function=task)
