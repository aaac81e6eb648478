"""Each verdict is given for constructed histories on one side of its threshold and not on the other."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplab.analysis.verdict import RULES, THRESHOLDS, Facts, Verdict, verdict

BASE = 2.0  # the loss of the best constant, here
CALM = [2.5, 0.5, 0.4, 0.4, 0.4, 0.4]
SETTINGS = {
    **{"choice.learner": "classifier", "choice.optimizer": "adam", "choice.model": "mlp", "choice.activation": "relu"},
    **{"optimizer.lr": 0.001, "optimizer.weight_decay": 0.0, "model.dropout": 0.0, "trainer.max_epochs": 5},
    **{"data._target_": "mlplab.data.csv.CSV", "loss.weight": None},
}
Layers = Sequence[tuple[float, float]]
NO_RISE = {"mean": 0.0, "error": 1.0}


def judge(
    val: Sequence[float] = CALM,
    train: Sequence[float] | float = CALM,
    metrics: Mapping[str, float] | None = None,
    baseline: float = 0.1,
    rows: int = 400,
    shares: Mapping[str, float] | None = None,
    layers: Layers = (),
    best: int | None = None,
    rise: float = 9.0,
    **settings: Any,
) -> Verdict:
    """metrics: of the best and of the last epoch; accuracy 0.9 in both splits unless given. baseline: its accuracy.
    layers: of each the fraction of dead units and the gradient at the end; nothing was dead, and all gradients were 1,
    at the start. rise: of the losses of val's rows after the best epoch, in standard errors."""
    train = [train] * len(val) if isinstance(train, float) else train
    scores = {**dict.fromkeys(("accuracy/train", "accuracy/val", "recall/val"), 0.9), **(metrics or {})}
    history = [
        {"epoch": epoch, "loss/train": low, "loss/val": high, **scores}
        for epoch, (low, high) in enumerate(zip(train, val, strict=True))
    ]
    diagnosis = {
        "rows": {"train": rows, "val": rows},
        "baseline": {"loss/train": BASE, "loss/val": BASE, "accuracy/val": baseline},
        "shares": shares or {"a": 0.5, "b": 0.5},
        "layers": [
            {
                "name": f"body.{2 * number}",
                "rectified": True,
                "dead": {"start": 0.0, "end": dead},
                "gradient": {"start": 1.0, "end": gradient},
            }
            for number, (dead, gradient) in enumerate(layers)
        ],
        "rise": {"mean": rise, "error": 1.0},
    }
    lowest = min(range(1, len(val)), key=val.__getitem__) if best is None else best
    return verdict(
        history, lowest, diagnosis, {**SETTINGS, **{key.replace("__", "."): settings[key] for key in settings}}
    )


def regression_metrics(unexplained: float, val: float = 0.5, mse: tuple[float, float] = (1.0, 1.0)) -> dict[str, float]:
    """unexplained: variance of the training targets. val: R2. mse: of train and val."""
    return {"r2/train": 1 - unexplained, "r2/val": val, "mse/train": mse[0], "mse/val": mse[1]}


def regression_verdict(
    metrics: Mapping[str, float], val: Sequence[float] = CALM, rows: int = 400, **settings: Any
) -> Verdict:
    history = [{"epoch": epoch, "loss/train": loss, "loss/val": loss, **metrics} for epoch, loss in enumerate(val)]
    baseline = {"loss/train": BASE, "loss/val": BASE, "r2/val": 0.0}
    diagnosis = {
        "rows": {"train": rows, "val": rows},
        "baseline": baseline,
        "shares": {},
        "layers": [],
        "rise": NO_RISE,
    }
    return verdict(history, 1, diagnosis, {**SETTINGS, "choice.learner": "regressor", **settings})


def test_the_rules_are_in_this_order() -> None:
    assert list(RULES) == [
        *("dead_units", "diverging", "lr_too_high", "vanishing_gradient", "lr_too_low", "suspiciously_perfect"),
        *("validation_better_than_training", "uneven_classes", "no_better_than_baseline", "overfitting"),
        *("still_improving", "underfitting", "fits"),
    ]


