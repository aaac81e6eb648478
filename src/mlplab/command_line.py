"""From a command line to a configuration: Hydra's messages in one line, exit statuses, nothing heavy imported."""

import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlplab.check import as_default, check
from mlplab.configuration import CONF, keys_of, own_hydra, plain
from mlplab.errors import Mistake
from mlplab.explain import explain
from mlplab.fitting import fits_data
from mlplab.search.presets import use_own
from mlplab.signals import Interrupted, hear, ignore, status
from mlplab.words import completed, is_group, parse, words_of


class Calm(logging.Filter):
    """Leaves warnings and errors to the stderr handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


def folder_name(text: str) -> str:
    """Unsafe characters as `-`, at most 100 characters."""
    return re.sub(r"[^\w.,=+-]", "-", text)[:100]


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


def configure(*overrides: str) -> DictConfig:
    """The configuration of `python scripts/train.py OVERRIDES`, from Python; checked.

    Raises Mistake for an unknown key or choice, a value out of range, a loss that does not fit.
    """
    with own_hydra():
        try:
            config = compose("train", completed(overrides), return_hydra_config=True)
            return resolve(config)
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise Mistake(explain(error)) from error


def resolve(composed: DictConfig) -> DictConfig:
    """Hydra's composed configuration as ours: checked, interpolations resolved. Composes again to know the defaults."""
    composed = composed.copy()
    HydraConfig.instance().set_config(composed)
    return OmegaConf.create(settled(composed, composed.hydra.overrides.task))


def settled(composed: DictConfig, words: Sequence[str]) -> dict[str, Any]:
    """As `resolve`, in plain containers; HydraConfig holds the state with which it was composed from these words."""
    overrides = parse(words)
    config = plain(composed)
    if config.get("ensemble") is not None:
        raise Mistake(f"ensemble={config['ensemble']}: is for the command line of a sweep; -m makes one")
    for override in overrides:
        key = override.key_or_group
        if key.partition(".")[0] == "choice":
            raise Mistake(f"{override.input_line}: what was chosen is recorded here; choose by {key[7:]}=")
        if key == "data.name":
            raise Mistake(f"{override.input_line}: each data set has a choice of its own; choose by data=")
    groups = tuple(str(override.input_line) for override in overrides if is_group(override))
    defaults = _defaults(groups) if len(groups) < len(overrides) else config
    check(config, defaults)
    config = as_default(config, defaults)
    if config["choice"]["experiment"]:
        _foreign(config, {override.key_or_group for override in overrides if override.is_add()})
    if any(group.startswith("learner=") for group in groups) and "task" not in config["data"]:
        rest = [group for group in groups if not group.startswith(("learner=", "loss="))]
        fits_data(config, compose("train", rest, return_hydra_config=True).hydra.runtime.choices.learner)
    return config


@lru_cache(maxsize=256)  # the jobs of a sweep share a few
def _defaults(groups: tuple[str, ...]) -> dict[str, Any]:
    return plain(compose("train", list(groups), return_hydra_config=True))


def _foreign(config: dict[str, Any], added: set[str]) -> None:
    """An experiment may set keys that another choice of a group, given beside it, has not."""
    for group in ("data", "model", "learner", "loss", "optimizer", "scheduler", "activation"):
        chosen = config["choice"][group]
        path = Path(CONF, group, f"{chosen}.yaml")
        for key in set(config[group]) - keys_of(path) if path.exists() else ():
            if f"{group}.{key}" not in added:
                experiment = config["choice"]["experiment"]
                raise Mistake(f"experiment={experiment} sets {group}.{key}, which {group}={chosen} has not")
