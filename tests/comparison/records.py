"""Writes run folders with given scores, for tests of comparisons."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

import mlplab
from mlplab.comparison.comparison import Comparison, group_runs
from mlplab.config.groups import FORMAT
from mlplab.run.record import RunRecord, read_record

Losses = Mapping[str, Sequence[float | None]]


@lru_cache
def _config(data: str, overrides: str) -> str:
    config: Any = OmegaConf.to_container(mlplab.configure(f"data={data}", *overrides.split()))
    for key in ("seed", "ensemble"):
        config.pop(key)
    return yaml.safe_dump({"format": FORMAT, **config})


def sweep(folder: Path, jobs: Losses, data: str = "iris", folds: int = 0, **facts: float) -> list[RunRecord]:
    """jobs: by overrides, `loss/val` per seed, None for a run that failed; accuracy is 1 - loss.

    folds: the losses are per fold, and after the last fold of the next seed.
    """
    number, found = 0, []
    for overrides, losses in jobs.items():
        for seed, loss in enumerate(losses):
            job = folder / f"{number}_{overrides.replace(' ', ',')}"
            job.mkdir(parents=True)
            text = _config(data, f"{overrides} data.folds={folds}" if folds else overrides)
            if folds:
                text, seed = text.replace("  fold: 0\n", f"  fold: {seed % folds}\n"), seed // folds  # noqa: PLW2901
            (job / "config.yaml").write_text(f"{text}seed: {seed}\n")
            if loss is None:
                (job / "failure.txt").write_text("the loss became nan\n")
            else:
                headline = "r2" if data == "diabetes" else "accuracy"
                scores = {"loss/train": loss / 2, "loss/val": loss, f"{headline}/val": 1 - loss}
                tested = {"loss/test": loss + 10, f"{headline}/test": 0.125}
                known = {
                    "epochs": 50,
                    "best_epoch": 7,
                    "seconds": 2.0,
                    "parameters": 10 * (number + 1),
                    "verdict": "fits",
                }
                (job / "scores.json").write_text(json.dumps({**known, **scores, **tested, **facts}))
                epochs = [f"{epoch},{loss + 1 / (epoch + 1)},{1 - loss}" for epoch in range(4)]
                (job / "history.csv").write_text("\n".join([f"epoch,loss/val,{headline}/val", *epochs, ""]))
            found.append(read_record(job))
            number += 1
    return [run for run in found if run is not None]


def compared(folder: Path, jobs: Losses, data: str = "iris") -> Comparison:
    (comparison,) = group_runs(sweep(folder, jobs, data))
    return comparison


def united(members: Sequence[RunRecord], **scores: float) -> RunRecord:
    """Writes an ensemble of such runs. scores: `loss_val` for loss/val."""
    first = members[0].folder
    folder = first.with_name(f"ensemble_{first.name.partition('_')[2]}")
    folder.mkdir()
    (folder / "config.yaml").write_text(f"{(first / 'config.yaml').read_text()}ensemble: {len(members)}\n")
    named = {name.replace("_", "/"): value for name, value in scores.items()}
    report = {"ensemble": len(members), "members": [run.folder.name for run in members], **named}
    (folder / "scores.json").write_text(json.dumps(report))
    found = read_record(folder)
    assert found is not None
    return found
