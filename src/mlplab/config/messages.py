"""An error of the command line in one line, with what was meant."""

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


# Hydra raises some of its own as ValueError
HYDRA_PATTERNS = re.compile(r"^Config group override must|^Only one of --")


def describe_error(error: BaseException, door: str = "train") -> str:  # noqa: PLR0911, a case a line
    """An error in one line; Hydra's and OmegaConf's with what was meant by a key of that door."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError | RunError):
        return text
    if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(text):
        return "out of memory: try a smaller batch_size, a smaller model or fewer rows"
    if isinstance(error, OSError) and error.strerror:
        return f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}"
    if isinstance(error, OverrideParseException):
        key, _, value = str(error.override).partition("=")
        remedy = f"quote a value with signs of its own: \"{key}='{value}'\"" if value else "write key=value"
        remedy = "write key=value without spaces" if " " in key else remedy
        return f"{error.override}: cannot be read; {remedy}"
    if isinstance(error, HydraException | OmegaConfBaseException) or HYDRA_PATTERNS.search(text):
        return _meant_by(text, door)
    if isinstance(error, ArithmeticError):
        return f"the run left the range of numbers ({text}): try another optimizer.lr"
    return f"{type(error).__name__}: {text} (debug=true shows where)"


def library_message(error: BaseException) -> str:
    """What a library says, without the stack of its own language."""
    return " ".join(str(error).split("Exception raised from")[0].split()) or type(error).__name__


def _meant_by(text: str, door: str) -> str:
    """What the user meant where Hydra or OmegaConf says `text`."""
    for pattern in UNKNOWN_KEY:
        if found := re.search(pattern, text):
            return _unknown_key(found[1], door)
    for pattern, answer in REWORDED:
        if found := re.search(pattern, text):
            return answer(*found.groups())
    text = re.sub(r"^\w+ raised while resolving interpolation: ", "", text)
    return re.split(r" See https| full_key| Config search path|\. Check that it's in", text)[0]


def unknown_choice(group: str, given: str) -> str:
    there = choices(group)
    return f"{group}={given}: no such choice{_meant(given, there)}; choose {', '.join(there) or 'another'}"


def _unknown_key(key: str, door: str) -> str:
    group, _, name = key.partition(".")
    paths = [Path(CONF_DIR, group, f"{choice}.yaml") for choice in choices(group)] if door in WITH_GROUPS else []
    if having := [path.stem for path in paths if name and choice_has_key(path, name)]:
        return f"{key}: what is chosen has no such key; {group}={' or '.join(having)} has it"
    GlobalHydra.instance().clear()
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        config = compose(door, return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        keys = [name.removeprefix("only.") for name, _ in flatten(to_plain(config)) if not name.startswith("choice.")]
        groups = [name for name in config.hydra.runtime.choices if "/" not in name]
    hint = _closest(key, [*keys, *groups]) or _closest(key, _keys_anywhere(groups), nearly=False)
    rest = "see --help" if door == "train" else f"{door} takes {', '.join(keys)}"
    return f"{key}: no such key; {f'did you mean {hint}?' if hint else rest}"


def _keys_anywhere(groups: list[str]) -> list[str]:
    paths = [Path(CONF_DIR, group, f"{choice}.yaml") for group in groups for choice in choices(group)]
    return [
        f"{path.parent.name}.{key}" for path in paths for key in sorted(choice_keys(path)) if not key.startswith("_")
    ]


def _closest(key: str, names: list[str], nearly: bool = True) -> str | None:
    """By the last word of a dotted key first: `lr` means `optimizer.lr`, `epochs` means `trainer.max_epochs`."""
    tail = key.rsplit(".", 1)[-1]
    tails = {name.rsplit(".", 1)[-1]: name for name in reversed(names)}
    if tail in tails or not nearly:
        return tails.get(tail)
    whole = difflib.get_close_matches(key, names, n=1, cutoff=0.8)
    within = [tails[name] for name in tails if len(tail) > 2 and tail in name]
    close = [tails[name] for name in difflib.get_close_matches(tail, tails, n=1)]
    return next(iter([*whole, *within, *close]), None)


def _meant(given: str, options: list[str]) -> str:
    close = difflib.get_close_matches(given, options, n=1)
    return f"; did you mean {close[0]}?" if close else ""


WITH_GROUPS = ("train", "lesson")
# what Hydra says, and what a user is told
UNKNOWN_KEY = (
    r"Could not (?:override|append to config|delete from config)\D*? '?([\w./@]+)'?[.:]",
    r"Could not override '(\S+?)'\. No match in the defaults list",
)
REWORDED: list[tuple[str, Callable[..., str]]] = [
    (r"Could not (?:find|load) '([\w/]+)/([^/']*)'", unknown_choice),
    (
        r"Ambiguous value for argument '(.+?)' 1\.",
        "{}: one value is needed; -m runs each, brackets make a list".format,
    ),
    (r"While dereferencing interpolation '\$\{(.+?)\}': Incompatible value 'None'", "{}=null: a word is needed".format),
    (r"Multiple values for (\w+)\.", "+{0}: there is one already; write {0}=... without +".format),
    (r"^(\w+) appears more than once", "+{0}: there is one already; write {0}=... without +".format),
    (r"^Config group override must", "data, model and other groups are chosen in train, by a word; see --help".format),
    (r"Error merging override (\S+)", "{}: cannot be set; give the whole list".format),
]
