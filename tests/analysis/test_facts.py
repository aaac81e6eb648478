"""The numbers that a verdict stands on, worked out by hand."""

import pytest

from mlplab.analysis.verdict import Facts

DIAGNOSIS = {
    "rows": {"train": 100, "val": 25},
    "baseline": {"loss/train": 2.0, "loss/val": 4.0, "accuracy/val": 0.8},
    "shares": {"no": 0.8, "yes": 0.2},
    "layers": [{"name": "body.0"}, {"name": "body.2"}, {"name": "body.4"}],
}


def facts(val: list[float], train: list[float] | None = None, best: int = 1, **settings: object) -> Facts:
    rows = [
        {"loss/train": low, "loss/val": high, "accuracy/val": 0.9, "recall/val": 0.6}
        for low, high in zip(train or val, val, strict=True)
    ]
    return Facts(rows, best, DIAGNOSIS, {"choice.learner": "classifier", **settings})


def test_epochs_are_counted_from_the_untouched_network_which_is_never_the_lowest() -> None:
    found = facts([0.1, 3.0, 2.0, 2.5])
    assert found.epochs == 3
    assert found.lowest == 2
    assert found.train == found.val == [0.1, 3.0, 2.0, 2.5]


def test_what_is_left_is_of_the_baseline_s_loss_or_of_the_variance() -> None:
    assert facts([3.0, 1.0], train=[3.0, 0.5]).left == 0.25
    assert facts([3.0, 1.0], train=[3.0, 0.5]).of_baseline == "25% of the baseline's"
    values = Facts([{"loss/train": 1.0, "r2/train": 0.75}], 0, DIAGNOSIS, {"choice.learner": "regressor"})
    assert values.left == 0.25
    assert values.of_baseline == "25% of the variance left"


@pytest.mark.parametrize(("epochs", "recent"), [(1, 1), (3, 1), (7, 1), (8, 2), (50, 12)])
def test_the_last_quarter_has_at_least_one_epoch(epochs: int, recent: int) -> None:
    assert facts([1.0] * (epochs + 1)).recent == recent


def test_the_gain_is_what_the_last_quarter_fell_below_all_before() -> None:
    assert facts([5.0, 3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 1.5, 1.75]).gain == 0.5
    assert facts([5.0, 3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 2.25, 2.5]).gain == -0.25


def test_of_two_classes_both_recalls_count_alike() -> None:
    """Of 100 rows 20 are of class 1, 12 of these are found; 90 are right, so 78 of the other 80."""
    found = facts([3.0, 1.0], **{"choice.learner": "binary_classifier"})
    assert found.balanced == pytest.approx((12 / 20 + 78 / 80) / 2)
    assert facts([3.0, 1.0]).balanced == 0.6, "of many classes the recall is their mean"


def test_a_layer_is_called_by_its_place_and_its_name_in_the_network() -> None:
    found = facts([3.0, 1.0])
    assert found.place(0) == "hidden layer 1 (body.0)"
    assert found.place(2) == "the output layer (body.4)"


def test_the_noise_of_a_difference_is_that_of_two_samples() -> None:
    """sqrt(0.5 * 0.5 * (1 / 100 + 1 / 25)) = 0.1118."""
    assert facts([3.0, 1.0]).noise(0.5, 2) == pytest.approx(0.2236, abs=1e-4)


def test_a_run_is_stopped_early_where_that_was_asked_and_it_waited_long_enough() -> None:
    asked = {"callback.early_stopping.patience": 3, "trainer.max_epochs": 50}
    turned = [3.0, 1.0, 2.0, 2.0, 2.0]
    assert facts(turned, **asked).stopped_early
    assert not facts(turned, best=2, **asked).stopped_early, "by trainer.max_time"
    assert not facts(turned, **{**asked, "trainer.max_epochs": 4}).stopped_early
    assert not facts(turned, **{"trainer.max_epochs": 50}).stopped_early
