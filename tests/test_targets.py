"""Scores of the defaults on real data: means over splits or seeds."""

from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from sklearn.metrics import r2_score

import mlplab

Train = Callable[..., tuple[Path, dict[str, Any]]]


def test_the_default_run_reaches_96_percent_on_digits(train: Train) -> None:
    _, scores = train()
    assert scores["accuracy/test"] >= 0.96


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "score", "least"),
    [
        ("iris", "accuracy/test", 0.93),
        ("wine", "accuracy/test", 0.93),
        ("breast_cancer", "accuracy/test", 0.93),
        ("diabetes", "r2/test", 0.38),
    ],
)
def test_small_tables_with_defaults_over_five_splits(train: Train, data: str, score: str, least: float) -> None:
    results = [train(f"data={data}", f"data.split_seed={seed}")[1][score] for seed in range(5)]
    assert mean(results) >= least, results


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "least"),
    [(("data=mnist", "trainer.max_epochs=5"), 0.970), (("experiment=mnist",), 0.978)],
    ids=["defaults", "experiment"],
)
def test_mnist_in_five_epochs(train: Train, mlplab_data: Path, overrides: tuple[str, ...], least: float) -> None:
    results = [train(*overrides, f"data.root={mlplab_data}", f"seed={seed}")[1]["accuracy/test"] for seed in range(3)]
    assert mean(results) >= least, results


@pytest.mark.slow
def test_r2_of_california_equals_that_of_scikit_learn(train: Train, mlplab_data: Path) -> None:
    import torch

    from mlplab.run.build import build_learner, build_splits

    overrides = ("data=california", f"data.root={mlplab_data}", "trainer.max_epochs=5", "batch_size=256")
    folder, scores = train(*overrides)
    config = mlplab.configure(*overrides)
    splits = build_splits(config)
    learner = build_learner(config, splits).eval()
    learner.load_state_dict(torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["state_dict"])
    with torch.no_grad():
        predictions = learner(splits.test.features).numpy()
    assert scores["r2/test"] == pytest.approx(r2_score(splits.test.target.numpy(), predictions), rel=1e-5)
    assert scores["r2/test"] > 0.6
    assert predictions.min() > -2
    assert predictions.max() < 20  # 100,000 dollars


@pytest.mark.slow
def test_the_pixels_of_mnist_are_bytes_in_memory(mlplab_data: Path) -> None:
    """55 MB for 70,000 images, where floats would take 220."""
    from mlplab.run.build import build_splits

    splits = build_splits(mlplab.configure("data=mnist", f"data.root={mlplab_data}"))
    stored = sum(part.features.untyped_storage().nbytes() for part in (splits.train, splits.val, splits.test))
    assert stored == 70_000 * 784
