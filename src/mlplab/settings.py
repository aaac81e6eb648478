"""What a door that makes no run is told on its command line, checked."""

from collections.abc import Callable, Mapping
from typing import Any

from hydra import compose
from omegaconf import DictConfig

from mlplab.check import check_form
from mlplab.command_line import fail
from mlplab.configuration import plain
from mlplab.explain import explain

Settings = Mapping[str, Any]


def answer(act: Callable[[Settings], Any], config: DictConfig, door: str) -> None:
    """Call a door with what `conf/<door>.yaml` and the command line say. An error that reached Hydra would be told
    twice."""
    try:
        settings = plain(config)
        chosen = [f"{group}={choice}" for group, choice in settings.get("choice", {}).items()]
        check_form(settings, plain(compose(door, chosen)))
        act(settings)
    except BrokenPipeError:
        raise
    except Exception as error:
        fail(explain(error, door), traced=True)
