"""A file of weights becomes a learner again. It is data: nothing in it is run."""

import re
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from omegaconf import DictConfig

from mlplab.config.groups import FORMAT
from mlplab.config.tree import flatten, format_value
from mlplab.errors import UnsafeCheckpoint, UserError
from mlplab.learner.learner import Learner
from mlplab.run.build import build_untrained_learner
from mlplab.run.config_file import check_format, upgrade_config, validate_stored
from mlplab.run.metadata import first_wrong_key

Checkpoint = dict[str, Any]
GROUPS = ("model", "learner", "loss", "activation", "data")
ELSEWHERE = ("data.root", "data.path")  # files may lie at another place than in training


def read_checkpoint(path: str | Path) -> Checkpoint:
    """state_dict, and hyper_parameters: the card. On the CPU, whatever device it was trained on.

    Raises Mistake for what is missing, cut short, of another program, of a newer version, or asks for code to be run.
    """
    path = Path(path)
    try:
        stream = BytesIO(path.read_bytes())
    except OSError as error:
        raise UserError(_unreadable(path, error)) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders aloud about files that it then refuses
            held = torch.load(stream, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises whatever the bytes of a broken file lead it to
        raise _refusal(path, error) from error
    known = held.get("hyper_parameters") if isinstance(held, dict) else None
    if not isinstance(known, dict) or not isinstance(known.get("config"), dict) or "state_dict" not in held:
        raise UserError(f"{path}: is no checkpoint of mlplab")
    check_format(known.get("format"), str(path))
    if wrong := first_wrong_key(known):
        raise UserError(f"{path}: what it says of its training data is damaged ({wrong})")
    if not isinstance(held["state_dict"], dict):
        raise UserError(f"{path}: is damaged: its state_dict holds no weights by name")
    return _upgraded(held, str(path))


def _upgraded(held: Checkpoint, where: str) -> Checkpoint:
    """Return the checkpoint with its configuration in today's format."""
    known = held["hyper_parameters"]
    if (version := known["format"]) == FORMAT:
        return held
    config = upgrade_config(known["config"], version, where)
    return {**held, "hyper_parameters": {**known, "config": config, "format": FORMAT}}


def checkpoint_config(checkpoint: Checkpoint, path: str | Path, allow: Sequence[str] | None = None) -> DictConfig:
    """The configuration that a checkpoint was trained with, checked. allow: as for `runs.stored`."""
    known = checkpoint["hyper_parameters"]
    return validate_stored(known["config"], known["format"], str(path), allow)


def load_learner(checkpoint: Checkpoint, path: str | Path, config: DictConfig) -> Learner:
    """The learner of a checkpoint, in evaluation mode. config: of its run folder, or the checkpoint's own.

    Raises Mistake where the two are of different models.
    """
    check_same_config(config, checkpoint, path, matters=_of_the_model)
    with torch.random.fork_rng(devices=[]):  # the first weights are drawn, and replaced
        learner = build_untrained_learner(config, checkpoint["hyper_parameters"])
    load_weights(learner, checkpoint["state_dict"], path)
    return learner.eval()


def load_weights(learner: Learner, weights: dict[str, Any], path: str | Path) -> None:
    """Raises Mistake for weights of another network, in one line where torch gives one a layer, and for NaN."""
    expected = learner.state_dict()
    for name in dict.fromkeys([*expected, *weights]):
        needed, found = _form(expected, name), _form(weights, name)
        if needed != found:
            differ = [(one, other) for one, other in zip(needed, found, strict=False) if one != other]
            told = f"{name} is {differ[0][1]}, not {differ[0][0]}"
            raise UserError(f"{path}: holds another model than its configuration: {told}")
        if not torch.isfinite(weights[name]).all():
            raise UserError(f"{path}: holds weights that are no numbers: {name}")
    learner.load_state_dict(weights)


def check_same_config(
    config: DictConfig, checkpoint: Checkpoint, path: str | Path, matters: Callable[[str], bool]
) -> None:
    """Raises Mistake for the first key, of those that matter, which is not as the checkpoint was trained with."""
    stored, trained = dict(flatten(config)), dict(flatten(checkpoint_config(checkpoint, path)))
    for key in filter(matters, dict.fromkeys([*stored, *trained])):
        if stored.get(key) != trained.get(key):
            said = f"{key}={format_value(stored.get(key))} there, {format_value(trained.get(key))} in the checkpoint"
            raise UserError(f"{path}: another run's checkpoint, or config.yaml was edited: {said}")


def _of_the_model(key: str) -> bool:
    """What weights, and the scores that are told of them, follow from."""
    return key not in ELSEWHERE and (key.partition(".")[0] in GROUPS or key in ("trainer.precision", "ensemble"))


def _form(weights: dict[str, Any], name: str) -> tuple[str, ...]:
    """Shape, kind of number and of storage; or what stands in their place."""
    if name not in weights:
        return ("missing",)
    tensor = weights[name]
    if not isinstance(tensor, torch.Tensor):
        return ("no tensor",)
    shape = " x ".join(map(str, tensor.shape)) or "one number"
    return shape, *(str(kind).removeprefix("torch.") for kind in (tensor.dtype, tensor.layout, tensor.device))


def _unreadable(path: Path, error: OSError) -> str:
    if not isinstance(error, FileNotFoundError):
        return f"{path}: cannot be read ({error.strerror})"
    if path.parent.name == "checkpoints" and path.parent.parent.is_dir():
        return f"run {path.parent.parent} has no checkpoint {path.name}: it ended before its first epoch did"
    return f"{path}: no such file"


def _refusal(path: Path, error: Exception) -> UserError:
    text = " ".join(str(error).split())
    if isinstance(error, UnpicklingError) and (code := re.search(r"GLOBAL ([\w.]+)", text)):
        asks = f"it asks for {code[1]}, and weights need no code"
        return UnsafeCheckpoint(f"{path}: refused, nothing of it was run: {asks}")
    return UserError(f"{path}: is no checkpoint, or is cut short or damaged")
