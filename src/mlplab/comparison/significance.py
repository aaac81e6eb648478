"""Is a difference more than chance? Each setting against the best, by seed or fold, corrected for their number."""

import math
import statistics
from collections.abc import Hashable, Mapping, Sequence

SIGNIFICANCE_LEVEL = 0.05
PAIRED, OVER_FOLDS, WELCH = "t-test paired by seed", "t-test paired by fold", "Welch's t-test"

Scores = Mapping[Hashable, float]  # by seed and fold


def compare_to_best(best: Scores, others: Sequence[Scores]) -> tuple[str, list[float | None]]:
    """Which test, and p of each after Holm's correction; None where there are fewer than two seeds on a side."""
    paired = len(best) > 1 and all(other.keys() == best.keys() for other in others)
    test = _paired if paired else _welch
    found = [test(best, other) if len(best) > 1 and len(other) > 1 else None for other in others]
    return (PAIRED if paired else WELCH) if any(p is not None for p in found) else "", _held(found)


def compare_over_folds(
    best: Scores, others: Sequence[Scores], shares: Sequence[float]
) -> tuple[str, list[float | None]]:
    """The same where scores are of folds, over those that a pair has both. shares: of the best and of each other, rows
    that validate by rows that train: of a pair the larger counts.

    Folds train on mostly the same rows, so that their scores lie nearer to each other than those of new rows would, and
    a plain t-test takes too much for more than chance. Nadeau and Bengio, Inference for the generalization error, 2003,
    doi:10.1023/A:1024068626366: the variance of the mean is 1 / n + share times that of one difference, not 1 / n.
    """
    found: list[float | None] = []
    for other, share in zip(others, shares[1:], strict=True):
        differences = [value - other[key] for key, value in best.items() if key in other]
        found.append(_corrected(differences, max(shares[0], share)) if len(differences) > 1 else None)
    return OVER_FOLDS if any(p is not None for p in found) else "", _held(found)


def _held(found: Sequence[float | None]) -> list[float | None]:
    """After Holm's correction for as many as are known."""
    corrected = iter(holm([p for p in found if p is not None]))
    return [None if p is None else next(corrected) for p in found]


def holm(p: Sequence[float]) -> list[float]:
    """Holm (1979): the smallest of m counts m times, the next m - 1 times, none less than one before it."""
    corrected, least = [1.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        least = max(least, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = least
    return corrected


def _paired(one: Scores, other: Scores) -> float:
    from scipy.stats import ttest_rel

    differences = [one[seed] - other[seed] for seed in one]
    if _equal(differences):
        return 0.0 if abs(differences[0]) > 0 else 1.0
    return float(ttest_rel([one[seed] for seed in one], [other[seed] for seed in one]).pvalue)


def _corrected(differences: Sequence[float], share: float) -> float:
    from scipy.stats import t

    if _equal(differences):
        return 0.0 if abs(differences[0]) > 0 else 1.0
    count = len(differences)
    error = math.sqrt((1 / count + share) * statistics.variance(differences))
    return float(2 * t.sf(abs(statistics.fmean(differences)) / error, count - 1))


def _welch(one: Scores, other: Scores) -> float:
    from scipy.stats import ttest_ind

    left, right = [*one.values()], [*other.values()]
    if _equal(left) and _equal(right):
        return 0.0 if left[0] != right[0] else 1.0
    return float(ttest_ind(left, right, equal_var=False).pvalue)


def _equal(values: Sequence[float]) -> bool:
    """Within rounding: a spread of nothing has no t."""
    return max(values) - min(values) <= 1e-9 * max(map(math.fabs, values))