def test_a_run_that_matches_no_other_rule_fits() -> None:
    result = judge()
    assert result == (
        "fits",
        "fits: validation loss 0.4 at epoch 2, 0.4 at the end; training loss 0.4, 20% of the baseline loss.",
    )


# overfitting


def test_overfitting_says_from_which_epoch_how_much_and_what_to_try() -> None:
    result = judge([2.0, 1.0, 0.5, 0.8, 1.25], train=[2.0, 0.8, 0.4, 0.3, 0.25])
    assert result.name == "overfitting"
    assert result.text == (
        "overfitting from epoch 3: validation loss 0.5 at epoch 2, 1.25 at the end; training loss 0.25. "
        "Try model.dropout=0.3, optimizer=adamw optimizer.weight_decay=0.1, or callback=early_stopping."
    )


@pytest.mark.parametrize(
    ("lowest", "last", "name"),
    [(0.5, 0.55, "overfitting"), (1.0, 1.1, "overfitting"), (0.5, 0.549, "fits"), (1.0, 1.0999, "fits")],
)
def test_ten_percent_above_the_lowest_is_overfitting(lowest: float, last: float, name: str) -> None:
    assert judge([3 * lowest, lowest, last], train=0.9 * lowest).name == name


def test_with_a_wide_gap_five_percent_are_overfitting() -> None:
    gap = THRESHOLDS.wide * BASE

    def of(last: float, apart: float, epochs: int = THRESHOLDS.few) -> str:
        return judge([3.0, 1.0, *[last] * epochs], train=last - apart * gap, rise=0.5).name

    assert of(1.051, 1.01) == "overfitting"
    assert of(1.049, 1.01) == of(1.051, 0.99) == of(1.051, 1.01, epochs=2) == "fits"


def test_a_rise_that_is_small_relative_to_the_baseline_is_not_overfitting() -> None:
    least = THRESHOLDS.material * BASE
    assert judge([2.0, 0.01, 0.01 + 1.01 * least], train=0.0).name == "overfitting"
    assert judge([2.0, 0.01, 0.01 + 0.99 * least], train=0.0).name == "fits"
    assert judge([2.0, 0.5, 0.0, 0.0], train=0.0).name == "fits"


def test_a_rise_within_chance_is_not_overfitting() -> None:
    """By a few rows more than by the others."""
    risen = [1.0, 0.5, 0.6, 0.7]
    assert judge(risen, train=0.3, rise=2.0).name == "overfitting"
    assert judge(risen, train=0.3, rise=1.9).name == "fits"
    assert judge(risen, train=0.17, rise=0.1).name == "overfitting"
    assert judge(risen, train=0.18, rise=0.1).name == "fits"


def test_a_single_high_epoch_is_not_overfitting() -> None:
    """A tenth of the epochs must lie above."""
    flat = [2.0, *[0.5] * 45]
    assert judge([*flat, *[0.5] * 4, 0.9], train=0.1).name == "fits"
    assert judge([*flat, 0.5, *[0.9] * 4], train=0.1).name == "fits"
    assert judge([*flat, *[0.9] * 5], train=0.1).name == "overfitting"


def test_a_training_loss_that_rises_too_is_not_overfitting() -> None:
    rising = [2.0, 0.5, 1.0]
    assert judge(rising, train=[2.0, 0.4, 0.64]).name == "overfitting"
    assert judge(rising, train=[2.0, 0.4, 0.66]).name == "fits"


def test_the_patience_of_early_stopping_is_not_overfitting() -> None:
    stopping = {"callback__early_stopping__patience": 3, "trainer__max_epochs": 50}
    turned = ([2.0, 0.5, 0.7, 0.8, 0.9], [2.0, 0.4, 0.3, 0.2, 0.1])
    result = judge(*turned, **stopping)
    assert result.text.startswith("fits: stopped early after epoch 4; validation loss 0.5 at epoch 1")
    ran_out = judge(*turned, **{**stopping, "trainer__max_epochs": 4})
    assert ran_out.name == "overfitting"
    assert "callback=early_stopping" not in ran_out.text


