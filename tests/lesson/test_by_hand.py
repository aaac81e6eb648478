"""Tests NumPy gradients and curves against PyTorch, and the lesson in full."""

from pathlib import Path

import numpy as np
import pytest

from mlplab.lesson.base import LessonRunner
from mlplab.lesson.by_hand import autograd_gradients, curves_by_hand, largest_difference
from mlplab.lesson.numpy_mlp import ACTIVATIONS, LOSSES, NumpyMLP
from mlplab.run.resume import resume
from mlplab.run.train import train
from tests.conftest import passes_with_the_claims_of_the_page


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_numpy_gradients_equal_those_of_autograd(activation: str, loss: str) -> None:
    assert max(largest_difference(activation, loss, seed) for seed in range(3)) <= 1e-6


def test_autograd_gradients_equal_the_worked_example() -> None:
    weights = [np.array([[-0.1, 0.2, -0.9], [0.3, 0.1, -0.4]]), np.array([[0.2], [0.3], [0.4]])]
    net = NumpyMLP(weights, [np.array([-1.1, 0.1, 0.3]), np.array([0.1])], "relu", "mse")
    (first, _), (last, bias) = autograd_gradients(net, np.array([[1.0, 2.0]]), np.array([[1.0]]), "relu", "mse")
    np.testing.assert_allclose(first, [[0, -0.45, 0], [0, -0.9, 0]])
    np.testing.assert_allclose(last, [[0], [-0.75], [0]])
    np.testing.assert_allclose(bias, [-1.5])


OVERRIDES = ("data=digits", "data.num_train=300", "model.hidden_features=[12]", "optimizer=sgd", "optimizer.lr=0.2")


def test_the_numpy_loss_curve_equals_that_of_the_run(tmp_path: Path) -> None:
    run = LessonRunner(tmp_path, train, resume).run(
        "digits", *OVERRIDES, "activation=silu", "trainer.precision=64-true", "trainer.max_epochs=2", "seed=3"
    )
    numpy_curves = curves_by_hand(run, "silu")
    for split in ("train", "val"):
        assert len(numpy_curves[split]) == 3
        np.testing.assert_allclose(numpy_curves[split], run.column(f"loss/{split}"), rtol=0, atol=1e-12)
    assert numpy_curves["train"][-1] < numpy_curves["train"][0] - 0.3


@pytest.mark.slow
def test_the_claims_of_the_lesson_hold(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("by_hand", tmp_path)
