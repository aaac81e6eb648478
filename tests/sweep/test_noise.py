"""Is a difference more than chance? By hand, on numbers from the formulas."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from mlplab.sweep.noise import PAIRED, WELCH, against, holm


def seeds(*values: float, start: int = 0) -> dict[int, float]:
    return dict(enumerate(values, start))


def test_welch_is_that_of_the_formula() -> None:
    one, other = (0.10, 0.12, 0.11), (0.15, 0.13, 0.20, 0.16)
    means = [sum(side) / len(side) for side in (one, other)]
    errors = [sum((x - m) ** 2 for x in side) / (len(side) - 1) / len(side) for side, m in zip((one, other), means)]  # noqa: B905
    statistic = (means[1] - means[0]) / math.sqrt(sum(errors))
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 2 + errors[1] ** 2 / 3)
    test, (p,) = against(seeds(*one), [seeds(*other, start=7)])
    assert test == WELCH
    assert p == pytest.approx(2 * t.sf(statistic, freedom), rel=1e-9)


def test_where_all_seeds_are_shared_the_differences_are_tested() -> None:
    best, other = seeds(0.10, 0.30, 0.20), seeds(0.12, 0.33, 0.21)
    differences = (0.02, 0.03, 0.01)
    statistic = 0.02 / (math.sqrt(sum((x - 0.02) ** 2 for x in differences) / 2) / math.sqrt(3))
    test, (p,) = against(best, [other])
    assert test == PAIRED
    assert p == pytest.approx(2 * t.sf(statistic, 2), rel=1e-9)
    _, (unpaired,) = against(best, [seeds(0.12, 0.33, 0.21, start=5)])
    assert unpaired is not None
    assert unpaired > 0.5 > p, "what seeds share is no noise between settings"


def test_one_setting_with_other_seeds_makes_all_tests_welchs() -> None:
    test, _ = against(seeds(1, 2, 3), [seeds(2, 3, 4), seeds(2, 3, 4, start=1)])
    assert test == WELCH


def test_one_seed_tells_nothing_and_counts_as_no_comparison() -> None:
    assert against(seeds(1.0), [seeds(2.0), seeds(3.0, 4.0)]) == ("", [None, None])
    best = seeds(0.10, 0.12, 0.11)
    test, (alone, p) = against(best, [seeds(9.0), seeds(0.15, 0.13, 0.2, start=3)])
    assert (test, alone) == (WELCH, None)
    assert p == against(best, [seeds(0.15, 0.13, 0.2, start=3)])[1][0]


@pytest.mark.parametrize(("start", "words"), [(0, PAIRED), (4, WELCH)])
def test_numbers_without_a_spread_are_the_same_or_they_are_not(start: int, words: str) -> None:
    same, other = seeds(0.5, 0.5, start=start), seeds(0.75, 0.75, start=start)
    assert against(seeds(0.5, 0.5), [same, other]) == (words, [1.0, 0.0])


def test_holms_correction_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_correction_keeps_the_order_and_lies_between_none_and_bonferronis(p: list[float]) -> None:
    corrected = holm(p)
    order = sorted(range(len(p)), key=lambda place: p[place])
    assert all(corrected[low] <= corrected[high] for low, high in pairwise(order))
    assert all(raw <= one <= min(1.0, len(p) * raw) + 1e-12 for raw, one in zip(p, corrected, strict=True))
