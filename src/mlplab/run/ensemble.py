"""Finished runs that differ in their seeds alone become one run more, which predicts the mean of their predictions."""

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import lightning
import torch
from omegaconf import DictConfig
from torch import Tensor

from mlplab import files
from mlplab.config.groups import FORMAT
from mlplab.config.messages import describe_error
from mlplab.config.tree import flatten, format_value, portable_config
from mlplab.data.splits import Splits
from mlplab.errors import UserError
from mlplab.learner.learner import Learner
from mlplab.run.build import build_splits, build_untrained_learner
from mlplab.run.config_file import read_config, write_config
from mlplab.run.evaluate import EvaluationData, evaluate_learner
from mlplab.run.load import Checkpoint, load_weights, read_checkpoint
from mlplab.run.metadata import library_versions

Known = dict[str, Splits]  # by what they were made of
OWN = {"seed", "run_dir", "sweep", "report", "allow", "debug"}  # of a member


def build_ensembles(groups: Mapping[Path, Sequence[Path]]) -> dict[Path, str]:
    """groups: the run folders of the members, by the folder of their ensemble. Returns why those were not made that
    could not be, in one line each."""
    known: Known = {}
    reasons = {}
    for folder, members in groups.items():
        try:
            build_ensemble(folder, members, known)
        except Exception as error:
            reasons[folder] = describe_error(error)
    return reasons


def build_ensemble(folder: Path, members: Sequence[Path], known: Known | None = None) -> dict[str, Any]:
    """Write the ensemble of the best weights of each member; the files of one that is there are replaced. known: data
    that were read before. Returns what scores.json holds, which is the last file.

    Raises Mistake where members are no ensemble, or their data have changed.
    """
    paths = [run / "checkpoints" / "best.ckpt" for run in members]
    checkpoints = [read_checkpoint(path) for path in paths]
    _alike(checkpoints, paths)
    config = read_config(members[0])
    config.ensemble, config.run_dir = len(members), str(folder)
    card = {**checkpoints[0]["hyper_parameters"], "format": FORMAT, "config": portable_config(config)}
    weights = _joined(checkpoints, paths)
    held = {
        "pytorch-lightning_version": lightning.__version__,
        "state_dict": weights,
        "hyper_parameters": card,
    }
    with torch.random.fork_rng(devices=[]):
        learner = build_untrained_learner(config, card)
    load_weights(learner, weights, folder)
    scores = _scores(config, learner, _splits(config, card["data_digest"], {} if known is None else known), members)
    _write(folder, config, held, scores)
    return scores


def _alike(checkpoints: Sequence[Checkpoint], paths: Sequence[Path]) -> None:
    """Raises Mistake where a member was trained by other settings, or on other rows, than the first."""
    cards = [one["hyper_parameters"] for one in checkpoints]
    first, *others = [dict(flatten(one["config"])) for one in cards]
    for path, own, one in zip(paths[1:], others, cards[1:], strict=True):
        for key in dict.fromkeys([*first, *own]):
            if key.partition(".")[0] not in OWN and first.get(key) != own.get(key):
                raise UserError(
                    f"{path}: {key}={format_value(own.get(key))}, but {format_value(first.get(key))} in {paths[0]}"
                )
        if one["data_digest"] != cards[0]["data_digest"]:
            raise UserError(f"{path}: was trained on other rows than {paths[0]}")


def _joined(checkpoints: Sequence[Checkpoint], paths: Sequence[Path]) -> dict[str, Tensor]:
    """The networks of all, and what the learners share: scaling of the target, weights of the classes."""
    network = "network."
    joined: dict[str, Tensor] = {}
    for place, (one, path) in enumerate(zip(checkpoints, paths, strict=True)):
        for name, value in one["state_dict"].items():
            if name.startswith(network):
                joined[f"{network}networks.{place}.{name.removeprefix(network)}"] = value
            elif not torch.equal(value, joined.get(name, value)):
                raise UserError(f"{path}: has another {name} than {paths[0]}, so their outputs have no common mean")
            else:
                joined[name] = value
    return joined


def _splits(config: DictConfig, digest: str, known: Known) -> Splits:
    """One set of data is held at a time."""
    made_of = repr((config.data, config.trainer.precision))
    if made_of not in known:
        known.clear()
        known[made_of] = build_splits(config)
    if known[made_of].digest() != digest:
        raise UserError("the data have changed since its members were trained on them")
    return known[made_of]


def _scores(config: DictConfig, learner: Learner, splits: Splits, members: Sequence[Path]) -> dict[str, Any]:
    """Measured as `evaluate` does. The baseline is that of the members, of the same rows."""
    parts = {"train": splits.measured, "val": splits.val, "test": splits.test}
    measured = {
        split: evaluate_learner(config, learner, EvaluationData(part, split, split)) for split, part in parts.items()
    }
    constant = learner.baseline(splits.train.target).expand(len(splits.test), -1)
    baseline = learner.measure(constant, splits.test.target)
    return {
        "ensemble": len(members),
        "members": [run.name for run in members],
        **{f"{name}/{split}": value for split, one in measured.items() for name, value in one.scores.items()},
        **{f"baseline/{name}": value for name, value in baseline.items()},
        "parameters": sum(parameter.numel() for parameter in learner.parameters()),
        "train_rows": len(splits.train),
        "train_rows_measured": len(splits.measured),
        "val_rows": len(splits.val),
        "device": measured["val"].device,
        **library_versions(),
    }


def _write(folder: Path, config: DictConfig, checkpoint: Checkpoint, scores: Mapping[str, Any]) -> None:
    data = BytesIO()
    torch.save(checkpoint, data)
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "scores.json").unlink(missing_ok=True)
    write_config(config)
    files.write(folder / "checkpoints" / "best.ckpt", data.getvalue())
    files.write(folder / "scores.json", json.dumps(scores, indent=2) + "\n")
