"""Command-line overrides, expanded and checked before Hydra sees them."""

import re
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.override_parser.types import Override

from mlplab.config.compose import is_group_override, parse_flags, parse_overrides
from mlplab.config.groups import CONF_DIR, choice_keys
from mlplab.config.messages import unknown_choice
from mlplab.config.renamed import rename_overrides
from mlplab.config.schema import CV_FOLDS, ENSEMBLE_SIZE, SEED
from mlplab.errors import UserError

TASK_OVERRIDES = {"classification": ("learner=classifier", "loss=ce"), "regression": ("learner=regressor", "loss=mse")}
PATH_KEYS = ("run", "runs", "sweep", "input", "output", "pictures", "below", "data.path", "data.root")
TIMESTAMP = "%Y-%m-%d_%H-%M-%S-%f"


def expand_overrides(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments of train, with what follows from them and Hydra cannot know.

    `data.task` sets learner and loss; a sweep gets a name, and its folders are named by the swept keys only;
    `ensemble` is a sweep over seeds, `cv` one over folds. Flags come first, as Hydra's parser needs them.
    """
    flags = _parse_flags(arguments)
    given: list[str] = flags.overrides
    multirun = flags.multirun or "hydra.mode=MULTIRUN" in given
    overrides = _expand_ensemble(_expand_cv(rename_overrides(given), multirun), multirun)
    # Hydra's basic sweeper would not validate its jobs
    overrides = ["hydra/sweeper=grid" if override == "hydra/sweeper=basic" else override for override in overrides]
    if halving := [override for override in overrides if override.startswith("sweep.halving=")]:
        overrides = [override for override in overrides if override not in halving]
        overrides += _expand_halving(halving[-1], multirun)
    for parsed in parse_overrides(overrides):
        _check_choice_is_a_name(parsed)
    keys = {override.split("=")[0].lstrip("+~") for override in overrides}
    task = next((override.split("=", 1)[1] for override in overrides if override.startswith("data.task=")), None)
    added = [override for override in TASK_OVERRIDES.get(task or "", ()) if override.split("=")[0] not in keys]
    if multirun:
        added += _name_sweep([*overrides, *added], named="sweep.name" in keys)
    return [*_without(arguments, given), *overrides, *added]


def command_overrides(command: str, arguments: Sequence[str]) -> list[str]:
    """Returns the arguments of a command that trains no run. In compare `data=` and `model=` filter runs, and are no
    groups."""
    flags = _parse_flags(arguments)
    if flags.multirun:
        raise UserError(f"-m: only train runs a sweep; call {command} once for each run")
    overrides: list[str] = flags.overrides
    for override in overrides:
        if re.match(r"[+~]*hydra\b", override):
            raise UserError(f"{override}: {command} takes no option of Hydra")
    if command == "find_lr":
        overrides = _collect_training_overrides(overrides)
    quoted = [_quote_path(override) for override in overrides]
    if command == "compare":
        quoted = [re.sub(r"^(data|model)=", r"only.\1=", override) for override in quoted]
    if command == "lesson":
        for parsed in parse_overrides(quoted):
            _check_choice_is_a_name(parsed)
    return [*_without(arguments, flags.overrides), *quoted]


def _parse_flags(arguments: Sequence[str]) -> Namespace:
    flags = parse_flags(arguments, _refuse_flag)
    if flags.config_dir and not Path(flags.config_dir).is_dir():
        raise UserError(f"--config-dir {flags.config_dir}: no such folder")
    return flags


def _refuse_flag(message: str) -> NoReturn:
    raise UserError(f"{message.removeprefix('unrecognized arguments: ')}: unknown option; see --help")


def _without(arguments: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Returns the flags among the arguments, with their values."""
    flags = list(arguments)
    for override in overrides:
        flags.remove(override)
    return flags


def _expand_cv(overrides: Sequence[str], multirun: bool) -> list[str]:
    """Replaces `cv=5` by keys of a sweep over folds, which sweepers, launchers and compare know."""
    asked = [override for override in overrides if override.startswith("cv=")]
    if not asked or asked[-1] == "cv=null":
        return list(overrides)
    override, folds = asked[-1], asked[-1].removeprefix("cv=")
    if not (folds.isdecimal() and CV_FOLDS.holds(int(folds))):
        raise UserError(f"{override}: must be {CV_FOLDS}")
    if not multirun:
        raise UserError(f"{override}: needs a sweep, one job per fold; add -m, or train one fold by data.folds={folds}")
    if same := [other for other in overrides if re.match(r"[+~]*data\.folds?\b", other)]:
        raise UserError(f"{override}: sets data.folds and data.fold; remove {same[0]}")
    judging = r"hydra/sweeper=(?!grid$|basic$)|sweep\.halving=(?i:true)"
    if found := [other for other in overrides if re.match(judging, other)]:
        raise UserError(f"{override}: needs a plain grid; {found[0]} compares single jobs, not means over folds")
    numbers = ",".join(map(str, range(int(folds))))
    rest = [other for other in overrides if other not in asked]
    return [*rest, f"data.folds={folds}", f"data.fold={numbers}"]


def _expand_ensemble(overrides: Sequence[str], multirun: bool) -> list[str]:
    """Replaces `ensemble=5` by a sweep over five seeds, counted from the given one, and `sweep.ensemble=true`."""
    asked = [override for override in overrides if override.partition("=")[0].lstrip("+") == "ensemble"]
    rest = [override for override in overrides if override not in asked]
    if not asked or asked[-1].partition("=")[2] == "null":
        return rest
    override = asked[-1]
    size: Any = parse_overrides([override])[0].value()
    if not ENSEMBLE_SIZE.holds(size):
        raise UserError(f"{override}: must be {ENSEMBLE_SIZE}")
    if not multirun:
        raise UserError(f"{override}: needs a sweep; add -m")
    seeds = [parsed for parsed in parse_overrides(rest) if parsed.key_or_group == "seed"]
    if any(seed.is_sweep_override() for seed in seeds):
        raise UserError(f"{override}: takes one seed and counts from it; for a list of seeds use sweep.ensemble=true")
    first: Any = seeds[-1].value() if seeds else 0
    if not SEED.holds(first):
        raise UserError(f"{seeds[-1].input_line}: must be {SEED}")
    rest = [override for override in rest if override not in [seed.input_line for seed in seeds]]
    return [*rest, f"seed={','.join(str(first + number) for number in range(size))}", "sweep.ensemble=true"]


def _expand_halving(override: str, multirun: bool) -> list[str]:
    """Replaces `sweep.halving=true` by its sweeper, of which the configuration of a job need not know."""
    value = override.partition("=")[2].lower()
    if value not in ("true", "false"):
        raise UserError(f"{override}: must be true or false")
    if value == "true" and not multirun:
        raise UserError(f"{override}: needs a sweep; add -m")
    return ["hydra/sweeper=halving"] if value == "true" else []


def _name_sweep(overrides: Sequence[str], named: bool) -> list[str]:
    """Returns the name of a sweep, and the keys that do not appear in the names of its folders: those that are not
    swept."""
    parsed = parse_overrides(overrides)
    swept = {override.key_or_group for override in parsed if override.is_sweep_override()}
    fixed = {override.key_or_group for override in parsed} | {"sweep.name", "learner", "loss"}
    excluded = sorted(key for key in fixed - swept if not key.startswith("hydra."))
    name = [] if named else [f"sweep.name={datetime.now().strftime(TIMESTAMP)}"]
    return [*name, f"hydra.job.config.override_dirname.exclude_keys=[{','.join(excluded)}]"]


def _check_choice_is_a_name(override: Override) -> None:
    """Refuses values for which Hydra would raise a ValueError or a TypeError."""
    group = override.key_or_group
    if not is_group_override(override) or override.is_delete() or override.is_sweep_override():
        return
    value = override.value()
    if isinstance(value, dict):
        return  # keys of the group, set at once
    if isinstance(value, list) and group != "callback":
        raise UserError(f"{override.input_line}: choose one; only callback takes a list")
    for name in value if isinstance(value, list) else [value]:
        if not isinstance(name, str):
            raise UserError(unknown_choice(group, str(override.input_line).partition("=")[2]))


def _collect_training_overrides(overrides: Sequence[str]) -> list[str]:
    """Puts all overrides that are no keys of find_lr into its key `train`, as one list."""
    own_keys = choice_keys(Path(CONF_DIR, "find_lr.yaml")) - {"train"}
    training = [override for override in overrides if override.partition("=")[0] not in own_keys]
    quoted = ",".join("'" + override.replace("\\", "\\\\").replace("'", "\\'") + "'" for override in training)
    return [*(override for override in overrides if override not in training), f"train=[{quoted}]"]


def _quote_path(override: str) -> str:
    """Quotes a path: folder names of a sweep contain `=` and `,`, which Hydra would interpret."""
    key, _, value = override.partition("=")
    if key not in PATH_KEYS or value in ("", "null") or value[0] in "'\"":
        return override
    return f"{key}='{value.replace(chr(39), chr(92) + chr(39))}'"
