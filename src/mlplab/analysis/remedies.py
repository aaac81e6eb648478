"""Suggests what to try after a verdict, as overrides of keys that the configuration of the run has."""

from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Any]
FORMULAS = ("mlplab.data.synthetic.", "mlplab.data.function.")


def overfitting(s: Settings) -> str:
    dropout, decay = s.get("model.dropout"), s.get("optimizer.weight_decay")
    ways = []
    if dropout is not None:
        ways.append(f"model.dropout={min(0.8, dropout + 0.3):g}")
    if decay is not None and s.get("choice.optimizer") != "adam":
        ways.append(f"optimizer.weight_decay={max(1e-2, 10 * decay):g}")
    elif s.get("choice.optimizer") == "adam":
        ways.append("optimizer=adamw optimizer.weight_decay=0.1")
    if s.get("data.num_train") is not None:
        ways.append("data.num_train larger")
    if not any(key.startswith("callback.early_stopping") for key in s):
        ways.append("callback=early_stopping")
    return _try(ways)


def bigger(s: Settings) -> str:
    ways = []
    hidden = s.get("model.hidden_features")
    if s.get("choice.model") == "linear":
        ways.append("model=mlp")
    elif hidden:
        ways.append(f"model.hidden_features={[max(32, 4 * width) for width in hidden]}".replace(" ", ""))
    elif s.get("model.width"):
        ways.append(f"model.width={4 * s['model.width']}")
    if s.get("choice.activation") not in (None, "relu") and s.get("choice.model") != "linear":
        ways.append("activation=relu")
    if s.get("model.dropout"):
        ways.append(f"model.dropout={s['model.dropout'] / 3:.1g}")
    if s.get("optimizer.weight_decay", 0) > 0.01:
        ways.append(f"optimizer.weight_decay={s['optimizer.weight_decay'] / 10:g}")
    return _try([*ways, "more informative features"])


def too_high(s: Settings) -> str:
    ways = _rate(s, 0.1)
    if s.get("trainer.gradient_clip_val") is None:
        ways.append("trainer.gradient_clip_val=1")
    if s.get("choice.scheduler") == "none":
        ways.append("scheduler=cosine")
    if s.get("model.standardise") is False:
        ways.insert(0, "model.standardise=true")
    return _try(ways)


def too_low(s: Settings) -> str:
    return _try([*_rate(s, 10), *_rate(s, 100)] + (["optimizer=adam"] if s.get("choice.optimizer") == "sgd" else []))


def dead(s: Settings, at_start: bool) -> str:
    """at_start: the units were dead before the first update."""
    ways = [*([] if at_start else _rate(s, 0.1)), "activation=leaky_relu"]
    if s.get("model.initialisation") not in (None, "he_normal"):
        ways.append("model.initialisation=he_normal")
    return _try(ways)


def vanishing(s: Settings) -> str:
    ways = ["activation=relu"] if s.get("choice.activation") not in (None, "relu") else []
    if s.get("model.initialisation") in ("zeros", "naive"):
        ways.insert(0, "model.initialisation=he_normal")
    if s.get("model.normalisation") == "none":
        ways.append("model.normalisation=batch")
    return _try([*ways, "fewer layers" if s.get("choice.model") == "residual_mlp" else "model=residual_mlp"])


def leak(s: Settings) -> str:
    ways = ["data.leak_check=full"] if s.get("data.leak_check") not in (None, "full") else []
    if "data.ignore" in s:
        ways.append("data.ignore=[COLUMN] for a column that is not known before the target")
    if "data.group" in s and s.get("data.split") != "group":
        ways.append("data.split=group data.group=COLUMN where rows belong together")
    if "data.copy_distance" in s and s.get("data.split") == "random":
        ways.append("data.split=official, which keeps copies of a photo in one split")
    return _try([*ways, "an evaluation on new data (scripts/evaluate.py)"])


def unlike(s: Settings) -> str:
    ways = ["another data.split_seed"]
    if s.get("data.split") != "random":
        ways.append("data.split=random")
    return _try(ways)


def uneven(s: Settings) -> str:
    ways = [f"loss.{key}=balanced" for key in ("weight", "pos_weight") if s.get(f"loss.{key}", 0) is None]
    if s.get("monitor") != "f1/val":
        ways.append("monitor=f1/val")
    return _try([*ways, "scripts/evaluate.py for the scores of each class"])


def no_better(s: Settings, learned: bool) -> str:
    """learned: the training loss is far below that of the baseline."""
    if learned:
        return f"The network has memorised the training rows. {_try(['other features', *_more_rows(s)])}"
    return _try([*_nonlinear(s), *_rate(s, 10), "informative features"])


def longer(s: Settings, epochs: int) -> str:
    fixed_length = s.get("choice.scheduler") in ("cosine", "one_cycle", "warmup_cosine")
    how = "" if fixed_length else " (scripts/resume.py resumes this run)"
    return _try([f"trainer.max_epochs={max(2 * epochs, epochs + 5)}{how}", *_rate(s, 3)])


def made_by_formula(s: Settings) -> bool:
    """Whether a formula computes the data, so that a perfect score is possible."""
    return str(s.get("data._target_", "")).startswith(FORMULAS)


def _more_rows(s: Settings) -> list[str]:
    return ["data.num_train larger" if s.get("data.num_train") is not None else "more rows"]


def _nonlinear(s: Settings) -> list[str]:
    if s.get("choice.model") == "linear":
        return ["model=mlp"]
    return [f"activation=relu in place of {s['choice.activation']}"] if s.get("choice.activation") == "linear" else []


def _rate(s: Settings, factor: float) -> list[str]:
    lr = s.get("optimizer.lr")
    return [f"optimizer.lr={lr * factor:.2g}"] if lr is not None else []


def _try(ways: list[str]) -> str:
    if len(ways) < 2:
        return f"Try {''.join(ways)}"
    return f"Try {', '.join(ways[:-1])}{',' if len(ways) > 2 else ''} or {ways[-1]}"
