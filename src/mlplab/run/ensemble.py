"""Joins finished runs that differ in their seeds alone into one run that predicts the mean of their predictions."""

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning import Trainer
from torch import Tensor

from mlplab import files
from mlplab.config.groups import FORMAT
from mlplab.config.messages import describe_error
from mlplab.config.tree import flatten, format_value, portable_config
from mlplab.data.splits import Splits
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.run.build import build_evaluator, build_splits, build_untrained_learner
from mlplab.run.config_file import read_config, write_config
from mlplab.run.evaluate import EvaluationData, evaluate_learner
from mlplab.run.load import Checkpoint, load_weights, read_checkpoint
from mlplab.run.metadata import library_versions

DatasetCache = dict[str, Splits]  # by the settings that they were read with
MAY_DIFFER = {"seed", "run_dir", "sweep", "report", "allow", "debug"}  # between members


def build_ensembles(groups: Mapping[Path, Sequence[Path]]) -> dict[Path, str]:
    """Builds an ensemble a group. groups: the run folders of the members, by the folder of their ensemble.

    Returns, for each ensemble that could not be built, the reason in one line.
    """
    datasets: DatasetCache = {}
    reasons = {}
    for folder, members in groups.items():
        try:
            build_ensemble(folder, members, datasets)
        except Exception as error:  # the other ensembles are built
            reasons[folder] = describe_error(error)
    return reasons


def build_ensemble(folder: Path, members: Sequence[Path], datasets: DatasetCache | None = None) -> dict[str, Any]:
    """Writes the ensemble of the best weights of each member; replaces the files of an older one.

    datasets: data that were read before; one is kept. Returns the contents of scores.json, which is the last file.
    Raises UserError where members differ in more than their seeds, or their data have changed.
    """
    paths = [run / "checkpoints" / "best.ckpt" for run in members]
    checkpoints = [read_checkpoint(path) for path in paths]
    _check_members(checkpoints, paths)
    config = read_config(members[0])
    config.ensemble, config.run_dir = len(members), str(folder)
    known = {**checkpoints[0]["hyper_parameters"], "format": FORMAT, "config": portable_config(config)}
    weights = _join_weights(checkpoints, paths)
    with torch.random.fork_rng(devices=[]):
        learner = build_untrained_learner(config, known)
    load_weights(learner, weights, folder)

    datasets = {} if datasets is None else datasets
    read_with = repr((config.data, config.trainer.precision))
    if read_with not in datasets:
        datasets.clear()
        datasets[read_with] = build_splits(config)
    splits = datasets[read_with]
    if splits.digest() != known["data_digest"]:
        raise UserError("the data have changed since its members were trained on them")
    scores = _evaluate(build_evaluator(config), learner, splits, members)

    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "scores.json").unlink(missing_ok=True)
    write_config(known["config"])
    _write_checkpoint(folder / "checkpoints" / "best.ckpt", weights, known)
    files.write(folder / "scores.json", json.dumps(scores, indent=2) + "\n")
    return scores


def _check_members(checkpoints: Sequence[Checkpoint], paths: Sequence[Path]) -> None:
    """Raises UserError where a member was trained with another configuration, or on other rows, than the first."""
    metadata = [checkpoint["hyper_parameters"] for checkpoint in checkpoints]
    first, *others = [dict(flatten(known["config"])) for known in metadata]
    for path, other, known in zip(paths[1:], others, metadata[1:], strict=True):
        for key in dict.fromkeys([*first, *other]):
            if key.partition(".")[0] not in MAY_DIFFER and first.get(key) != other.get(key):
                raise UserError(
                    f"{path}: {key}={format_value(other.get(key))}, but {format_value(first.get(key))} in {paths[0]}"
                )
        if known["data_digest"] != metadata[0]["data_digest"]:
            raise UserError(f"{path}: was trained on other rows than {paths[0]}")


def _join_weights(checkpoints: Sequence[Checkpoint], paths: Sequence[Path]) -> dict[str, Tensor]:
    """Returns the networks of all members, and what their learners share: scaling of the target, weights of the
    classes."""
    network = "network."
    joined: dict[str, Tensor] = {}
    for index, (checkpoint, path) in enumerate(zip(checkpoints, paths, strict=True)):
        for name, value in checkpoint["state_dict"].items():
            if name.startswith(network):
                joined[f"{network}networks.{index}.{name.removeprefix(network)}"] = value
            elif not torch.equal(value, joined.get(name, value)):
                raise UserError(f"{path}: has another {name} than {paths[0]}, so their outputs have no common mean")
            else:
                joined[name] = value
    return joined


def _evaluate(trainer: Trainer, learner: Learner, splits: Splits, members: Sequence[Path]) -> dict[str, Any]:
    """Scores as `evaluate` measures them. The baseline is that of the members, on the same rows."""
    parts = {"train": splits.measured, "val": splits.val, "test": splits.test}
    measured = {
        split: evaluate_learner(trainer, learner, EvaluationData(part, split, split)) for split, part in parts.items()
    }
    constant = learner.baseline(splits.train.target).expand(len(splits.test), -1)
    baseline = learner.measure(constant, splits.test.target)
    return {
        "ensemble": len(members),
        "members": [run.name for run in members],
        **{f"{name}/{split}": value for split, part in measured.items() for name, value in part.scores.items()},
        **{f"baseline/{name}": value for name, value in baseline.items()},
        "parameters": sum(parameter.numel() for parameter in learner.parameters()),
        "train_rows": len(splits.train),
        "train_rows_measured": len(splits.measured),
        "val_rows": len(splits.val),
        "device": measured["val"].device,
        **library_versions(),
    }


def _write_checkpoint(path: Path, weights: dict[str, Tensor], known: dict[str, Any]) -> None:
    data = BytesIO()
    checkpoint = {
        "pytorch-lightning_version": lightning.__version__,
        "state_dict": weights,
        "hyper_parameters": known,
    }
    torch.save(checkpoint, data)
    files.write(path, data.getvalue())
