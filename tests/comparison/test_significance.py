"""Is a difference more than chance? By hand, on numbers from the formulas."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from mlplab.comparison.significance import OVER_FOLDS, PAIRED, WELCH, compare_over_folds, compare_to_best, holm


def seeds(*values: float, start: int = 0) -> dict[int, float]:
    return dict(enumerate(values, start))


def test_welchs_test_follows_the_formula() -> None:
    one, other = (0.10, 0.12, 0.11), (0.15, 0.13, 0.20, 0.16)
    means = [sum(side) / len(side) for side in (one, other)]
    errors = [sum((x - m) ** 2 for x in side) / (len(side) - 1) / len(side) for side, m in zip((one, other), means)]  # noqa: B905
    statistic = (means[1] - means[0]) / math.sqrt(sum(errors))
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 2 + errors[1] ** 2 / 3)
    test, (p,) = compare_to_best(seeds(*one), [seeds(*other, start=7)])
    assert test == WELCH
    assert p == pytest.approx(2 * t.sf(statistic, freedom), rel=1e-9)


def test_with_the_same_seeds_the_differences_are_tested() -> None:
    best, other = seeds(0.10, 0.30, 0.20), seeds(0.12, 0.33, 0.21)
    differences = (0.02, 0.03, 0.01)
    statistic = 0.02 / (math.sqrt(sum((x - 0.02) ** 2 for x in differences) / 2) / math.sqrt(3))
    test, (p,) = compare_to_best(best, [other])
    assert test == PAIRED
    assert p == pytest.approx(2 * t.sf(statistic, 2), rel=1e-9)
    _, (unpaired,) = compare_to_best(best, [seeds(0.12, 0.33, 0.21, start=5)])
    assert unpaired is not None
    assert unpaired > 0.5 > p, "variation that seeds have in common is not between configurations"


def test_one_configuration_with_other_seeds_makes_all_tests_unpaired() -> None:
    test, _ = compare_to_best(seeds(1, 2, 3), [seeds(2, 3, 4), seeds(2, 3, 4, start=1)])
    assert test == WELCH


def test_one_seed_has_no_p_value_and_is_not_counted_in_the_correction() -> None:
    assert compare_to_best(seeds(1.0), [seeds(2.0), seeds(3.0, 4.0)]) == ("", [None, None])
    best = seeds(0.10, 0.12, 0.11)
    test, (alone, p) = compare_to_best(best, [seeds(9.0), seeds(0.15, 0.13, 0.2, start=3)])
    assert (test, alone) == (WELCH, None)
    assert p == compare_to_best(best, [seeds(0.15, 0.13, 0.2, start=3)])[1][0]


@pytest.mark.parametrize(("start", "test"), [(0, PAIRED), (4, WELCH)])
def test_scores_without_variance_have_p_1_or_0(start: int, test: str) -> None:
    same, other = seeds(0.5, 0.5, start=start), seeds(0.75, 0.75, start=start)
    assert compare_to_best(seeds(0.5, 0.5), [same, other]) == (test, [1.0, 0.0])


def test_holms_correction_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_the_correction_keeps_the_order_and_is_at_most_bonferronis(p: list[float]) -> None:
    corrected = holm(p)
    order = sorted(range(len(p)), key=lambda place: p[place])
    assert all(corrected[low] <= corrected[high] for low, high in pairwise(order))
    assert all(raw <= one <= min(1.0, len(p) * raw) + 1e-12 for raw, one in zip(p, corrected, strict=True))


def test_the_variance_over_folds_is_that_of_nadeau_and_bengio() -> None:
    """Five folds of 20 rows each, by hand: differences 1 to 5, of mean 3 and variance 2.5; 1 / 5 + 20 / 80 = 0.45, so
    that t squared is 9 / (0.45 * 2.5) = 8. Of 4 degrees of freedom p is 1 - sin(a) (1 + cos(a)^2 / 2), tan(a) = t / 2:
    sin(a)^2 is 2 / 3, and of the plain test, with t squared 9 / (0.2 * 2.5) = 18, it is 9 / 11."""
    best, other = seeds(0, 0, 0, 0, 0), seeds(1, 2, 3, 4, 5)
    test, (p,) = compare_over_folds(best, [other], [0.25, 0.25])
    assert test == OVER_FOLDS
    assert p == pytest.approx(1 - math.sqrt(2 / 3) * (1 + 1 / 6), rel=1e-9)
    (plain,) = compare_to_best(best, [other])[1]
    assert plain == pytest.approx(1 - math.sqrt(9 / 11) * (1 + 1 / 11), rel=1e-9)
    (without,) = compare_over_folds(best, [other], [0.0, 0.0])[1]
    assert without == pytest.approx(plain, rel=1e-9)
    assert compare_over_folds(best, [other], [0.25, 1.0])[1][0] == compare_over_folds(best, [other], [1.0, 0.25])[1][0]


def test_a_fold_that_one_side_lacks_is_left_out() -> None:
    best, whole, part, lone = seeds(0, 0, 0, 0), seeds(1, 2, 3, 9), seeds(1, 2, 3), seeds(5, start=3)
    test, (four, three, one) = compare_over_folds(best, [whole, part, lone], [0.5] * 4)
    assert (test, one) == (OVER_FOLDS, None)
    raw = [compare_over_folds(best, [other], [0.5, 0.5])[1][0] for other in (whole, part)]
    assert [four, three] == holm([p for p in raw if p is not None])
    assert compare_over_folds(seeds(1.0), [seeds(2.0)], [0.5, 0.5]) == ("", [None])


def test_equal_differences_over_folds_have_p_1_or_0() -> None:
    same, other = seeds(0.5, 0.5), seeds(0.75, 0.75)
    assert compare_over_folds(seeds(0.5, 0.5), [same, other], [0.5] * 3)[1] == [1.0, 0.0]