def test_the_untouched_network_does_not_count_as_the_lowest() -> None:
    assert judge([0.5, 1.0, 1.05], train=0.1).name == "fits"


# still improving


def test_a_fall_in_the_last_quarter_is_still_improving() -> None:
    result = judge([2.0, 1.5, 1.0, 0.75], train=0.5)
    assert result.name == "still_improving"
    assert "fell from 1 to 0.75 in the last epoch; training loss 0.5. Try trainer.max_epochs=8" in result.text


@pytest.mark.parametrize(
    ("last", "name"), [(0.951 * 0.8, "fits"), (0.949 * 0.8, "still_improving"), (1.0 * 0.8, "fits")]
)
def test_five_percent_are_a_fall(last: float, name: str) -> None:
    assert judge([2.0, *[0.8] * 6, last, 0.8], train=0.1).name == name


def test_a_fall_that_is_nothing_by_the_baseline_is_none() -> None:
    least = THRESHOLDS.worth * BASE
    assert judge([2.0, 0.03, 0.03, 0.03 - 0.99 * least], train=0.0).name == "fits"
    assert judge([2.0, 0.03, 0.03, 0.03 - 1.01 * least], train=0.0).name == "still_improving"


def test_a_fall_before_the_last_quarter_is_over() -> None:
    assert judge([2.0, 1.5, 1.0, *[0.5] * 6], train=0.1).name == "fits"


# underfitting, and learning rates


def test_sixty_percent_of_the_baseline_s_loss_are_underfitting() -> None:
    limit = THRESHOLDS.underfit * BASE
    assert judge([2.5, *[1.5] * 5], train=1.01 * limit).name == "underfitting"
    assert judge([2.5, *[1.5] * 5], train=0.99 * limit).name == "fits"
    assert regression_verdict(regression_metrics(unexplained=0.61)).name == "underfitting"
    assert regression_verdict(regression_metrics(unexplained=0.59)).name == "fits"


def slope(middle: float, end: float, epochs: int = 8) -> list[float]:
    """From 2.5 straight to the middle, and on straight."""
    half = epochs // 2
    first = [2.5 + (middle - 2.5) * epoch / half for epoch in range(half)]
    return [*first, *(middle + (end - middle) * epoch / half for epoch in range(half + 1))]


def test_a_learning_rate_that_is_too_low_falls_steadily_and_gets_nowhere() -> None:
    slow = slope(2.25, 2.0)
    result = judge(slow, train=slow, metrics={"accuracy/val": 0.1})
    assert result.name == "lr_too_low"
    assert (
        "only from 2.5 to 2 in 8 epochs, 100% of the baseline loss. Try optimizer.lr=0.01 or optimizer.lr=0.1"
        in result.text
    )


@pytest.mark.parametrize(
    ("train", "name"),
    [
        (slope(2.1, 2.1 - 0.61 * 0.4), "lr_too_low"),
        (slope(2.1, 2.1 - 0.59 * 0.4), "still_improving"),
        (slope(1.75, 1.01), "lr_too_low"),
        (slope(1.75, 0.99), "still_improving"),  # less than half of the baseline's is left
        ([2.5, 2.55, 2.3, 2.25, 2.2, 2.1, 2.05, 2.06, 1.9], "still_improving"),  # falls in six of eight epochs
        ([2.5, 2.55, 2.3, 2.25, 2.2, 2.1, 2.05, 2.0, 1.9], "lr_too_low"),
        (slope(2.1, 1.7, epochs=6), "still_improving"),  # too short to decide
    ],
)
def test_a_slow_fall_is_a_low_learning_rate_or_an_improvement(train: list[float], name: str) -> None:
    assert judge(train, train=train).name == name


def test_a_constant_validation_loss_is_not_a_low_learning_rate() -> None:
    slow = slope(2.25, 2.0)
    assert judge([2.5] * 9, train=slow).name != "lr_too_low"


