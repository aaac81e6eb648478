"""The results of the experiments, as numbers."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlplab.errors import RunError

Train = Callable[..., tuple[Path, dict[str, Any]]]


def curve(folder: Path, name: str) -> list[float]:
    with open(folder / "history.csv") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_overfit_overfits_and_overfit_cured_does_not(train: Train, seed: int) -> None:
    ill, _ = train("experiment=overfit", f"seed={seed}")
    cured, _ = train("experiment=overfit_cured", f"seed={seed}")
    val, train_loss = curve(ill, "loss/val"), curve(ill, "loss/train")
    assert val[-1] >= 1.5 * min(val)
    assert train_loss[-1] <= 0.1 * val[-1]
    cured_val = curve(cured, "loss/val")
    assert cured_val[-1] <= 1.1 * min(cured_val)
    assert cured_val[-1] < val[-1]


def test_overfit_and_cure_differ_in_the_remedies_only() -> None:
    import mlplab
    from mlplab.config.tree import flatten

    ill, cured = (dict(flatten(mlplab.configure(f"experiment={name}"))) for name in ("overfit", "overfit_cured"))
    differ = {key for key in {**ill, **cured} if ill.get(key) != cured.get(key)}
    remedies = {"model.dropout", "optimizer.weight_decay", "optimizer._target_", "choice.optimizer", "choice.scheduler"}
    assert {key for key in differ if not key.startswith(("scheduler", "run_dir", "sweep"))} == {
        *remedies,
        "choice.experiment",
    }


@pytest.mark.parametrize(
    ("lr", "m", "b", "mse"),
    [(0.1, -0.7, 5.1, 1.825), (0.5, 0.5, 5.5, 5.625), (0.005, -0.985, 5.005, 2.4508125)],
)
def test_the_line_takes_its_first_step_as_by_hand(train: Train, lr: float, m: float, b: float, mse: float) -> None:
    """Gradient (-3, -1) at (-1, 5): m = -1 + 3 lr, b = 5 + lr."""
    import torch

    folder, _ = train("experiment=line", f"optimizer.lr={lr}", "trainer.max_epochs=1")
    losses = curve(folder, "loss/train")
    assert losses == pytest.approx([2.5, mse], rel=1e-12)
    weights = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert weights["network.body.weight"].item() == pytest.approx(m, rel=1e-12)
    assert weights["network.body.bias"].item() == pytest.approx(b, rel=1e-12)


def first_below(losses: list[float], bound: float) -> int | None:
    return next((step for step, loss in enumerate(losses) if loss < bound), None)


def test_the_line_needs_491_updates(train: Train) -> None:
    folder, scores = train("experiment=line")
    assert first_below(curve(folder, "loss/train"), 1e-6) == 491
    assert scores["epochs"] == 491


@pytest.mark.parametrize(("lr", "diverges"), [(0.2915, False), (0.2921, True)])
def test_the_line_diverges_above_0_2918(train: Train, lr: float, diverges: bool) -> None:
    """2 / 6.85410, the larger eigenvalue of the Hessian."""
    folder, _ = train("experiment=line", f"optimizer.lr={lr}", "trainer.max_epochs=300")
    losses = curve(folder, "loss/train")
    assert (losses[-1] > losses[-100] > losses[-200]) == diverges


def test_the_line_at_0_5_ends_when_its_loss_is_not_finite(train: Train) -> None:
    with pytest.raises(RunError, match=r"try a smaller optimizer\.lr"):
        train("experiment=line", "optimizer.lr=0.5", "trainer.max_epochs=2000")
