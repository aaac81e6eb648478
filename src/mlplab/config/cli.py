"""From a command line to a configuration: Hydra's messages in one line, exit statuses, nothing heavy imported."""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from mlplab.config.compose import folder_name, use_own
from mlplab.config.messages import explain
from mlplab.config.overrides import completed, words_of
from mlplab.config.tree import plain
from mlplab.config.validate import check_form
from mlplab.signals import Interrupted, hear, ignore, status


class Calm(logging.Filter):
    """Leaves warnings and errors to the stderr handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)


def door(main: Callable[[], Any], name: str = "train") -> None:
    """Run a Hydra main, whose configuration is `conf/<name>.yaml`: a user's mistake ends in one line on stderr and exit
    status 1."""
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # so that errors reach us, not Hydra's printer
    # torch's OpenMP threads wait by spinning: where the cores are shared with other work they starve each other, and a
    # run takes ten times as long; with a short spin it does not, and alone it is as fast (benchmarks/sharing.py)
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    logging.raiseExceptions = False  # `train.py | head`: a line that nobody reads is no error
    hear()
    try:
        sys.argv[1:] = completed(sys.argv[1:]) if name == "train" else words_of(name, sys.argv[1:])
        use_own()
        main()
        if status():  # heard where no exception leaves, as in a finalizer
            fail("stopped")
    except BrokenPipeError:  # `--help | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:  # whatever it is, a user sees one line
        fail(explain(error, name), traced=True)
    except Interrupted:
        fail("stopped")
    finally:
        ignore()  # all is written, or removed


def fail(message: str, traced: bool = False) -> NoReturn:
    """Exit status 1, unless a signal is the reason. traced: with debug=true the traceback of the error at hand goes
    before."""
    asked = status()
    if traced and any(word.lstrip("+").lower() == "debug=true" for word in sys.argv):
        traceback.print_exc()
    print(f"mlplab: {'stopped' if asked else message}", file=sys.stderr)
    raise SystemExit(asked or 1)


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