def test_a_training_loss_that_ends_above_its_start_is_diverging() -> None:
    """400 rows: by more than 1.05 + 1 / 20."""
    assert judge([2.2, 1.0, 2.3], train=[2.2, 1.0, 2.43]).name == "diverging"
    assert judge([2.2, 1.0, 2.3], train=[2.2, 1.0, 2.41]).name != "diverging"
    assert judge([2.2, 1.0, 2.3], train=[2.2, 1.0, 2.43], rows=4).name != "diverging", "four rows are little evidence"
    assert "Try optimizer.lr=0.0001" in judge([2.2, 1.0, 2.3], train=[2.2, 1.0, 5.0]).text


def test_a_loss_below_the_baseline_s_is_not_diverging() -> None:
    assert judge([0.5] * 3, train=[0.1, 0.1, 0.2]).name != "diverging"


def swings(by: float) -> list[float]:
    """Eight epochs, of which the last four rise twice."""
    return [2.5, 1.5, 1.0, 1.0, 1.0, 1.0 + by, 1.0, 1.0 + by, 1.0]


def test_an_oscillating_training_loss_means_a_high_learning_rate() -> None:
    edge = 2 * THRESHOLDS.swing * BASE  # two rises in four epochs
    result = judge(swings(1.02 * edge), train=swings(1.02 * edge))
    assert result.name == "lr_too_high"
    assert "oscillates between 1 and 1.12 in the last 4 epochs" in result.text
    assert judge(swings(0.98 * edge), train=swings(0.98 * edge)).name == "fits"


def test_a_single_peak_is_not_oscillation() -> None:
    calm = [2.5, *[0.5] * 20]
    assert judge(calm, train=[*calm[:15], 2.0, *calm[16:]]).name == "fits"


# layers


def test_half_of_the_units_dead_is_reported_with_the_layer() -> None:
    result = judge(train=0.6, layers=[(0.1, 1.0), (0.5, 1.0), (0.0, 1.0)])
    assert result.name == "dead_units"
    assert result.text.startswith("dead units: 50% of the ReLU units of hidden layer 2 (body.2) are 0 for all")
    assert "Try optimizer.lr=0.0001 or activation=leaky_relu" in result.text
    assert judge(train=0.6, layers=[(0.1, 1.0), (0.49, 1.0), (0.0, 1.0)]).name == "fits"


def test_dead_units_of_a_network_that_learned_are_not_reported() -> None:
    dead = [(0.9, 1.0), (0.0, 1.0)]
    assert judge(train=1.01 * THRESHOLDS.dead_remaining * BASE, layers=dead).name == "dead_units"
    assert judge(train=0.99 * THRESHOLDS.dead_remaining * BASE, layers=dead).name == "fits"


def test_a_vanishing_gradient_is_reported_with_the_layer() -> None:
    flat = [2.5, *[1.9] * 5]
    result = judge(flat, train=1.9, layers=[(0, 0.9e-3), (0, 0.1), (0, 1.0)])
    assert result.name == "vanishing_gradient"
    assert (
        "at the end the gradient norm of hidden layer 1 (body.0) is 0.0009, that of the output layer (body.4) 1;"
        in result.text
    )
    assert judge(flat, train=1.9, layers=[(0, 1.1e-3), (0, 0.1), (0, 1.0)]).name == "underfitting"


def test_a_zero_gradient_in_every_layer_has_vanished() -> None:
    result = judge([2.5, *[1.9] * 5], train=1.9, layers=[(0, 0.0), (0, 0.0)])
    assert result.name == "vanishing_gradient"
    assert "of hidden layer 1 (body.0) is 0, as of all layers" in result.text


def test_a_small_gradient_after_successful_training_is_not_reported() -> None:
    layers = [(0, 1e-6), (0, 1.0)]
    assert judge([2.5, *[0.9] * 5], train=1.01, layers=layers).name == "vanishing_gradient"
    assert judge([2.5, *[0.9] * 5], train=0.99, layers=layers).name == "fits"


# scores


