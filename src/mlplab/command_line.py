"""From a command line to a configuration: Hydra's messages in one line, exit statuses, nothing heavy imported."""

import logging
import os
import re
import signal
import sys
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlplab.check import as_default, check, fits_data
from mlplab.configuration import CONF, keys_of, plain
from mlplab.explain import explain, no_such_choice
from mlplab.mistake import Mistake

TASKS = {"classes": ("learner=classifier", "loss=ce"), "values": ("learner=regressor", "loss=mse")}
STAMP = "%Y-%m-%d_%H-%M-%S-%f"


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
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.argv[1:] = completed(sys.argv[1:]) if name == "train" else words_of(name, sys.argv[1:])
        main()
    except KeyboardInterrupt:
        fail("stopped", status=130)
    except BrokenPipeError:  # `--help | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:  # whatever it is, a user sees one line
        fail(explain(error, name), traced=True)


def _terminate(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def fail(message: str, status: int = 1, traced: bool = False) -> NoReturn:
    """traced: with debug=true the traceback of the error at hand goes before."""
    if traced and any(word.lstrip("+").lower() == "debug=true" for word in sys.argv):
        traceback.print_exc()
    print(f"mlplab: {message}", file=sys.stderr)
    raise SystemExit(status)


def configure(*overrides: str) -> DictConfig:
    """The configuration of `python scripts/train.py OVERRIDES`, from Python; checked.

    Raises Mistake for an unknown key or choice, a value out of range, a loss that does not fit.
    """
    with initialize_config_dir(CONF, version_base="1.3", job_name="train"):
        try:
            config = compose("train", completed(overrides), return_hydra_config=True)
            return resolve(config)
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise Mistake(explain(error)) from error


def resolve(composed: DictConfig) -> DictConfig:
    """Hydra's composed configuration as ours: checked, interpolations resolved. Composes again to know the defaults."""
    composed = composed.copy()
    HydraConfig.instance().set_config(composed)
    overrides = parse(composed.hydra.overrides.task)
    config = plain(composed)
    for override in overrides:
        key = override.key_or_group
        if key.partition(".")[0] == "choice":
            raise Mistake(f"{override.input_line}: what was chosen is recorded here; choose by {key[7:]}=")
        if key == "data.name":
            raise Mistake(f"{override.input_line}: each data set has a choice of its own; choose by data=")
    groups = tuple(str(override.input_line) for override in overrides if _is_group(override))
    defaults = _defaults(groups) if len(groups) < len(overrides) else config
    check(config, defaults)
    config = as_default(config, defaults)
    if config["choice"]["experiment"]:
        _foreign(config, {override.key_or_group for override in overrides if override.is_add()})
    if any(group.startswith("learner=") for group in groups) and "task" not in config["data"]:
        rest = [group for group in groups if not group.startswith(("learner=", "loss="))]
        fits_data(config, compose("train", rest, return_hydra_config=True).hydra.runtime.choices.learner)
    return OmegaConf.create(config)


@lru_cache(maxsize=256)  # the jobs of a sweep share a few
def _defaults(groups: tuple[str, ...]) -> dict[str, Any]:
    return plain(compose("train", list(groups), return_hydra_config=True))


def parse(overrides: Sequence[str]) -> list[Override]:
    hydra = GlobalHydra.instance()
    loader = hydra.config_loader() if hydra.is_initialized() else None  # by which glob() knows its choices
    return OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))


def completed(arguments: Sequence[str]) -> list[str]:
    """What follows from the arguments but Hydra cannot know: `data.task` picks learner and loss; a sweep has a name of
    its own, and its folders are named by the swept keys only. Flags come first, as Hydra's parser wants them."""
    known = _flags(arguments)
    words: list[str] = known.overrides
    for override in parse(words):
        _choice_is_a_word(override)
    keys = {word.split("=")[0].lstrip("+~") for word in words}
    task = next((word.split("=", 1)[1] for word in words if word.startswith("data.task=")), None)
    added = [word for word in TASKS.get(task or "", ()) if word.split("=")[0] not in keys]
    if known.multirun or "hydra.mode=MULTIRUN" in words:
        overrides = parse([*words, *added])
        swept = {override.key_or_group for override in overrides if override.is_sweep_override()}
        fixed = {override.key_or_group for override in overrides} | {"sweep.name", "learner", "loss"}
        if "sweep.name" not in keys:
            added.append(f"sweep.name={datetime.now().strftime(STAMP)}")
        fixed = {key for key in fixed - swept if not key.startswith("hydra.")}
        added.append(f"hydra.job.config.override_dirname.exclude_keys=[{','.join(sorted(fixed))}]")
    flags = list(arguments)
    for word in words:
        flags.remove(word)
    return [*flags, *words, *added]


def _choice_is_a_word(override: Override) -> None:
    """Where Hydra would end in a ValueError, or a TypeError."""
    key = override.key_or_group
    if not _is_group(override) or override.is_delete() or override.is_sweep_override():
        return
    value = override.value()
    if isinstance(value, dict):
        return  # keys of the group, set at once
    if isinstance(value, list) and key != "callback":
        raise Mistake(f"{override.input_line}: choose one; only callback takes a list")
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str):
            raise Mistake(no_such_choice(key, str(override.input_line).partition("=")[2]))


def _flags(arguments: Sequence[str]) -> Namespace:
    parser = get_args_parser()
    parser.error = _no_such_flag  # type: ignore[method-assign]
    known = ArgumentParser.parse_intermixed_args(parser, list(arguments))
    if known.config_dir and not Path(known.config_dir).is_dir():
        raise Mistake(f"--config-dir {known.config_dir}: no such folder")
    return known


def _no_such_flag(message: str) -> NoReturn:
    raise Mistake(f"{message.removeprefix('unrecognized arguments: ')}: no such option; see --help")


def words_of(name: str, arguments: Sequence[str]) -> list[str]:
    """Of a door that makes no run. In compare `data=` and `model=` choose among runs, and are no groups of Hydra's."""
    for argument in arguments:
        if argument in ("-m", "--multirun"):
            raise Mistake(f"{argument}: only train makes a sweep; call {name} once a run")
    if name != "compare":
        return list(arguments)
    return [re.sub(r"^(data|model)=", r"only.\1=", argument) for argument in arguments]


def _foreign(config: dict[str, Any], added: set[str]) -> None:
    """An experiment may set keys that another choice of a group, given beside it, has not."""
    for group in ("data", "model", "learner", "loss", "optimizer", "scheduler", "activation"):
        chosen = config["choice"][group]
        path = Path(CONF, group, f"{chosen}.yaml")
        for key in set(config[group]) - keys_of(path) if path.exists() else ():
            if f"{group}.{key}" not in added:
                experiment = config["choice"]["experiment"]
                raise Mistake(f"experiment={experiment} sets {group}.{key}, which {group}={chosen} has not")


def _is_group(override: Override) -> bool:
    return override.key_or_group != "" and (Path(CONF) / override.key_or_group).is_dir()
