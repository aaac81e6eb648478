"""All scores of a run with averaged weights are of the averaged weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import mlplab
from mlplab.run.build import build_learner, build_splits

Train = Callable[..., tuple[Path, dict[str, Any]]]


def test_train_val_and_test_scores_are_of_the_weights_in_best_ckpt(train: Train) -> None:
    overrides = ("data=iris", "callback=weight_averaging", "trainer.max_epochs=5", "optimizer.lr=0.01")
    folder, scores = train(*overrides)
    config = mlplab.configure(*overrides)
    splits = build_splits(config)
    learner = build_learner(config, splits).eval()
    learner.load_state_dict(torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["state_dict"])
    for name, part in (("train", splits.measured), ("val", splits.val), ("test", splits.test)):
        with torch.no_grad():
            measured = learner.measure(learner.network(part.features), part.target)
        assert scores[f"loss/{name}"] == pytest.approx(measured["loss"], rel=1e-5)