def test_a_perfect_score_is_suspicious_unless_a_formula_computes_the_data() -> None:
    perfect = {"accuracy/train": 1.0, "accuracy/val": 0.999}
    result = judge(metrics=perfect)
    assert result.name == "suspiciously_perfect"
    assert "accuracy 0.999 on 400 validation rows" in result.text
    assert judge(metrics={"accuracy/train": 1.0, "accuracy/val": 0.9989}).name == "fits"
    assert judge(metrics=perfect, rows=99).name == "fits"
    assert judge(metrics=perfect, rows=100).name == "suspiciously_perfect"
    assert judge(metrics=perfect, data___target_="mlplab.data.synthetic.Blobs").name == "fits"
    assert regression_verdict(regression_metrics(0.0, val=0.9991)).name == "suspiciously_perfect"
    assert regression_verdict(regression_metrics(0.0, val=0.9989)).name == "fits"


def test_a_validation_score_better_than_chance_explains_is_reported() -> None:
    """400 rows of each, accuracy about 0.8: three standard errors are 0.085."""
    worse = [2.5, *[0.6] * 5]

    def of(train: float, val: float, rows: int = 400, **settings: Any) -> str:
        return judge(train=worse, metrics={"accuracy/train": train, "accuracy/val": val}, rows=rows, **settings).name

    assert of(0.75, 0.84) == "validation_better_than_training"
    assert of(0.76, 0.84) == "fits"
    assert of(0.75, 0.84, rows=300) == "fits"
    assert of(0.80, 0.849, rows=40_000) == "fits", "so little that it is no matter"
    assert of(0.80, 0.851, rows=40_000) == "validation_better_than_training"
    assert of(0.75, 0.84, data__label_noise=0.2) == "fits", "noise in training targets alone explains it"


def test_a_regression_is_better_by_half_and_more_than_chance() -> None:
    """400 rows: three standard errors of the ratio are exp(0.424) = 1.53."""
    assert regression_verdict(regression_metrics(0.2, mse=(1.54, 1.0))).name == "validation_better_than_training"
    assert regression_verdict(regression_metrics(0.2, mse=(1.52, 1.0))).name == "fits"
    assert regression_verdict(regression_metrics(0.051, mse=(1.54, 1.0))).name == "validation_better_than_training"
    assert regression_verdict(regression_metrics(0.049, mse=(1.54, 1.0))).name == "fits", "hardly an error is left"
    assert regression_verdict(regression_metrics(0.0, mse=(0.0, 0.0))).name == "fits"
    assert (
        regression_verdict(regression_metrics(0.2, mse=(1.51, 1.0)), rows=10_000).name
        == "validation_better_than_training"
    )
    assert regression_verdict(regression_metrics(0.2, mse=(1.49, 1.0)), rows=10_000).name == "fits"


def test_a_misleading_accuracy_is_reported_with_the_largest_class() -> None:
    shares = {"well": 0.9, "ill": 0.1}
    result = judge(metrics={"accuracy/val": 0.92, "recall/val": 0.71}, baseline=0.9, shares=shares)
    assert result.name == "uneven_classes"
    assert "accuracy 0.92 is misleading, 90% of the rows are well; balanced accuracy (mean recall) 0.71" in result.text
    assert "loss.weight=balanced" in result.text
    assert judge(metrics={"accuracy/val": 0.92, "recall/val": 0.73}, baseline=0.9, shares=shares).name == "fits"
    assert judge(metrics={"accuracy/val": 0.92, "recall/val": 0.71}, baseline=0.79, shares=shares).name == "fits"


def test_of_two_classes_the_other_s_recall_follows_from_the_accuracy() -> None:
    """0.1 of the rows are of class 1, of which half are found; 0.05 + 0.85 of all are right, so 0.85 / 0.9 of the rest:
    a mean of 0.722, which is 0.178 below. With a recall of 0.4 the mean is 0.678 and the distance 0.222."""
    shares = {"well": 0.9, "ill": 0.1}

    def of(recall: float) -> str:
        metrics = {"accuracy/val": 0.9, "recall/val": recall}
        return judge(metrics=metrics, baseline=0.9, shares=shares, choice__learner="binary_classifier").name

    assert of(0.5) == "fits"
    assert of(0.4) == "uneven_classes"


