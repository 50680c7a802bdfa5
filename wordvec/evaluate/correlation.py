"""Correlation of two lists of numbers, and how sure one may be of it.  Arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile bootstrap interval: `low`..`high` holds `confidence` of the resamples.

    `n_resamples` counts those in which the statistic existed (a resample of equal values has
    none); with fewer than two of them the ends are nan.
    """

    low: float
    high: float
    confidence: float
    n_resamples: int


def average_ranks(values: Numbers) -> Numbers:
    """float64[n]: the rank of each value from 1; equal ones share the mean of their ranks."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return np.asarray(((last - sizes + 1 + last) / 2)[group.reshape(-1)])


def pearson(a: Numbers, b: Numbers) -> float:
    """Pearson's correlation; nan for fewer than two pairs or when a side is constant."""
    return _weighted_pearson(np.asarray(a, np.float64), np.asarray(b, np.float64), None)


def spearman(a: Numbers, b: Numbers) -> float:
    """Spearman's rank correlation, ties averaged (Pearson's of the average ranks)."""
    return pearson(average_ranks(a), average_ranks(b))


def bootstrap_intervals(
    a: Numbers, b: Numbers, n_resamples: int, seed: int = 1, confidence: float = 0.95
) -> tuple[Interval, Interval]:
    """Intervals of (spearman, pearson): pairs are drawn with replacement `n_resamples` times.

    The same seed gives the same intervals.  ValueError for a confidence outside 0..1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a share between 0 and 1, found {confidence}")
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    rng = np.random.default_rng(seed)
    groups = [np.unique(side, return_inverse=True)[1].reshape(-1) for side in (a, b)]
    found = np.full((2, n_resamples), np.nan)
    for k in range(n_resamples if len(a) else 0):
        # How often each pair was drawn says all: ranks follow from counts of sorted values, so
        # that no resample has to be sorted again.
        times = np.bincount(rng.integers(0, len(a), len(a)), minlength=len(a)).astype(np.float64)
        ranks = [_ranks_of_resample(group, times) for group in groups]
        found[0, k] = _weighted_pearson(ranks[0], ranks[1], times)
        found[1, k] = _weighted_pearson(a, b, times)
    return _interval(found[0], confidence), _interval(found[1], confidence)


def _ranks_of_resample(group: NDArray[np.intp], times: Numbers) -> Numbers:
    """The average rank that each original value has in a resample; `group` is the place of a
    value among the sorted distinct ones."""
    sizes = np.bincount(group, weights=times)
    last = np.cumsum(sizes)
    return np.asarray((last - (sizes - 1) / 2)[group])


def _weighted_pearson(a: Numbers, b: Numbers, weights: Numbers | None) -> float:
    if len(a) < 2:
        return float("nan")
    a = a - np.average(a, weights=weights)
    b = b - np.average(b, weights=weights)
    weighted_a = a if weights is None else a * weights
    weighted_b = b if weights is None else b * weights
    with np.errstate(divide="ignore", invalid="ignore"):
        value = weighted_a @ b / np.sqrt((weighted_a @ a) * (weighted_b @ b))
    return float(np.clip(value, -1, 1))


def _interval(values: Numbers, confidence: float) -> Interval:
    values = values[np.isfinite(values)]
    low, high = float("nan"), float("nan")
    if len(values) > 1:
        ends = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
        low, high = float(ends[0]), float(ends[1])
    return Interval(low, high, confidence, len(values))
