"""The table of types, ranges and choices."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlplab.config.configure import configure
from mlplab.config.groups import CONF_DIR
from mlplab.config.schema import (
    CHOICES,
    LAUNCHER_COUNTS,
    LOSSES,
    METRICS,
    RANGES,
    SWEEPER_CHOICES,
    SWEEPER_RANGES,
    TRAINER_KEYS,
    Range,
    Text,
    allowed_values,
    allowed_values_text,
    monitor_mode,
)
from mlplab.config.tree import select
from tests.conftest import REPO

COMMANDS = ("evaluate", "predict", "compare", "report")
ADDED = {"scheduler.anneal_strategy", "loss.reduction"}  # of classes of torch, set as +key=value
Train = Callable[..., tuple[Path, dict[str, Any]]]


def test_help_and_docs_list_what_each_value_must_be() -> None:
    page = (REPO / "docs" / "keys.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("| `")] == [
        f"| `{key}` | {allowed} |" for key, allowed in allowed_values().items()
    ]
    of_train = allowed_values_text().replace("\n ", "")
    for key, allowed in allowed_values().items():
        assert "." not in key or re.search(rf"^{re.escape(allowed)}:.* {re.escape(key)}(,|$)", of_train, re.M)


@given(st.floats(allow_nan=False), st.floats(0, 1), st.floats(2, 3))
def test_a_range_holds_the_numbers_between_its_bounds(value: float, low: float, high: float) -> None:
    assert Range(low, high).holds(value) == (low < value < high)
    assert Range(low, high, include_low=True, include_high=True).holds(value) == (low <= value <= high)


@pytest.mark.parametrize("value", [math.nan, True, "1", None, [1]])
def test_a_range_holds_only_numbers(value: object) -> None:
    assert not Range().holds(value)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (Range(0), "a number above 0"),
        (Range(), "a number"),
        (Range(0, 1, include_low=True), "a number of at least 0 and below 1"),
        (Range(1, 9, include_low=True, include_high=True, integer=True), "an integer from 1 to 9"),
        (Text(), "a string; put a number in quotes"),
    ],
)
def test_a_message_says_what_is_allowed(allowed: Range | Text, expected: str) -> None:
    assert str(allowed) == expected


def test_every_key_of_the_table_exists_in_some_configuration() -> None:
    """Otherwise a key renamed in conf/ would lose its range."""
    missing = dict.fromkeys({*RANGES, *CHOICES} - ADDED)
    for group in ("data", "optimizer", "scheduler", "learner", "loss", "model", "callback", "activation"):
        for path in sorted(Path(CONF_DIR, group).glob("*.yaml")):
            text = path.read_text()
            for key in list(missing):
                first, _, rest = key.partition(".")
                if first == group and f"{rest.rsplit('.', 1)[-1]}:" in text:
                    del missing[key]
    configs = [
        configure(),
        *(yaml.safe_load(Path(CONF_DIR, f"{command}.yaml").read_text()) for command in COMMANDS),
    ]
    assert not [key for key in missing if all(select(config, key, "absent") == "absent" for config in configs)]


def test_every_loss_of_conf_fits_some_learner() -> None:
    assert {path.stem for path in Path(CONF_DIR, "loss").glob("*.yaml")} == {
        loss for fit in LOSSES.values() for loss in fit
    }


def keys_of(path: Path) -> set[str]:
    return set(yaml.safe_load(path.read_text())) - {"defaults"}


def test_the_trainer_keys_are_those_of_conf() -> None:
    assert keys_of(Path(CONF_DIR, "trainer", "default.yaml")) == TRAINER_KEYS


def test_the_options_of_sweepers_and_launchers_are_those_of_conf() -> None:
    folder = Path(CONF_DIR, "hydra")
    sweeper = keys_of(folder / "sweeper" / "tpe.yaml") - {"_target_", "trial"}
    assert sweeper == {*SWEEPER_RANGES, *SWEEPER_CHOICES}
    launcher = set().union(*map(keys_of, (folder / "launcher").glob("*.yaml")))
    assert launcher >= set(LAUNCHER_COUNTS)


@pytest.mark.parametrize(
    ("monitor", "expected"),
    [
        *(("loss/val", "min"), ("mse/val", "min"), ("rmse/val", "min"), ("mae/train", "min"), ("r2/val", "max")),
        *(("accuracy/val", "max"), ("precision/val", "max"), ("recall/val", "max"), ("f1/val", "max")),
        ("auroc/val", "max"),
    ],
)
def test_losses_are_minimised_and_accuracies_maximised(monitor: str, expected: str) -> None:
    assert monitor_mode(monitor) == expected


def test_a_metric_has_one_direction_for_all_learners() -> None:
    for metrics in METRICS.values():
        for metric, mode in metrics.items():
            assert monitor_mode(f"{metric}/val") == mode


@pytest.mark.parametrize(
    ("learner", "data"), [("classifier", "iris"), ("binary_classifier", "moons"), ("regressor", "line")]
)
def test_every_learner_returns_the_metrics_of_the_table(train: Train, learner: str, data: str) -> None:
    _, scores = train(f"data={data}", "trainer.max_epochs=1", "model.hidden_features=[4]")
    assert {name.removesuffix("/val") for name in scores if name.endswith("/val")} == {"loss", *METRICS[learner]}
