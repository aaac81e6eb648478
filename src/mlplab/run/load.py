"""Loads checkpoints and rebuilds learners from them. A checkpoint is read as data: no code in it is run."""

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
from mlplab.run.metadata import Metadata, first_wrong_key

Checkpoint = dict[str, Any]
GROUPS = ("model", "learner", "loss", "activation", "data")
ELSEWHERE = ("data.root", "data.path")  # files may lie at another place than in training


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a checkpoint in today's format: state_dict, and as hyper_parameters its metadata, on the CPU.

    Raises UserError for a file that is missing, cut short, of another program or of a newer version, UnsafeCheckpoint
    for one that asks for code to be run.
    """
    path = Path(path)
    try:
        stream = BytesIO(path.read_bytes())
    except OSError as error:
        raise UserError(_unreadable(path, error)) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of files that it then refuses
            checkpoint = torch.load(stream, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises whatever the bytes of a broken file lead it to
        raise _refusal(path, error) from error
    known = checkpoint.get("hyper_parameters") if isinstance(checkpoint, dict) else None
    if not isinstance(known, dict) or not isinstance(known.get("config"), dict) or "state_dict" not in checkpoint:
        raise UserError(f"{path}: is no checkpoint of mlplab")
    check_format(known.get("format"), str(path))
    if wrong := first_wrong_key(known):
        raise UserError(f"{path}: what it says of its training data is damaged ({wrong})")
    if not isinstance(checkpoint["state_dict"], dict):
        raise UserError(f"{path}: is damaged: its state_dict holds no weights by name")
    return _upgraded(checkpoint, str(path))


def _upgraded(checkpoint: Checkpoint, where: str) -> Checkpoint:
    """Returns the checkpoint with its configuration in today's format."""
    known = checkpoint["hyper_parameters"]
    if (version := known["format"]) == FORMAT:
        return checkpoint
    config = upgrade_config(known["config"], version, where)
    return {**checkpoint, "hyper_parameters": {**known, "config": config, "format": FORMAT}}


def checkpoint_config(checkpoint: Checkpoint, path: str | Path, allow: Sequence[str] | None = None) -> DictConfig:
    """Returns the configuration that a checkpoint was trained with, validated. allow: as for `read_config`."""
    known = checkpoint["hyper_parameters"]
    return validate_stored(known["config"], known["format"], str(path), allow)


def load_learner(checkpoint: Checkpoint, path: str | Path, config: DictConfig) -> Learner:
    """Returns the learner of a checkpoint, in evaluation mode. config: of its run folder, or the checkpoint's own.

    Raises UserError where the two have different models.
    """
    check_same_config(config, checkpoint, path, matters=_of_the_model)
    with torch.random.fork_rng(devices=[]):  # the initial weights are drawn, then replaced
        learner = build_untrained_learner(config, checkpoint["hyper_parameters"])
    load_weights(learner, checkpoint["state_dict"], path)
    return learner.eval()


def load_run(run: Path, config: DictConfig, name: str = "best") -> tuple[Learner, Metadata]:
    """Returns learner and metadata of a run folder's best or last checkpoint. Raises as `load_learner` does."""
    path = run / "checkpoints" / f"{name}.ckpt"
    checkpoint = read_checkpoint(path)
    return load_learner(checkpoint, path, config), checkpoint["hyper_parameters"]


def load_weights(learner: Learner, weights: dict[str, Any], path: str | Path) -> None:
    """Raises UserError, in one line where torch has one per layer, for weights of another network and for NaN."""
    expected = learner.state_dict()
    for name in dict.fromkeys([*expected, *weights]):
        needed, found = _form(expected, name), _form(weights, name)
        if needed != found:
            wanted, given = next(pair for pair in zip(needed, found, strict=False) if pair[0] != pair[1])
            raise UserError(f"{path}: holds another model than its configuration: {name} is {given}, not {wanted}")
        if not torch.isfinite(weights[name]).all():
            raise UserError(f"{path}: holds weights that are no numbers: {name}")
    learner.load_state_dict(weights)


def check_same_config(
    config: DictConfig, checkpoint: Checkpoint, path: str | Path, matters: Callable[[str], bool]
) -> None:
    """Raises UserError for the first key that matters and differs from the configuration of the checkpoint."""
    stored, trained = dict(flatten(config)), dict(flatten(checkpoint_config(checkpoint, path)))
    for key in filter(matters, dict.fromkeys([*stored, *trained])):
        if stored.get(key) != trained.get(key):
            difference = (
                f"{key}={format_value(stored.get(key))} there, {format_value(trained.get(key))} in the checkpoint"
            )
            raise UserError(f"{path}: another run's checkpoint, or config.yaml was edited: {difference}")


def _of_the_model(key: str) -> bool:
    """Returns whether the weights, or the scores measured on them, depend on a key."""
    return key not in ELSEWHERE and (key.partition(".")[0] in GROUPS or key in ("trainer.precision", "ensemble"))


def _form(weights: dict[str, Any], name: str) -> tuple[str, ...]:
    """Returns shape, dtype, layout and device of a tensor, or what is there in its place."""
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
        reason = f"it asks for {code[1]}, and weights need no code"
        return UnsafeCheckpoint(f"{path}: refused, nothing of it was run: {reason}")
    return UserError(f"{path}: is no checkpoint, or is cut short or damaged")
