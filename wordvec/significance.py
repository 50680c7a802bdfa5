"""Correlations with the chance that unrelated numbers would give one as large (p-values)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordvec.evaluate import correlation

_SMALLEST = 1e-300
_PRECISION = 1e-15
_MOST_STEPS = 10_000


class Correlation(NamedTuple):
    """A correlation, -1 to 1, and its two-sided p-value; under SciPy's names."""

    statistic: float
    pvalue: float

    @property
    def correlation(self) -> float:
        return self.statistic


def pearson(a: NDArray[np.float64], b: NDArray[np.float64]) -> Correlation:
    """Pearson's correlation of two arrays [n]; nan when one is constant or n < 2.

    The p-value holds exactly for normal numbers; two pairs say nothing: 1.
    """
    statistic = np.float64(correlation.pearson(a, b))
    if len(a) == 2 and not math.isnan(statistic):
        return Correlation(np.round(statistic), np.float64(1))
    return Correlation(statistic, p_value(statistic, len(a)))


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> Correlation:
    """Spearman's: Pearson's of the ranks, where equal numbers share the mean of their ranks.  The
    p-value holds for large n; nan for fewer than three pairs."""
    statistic = np.float64(correlation.spearman(a, b))
    return Correlation(statistic, p_value(statistic, len(a)) if len(a) > 2 else np.float64("nan"))


def p_value(statistic: float, n: int) -> float:
    """The two-sided p-value of a correlation of `n` > 2 pairs: under no correlation it is spread
    over -1..1 as a symmetric beta distribution with n / 2 - 1 twice."""
    if math.isnan(statistic) or n < 3:
        return np.float64("nan")
    shape = n / 2 - 1
    tail = (1 - abs(float(statistic))) / 2
    return np.float64(min(1.0, 2 * _incomplete_beta(shape, shape, tail)))


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, for x <= (a + 1) / (a + b + 2), by its continued
    fraction (Abramowitz and Stegun 26.5.8; evaluated as Lentz does)."""
    if x <= 0:
        return 0.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )  # fmt: skip
    value, upper, lower = 1.0, 1.0, 0.0
    for step in range(_MOST_STEPS):
        half = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        else:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        lower = 1 / _not_zero(1 + term * lower)
        upper = _not_zero(1 + term / upper)
        change = upper * lower
        value *= change
        if abs(change - 1) < _PRECISION:
            break
    return math.exp(log_front) * (value - 1)


def _not_zero(number: float) -> float:
    return number if abs(number) > _SMALLEST else _SMALLEST
