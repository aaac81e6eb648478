"""The words of a command line: read, completed, refused where Hydra would end in an error of its own."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from mlplab.config.groups import CONF_DIR, choice_keys
from mlplab.config.messages import unknown_choice
from mlplab.config.renamed import rename_overrides
from mlplab.config.schema import ENSEMBLE_SIZE, SEED
from mlplab.errors import UserError

TASKS = {"classification": ("learner=classifier", "loss=ce"), "regression": ("learner=regressor", "loss=mse")}
PATHS = ("run", "runs", "sweep", "input", "output", "pictures", "below", "data.path", "data.root")
MOST_FOLDS = 1000
TIMESTAMP = "%Y-%m-%d_%H-%M-%S-%f"


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    hydra = GlobalHydra.instance()
    loader = hydra.config_loader() if hydra.is_initialized() else None  # by which glob() knows its choices
    return OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))


def is_group_override(override: Override) -> bool:
    return override.key_or_group != "" and (Path(CONF_DIR) / override.key_or_group).is_dir()


def expand_overrides(arguments: Sequence[str]) -> list[str]:
    """What follows from the arguments but Hydra cannot know: `data.task` picks learner and loss; a sweep has a name of
    its own, and its folders are named by the swept keys only; `ensemble` is a sweep over seeds. Flags come first, as
    Hydra's parser wants them."""
    known = _flags(arguments)
    given: list[str] = known.overrides
    multirun = known.multirun or "hydra.mode=MULTIRUN" in given
    words = _of_an_ensemble(_in_folds(rename_overrides(given), multirun), multirun)
    if halves := [word for word in words if word.startswith("sweep.halving=")]:
        words = [word for word in words if word not in halves]
        words += _halving(halves[-1], multirun)
    for override in parse_overrides(words):
        _choice_is_a_word(override)
    keys = {word.split("=")[0].lstrip("+~") for word in words}
    task = next((word.split("=", 1)[1] for word in words if word.startswith("data.task=")), None)
    added = [word for word in TASKS.get(task or "", ()) if word.split("=")[0] not in keys]
    if multirun:
        overrides = parse_overrides([*words, *added])
        swept = {override.key_or_group for override in overrides if override.is_sweep_override()}
        fixed = {override.key_or_group for override in overrides} | {"sweep.name", "learner", "loss"}
        if "sweep.name" not in keys:
            added.append(f"sweep.name={datetime.now().strftime(TIMESTAMP)}")
        fixed = {key for key in fixed - swept if not key.startswith("hydra.")}
        added.append(f"hydra.job.config.override_dirname.exclude_keys=[{','.join(sorted(fixed))}]")
    return [*_without(arguments, given), *words, *added]


def _halving(word: str, multirun: bool) -> list[str]:
    """A sweeper of its own, which no configuration of a job needs to know."""
    value = word.partition("=")[2].lower()
    if value not in ("true", "false"):
        raise UserError(f"{word}: true or false is needed, such as false")
    if value == "true" and not multirun:
        raise UserError(f"{word}: is for a sweep; -m makes one")
    return ["hydra/sweeper=halving"] if value == "true" else []


def _of_an_ensemble(words: Sequence[str], multirun: bool) -> list[str]:
    """`ensemble=5` as the seeds of its members, from the one that is given on, and the word that unites them."""
    asked = [word for word in words if word.partition("=")[0].lstrip("+") == "ensemble"]
    rest = [word for word in words if word not in asked]
    if not asked or asked[-1].partition("=")[2] == "null":
        return rest
    word = asked[-1]
    count: Any = parse_overrides([word])[0].value()
    if not ENSEMBLE_SIZE.holds(count):
        raise UserError(f"{word}: must be {ENSEMBLE_SIZE}")
    if not multirun:
        raise UserError(f"{word}: is for the command line of a sweep; -m makes one")
    seeds = [one for one in parse_overrides(rest) if one.key_or_group == "seed"]
    if any(one.is_sweep_override() for one in seeds):
        raise UserError(f"{word}: counts its own seeds from one on; a list of seeds is united by sweep.ensemble=true")
    first: Any = seeds[-1].value() if seeds else 0
    if not SEED.holds(first):
        raise UserError(f"{seeds[-1].input_line}: must be {SEED}")
    rest = [word for word in rest if word not in [one.input_line for one in seeds]]
    return [*rest, f"seed={','.join(str(first + place) for place in range(count))}", "sweep.ensemble=true"]


