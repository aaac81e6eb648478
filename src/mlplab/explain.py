"""An error of the command line in one line, with what was meant."""

import difflib
import re
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from mlplab.check import leaves
from mlplab.configuration import CONF, keys_of, plain
from mlplab.mistake import Mistake

NO_CHOICE = re.compile(r"Could not find '([\w/]+)/(.+?)' Available options in '.+?': (.+?)(?: Config search|$)")


def explain(error: BaseException, door: str = "train") -> str:
    """An error in one line; Hydra's and OmegaConf's with what was meant by a key of that door."""
    text = " ".join(str(error).split())
    if not isinstance(error, HydraException | OmegaConfBaseException | Mistake):
        return f"{type(error).__name__}: {text}"
    if isinstance(error, OverrideParseException):
        key, _, value = str(error.override).partition("=")
        remedy = f"quote a value with signs of its own: \"{key}='{value}'\"" if value else "write key=value"
        return f"{error.override}: cannot be read; {remedy}"
    if choice := NO_CHOICE.search(text):
        group, given, options = choice.groups()
        return f"{group}={given}: no such choice{_meant(given, options.split())}; choose {', '.join(options.split())}"
    if missing := re.search(r"Could not (?:override|append to config|delete from config)\D*? '?([\w./@]+)'?[.:]", text):
        return _unknown_key(missing[1], door)
    if group_name := re.search(r"Could not override '(\S+?)'\. No match in the defaults list", text):
        return _unknown_key(group_name[1], door)
    return text.split(" See https")[0].split(" full_key")[0]


def _unknown_key(key: str, door: str) -> str:
    group, _, name = key.partition(".")
    choices = sorted(Path(CONF, group).glob("*.yaml")) if door == "train" else []
    if having := [path.stem for path in choices if name and name in keys_of(path)]:
        return f"{key}: what is chosen has no such key; {group}={' or '.join(having)} has it"
    GlobalHydra.instance().clear()
    with initialize_config_dir(CONF, version_base="1.3"):
        config = compose(door, return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        keys = [name for name, _ in leaves(plain(config)) if not name.startswith("choice.")]
        groups = [name for name in config.hydra.runtime.choices if "/" not in name]
    hint = _closest(key, [*keys, *groups])
    return f"{key}: no such key; {f'did you mean {hint}?' if hint else 'see --help'}"


def _closest(key: str, names: list[str]) -> str | None:
    """By the last word of a dotted key first: `lr` means `optimizer.lr`, `epochs` means `trainer.max_epochs`."""
    tail = key.rsplit(".", 1)[-1]
    tails = {name.rsplit(".", 1)[-1]: name for name in reversed(names)}
    if tail in tails:
        return tails[tail]
    whole = difflib.get_close_matches(key, names, n=1, cutoff=0.8)
    within = [tails[name] for name in tails if len(tail) > 2 and tail in name]
    close = [tails[name] for name in difflib.get_close_matches(tail, tails, n=1)]
    return next(iter([*whole, *within, *close]), None)


def _meant(given: str, options: list[str]) -> str:
    close = difflib.get_close_matches(given, options, n=1)
    return f"; did you mean {close[0]}?" if close else ""