def test_no_better_than_the_baseline_is_by_loss_and_by_accuracy() -> None:
    """The loss may lie 3 % below, of 25 rows 10 %; the accuracy three standard errors above, of 400 rows 0.075."""
    flat = [2.5, *[1.95] * 5]
    result = judge(flat, train=1.0, metrics={"accuracy/val": 0.57}, baseline=0.5)
    assert result.name == "no_better_than_baseline"
    assert "lowest validation loss 1.95 at epoch 1, majority class 2" in result.text
    assert judge(flat, train=1.0, metrics={"accuracy/val": 0.58}, baseline=0.5).name == "fits"
    low = [2.5, *[1.93] * 5]
    assert judge(low, train=1.0, metrics={"accuracy/val": 0.57}, baseline=0.5).name == "fits"
    assert (
        judge(low, train=1.0, metrics={"accuracy/val": 0.57}, baseline=0.5, rows=25).name == "no_better_than_baseline"
    )
    lower = [2.5, *[1.79] * 5]
    assert judge(lower, train=1.0, metrics={"accuracy/val": 0.57}, baseline=0.5, rows=25).name == "fits"


def test_a_regression_that_explains_nothing_is_no_better_than_the_mean() -> None:
    assert regression_verdict(regression_metrics(0.4, val=0.029)).name == "no_better_than_baseline"
    assert regression_verdict(regression_metrics(0.4, val=0.031)).name == "fits"


def test_what_still_falls_is_not_yet_compared_with_the_baseline_unless_training_rows_are_learned() -> None:
    falling = [4.0, 3.5, 3.0, 2.5, 2.1]
    nothing = {"accuracy/val": 0.1}
    assert judge(falling, train=[4.0, 3.0, 2.0, 1.4, 1.2], metrics=nothing).name == "still_improving"
    result = judge(falling, train=[4.0, 2.0, 1.0, 0.6, 0.4], metrics=nothing)
    assert result.name == "no_better_than_baseline"
    assert "has memorised the training rows" in result.text


@given(
    st.lists(st.floats(0.01, 100), min_size=2, max_size=30), st.lists(st.floats(0.01, 100), min_size=30, max_size=30)
)
def test_every_history_gets_one_verdict_of_the_list_in_one_sentence_or_more(
    val: list[float], train: list[float]
) -> None:
    result = judge(val, train=train[: len(val)], layers=[(0.2, 1.0), (0.0, 1.0)])
    assert result.name in RULES
    assert result.text.endswith(".")
    assert "\n" not in result.text


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


def test_the_remaining_loss_is_relative_to_the_baseline_or_the_unexplained_variance() -> None:
    assert facts([3.0, 1.0], train=[3.0, 0.5]).remaining == 0.25
    assert facts([3.0, 1.0], train=[3.0, 0.5]).remaining_text == "25% of the baseline loss"
    values = Facts([{"loss/train": 1.0, "r2/train": 0.75}], 0, DIAGNOSIS, {"choice.learner": "regressor"})
    assert values.remaining == 0.25
    assert values.remaining_text == "R² 0.75"


@pytest.mark.parametrize(("epochs", "recent"), [(1, 1), (3, 1), (7, 1), (8, 2), (50, 12)])
def test_the_last_quarter_has_at_least_one_epoch(epochs: int, recent: int) -> None:
    assert facts([1.0] * (epochs + 1)).recent == recent


def test_the_gain_is_what_the_last_quarter_fell_below_all_before() -> None:
    assert facts([5.0, 3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 1.5, 1.75]).gain == 0.5
    assert facts([5.0, 3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 2.25, 2.5]).gain == -0.25


def test_of_two_classes_both_recalls_count_alike() -> None:
    """Of 100 rows 20 are of class 1, 12 of these are found; 90 are right, so 78 of the other 80."""
    found = facts([3.0, 1.0], **{"choice.learner": "binary_classifier"})
    assert found.balanced_accuracy == pytest.approx((12 / 20 + 78 / 80) / 2)
    assert facts([3.0, 1.0]).balanced_accuracy == 0.6, "of many classes the recall is their mean"


def test_a_layer_is_called_by_its_place_and_its_name_in_the_network() -> None:
    found = facts([3.0, 1.0])
    assert found.layer_name(0) == "hidden layer 1 (body.0)"
    assert found.layer_name(2) == "the output layer (body.4)"


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