def _in_folds(words: Sequence[str], multirun: bool) -> list[str]:
    """`cv=5` is a job a fold, said in plain keys, so that grid, launchers and compare need not know of it."""
    asked = [word for word in words if word.startswith("cv=")]
    if not asked or asked[-1] == "cv=null":
        return list(words)
    word, folds = asked[-1], asked[-1].removeprefix("cv=")
    if not (folds.isdecimal() and 2 <= int(folds) <= MOST_FOLDS):
        raise UserError(f"{word}: must be a whole number of folds from 2 to {MOST_FOLDS}, such as 5")
    if not multirun:
        raise UserError(f"{word}: is for a sweep, a job a fold; -m makes one; data.folds={folds} trains one fold alone")
    if own := [one for one in words if re.match(r"[+~]*data\.folds?\b", one)]:
        raise UserError(f"{word}: sets data.folds and data.fold itself; leave out {own[0]}")
    if judging := [one for one in words if re.match(r"hydra/sweeper=(?!grid$|basic$)|sweep\.halving=(?i:true)", one)]:
        why = "which judges its jobs one by one, not by their mean over folds"
        raise UserError(f"{word}: is for a plain grid, not for {judging[0]}, {why}")
    turns = ",".join(map(str, range(int(folds))))
    return [*(one for one in words if one not in asked), f"data.folds={folds}", f"data.fold={turns}"]


def _without(arguments: Sequence[str], words: Sequence[str]) -> list[str]:
    """The flags among the arguments, with their values."""
    flags = list(arguments)
    for word in words:
        flags.remove(word)
    return flags


def _choice_is_a_word(override: Override) -> None:
    """Where Hydra would end in a ValueError, or a TypeError."""
    key = override.key_or_group
    if not is_group_override(override) or override.is_delete() or override.is_sweep_override():
        return
    value = override.value()
    if isinstance(value, dict):
        return  # keys of the group, set at once
    if isinstance(value, list) and key != "callback":
        raise UserError(f"{override.input_line}: choose one; only callback takes a list")
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str):
            raise UserError(unknown_choice(key, str(override.input_line).partition("=")[2]))


def _flags(arguments: Sequence[str]) -> Namespace:
    parser = get_args_parser()
    parser.error = _no_such_flag  # type: ignore[method-assign]
    known = ArgumentParser.parse_intermixed_args(parser, list(arguments))
    if known.config_dir and not Path(known.config_dir).is_dir():
        raise UserError(f"--config-dir {known.config_dir}: no such folder")
    return known


def _no_such_flag(message: str) -> NoReturn:
    raise UserError(f"{message.removeprefix('unrecognized arguments: ')}: no such option; see --help")


def command_overrides(name: str, arguments: Sequence[str]) -> list[str]:
    """Of a door that makes no run. In compare `data=` and `model=` choose among runs, and are no groups of Hydra's."""
    known = _flags(arguments)
    if known.multirun:
        raise UserError(f"-m: only train makes a sweep; call {name} once a run")
    words: list[str] = known.overrides
    for word in words:
        if re.match(r"[+~]*hydra\b", word):
            raise UserError(f"{word}: {name} makes no folder and no sweep, so it takes no setting of Hydra's")
    if name == "find_lr":
        words = _of_training(words)
    literal = [_literal(word) for word in words]
    if name == "compare":
        literal = [re.sub(r"^(data|model)=", r"only.\1=", word) for word in literal]
    if name == "lesson":
        for override in parse_overrides(literal):
            _choice_is_a_word(override)
    return [*_without(arguments, known.overrides), *literal]


def _of_training(words: Sequence[str]) -> list[str]:
    """What find_lr has no key for is of the training that it tries, as one list."""
    own = choice_keys(Path(CONF_DIR, "find_lr.yaml")) - {"train"}
    rest = [word for word in words if word.partition("=")[0] not in own]
    quoted = ",".join("'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'" for word in rest)
    return [*(word for word in words if word not in rest), f"train=[{quoted}]"]


def _literal(argument: str) -> str:
    """A path as it stands: the folders of a sweep have `=` and `,` in their names, which mean something to Hydra."""
    key, _, value = argument.partition("=")
    if key not in PATHS or value in ("", "null") or value[0] in "'\"":
        return argument
    return f"{key}='{value.replace(chr(39), chr(92) + chr(39))}'"
