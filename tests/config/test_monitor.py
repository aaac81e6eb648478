"""One table says which way is better."""

import pytest

from mlplab.config.schema import HIGHER_IS_BETTER, METRICS, monitor_mode


@pytest.mark.parametrize(
    ("monitor", "expected"),
    [("loss/val", "min"), ("rmse/val", "min"), ("mae/train", "min"), ("accuracy/val", "max"), ("r2/val", "max")],
)
def test_errors_fall_and_shares_rise(monitor: str, expected: str) -> None:
    assert monitor_mode(monitor) == expected


def test_the_table_of_directions_names_metrics_only() -> None:
    assert {metric for metrics in METRICS.values() for metric in metrics} >= HIGHER_IS_BETTER


@pytest.mark.parametrize(
    ("learner", "data"), [("classifier", "iris"), ("binary_classifier", "moons"), ("regressor", "line")]
)
def test_every_learner_gives_the_metrics_of_the_table(train, learner: str, data: str) -> None:  # type: ignore[no-untyped-def]
    _, scores = train(f"data={data}", "trainer.max_epochs=1", "model.hidden_features=[4]")
    assert {name.removesuffix("/val") for name in scores if name.endswith("/val")} == {"loss", *METRICS[learner]}
