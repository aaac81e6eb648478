"""The tables of what may be given."""

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlplab.config.configure import configure
from mlplab.config.groups import CONF_DIR
from mlplab.config.schema import LOSSES, RANGES, Range
from mlplab.config.tree import select


@given(st.floats(allow_nan=False), st.floats(0, 1), st.floats(2, 3))
def test_a_range_holds_what_lies_between(value: float, low: float, high: float) -> None:
    assert Range(low, high).holds(value) == (low < value < high)
    assert Range(low, high, low_itself=True, high_itself=True).holds(value) == (low <= value <= high)


@pytest.mark.parametrize("value", [math.nan, True, "1", None, [1]])
def test_only_numbers_lie_in_a_range(value: object) -> None:
    assert not Range().holds(value)


def test_a_range_says_itself() -> None:
    assert str(Range(0)) == "a number and above 0"
    assert str(Range(1, 9, low_itself=True, high_itself=True, whole=True)) == "a whole number from 1 to 9"


def test_every_limited_key_exists_in_some_configuration() -> None:
    """A key renamed in conf/ would else lose its limit without a word."""
    missing = dict.fromkeys(key for key in RANGES)
    for group in ("data", "optimizer", "scheduler", "learner", "loss", "model", "callback"):
        for path in sorted(Path(CONF_DIR, group).glob("*.yaml")):
            text = path.read_text()
            for key in list(missing):
                first, _, rest = key.partition(".")
                if first == group and f"{rest.rsplit('.', 1)[-1]}:" in text:
                    del missing[key]
    doors = [
        configure(),
        *(yaml.safe_load(Path(CONF_DIR, f"{door}.yaml").read_text()) for door in ("evaluate", "predict", "compare")),
    ]
    left = [key for key in missing if all(select(keys, key, "absent") == "absent" for keys in doors)]
    assert left == []


def test_every_loss_of_conf_fits_some_learner() -> None:
    assert {path.stem for path in Path(CONF_DIR, "loss").glob("*.yaml")} == {
        loss for fit in LOSSES.values() for loss in fit
    }
