"""Nested plain dicts and dotted keys."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlplab
from mlplab.config.tree import flatten, format_value, portable_config, select


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers() | st.dictionaries(st.text("xyz", min_size=1), st.none()))
)
def test_each_value_is_found_by_its_dotted_key(config: dict[str, Any]) -> None:
    for key, value in flatten(config):
        assert select(config, key, "absent") == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "null"), (True, "true"), (0.5, "0.5"), ([1, None], "[1,null]"), ({"a": [False]}, "{a: [false]}")],
)
def test_a_value_is_formatted_as_it_is_typed(value: Any, expected: str) -> None:
    assert format_value(value) == expected


def test_a_stored_configuration_has_no_options_of_the_command_that_started_its_sweep() -> None:
    config = mlplab.configure(
        "data=iris", "sweep.name=s", "sweep.resume=true", "sweep.fail_fast=true", "sweep.ensemble=true"
    )
    assert portable_config(config)["sweep"] == {"name": "s", "resume": None, "fail_fast": False, "ensemble": False}
    assert config.sweep.resume is True
