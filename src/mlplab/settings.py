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
        defaults = plain(compose(door, chosen))
        check_form(named(settings, defaults), defaults)
        act(settings)
    except BrokenPipeError:
        raise
    except Exception as error:
        fail(explain(error, door), traced=True)


def named(settings: Settings, defaults: Settings) -> Settings:
    """Without the keys and values that a lesson is given for a default of null: their names are the user's."""
    own, usual = settings.get("lesson", {}), defaults.get("lesson", {})
    free = {key for key, value in own.items() if isinstance(value, Mapping) and usual.get(key, value) is None}
    return {**settings, "lesson": {**own, **dict.fromkeys(free)}} if free else settings
