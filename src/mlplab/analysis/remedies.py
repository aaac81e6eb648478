"""Suggests what to try after a verdict, as overrides of keys that the configuration of the run has."""

from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Any]
FORMULAS = ("mlplab.data.synthetic.", "mlplab.data.function.")


def overfitting(s: Settings) -> str:
    dropout, decay = s.get("model.dropout"), s.get("optimizer.weight_decay")
    is_adam = s.get("choice.optimizer") == "adam"
    has_early_stopping = any(key.startswith("callback.early_stopping") for key in s)
    return _try(
        f"model.dropout={min(0.8, dropout + 0.3):g}" if dropout is not None else None,
        f"optimizer.weight_decay={max(1e-2, 10 * decay):g}" if decay is not None and not is_adam else None,
        "optimizer=adamw optimizer.weight_decay=0.1" if is_adam else None,
        "data.num_train larger" if s.get("data.num_train") is not None else None,
        "callback=early_stopping" if not has_early_stopping else None,
    )


def bigger(s: Settings) -> str:
    hidden, width, dropout = (s.get(f"model.{key}") for key in ("hidden_features", "width", "dropout"))
    decay = s.get("optimizer.weight_decay", 0)
    size = None
    if s.get("choice.model") == "linear":
        size = "model=mlp"
    elif hidden:
        size = f"model.hidden_features={[max(32, 4 * width) for width in hidden]}".replace(" ", "")
    elif width:
        size = f"model.width={4 * width}"
    return _try(
        size,
        _relu(s) if s.get("choice.model") != "linear" else None,
        f"model.dropout={dropout / 3:.1g}" if dropout else None,
        f"optimizer.weight_decay={decay / 10:g}" if decay > 0.01 else None,
        "more informative features",
    )


def too_high(s: Settings) -> str:
    return _try(
        "model.standardise=true" if s.get("model.standardise") is False else None,
        _rate(s, 0.1),
        "trainer.gradient_clip_val=1" if s.get("trainer.gradient_clip_val") is None else None,
        "scheduler=cosine" if s.get("choice.scheduler") == "none" else None,
    )


def too_low(s: Settings) -> str:
    return _try(_rate(s, 10), _rate(s, 100), "optimizer=adam" if s.get("choice.optimizer") == "sgd" else None)


def dead(s: Settings, at_start: bool) -> str:
    """at_start: the units were dead before the first update."""
    other_start = s.get("model.initialisation") not in (None, "he_normal")
    return _try(
        None if at_start else _rate(s, 0.1),
        "activation=leaky_relu",
        "model.initialisation=he_normal" if other_start else None,
    )


def vanishing(s: Settings) -> str:
    return _try(
        "model.initialisation=he_normal" if s.get("model.initialisation") in ("zeros", "naive") else None,
        _relu(s),
        "model.normalisation=batch" if s.get("model.normalisation") == "none" else None,
        "fewer layers" if s.get("choice.model") == "residual_mlp" else "model=residual_mlp",
    )


def leak(s: Settings) -> str:
    level, split = s.get("data.leak_check"), s.get("data.split")
    by_group, official = "data.group" in s and split != "group", "data.copy_distance" in s and split == "random"
    return _try(
        "data.leak_check=full" if level not in (None, "full") else None,
        "data.ignore=[COLUMN] for a column that is not known before the target" if "data.ignore" in s else None,
        "data.split=group data.group=COLUMN where rows belong together" if by_group else None,
        "data.split=official, which keeps copies of a photo in one split" if official else None,
        "an evaluation on new data (scripts/evaluate.py)",
    )


def unlike(s: Settings) -> str:
    return _try("another data.split_seed", "data.split=random" if s.get("data.split") != "random" else None)


def uneven(s: Settings) -> str:
    weights = [f"loss.{key}=balanced" for key in ("weight", "pos_weight") if s.get(f"loss.{key}", 0) is None]
    monitor = "monitor=f1/val" if s.get("monitor") != "f1/val" else None
    return _try(*weights, monitor, "scripts/evaluate.py for the scores of each class")


def no_better(s: Settings, learned: bool) -> str:
    """learned: the training loss is far below that of the baseline."""
    if learned:
        rows = "data.num_train larger" if s.get("data.num_train") is not None else "more rows"
        return f"The network has memorised the training rows. {_try('other features', rows)}"
    nonlinear = None
    if s.get("choice.model") == "linear":
        nonlinear = "model=mlp"
    elif s.get("choice.activation") == "linear":
        nonlinear = "activation=relu in place of linear"
    return _try(nonlinear, _rate(s, 10), "informative features")


def longer(s: Settings, epochs: int) -> str:
    fixed_length = s.get("choice.scheduler") in ("cosine", "one_cycle", "warmup_cosine")
    how = "" if fixed_length else " (scripts/resume.py resumes this run)"
    return _try(f"trainer.max_epochs={max(2 * epochs, epochs + 5)}{how}", _rate(s, 3))


def made_by_formula(s: Settings) -> bool:
    """Returns whether a formula computes the data, so that a perfect score is possible."""
    return str(s.get("data._target_", "")).startswith(FORMULAS)


def _relu(s: Settings) -> str | None:
    return "activation=relu" if s.get("choice.activation") not in (None, "relu") else None


def _rate(s: Settings, factor: float) -> str | None:
    lr = s.get("optimizer.lr")
    return f"optimizer.lr={lr * factor:.2g}" if lr is not None else None


def _try(*suggestions: str | None) -> str:
    """Joins the suggestions that are not None."""
    ways = [way for way in suggestions if way]
    if len(ways) < 2:
        return f"Try {''.join(ways)}"
    return f"Try {', '.join(ways[:-1])}{',' if len(ways) > 2 else ''} or {ways[-1]}"
