"""Is a difference more than chance? Each setting against the best, over seeds, corrected for their number."""

import math
from collections.abc import Hashable, Mapping, Sequence

LEVEL = 0.05
PAIRED, WELCH = "t-test paired by seed", "Welch's t-test"

Scores = Mapping[Hashable, float]  # by seed


def against(best: Scores, others: Sequence[Scores]) -> tuple[str, list[float | None]]:
    """Which test, and p of each after Holm's correction; None where there are fewer than two seeds on a side."""
    paired = len(best) > 1 and all(other.keys() == best.keys() for other in others)
    known = [place for place, other in enumerate(others) if len(best) > 1 and len(other) > 1]
    test = _paired if paired else _welch
    corrected = holm([test(best, others[place]) for place in known])
    found: list[float | None] = [None] * len(others)
    for place, p in zip(known, corrected, strict=True):
        found[place] = p
    return (PAIRED if paired else WELCH) if known else "", found


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


def _welch(one: Scores, other: Scores) -> float:
    from scipy.stats import ttest_ind

    left, right = [*one.values()], [*other.values()]
    if _equal(left) and _equal(right):
        return 0.0 if left[0] != right[0] else 1.0
    return float(ttest_ind(left, right, equal_var=False).pvalue)


def _equal(values: Sequence[float]) -> bool:
    """Within rounding: a spread of nothing has no t."""
    return max(values) - min(values) <= 1e-9 * max(map(math.fabs, values))
