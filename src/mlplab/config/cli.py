"""Runs a command: exit status, and one line on stderr in place of a traceback; imports nothing heavy."""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from mlplab.config.compose import folder_name, parse_files_once, prefer_own_configs, share_stored_configs
from mlplab.config.messages import describe_error
from mlplab.config.overrides import command_overrides, expand_overrides
from mlplab.config.schema import allowed_values_text
from mlplab.config.tree import to_plain
from mlplab.config.validate import validate_command
from mlplab.signals import Interrupted, exit_status, ignore_signals, install_handlers

OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
OmegaConf.register_new_resolver("allowed_values", allowed_values_text, replace=True)

Settings = Mapping[str, Any]


class BelowWarning(logging.Filter):
    """Leaves warnings and errors to the stderr handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


def run_cli(main: Callable[[], Any], name: str = "train") -> None:
    """Runs a `hydra.main` whose configuration is `conf/<name>.yaml`; an error becomes one line and exit status 1."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra would print errors itself, and exit
    # torch's OpenMP threads wait by spinning: where the cores are shared with other work they starve each other, and a
    # run takes ten times as long; with a short spin it does not, and alone it is as fast (benchmarks/sharing.py)
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    logging.raiseExceptions = False  # `train.py | head`: a closed pipe is no error
    install_handlers()
    try:
        sys.argv[1:] = expand_overrides(sys.argv[1:]) if name == "train" else command_overrides(name, sys.argv[1:])
        prefer_own_configs()
        parse_files_once()
        if {"-h", "--help"} & set(sys.argv):
            share_stored_configs()
        main()
        if exit_status():  # a signal where no exception can be raised, as in a finalizer
            exit_with_error("stopped")
    except BrokenPipeError:  # `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:  # whatever it is, a user sees one line
        exit_with_error(describe_error(error, name), traced=True)
    except Interrupted:
        exit_with_error("stopped")
    finally:
        ignore_signals()  # all files are written, or removed


def run_command(act: Callable[[Settings], Any], config: DictConfig, name: str) -> None:
    """Validates the options of a command that trains no run, and calls it. Hydra would print an error a second time."""
    try:
        settings = to_plain(config)
        chosen = [f"{group}={choice}" for group, choice in settings.get("choice", {}).items()]
        defaults = to_plain(compose(name, chosen))
        validate_command(without_free_keys(settings, defaults), defaults)
        act(settings)
    except BrokenPipeError:
        raise
    except Exception as error:
        exit_with_error(describe_error(error, name), traced=True)


def exit_with_error(message: str, traced: bool = False) -> NoReturn:
    """Prints the message and exits with status 1, or with that of a signal. traced: debug=true prints the traceback of
    the current exception first."""
    status = exit_status()
    if traced and any(override.lstrip("+").lower() == "debug=true" for override in sys.argv):
        traceback.print_exc()
    print(f"mlplab: {'stopped' if status else message}", file=sys.stderr)
    raise SystemExit(status or 1)


def without_free_keys(settings: Settings, defaults: Settings) -> Settings:
    """Replaces mappings of a lesson by null where their default is null: their keys are the user's own names."""
    lesson, usual = settings.get("lesson", {}), defaults.get("lesson", {})
    free = {key for key, value in lesson.items() if isinstance(value, Mapping) and usual.get(key, value) is None}
    return {**settings, "lesson": {**lesson, **dict.fromkeys(free)}} if free else settings
