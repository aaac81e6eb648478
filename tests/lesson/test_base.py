"""A claim holds when the worst of its values keeps the limit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplab.lesson.base import Claim, Relation

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("relation", "limit", "worst", "holds"),
    [("<=", 3, 3, True), ("<=", 2.5, 3, False), (">=", 1, 1, True), (">=", 2, 1, False), ("==", 1, 3, False)],
)
def test_the_worst_value_is_measured_against_the_limit(
    relation: Relation, limit: float, worst: float, holds: bool
) -> None:
    claim = Claim("three seeds", [1, 3, 2], relation, limit)
    assert (claim.measured, claim.holds) == (worst, holds)
    assert claim.to_dict()["values"] == [1, 3, 2]


@given(VALUES, st.sampled_from(["<=", ">="]), st.floats(-1e6, 1e6))
def test_a_claim_holds_when_it_holds_for_each_seed(values: list[float], relation: Relation, limit: float) -> None:
    each = [Claim("", [value], relation, limit).holds for value in values]
    assert Claim("", values, relation, limit).holds == all(each)


@pytest.mark.parametrize("relation", ["<=", ">=", "=="])
def test_what_is_no_number_keeps_no_limit(relation: Relation) -> None:
    claim = Claim("a run that diverged", [0.0, math.nan], relation, 0)
    assert math.isnan(claim.measured)
    assert not claim.holds


def test_equal_means_to_the_last_digit() -> None:
    assert Claim("", [491, 491], "==", 491).holds
    assert not Claim("", [0.1 + 0.2], "==", 0.3).holds
