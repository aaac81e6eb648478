"""Significance tests: each configuration against the best, over seeds or folds, corrected for their number."""

import math
import statistics
from collections.abc import Hashable, Mapping, Sequence

SIGNIFICANCE_LEVEL = 0.05
PAIRED, OVER_FOLDS, WELCH = "t-test paired by seed", "t-test paired by fold", "Welch's t-test"

Scores = Mapping[Hashable, float]  # by seed and fold


def compare_to_best(best: Scores, others: Sequence[Scores]) -> tuple[str, list[float | None]]:
    """Returns the name of the test and the p values after Holm's correction.

    The test is paired where all have the same seeds. p is None where either side has fewer than two seeds.
    """
    paired = len(best) > 1 and all(other.keys() == best.keys() for other in others)
    test = _paired if paired else _welch
    found = [test(best, other) if len(best) > 1 and len(other) > 1 else None for other in others]
    return _correct(PAIRED if paired else WELCH, found)


def compare_over_folds(
    best: Scores, others: Sequence[Scores], ratios: Sequence[float]
) -> tuple[str, list[float | None]]:
    """Returns the name of the test and the p values after Holm's correction, over the folds that both sides have.

    ratios: validation rows / training rows, of the best and of each other; the larger one of a pair counts.

    Folds share most of their training rows, so their scores are closer to each other than those of independent rows,
    and a plain t-test finds too many differences significant. Nadeau and Bengio, Inference for the generalization
    error, 2003, doi:10.1023/A:1024068626366: the variance of the mean is (1 / n + ratio) times that of a difference,
    not 1 / n.
    """
    found: list[float | None] = []
    for other, ratio in zip(others, ratios[1:], strict=True):
        differences = [value - other[key] for key, value in best.items() if key in other]
        found.append(_corrected(differences, max(ratios[0], ratio)) if len(differences) > 1 else None)
    return _correct(OVER_FOLDS, found)


def _correct(test: str, found: Sequence[float | None]) -> tuple[str, list[float | None]]:
    """Applies Holm's correction to the p values that are known; without any there is no test."""
    known = [p for p in found if p is not None]
    corrected = iter(holm(known))
    return test if known else "", [None if p is None else next(corrected) for p in found]


def holm(p: Sequence[float]) -> list[float]:
    """Corrects p values for the number of tests (Holm, 1979): the smallest of m is multiplied by m, the next by m - 1,
    ...; none is less than one before it."""
    corrected, least = [1.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        least = max(least, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = least
    return corrected


def _paired(best: Scores, other: Scores) -> float:
    from scipy.stats import ttest_rel

    left, right = [*best.values()], [other[seed] for seed in best]
    differences = [value - against for value, against in zip(left, right, strict=True)]
    if _equal(differences):
        return 0.0 if abs(differences[0]) > 0 else 1.0
    return float(ttest_rel(left, right).pvalue)


def _corrected(differences: Sequence[float], ratio: float) -> float:
    from scipy.stats import t

    if _equal(differences):
        return 0.0 if abs(differences[0]) > 0 else 1.0
    count = len(differences)
    error = math.sqrt((1 / count + ratio) * statistics.variance(differences))
    return float(2 * t.sf(abs(statistics.fmean(differences)) / error, count - 1))


def _welch(best: Scores, other: Scores) -> float:
    from scipy.stats import ttest_ind

    left, right = [*best.values()], [*other.values()]
    if _equal(left) and _equal(right):
        return 0.0 if left[0] != right[0] else 1.0
    return float(ttest_ind(left, right, equal_var=False).pvalue)


def _equal(values: Sequence[float]) -> bool:
    """Returns whether values are equal up to rounding; t is undefined for them."""
    return max(values) - min(values) <= 1e-9 * max(map(math.fabs, values))
