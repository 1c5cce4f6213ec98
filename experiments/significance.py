"""Statistics of success over few seeds, each measured on many episodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.stats import t as student


def mean_interval(rates: Sequence[float], n: int) -> tuple[float, float, float]:
    """Mean over seeds, two or more, with its 95 % Student interval, cut to [0, 1].

    Args:
        rates: success of each seed.
        n: episodes behind each.
    """
    mean = fmean(rates)
    half = float(student.ppf(0.975, len(rates) - 1)) * deviation(rates, n) / len(rates) ** 0.5
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def deviation(rates: Sequence[float], n: int) -> float:
    """Standard deviation over seeds, no less than what the episodes alone would make.

    Few seeds can agree by chance. Episodes' deviation is that of the rate with two successes and
    two failures added (Agresti & Coull 1998), since 0 of n has none.
    """
    p = (fmean(rates) * n + 2) / (n + 4)
    return max(stdev(rates), math.sqrt(p * (1 - p) / n))


def p_value(p: float) -> str:
    """As it is printed: none is 0."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def paired(pairs: Sequence[tuple[float, float]], n: int) -> tuple[float, float, float]:
    """Difference between two methods: mean over seeds, half of its 95 % interval, p value.

    The t test and the interval are Student's, of the differences; their deviation is taken to be no
    less than what the episodes alone would make.

    Args:
        pairs: success of both under each seed.
        n: episodes behind each.
    """
    differences = [a - b for a, b in pairs]
    rates = [(fmean(x) * n + 2) / (n + 4) for x in zip(*pairs, strict=True)]
    noise = math.sqrt(sum(p * (1 - p) / n for p in rates))
    error = max(stdev(differences), noise) / len(pairs) ** 0.5
    freedom = len(pairs) - 1
    mean = fmean(differences)
    return (
        mean,
        float(student.ppf(0.975, freedom)) * error,
        2 * float(student.sf(abs(mean) / error, freedom)),
    )


def holm(p: Sequence[float]) -> list[float]:
    """P values corrected for their number (Holm 1979), in the order given."""
    corrected = [0.0] * len(p)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = largest
    return corrected
