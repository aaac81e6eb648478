"""Classification: worked examples, targets of each loss, baseline and metrics compared with scikit-learn."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lightning import Trainer
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import mlplab
from mlplab.learner.classifier import Classifier

pytestmark = pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
# the network is the identity, so rows are raw outputs; softmax of a logarithm of probabilities gives them back
PROBABILITIES = torch.tensor([[0.3, 0.6, 0.1], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5]])
TARGET = torch.tensor([1, 0, 2])


def make_learner(loss: str = "ce", num_classes: int = 3) -> Classifier:
    return Classifier(nn.Identity(), instantiate(mlplab.configure("data=iris", f"loss={loss}").loss), num_classes)


def test_softmax_of_minus_1_and_2() -> None:
    (probabilities,) = make_learner(num_classes=2)(torch.tensor([[-1.0, 2.0]])).tolist()
    assert probabilities == pytest.approx([0.0474, 0.9526], abs=5e-5)
    assert probabilities[1] == pytest.approx(1 / (1 + math.exp(-3)), rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("ce", -(math.log(0.6) + math.log(0.8) + math.log(0.5)) / 3),
        ("mse", (0.09 + 0.16 + 0.01 + 0.04 + 0.01 + 0.01 + 0.04 + 0.09 + 0.25) / 9),
        ("mae", (0.3 + 0.4 + 0.1 + 0.2 + 0.1 + 0.1 + 0.2 + 0.3 + 0.5) / 9),
    ],
)
def test_each_loss_gets_the_form_that_it_needs(loss: str, expected: float) -> None:
    learner = make_learner(loss)
    assert learner.measure(PROBABILITIES.log(), TARGET)["loss"] == pytest.approx(expected, rel=1e-5)
    assert learner.training_step((PROBABILITIES.log(), TARGET), 0).item() == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(learner(PROBABILITIES.log()), PROBABILITIES)


def test_the_worked_cross_entropy_is_0_47571() -> None:
    assert make_learner().measure(PROBABILITIES.log(), TARGET)["loss"] == pytest.approx(0.47571, abs=5e-6)


def test_a_confident_wrong_answer_costs_cross_entropy_without_bound_and_mse_two_thirds() -> None:
    wrong = torch.tensor([[1000.0, 0.0, 0.0]])
    assert make_learner("ce").measure(wrong, TARGET[:1])["loss"] == pytest.approx(1000.0)
    assert make_learner("mse").measure(wrong, TARGET[:1])["loss"] == pytest.approx(2 / 3)


def test_the_evaluated_loss_has_class_weights_and_no_label_smoothing() -> None:
    output, target = torch.tensor([[0.3, 0.7], [0.4, 0.6]]).log(), torch.tensor([0, 1])
    smooth = Classifier(nn.Identity(), nn.CrossEntropyLoss(label_smoothing=0.2), num_classes=2)
    hard = -(math.log(0.3) + math.log(0.6)) / 2
    # a fifth of the weight of each row is distributed over both classes
    spread = -(math.log(0.3) + math.log(0.7) + math.log(0.4) + math.log(0.6)) / 4
    assert smooth.training_step((output, target), 0).item() == pytest.approx(0.8 * hard + 0.2 * spread, rel=1e-5)
    assert smooth.measure(output, target)["loss"] == pytest.approx(hard, rel=1e-5)
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]), label_smoothing=0.2)
    weighted = Classifier(nn.Identity(), loss, num_classes=2)
    expected = -(math.log(0.3) + 3 * math.log(0.6)) / 4
    assert weighted.measure(output, target)["loss"] == pytest.approx(expected, rel=1e-5)
    assert loss.label_smoothing == 0.2


def macro(score: Any, target: np.ndarray, predicted: np.ndarray) -> float:
    return float(score(target, predicted, average="macro", zero_division=0))


@pytest.mark.parametrize("absent", [None, 4], ids=["every class", "one class in no row"])
def test_metrics_equal_those_of_scikit_learn(absent: int | None) -> None:
    generator = torch.Generator().manual_seed(0)
    output, target = torch.randn(200, 5, generator=generator), torch.randint(5, (200,), generator=generator)
    if absent is not None:
        output[:, absent] = -9.0
        target[target == absent] = 0
    predicted = output.numpy().argmax(axis=1)
    scores = make_learner(num_classes=5).measure(output, target)
    assert scores["accuracy"] == pytest.approx(accuracy_score(target, predicted), rel=1e-6)
    assert scores["precision"] == pytest.approx(macro(precision_score, target.numpy(), predicted), rel=1e-5)
    assert scores["recall"] == pytest.approx(macro(recall_score, target.numpy(), predicted), rel=1e-5)
    assert scores["f1"] == pytest.approx(macro(f1_score, target.numpy(), predicted), rel=1e-5)


def test_macro_metrics_by_hand() -> None:
    predicted = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2])
    target = torch.tensor([0, 0, 1, 1, 1, 2, 2, 0])
    scores = make_learner().measure(5.0 * nn.functional.one_hot(predicted, 3), target)
    # correct: 2 of 3, 2 of 3, 1 of 2 that are predicted for each class, of 3, 3, 2 in the target
    assert scores["accuracy"] == pytest.approx(5 / 8)
    assert scores["precision"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 2) / 3)
    assert scores["recall"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 2) / 3)


def test_a_perfect_score_is_1_and_no_more() -> None:
    target = torch.arange(50) % 10  # the tenths sum to more than 1 in float32
    scores = make_learner(num_classes=10).measure(9.0 * nn.functional.one_hot(target, 10), target)
    assert {name: score for name, score in scores.items() if name != "loss"} == {
        "accuracy": 1.0,
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
    }


def test_the_baseline_is_the_majority_class_with_the_prior_log_loss() -> None:
    train, test = torch.tensor([2] * 5 + [0] * 3 + [1] * 2), torch.tensor([0, 1, 2, 2])
    learner = make_learner()
    constant = learner.baseline(train).expand(len(test), -1)
    scores = learner.measure(constant, test)
    assert scores["accuracy"] == 0.5
    assert scores["loss"] == pytest.approx(-(math.log(0.3) + math.log(0.2) + 2 * math.log(0.5)) / 4, rel=1e-6)
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((10, 1)), train.numpy())
    rows = np.zeros((4, 1))
    np.testing.assert_allclose(learner(constant), dummy.predict_proba(rows), rtol=1e-6)
    assert scores["accuracy"] == dummy.score(rows, test.numpy())
    assert scores["loss"] == pytest.approx(log_loss(test.numpy(), dummy.predict_proba(rows)), rel=1e-6)


def test_a_class_without_training_rows_has_a_baseline_probability_of_0() -> None:
    learner = make_learner()
    baseline = learner.baseline(torch.tensor([0, 2, 2, 2]))
    assert learner(baseline).tolist() == [pytest.approx([0.25, 0.0, 0.75])]
    assert learner.measure(baseline, torch.tensor([2]))["loss"] == pytest.approx(-math.log(0.75), rel=1e-6)
    assert learner.measure(baseline, torch.tensor([1]))["loss"] == math.inf


class PlainNetwork(nn.Module):
    """Not a Network of mlplab: takes images, scales nothing and has no body."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(9, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.flatten(1))


