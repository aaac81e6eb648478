"""From a command line to a configuration: Hydra's messages in one line, exit statuses, nothing heavy imported."""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from mlplab.config.compose import folder_name, prefer_own_configs
from mlplab.config.messages import describe_error
from mlplab.config.overrides import command_overrides, expand_overrides
from mlplab.config.tree import to_plain
from mlplab.config.validate import validate_command
from mlplab.signals import Interrupted, exit_status, ignore_signals, install_handlers


class BelowWarning(logging.Filter):
    """Leaves warnings and errors to the stderr handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)


def run_cli(main: Callable[[], Any], name: str = "train") -> None:
    """Run a Hydra main, whose configuration is `conf/<name>.yaml`: a user's mistake ends in one line on stderr and exit
    status 1."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # so that errors reach us, not Hydra's printer
    # torch's OpenMP threads wait by spinning: where the cores are shared with other work they starve each other, and a
    # run takes ten times as long; with a short spin it does not, and alone it is as fast (benchmarks/sharing.py)
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    logging.raiseExceptions = False  # `train.py | head`: a line that nobody reads is no error
    install_handlers()
    try:
        sys.argv[1:] = expand_overrides(sys.argv[1:]) if name == "train" else command_overrides(name, sys.argv[1:])
        prefer_own_configs()
        main()
        if exit_status():  # heard where no exception leaves, as in a finalizer
            exit_with_error("stopped")
    except BrokenPipeError:  # `--help | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:  # whatever it is, a user sees one line
        exit_with_error(describe_error(error, name), traced=True)
    except Interrupted:
        exit_with_error("stopped")
    finally:
        ignore_signals()  # all is written, or removed


def exit_with_error(message: str, traced: bool = False) -> NoReturn:
    """Exit status 1, unless a signal is the reason. traced: with debug=true the traceback of the error at hand goes
    before."""
    asked = exit_status()
    if traced and any(word.lstrip("+").lower() == "debug=true" for word in sys.argv):
        traceback.print_exc()
    print(f"mlplab: {'stopped' if asked else message}", file=sys.stderr)
    raise SystemExit(asked or 1)


Settings = Mapping[str, Any]


def run_command(act: Callable[[Settings], Any], config: DictConfig, door: str) -> None:
    """Call a door with what `conf/<door>.yaml` and the command line say. An error that reached Hydra would be told
    twice."""
    try:
        settings = to_plain(config)
        chosen = [f"{group}={choice}" for group, choice in settings.get("choice", {}).items()]
        defaults = to_plain(compose(door, chosen))
        validate_command(without_unset(settings, defaults), defaults)
        act(settings)
    except BrokenPipeError:
        raise
    except Exception as error:
        exit_with_error(describe_error(error, door), traced=True)


def without_unset(settings: Settings, defaults: Settings) -> Settings:
    """Without the keys and values that a lesson is given for a default of null: their names are the user's."""
    own, usual = settings.get("lesson", {}), defaults.get("lesson", {})
    free = {key for key, value in own.items() if isinstance(value, Mapping) and usual.get(key, value) is None}
    return {**settings, "lesson": {**own, **dict.fromkeys(free)}} if free else settings
