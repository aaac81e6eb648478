"""What two curves say: constructed histories on each side of each boundary."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplab.report.verdict import Verdict, verdict

losses = st.floats(0.01, 100)


def judge(val: Sequence[float], best_epoch: int | None = None, train: float = 0.1) -> Verdict:
    """val: the validation loss of epochs 0, 1, ... ; the best epoch is the lowest after epoch 0 unless given."""
    rows = [{"epoch": epoch, "loss/train": train, "loss/val": loss} for epoch, loss in enumerate(val)]
    lowest = min(range(1, len(val)), key=lambda epoch: val[epoch])
    return verdict(rows, lowest if best_epoch is None else best_epoch)


def test_a_validation_loss_that_turns_and_rises_is_overfitting() -> None:
    told = judge([2.0, 1.0, 0.5, 0.8, 1.25], train=0.25)
    assert told.name == "overfitting"
    for fact in ("lowest at epoch 2 (0.5)", "ends at 1.25", "training loss at 0.25", "a gap of 1"):
        assert fact in told.text


def test_a_validation_loss_that_still_falls_is_still_improving() -> None:
    told = judge([2.0, 1.5, 1.0, 0.75], train=0.5)
    assert told.name == "still_improving"
    for fact in ("still improving", "ends at 0.75", "training loss at 0.5", "a gap of 0.25"):
        assert fact in told.text


def test_a_validation_loss_that_stays_near_its_lowest_fits() -> None:
    told = judge([2.0, 1.0, 1.0, 1.05], train=0.8)
    assert told.name == "fits"
    for fact in ("within 10 %", "ends at 1.05", "training loss at 0.8", "a gap of 0.25"):
        assert fact in told.text


@pytest.mark.parametrize(
    ("lowest", "last", "name"),
    [
        (10.0, 11.0, "overfitting"),
        (1.0, 1.1, "overfitting"),
        (100.0, 110.0, "overfitting"),
        (10.0, 10.99, "fits"),
        (1.0, 1.0999, "fits"),
        (10.0, 11.01, "overfitting"),
    ],
)
def test_ten_percent_above_the_lowest_is_overfitting(lowest: float, last: float, name: str) -> None:
    assert judge([3 * lowest, lowest, last]).name == name


def test_a_loss_that_reaches_zero_and_stays_there_is_no_overfitting() -> None:
    assert judge([1.0, 0.5, 0.0, 0.0], train=0.0).name == "fits"


def test_the_untouched_network_does_not_count_as_the_lowest() -> None:
    """Epoch 0 has the lowest loss of all, and 1.05 is within 10 % of the lowest after it."""
    assert judge([0.5, 1.0, 1.05]).name == "fits"


@pytest.mark.parametrize(
    ("epochs", "best", "name"),
    [
        (1, 1, "still_improving"),
        (3, 2, "fits"),
        (20, 19, "fits"),
        (20, 20, "still_improving"),
        (100, 95, "fits"),
        (100, 96, "still_improving"),
    ],
)
def test_still_improving_is_a_best_epoch_among_the_last_5_percent(epochs: int, best: int, name: str) -> None:
    flat = [1.0] * (epochs + 1)
    flat[best] = 0.99
    assert judge(flat).name == name


def test_the_best_epoch_may_be_judged_by_another_score() -> None:
    """Accuracy can be best where the loss has turned: the loss decides on overfitting, the best epoch on the rest."""
    assert judge([2.0, 1.0, 1.05], best_epoch=2).name == "still_improving"
    assert judge([2.0, 1.0, 1.5], best_epoch=2).name == "overfitting"


@given(st.lists(losses, min_size=2, max_size=30), st.floats(0.01, 100))
def test_the_name_does_not_depend_on_the_unit_of_the_loss(val: list[float], unit: float) -> None:
    ratio = val[-1] / min(val[1:])
    if abs(ratio - 1.1) > 1e-9:
        lowest = min(range(1, len(val)), key=lambda epoch: val[epoch])
        scaled = [unit * loss for loss in val]
        assert judge(scaled, lowest).name == judge(val, lowest).name


@given(st.lists(losses, min_size=2, max_size=30), losses)
def test_the_gap_is_validation_less_training_loss_at_the_end(val: list[float], train: float) -> None:
    told = judge(val, train=train).text
    gap = float(told.rsplit("a gap of ", maxsplit=1)[1])
    assert gap == pytest.approx(val[-1] - train, rel=5.1e-3)


def test_a_training_loss_that_ends_above_its_start_is_diverging_not_overfitting() -> None:
    rows = [{"epoch": epoch, "loss/train": loss, "loss/val": loss} for epoch, loss in enumerate([2.0, 1.0, 4.0])]
    assert verdict(rows, 1).name == "diverging"
