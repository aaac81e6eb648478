"""Overrides become a validated configuration, from Python or from what Hydra composed."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlplab.config.compose import compose_run, is_group_override, isolated_hydra, parse_overrides
from mlplab.config.groups import CONF_DIR, choice_keys
from mlplab.config.messages import describe_error
from mlplab.config.overrides import expand_overrides
from mlplab.config.renamed import rename_values
from mlplab.config.tree import to_plain
from mlplab.config.validate import cast_like_default, check_learner_fits_data, validate
from mlplab.errors import UserError

NEEDED = ("data", "model", "activation", "learner", "loss", "optimizer", "scheduler", "trainer", "report")  # groups
# validated by the preflight of this process, by the overrides of the job, which need not validate it again
VALIDATED: dict[tuple[str, ...], dict[str, Any]] = {}


def configure(*overrides: str) -> DictConfig:
    """Returns the validated configuration of `python scripts/train.py OVERRIDES`.

    Raises UserError for an unknown key or choice, a value out of range, a loss that does not fit the task.
    """
    with isolated_hydra():
        try:
            return resolve(compose_run(expand_overrides(overrides)))
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise UserError(describe_error(error)) from error


def resolve(composed: DictConfig) -> DictConfig:
    """Validates what Hydra composed and resolves its interpolations; sets HydraConfig to it."""
    HydraConfig.instance().set_config(composed)
    return OmegaConf.create(resolve_plain(composed, composed.hydra.overrides.task))


def resolve_plain(composed: DictConfig, overrides: Sequence[str]) -> dict[str, Any]:
    """Resolves into plain containers. `composed` was composed from `overrides`, and HydraConfig is set to it."""
    parsed = parse_overrides(overrides)
    for group in NEEDED:
        if group not in composed:
            raise UserError(f"{group}: choose one")
    config = to_plain(composed)
    config["data"] = rename_values(config["data"], note=True)
    if config.get("ensemble") is not None:
        raise UserError(f"ensemble={config['ensemble']}: needs a sweep; add -m")
    for override in parsed:
        key = override.key_or_group
        if key.partition(".")[0] == "choice":
            raise UserError(f"{override.input_line}: records what was chosen; choose by {key[7:]}=")
        if key == "data.name":
            raise UserError(f"{override.input_line}: cannot be set; choose by data=")
    groups = tuple(str(override.input_line) for override in parsed if is_group_override(override))
    defaults = _defaults(groups) if len(groups) < len(parsed) else config
    validate(config, defaults)
    config = cast_like_default(config, defaults)
    if config["choice"]["experiment"]:
        _check_experiment(config, {override.key_or_group for override in parsed if override.is_add()})
    if any(group.startswith("learner=") for group in groups) and "task" not in config["data"]:
        rest = [group for group in groups if not group.startswith(("learner=", "loss="))]
        usual = compose_run(rest).hydra.runtime.choices.learner
        check_learner_fits_data(config["choice"], usual)
    return config


@lru_cache(maxsize=256)  # the jobs of a sweep share a few
def _defaults(groups: tuple[str, ...]) -> dict[str, Any]:
    return to_plain(compose_run(groups))


def _check_experiment(config: dict[str, Any], added: set[str]) -> None:
    """Refuses a key that an experiment sets and that the choice beside it does not have."""
    for group in ("data", "model", "learner", "loss", "optimizer", "scheduler", "activation"):
        chosen = config["choice"][group]
        path = Path(CONF_DIR, group, f"{chosen}.yaml")
        for key in set(config[group]) - choice_keys(path) if path.exists() else ():
            if f"{group}.{key}" not in added:
                experiment = config["choice"]["experiment"]
                raise UserError(f"experiment={experiment} sets {group}.{key}, which {group}={chosen} does not have")
