"""Binary classification: worked example, threshold, baseline and metrics compared with scikit-learn."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lightning import Trainer
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score, roc_auc_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import mlplab
from mlplab.learner.binary_classifier import BinaryClassifier

pytestmark = pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
PROBABILITIES, TARGET = [0.2, 0.9, 0.3], torch.tensor([0, 1, 0])


def raw_outputs(probabilities: list[float]) -> Tensor:
    """Raw outputs that decode to these probabilities; the network is the identity."""
    return torch.tensor(probabilities)[:, None].logit()


def make_learner(loss: str = "bce", threshold: float = 0.5) -> BinaryClassifier:
    config = mlplab.configure("data=moons", "learner=binary_classifier", f"loss={loss}").loss
    return BinaryClassifier(nn.Identity(), instantiate(config), threshold)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("bce", -(math.log(0.8) + math.log(0.9) + math.log(0.7)) / 3),
        ("mse", (0.04 + 0.01 + 0.09) / 3),
        ("mae", (0.2 + 0.1 + 0.3) / 3),
    ],
)
def test_each_loss_gets_the_form_that_it_needs(loss: str, expected: float) -> None:
    learner = make_learner(loss)
    assert learner.measure(raw_outputs(PROBABILITIES), TARGET)["loss"] == pytest.approx(expected, rel=1e-5)
    assert learner.training_step((raw_outputs(PROBABILITIES), TARGET), 0).item() == pytest.approx(expected, rel=1e-5)
    assert learner(raw_outputs(PROBABILITIES)).tolist() == pytest.approx(PROBABILITIES, rel=1e-6)


def test_the_worked_binary_cross_entropy_is_0_22839() -> None:
    assert make_learner().measure(raw_outputs(PROBABILITIES), TARGET)["loss"] == pytest.approx(0.22839, abs=5e-6)


def test_the_weight_of_positives_stays_in_the_measured_loss() -> None:
    learner = BinaryClassifier(nn.Identity(), nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0])))
    expected = -(math.log(0.8) + 3 * math.log(0.9) + math.log(0.7)) / 3
    assert learner.measure(raw_outputs(PROBABILITIES), TARGET)["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("threshold", "precision", "recall", "accuracy"),
    [(0.3, 3 / 4, 1.0, 4 / 5), (0.5, 2 / 3, 2 / 3, 3 / 5), (0.7, 1.0, 1 / 3, 3 / 5)],
)
def test_the_threshold_trades_recall_for_precision(
    threshold: float, precision: float, recall: float, accuracy: float
) -> None:
    output, target = raw_outputs([0.2, 0.4, 0.6, 0.8, 0.55]), torch.tensor([0, 1, 1, 1, 0])
    scores = make_learner(threshold=threshold).measure(output, target)
    assert (scores["precision"], scores["recall"], scores["accuracy"]) == pytest.approx((precision, recall, accuracy))
    assert scores["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    # (0.4, 0.6, 0.8) against (0.2, 0.55): five of six pairs are in the right order, whatever the threshold
    assert scores["auroc"] == pytest.approx(5 / 6)


def test_a_probability_at_the_threshold_is_class_1() -> None:
    scores = make_learner(threshold=0.5).measure(torch.tensor([[0.0], [-1.0]]), torch.tensor([1, 0]))
    assert (scores["accuracy"], scores["precision"], scores["recall"]) == (1.0, 1.0, 1.0)


def test_metrics_equal_those_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(2, (300,), generator=generator)
    # rounded, so that there are ties
    output = (torch.randn(300, 1, generator=generator) + target[:, None]).round(decimals=1) + 0.05
    learner = make_learner(threshold=0.6)
    scores, probabilities = learner.measure(output, target), learner(output).numpy()
    predicted = probabilities > 0.6
    assert scores["accuracy"] == pytest.approx(accuracy_score(target, predicted), rel=1e-6)
    assert scores["precision"] == pytest.approx(precision_score(target, predicted), rel=1e-6)
    assert scores["recall"] == pytest.approx(recall_score(target, predicted), rel=1e-6)
    assert scores["f1"] == pytest.approx(f1_score(target, predicted), rel=1e-6)
    assert scores["auroc"] == pytest.approx(roc_auc_score(target, probabilities), rel=1e-6)


def test_the_baseline_is_the_majority_class_with_the_prior_log_loss() -> None:
    train, test = torch.tensor([1] * 7 + [0] * 3), torch.tensor([0, 1, 1, 0, 1])
    learner = make_learner()
    constant = learner.baseline(train).expand(len(test), -1)
    scores = learner.measure(constant, test)
    assert (scores["accuracy"], scores["recall"], scores["auroc"]) == pytest.approx((0.6, 1.0, 0.5))
    assert scores["loss"] == pytest.approx(-(3 * math.log(0.7) + 2 * math.log(0.3)) / 5, rel=1e-5)
    dummy, rows = DummyClassifier(strategy="prior").fit(np.zeros((10, 1)), train.numpy()), np.zeros((5, 1))
    np.testing.assert_allclose(learner(constant), dummy.predict_proba(rows)[:, 1], rtol=1e-6)
    assert scores["accuracy"] == pytest.approx(dummy.score(rows, test.numpy()))
    assert scores["loss"] == pytest.approx(log_loss(test.numpy(), dummy.predict_proba(rows)), rel=1e-5)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.filterwarnings("ignore:No (positive|negative) samples in targets")
def test_the_baseline_of_rows_of_one_class_has_no_loss_on_that_class(label: int) -> None:
    learner = make_learner()
    target = torch.full((4,), label)
    assert learner(learner.baseline(target)).item() == pytest.approx(label, abs=1e-6)
    assert learner.measure(learner.baseline(target).expand(4, -1), target)["loss"] == pytest.approx(0.0, abs=1e-5)


def test_any_torch_module_is_trained_from_a_dataloader_without_hydra() -> None:
    torch.manual_seed(0)
    target = torch.arange(80) % 2
    features = torch.randn(80, 2) + 6 * target[:, None] - 3
    loader = DataLoader(TensorDataset(features, target), batch_size=4)
    learner = BinaryClassifier(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), optimizer=lambda p: torch.optim.SGD(p, lr=0.5))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(max_epochs=2, accelerator="cpu", enable_model_summary=False, **quiet).fit(learner, loader, loader)
    assert learner.scores["accuracy/val"] == learner.scores["auroc/val"] == 1.0
    assert learner.scores["loss/val"] < math.log(2) / 5
    assert (learner(features) > 0.5).long().tolist() == target.tolist()


OUTPUTS = arrays(np.float32, (3, 4, 1), elements=st.floats(-30, 30, width=32))  # networks, rows


@cache
def cached_learner(loss: str) -> BinaryClassifier:
    return make_learner(loss)


@given(OUTPUTS, st.sampled_from(["bce", "mse", "mae"]))
@settings(deadline=None, max_examples=20)
def test_several_networks_predict_the_mean_of_their_probabilities_at_no_more_than_their_mean_loss(
    numbers: np.ndarray, loss: str
) -> None:
    learner, outputs, target = cached_learner(loss), torch.from_numpy(numbers), torch.tensor([0, 1, 0, 1])
    mean = outputs.double().sigmoid().mean(dim=0).squeeze(1)
    torch.testing.assert_close(learner.decode(learner.combine(outputs)).double(), mean, rtol=1e-4, atol=1e-6)
    measured = float(learner.measured_loss(learner.combine(outputs), learner.encode(target)))
    if loss == "bce":
        # the mean of 1 - p of each network: the mean of p may round to 1
        other = (-outputs.double()).sigmoid().mean(dim=0).squeeze(1)
        by_hand = -torch.where(target == 1, mean, other).log().mean().item()
        assert measured == pytest.approx(by_hand, rel=1e-4, abs=1e-5)
    alone = [float(learner.measured_loss(output, learner.encode(target))) for output in outputs]
    assert measured <= sum(alone) / 3 + 1e-5 * (1 + sum(alone))


def test_a_mean_probability_that_rounds_to_1_or_0_has_a_finite_logit() -> None:
    outputs = torch.tensor([[[40.0], [-3000.0]], [[40.0], [-1000.0]]])
    learner = make_learner()
    assert learner.combine(outputs).flatten().tolist() == pytest.approx([40.0, -1000 - math.log(2)], rel=1e-6)
    assert learner.measure(learner.combine(outputs), torch.tensor([0, 1]))["loss"] == pytest.approx(
        (40 + 1000 + math.log(2)) / 2, rel=1e-6
    )