def test_any_torch_module_is_trained_from_a_dataloader_without_hydra() -> None:
    torch.manual_seed(0)
    target = torch.arange(30) % 3
    images = torch.zeros(30, 3, 3)
    images[torch.arange(30), target] = 1.0  # the class is the row of ones
    loader = DataLoader(TensorDataset(images, target), batch_size=2)
    learner = Classifier(PlainNetwork(), nn.CrossEntropyLoss(), 3, optimizer=lambda p: torch.optim.SGD(p, lr=0.5))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(max_epochs=2, accelerator="cpu", enable_model_summary=False, **quiet).fit(learner, loader, loader)
    assert learner.scores["accuracy/val"] == 1.0
    assert learner.scores["loss/val"] < math.log(3) / 5
    assert learner(images).argmax(dim=1).tolist() == target.tolist()


OUTPUTS = arrays(np.float32, (3, 4, 5), elements=st.floats(-30, 30, width=32))  # networks, rows, classes


@cache
def cached_learner(loss: str) -> Classifier:
    return make_learner(loss, num_classes=5)


@given(OUTPUTS, st.sampled_from(["ce", "mse", "mae"]))
@settings(deadline=None, max_examples=20)
def test_several_networks_predict_the_mean_of_their_probabilities_at_no_more_than_their_mean_loss(
    numbers: np.ndarray, loss: str
) -> None:
    learner, outputs, target = cached_learner(loss), torch.from_numpy(numbers), torch.tensor([0, 1, 2, 4])
    mean = outputs.double().softmax(dim=2).mean(dim=0)
    torch.testing.assert_close(learner.decode(learner.combine(outputs)).double(), mean, rtol=1e-4, atol=1e-6)
    measured = float(learner.measured_loss(learner.combine(outputs), learner.encode(target)))
    if loss == "ce":
        assert measured == pytest.approx(-mean[torch.arange(4), target].log().mean().item(), rel=1e-4, abs=1e-5)
    alone = [float(learner.measured_loss(output, learner.encode(target))) for output in outputs]
    assert measured <= sum(alone) / 3 + 1e-5 * (1 + sum(alone))


def test_an_ensemble_of_confident_wrong_networks_has_a_finite_loss() -> None:
    outputs = torch.tensor([[[3000.0, 0.0, -2000.0]], [[1000.0, 0.0, 0.0]]])
    learner = make_learner()
    assert learner.measure(learner.combine(outputs), torch.tensor([1]))["loss"] == pytest.approx(
        1000 + math.log(2), rel=1e-6
    )
    assert learner(learner.combine(outputs)).tolist() == [[1.0, 0.0, 0.0]]
