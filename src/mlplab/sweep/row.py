"""What the HPARAMS tab says of a run: its choices and best scores; of a job of a sweep also what was varied."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplab.config.tree import leaves, shown
from mlplab.sweep.jobs import swept

SHORT = {"optimizer.lr": "lr"}


@dataclass(frozen=True)
class Row:
    """choices: numbers and words. scores: those of the best epoch. varied: names among the choices."""

    choices: dict[str, int | float | str]
    scores: dict[str, float]
    varied: list[str]


def row(run: Path, config: Mapping[str, Any], scores: Mapping[str, Any]) -> Row:
    """config: plain, resolved. Of a job of a sweep no test score: beside those of other jobs it would choose."""
    settings, keys = dict(leaves(config)), swept(run)
    unused = set() if "activation" in config["model"] else {"activation"}
    chosen = {name: value for name, value in config["choice"].items() if value is not None and name not in unused}
    numbers = {key: settings[key] for key in ("optimizer.lr", "batch_size", "seed")}
    others = {key: settings[key] for key in keys if key in settings}
    choices = {
        SHORT.get(key, key): value if type(value) in (int, float, str) else shown(value)
        for key, value in {**chosen, **numbers, **others, "parameters": scores["parameters"]}.items()
    }
    names = [*(name for name in scores if name.endswith("/val")), "loss/train", *([] if keys else ["loss/test"])]
    best = {name: scores[name] for name in names}
    return Row(choices, best, [name for key in keys if (name := SHORT.get(key, key)) in choices])
