"""An error of Hydra, a library or the machine as one line, with a suggestion."""

import difflib
import re
from collections.abc import Callable
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from mlplab.config.groups import CONF_DIR, choice_has_key, choice_keys, choices
from mlplab.config.tree import flatten, to_plain
from mlplab.errors import RunError, UserError

OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|Cannot allocate memory|Storage size .* overflowed")
HYDRA_VALUE_ERRORS = re.compile(r"^Config group override must|^Only one of --")  # Hydra raises them as ValueError
COMMANDS_WITH_GROUPS = ("train", "lesson")


def describe_error(error: BaseException, command: str = "train") -> str:  # noqa: PLR0911, a case a line
    """Returns an error in one line; for errors of Hydra and OmegaConf the nearest key of that command is suggested."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError | RunError):
        return text
    if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(text):
        return "out of memory: try a smaller batch_size, a smaller model or fewer rows"
    if isinstance(error, OSError) and error.strerror:
        return f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}"
    if isinstance(error, OverrideParseException):
        return _describe_parse_error(str(error.override))
    if isinstance(error, HydraException | OmegaConfBaseException) or HYDRA_VALUE_ERRORS.search(text):
        return _describe_hydra_error(text, command)
    if isinstance(error, ArithmeticError):
        return f"a number overflowed ({text}): try another optimizer.lr"
    return f"{type(error).__name__}: {text} (debug=true shows where)"


def library_message(error: BaseException) -> str:
    """Returns a library's message without its C++ stack trace."""
    return " ".join(str(error).split("Exception raised from")[0].split()) or type(error).__name__


def unknown_choice(group: str, given: str) -> str:
    names = choices(group)
    close = difflib.get_close_matches(given, names, n=1)
    suggestion = f"; did you mean {close[0]}?" if close else ""
    return f"{group}={given}: unknown choice{suggestion}; choose {', '.join(names) or 'another'}"


def _describe_parse_error(override: str) -> str:
    key, _, value = override.partition("=")
    if " " in key:
        remedy = "write key=value without spaces"
    else:
        remedy = f"quote a value with special characters: \"{key}='{value}'\"" if value else "write key=value"
    return f"{override}: cannot be parsed; {remedy}"


def _describe_hydra_error(text: str, command: str) -> str:
    for pattern in UNKNOWN_KEY:
        if found := re.search(pattern, text):
            return _unknown_key(found[1], command)
    for pattern, reword in REWORDED:
        if found := re.search(pattern, text):
            return reword(*found.groups())
    text = re.sub(r"^\w+ raised while resolving interpolation: ", "", text)
    return re.split(r" See https| full_key| Config search path|\. Check that it's in", text)[0]


# Hydra's messages, and what we print in their place
UNKNOWN_KEY = (
    r"Could not (?:override|append to config|delete from config)\D*? '?([\w./@]+)'?[.:]",
    r"Could not override '(\S+?)'\. No match in the defaults list",
)
REWORDED: list[tuple[str, Callable[..., str]]] = [
    (r"Could not (?:find|load) '([\w/]+)/([^/']*)'", unknown_choice),
    (
        r"Ambiguous value for argument '(.+?)' 1\.",
        "{}: must be one value; add -m to run each, or brackets for a list".format,
    ),
    (r"While dereferencing interpolation '\$\{(.+?)\}': Incompatible value 'None'", "{}=null: must be a string".format),
    (r"Multiple values for (\w+)\.", "+{0}: exists already; write {0}=... without +".format),
    (r"^(\w+) appears more than once", "+{0}: exists already; write {0}=... without +".format),
    (r"^Config group override must", "groups such as data and model are chosen by name, in train; see --help".format),
    (r"Error merging override (\S+)", "{}: an item cannot be set; give the whole list".format),
]


def _unknown_key(key: str, command: str) -> str:
    group, _, name = key.partition(".")
    with_groups = command in COMMANDS_WITH_GROUPS
    paths = [Path(CONF_DIR, group, f"{choice}.yaml") for choice in choices(group)] if with_groups else []
    if having := [path.stem for path in paths if name and choice_has_key(path, name)]:
        return f"{key}: unknown key for the chosen {group}; {group}={' or '.join(having)} has it"
    keys, groups = _known_keys(command)
    suggestion = _closest(key, [*keys, *groups]) or _closest(key, _keys_of_all_choices(groups), exact=True)
    if suggestion:
        return f"{key}: unknown key; did you mean {suggestion}?"
    help_ = "see --help" if command == "train" else f"{command} takes {', '.join(keys)}"
    return f"{key}: unknown key; {help_}"


def _known_keys(command: str) -> tuple[list[str], list[str]]:
    """Returns keys of a command with its default choices, and its groups."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        config = compose(command, return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        keys = [key.removeprefix("only.") for key, _ in flatten(to_plain(config)) if not key.startswith("choice.")]
        return keys, [group for group in config.hydra.runtime.choices if "/" not in group]


def _keys_of_all_choices(groups: list[str]) -> list[str]:
    paths = [Path(CONF_DIR, group, f"{choice}.yaml") for group in groups for choice in choices(group)]
    return [
        f"{path.parent.name}.{key}" for path in paths for key in sorted(choice_keys(path)) if not key.startswith("_")
    ]


def _closest(key: str, candidates: list[str], exact: bool = False) -> str | None:
    """Returns the nearest key by the last part of dotted keys: `lr` means `optimizer.lr`, `epochs`
    `trainer.max_epochs`.

    exact: the last parts must be equal.
    """
    last = key.rsplit(".", 1)[-1]
    by_last = {candidate.rsplit(".", 1)[-1]: candidate for candidate in reversed(candidates)}
    if last in by_last or exact:
        return by_last.get(last)
    nearest = difflib.get_close_matches(key, candidates, n=1, cutoff=0.8)
    containing = [by_last[part] for part in by_last if len(last) > 2 and last in part]
    similar = [by_last[part] for part in difflib.get_close_matches(last, by_last, n=1)]
    return next(iter([*nearest, *containing, *similar]), None)
