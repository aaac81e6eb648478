"""Two classes: the worked example, the threshold, baseline and metrics against scikit-learn."""

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
SHARES, TARGET = [0.2, 0.9, 0.3], torch.tensor([0, 1, 0])


def outputs(shares: list[float]) -> Tensor:
    """Raw outputs of these probabilities; the network is the identity."""
    return torch.tensor(shares)[:, None].logit()


def learner(loss: str = "bce", threshold: float = 0.5) -> BinaryClassifier:
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
    one = learner(loss)
    assert one.measure(outputs(SHARES), TARGET)["loss"] == pytest.approx(expected, rel=1e-5)
    assert one.training_step((outputs(SHARES), TARGET), 0).item() == pytest.approx(expected, rel=1e-5)
    assert one(outputs(SHARES)).tolist() == pytest.approx(SHARES, rel=1e-6)


def test_the_worked_binary_cross_entropy_is_0_22839() -> None:
    assert learner().measure(outputs(SHARES), TARGET)["loss"] == pytest.approx(0.22839, abs=5e-6)


def test_the_weight_of_positives_stays_in_the_measured_loss() -> None:
    one = BinaryClassifier(nn.Identity(), nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0])))
    expected = -(math.log(0.8) + 3 * math.log(0.9) + math.log(0.7)) / 3
    assert one.measure(outputs(SHARES), TARGET)["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("threshold", "precision", "recall", "accuracy"),
    [(0.3, 3 / 4, 1.0, 4 / 5), (0.5, 2 / 3, 2 / 3, 3 / 5), (0.7, 1.0, 1 / 3, 3 / 5)],
)
def test_the_threshold_trades_recall_for_precision(
    threshold: float, precision: float, recall: float, accuracy: float
) -> None:
    output, target = outputs([0.2, 0.4, 0.6, 0.8, 0.55]), torch.tensor([0, 1, 1, 1, 0])
    scores = learner(threshold=threshold).measure(output, target)
    assert (scores["precision"], scores["recall"], scores["accuracy"]) == pytest.approx((precision, recall, accuracy))
    assert scores["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    # (0.4, 0.6, 0.8) against (0.2, 0.55): five of six pairs stand in the right order, whatever the threshold
    assert scores["auroc"] == pytest.approx(5 / 6)


def test_a_probability_at_the_threshold_is_class_1() -> None:
    scores = learner(threshold=0.5).measure(torch.tensor([[0.0], [-1.0]]), torch.tensor([1, 0]))
    assert (scores["accuracy"], scores["precision"], scores["recall"]) == (1.0, 1.0, 1.0)


def test_metrics_equal_those_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(2, (300,), generator=generator)
    # rounded, so that there are ties
    output = (torch.randn(300, 1, generator=generator) + target[:, None]).round(decimals=1) + 0.05
    one = learner(threshold=0.6)
    scores, shares = one.measure(output, target), one(output).numpy()
    decided = shares > 0.6
    assert scores["accuracy"] == pytest.approx(accuracy_score(target, decided), rel=1e-6)
    assert scores["precision"] == pytest.approx(precision_score(target, decided), rel=1e-6)
    assert scores["recall"] == pytest.approx(recall_score(target, decided), rel=1e-6)
    assert scores["f1"] == pytest.approx(f1_score(target, decided), rel=1e-6)
    assert scores["auroc"] == pytest.approx(roc_auc_score(target, shares), rel=1e-6)


def test_the_baseline_is_the_majority_class_with_the_prior_log_loss() -> None:
    train, test = torch.tensor([1] * 7 + [0] * 3), torch.tensor([0, 1, 1, 0, 1])
    one = learner()
    constant = one.baseline(train).expand(len(test), -1)
    scores = one.measure(constant, test)
    assert (scores["accuracy"], scores["recall"], scores["auroc"]) == pytest.approx((0.6, 1.0, 0.5))
    assert scores["loss"] == pytest.approx(-(3 * math.log(0.7) + 2 * math.log(0.3)) / 5, rel=1e-5)
    dummy, rows = DummyClassifier(strategy="prior").fit(np.zeros((10, 1)), train.numpy()), np.zeros((5, 1))
    np.testing.assert_allclose(one(constant), dummy.predict_proba(rows)[:, 1], rtol=1e-6)
    assert scores["accuracy"] == pytest.approx(dummy.score(rows, test.numpy()))
    assert scores["loss"] == pytest.approx(log_loss(test.numpy(), dummy.predict_proba(rows)), rel=1e-5)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.filterwarnings("ignore:No (positive|negative) samples in targets")
def test_the_baseline_of_rows_of_one_class_has_no_loss_on_that_class(label: int) -> None:
    one = learner()
    target = torch.full((4,), label)
    assert one(one.baseline(target)).item() == pytest.approx(label, abs=1e-6)
    assert one.measure(one.baseline(target).expand(4, -1), target)["loss"] == pytest.approx(0.0, abs=1e-5)


def test_it_trains_any_torch_module_from_a_dataloader_without_hydra() -> None:
    torch.manual_seed(0)
    target = torch.arange(80) % 2
    features = torch.randn(80, 2) + 6 * target[:, None] - 3
    loader = DataLoader(TensorDataset(features, target), batch_size=4)
    one = BinaryClassifier(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), optimizer=lambda p: torch.optim.SGD(p, lr=0.5))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(max_epochs=2, accelerator="cpu", enable_model_summary=False, **quiet).fit(one, loader, loader)
    assert one.scores["accuracy/val"] == one.scores["auroc/val"] == 1.0
    assert one.scores["loss/val"] < math.log(2) / 5
    assert (one(features) > 0.5).long().tolist() == target.tolist()


OUTPUTS = arrays(np.float32, (3, 4, 1), elements=st.floats(-30, 30, width=32))  # networks, rows


@cache
def of_loss(loss: str) -> BinaryClassifier:
    return learner(loss)


@given(OUTPUTS, st.sampled_from(["bce", "mse", "mae"]))
@settings(deadline=None, max_examples=20)
def test_several_networks_predict_the_mean_of_their_probabilities_at_no_more_than_their_mean_loss(
    numbers: np.ndarray, loss: str
) -> None:
    one, outputs, target = of_loss(loss), torch.from_numpy(numbers), torch.tensor([0, 1, 0, 1])
    mean = outputs.double().sigmoid().mean(dim=0).squeeze(1)
    torch.testing.assert_close(one.decode(one.combine(outputs)).double(), mean, rtol=1e-4, atol=1e-6)
    measured = float(one.measured_loss(one.combine(outputs), one.encode(target)))
    if loss == "bce":
        # 1 - p of each network by itself: the mean may round to 1
        other = (-outputs.double()).sigmoid().mean(dim=0).squeeze(1)
        by_hand = -torch.where(target == 1, mean, other).log().mean().item()
        assert measured == pytest.approx(by_hand, rel=1e-4, abs=1e-5)
    alone = [float(one.measured_loss(output, one.encode(target))) for output in outputs]
    assert measured <= sum(alone) / 3 + 1e-5 * (1 + sum(alone))


def test_a_mean_probability_that_rounds_to_1_or_0_has_its_logit_still() -> None:
    outputs = torch.tensor([[[40.0], [-3000.0]], [[40.0], [-1000.0]]])
    one = learner()
    assert one.combine(outputs).flatten().tolist() == pytest.approx([40.0, -1000 - math.log(2)], rel=1e-6)
    assert one.measure(one.combine(outputs), torch.tensor([0, 1]))["loss"] == pytest.approx(
        (40 + 1000 + math.log(2)) / 2, rel=1e-6
    )
